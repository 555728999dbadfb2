"""Add chips to an output image: the Python face of the kernels."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trueup._kernels import drizzle_square
from trueup.drizzle.mapping import CELL_ROWS, Mapping, pixel_mapping
from trueup.errors import UsageError
from trueup.model.chipwcs import ChipWcs

Image = NDArray[np.float32]

CHIPS_PER_PLANE = 32
# for the curvature of the mapping inside a cell
_MARGIN_PIX = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Canvas:
    """The sums of an output image, or of a band of its rows, while chips are added.

    The sums of a band are those of the whole image to the bit.

    Attributes
    ----------
    frame : ChipWcs
        Output frame, without distortion.
    sum, weight : (ny, nx) float32 arrays
        Sums of weight times value, and of weight.
    context : (nplanes, ny, nx) int32 array or None
        Which chips fell on a pixel.
    first_row : int
        Row of the frame in row 0 of the arrays.

    Examples
    --------
    >>> frame = ChipWcs((1, 1), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (3, 4))
    >>> empty_canvas(frame, chips=33).context.shape
    (2, 3, 4)
    """

    frame: ChipWcs
    sum: Image
    weight: Image
    context: NDArray[np.int32] | None
    first_row: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Pixels:
    """All rows of a chip, or some.

    Attributes
    ----------
    data : (ny, nx) float32 array
        Values per output pixel.
    weight : (ny, nx) float32 array
        Pixels of weight 0 and pixels whose value is not finite are left out.
    first_row : int
        Row of the chip in row 0 of the arrays.

    Examples
    --------
    >>> Pixels(np.zeros((2, 5), np.float32), np.ones((2, 5), np.float32), first_row=7).first_row
    7
    """

    data: Image
    weight: Image
    first_row: int = 0


@dataclass(frozen=True, slots=True)
class Drop:
    """How pixels fall on the canvas.

    Attributes
    ----------
    pixfrac : float
        Side of the shrunken pixel.
    threads : int
        0 takes one per processor.
    """

    pixfrac: float = 1.0
    threads: int = 0


def empty_canvas(frame: ChipWcs, *, chips: int, context: bool = True, rows: slice | None = None) -> Canvas:
    """A canvas without data.

    Parameters
    ----------
    frame : ChipWcs
    chips : int
        How many will be added.
    context : bool
        Whether to keep a context image.
    rows : slice, optional
        Only these rows of the frame.

    Returns
    -------
    Canvas

    Examples
    --------
    >>> frame = ChipWcs((1, 1), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (3, 4))
    >>> empty_canvas(frame, chips=1).weight.sum().item()
    0.0
    """
    first, last, _ = (rows or slice(None)).indices(frame.shape[0])
    shape = (last - first, frame.shape[1])
    planes = -(-chips // CHIPS_PER_PLANE)
    return Canvas(
        frame,
        np.zeros(shape, np.float32),
        np.zeros(shape, np.float32),
        np.zeros((planes, *shape), np.int32) if context else None,
        first,
    )


def add_chip(
    canvas: Canvas, pixels: Pixels, *, wcs: ChipWcs | Mapping, index: int = 0, drop: Drop | None = None
) -> None:
    """Drizzle one chip onto a canvas with the square kernel.

    Each pixel, shrunk by pixfrac, is mapped to a quadrilateral, and its weight is shared among the
    output pixels in proportion to the exact overlap, so that the sum of weights is conserved.

    Parameters
    ----------
    canvas : Canvas
        Its sums are updated.
    pixels : Pixels
    wcs : ChipWcs or Mapping
        The chip, or its mapping to the frame of the canvas where it is used more than once.
    index : int
        Number of the chip in the context image.
    drop : Drop, optional

    Raises
    ------
    UsageError
        Where an array does not have the shape of the chip or of the canvas.

    References
    ----------
    Fruchter & Hook 2002, PASP 114, 144.

    Examples
    --------
    >>> wcs = ChipWcs((1.5, 1.5), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (4, 4))
    >>> canvas = empty_canvas(wcs, chips=1)
    >>> add_chip(canvas, Pixels(np.full((4, 4), 7, np.float32), np.ones((4, 4), np.float32)), wcs=wcs)
    >>> finished(canvas)[0][2].tolist()
    [7.0, 7.0, 7.0, 7.0]
    """
    drop = drop or Drop()
    if pixels.data.shape != pixels.weight.shape:
        raise UsageError(f"data {pixels.data.shape} and weight {pixels.weight.shape} differ in shape")
    _require_rows(pixels.data, pixels.first_row, wcs.shape)
    _require_rows(canvas.sum, canvas.first_row, canvas.frame.shape)
    mapping = wcs if isinstance(wcs, Mapping) else pixel_mapping(wcs, canvas.frame)
    plane, bit = divmod(index, CHIPS_PER_PLANE)
    drizzle_square(
        np.ascontiguousarray(pixels.data, np.float32),
        np.ascontiguousarray(pixels.weight, np.float32),
        mapping.kernel,
        pixfrac=drop.pixfrac,
        out_sum=canvas.sum,
        out_weight=canvas.weight,
        context=None if canvas.context is None else canvas.context[plane],
        bit=bit,
        first_row=canvas.first_row,
        first_input_row=pixels.first_row,
        threads=drop.threads or processors(),
    )


def _require_rows(array: Image, first_row: int, shape: tuple[int, int]) -> None:
    ny, nx = array.shape
    if nx != shape[1] or first_row < 0 or first_row + ny > shape[0]:
        rows = f"rows {first_row} to {first_row + ny - 1} of {nx} pixels"
        raise UsageError(f"{rows} are not part of an image of shape {shape}")


def input_rows(mapping: Mapping, rows: slice, shape: tuple[int, int]) -> slice | None:
    """Which rows of a chip reach some rows of the output frame.

    Parameters
    ----------
    mapping : Mapping
    rows : slice
        Rows of the frame.
    shape : (int, int)
        Shape (ny, nx) of the frame.

    Returns
    -------
    slice or None
        None where no pixel of the chip falls on those rows.

    Examples
    --------
    >>> wcs = ChipWcs((50, 50), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (100, 100))
    >>> input_rows(pixel_mapping(wcs, wcs), slice(40, 50), wcs.shape)
    slice(32, 64, None)
    """
    first, last, _ = rows.indices(shape[0])
    x, y = mapping.corners
    touching = _touches(x, 0, shape[1]) & _touches(y, first, last)
    cells = np.flatnonzero(touching.any(axis=1))
    if first >= last or not len(cells):
        return None
    return slice(int(cells[0]) * CELL_ROWS, min((int(cells[-1]) + 1) * CELL_ROWS, mapping.shape[0]))


def _touches(corners: NDArray[np.float64], first: int, last: int) -> NDArray[np.bool_]:
    """Cells that may overlap pixels first to last - 1 along an axis."""
    four = np.stack([corners[:-1, :-1], corners[:-1, 1:], corners[1:, :-1], corners[1:, 1:]])
    low, high = four.min(axis=0) - _MARGIN_PIX, four.max(axis=0) + _MARGIN_PIX
    return np.asarray((high >= first - 0.5) & (low <= last - 0.5))


def finished(canvas: Canvas, fill: float = np.nan) -> tuple[Image, Image]:
    """The weighted mean and the weight of everything added.

    Parameters
    ----------
    canvas : Canvas
    fill : float
        Value where the weight is 0.

    Returns
    -------
    sci, wht : (ny, nx) float32 arrays

    Examples
    --------
    >>> frame = ChipWcs((1, 1), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (1, 2))
    >>> finished(empty_canvas(frame, chips=1), fill=-1.0)[0].tolist()
    [[-1.0, -1.0]]
    """
    sci = np.full_like(canvas.sum, fill)
    np.divide(canvas.sum, canvas.weight, out=sci, where=canvas.weight > 0)
    return sci, canvas.weight


def processors() -> int:
    """Processors that this process may use.

    Examples
    --------
    >>> processors() >= 1
    True
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
