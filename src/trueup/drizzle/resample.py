"""Add chips to an output image: the Python face of the kernels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trueup import _kernels
from trueup.config import processors
from trueup.drizzle.canvas import Canvas
from trueup.drizzle.mapping import CELL_ROWS, Mapping, pixel_mapping
from trueup.errors import UsageError
from trueup.model.chipwcs import ChipWcs

Image = NDArray[np.float32]

# for the curvature of the mapping inside a cell
_MARGIN_PIX = 2.0
# how far the footprint of a pixel may reach beyond its centre, in pixels of the chip
_REACH = {"square": 0.0, "turbo": 0.5, "point": 0.0, "gaussian": 1.2, "lanczos2": 2.0, "lanczos3": 3.0}


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
    variance : (ny, nx) float32 array or None
        Of the data; for a canvas with variances.
    exptime : float
        Seconds; for a canvas with coverage.

    Examples
    --------
    >>> Pixels(np.zeros((2, 5), np.float32), np.ones((2, 5), np.float32), first_row=7).first_row
    7
    """

    data: Image
    weight: Image
    first_row: int = 0
    variance: Image | None = None
    exptime: float = 0.0


@dataclass(frozen=True, slots=True)
class Drop:
    """How pixels fall on the canvas.

    Attributes
    ----------
    kernel : str
        ``square``: the shrunken pixel by its exact overlap; ``turbo``: a box along the axes of the
        output; ``point``: into the output pixel at its centre; ``gaussian``: FWHM of the shrunken
        pixel, cut at 2.5 sigma; ``lanczos2``, ``lanczos3``: a damped sine, some weights negative.
    pixfrac : float
        Side of the shrunken pixel, above 0 and at most 1.
    threads : int
        0 takes one per processor.

    Raises
    ------
    UsageError
        Where the kernel is unknown or pixfrac out of range.

    Examples
    --------
    >>> Drop("turbo", pixfrac=0.8).kernel
    'turbo'
    """

    kernel: str = "square"
    pixfrac: float = 1.0
    threads: int = 0

    def __post_init__(self) -> None:
        if self.kernel not in _REACH:
            raise UsageError(f"unknown kernel '{self.kernel}'", todo=f"one of {', '.join(_REACH)}")
        if not 0 < self.pixfrac <= 1:
            raise UsageError(f"pixfrac is {self.pixfrac}", todo="above 0 and at most 1")


def add_chip(
    canvas: Canvas, pixels: Pixels, *, wcs: ChipWcs | Mapping, index: int = 0, drop: Drop | None = None
) -> None:
    """Drizzle one chip onto a canvas.

    The kernel says how the weight of a pixel is shared among output pixels; square, turbo and point
    conserve the sum of weights. Bands of a frame hold the same sums as the whole to the bit,
    whatever the number of threads.

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
    >>> from trueup.drizzle.canvas import empty_canvas, finished
    >>> wcs = ChipWcs((1.5, 1.5), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (4, 4))
    >>> canvas = empty_canvas(wcs, chips=1)
    >>> add_chip(canvas, Pixels(np.full((4, 4), 7, np.float32), np.ones((4, 4), np.float32)), wcs=wcs)
    >>> finished(canvas)[0][2].tolist()
    [7.0, 7.0, 7.0, 7.0]
    """
    drop = drop or Drop()
    _require_alike(pixels)
    _require_rows(pixels.data, pixels.first_row, wcs.shape)
    _require_rows(canvas.sum, canvas.first_row, canvas.frame.shape)
    if canvas.variance is not None and pixels.variance is None:
        raise UsageError("a canvas with variances needs those of the pixels")
    mapping = wcs if isinstance(wcs, Mapping) else pixel_mapping(wcs, canvas.frame)
    _kernels.drizzle(
        pixels.data,
        pixels.weight,
        variance=pixels.variance,
        seconds=pixels.exptime,
        first_row=pixels.first_row,
        pixel_map=mapping.kernel,
        drop=_kernels.Footprint(kernel=drop.kernel, pixfrac=drop.pixfrac, scale=mapping.scale),
        out=canvas.output(index),
        threads=drop.threads or processors(),
    )


def _require_alike(pixels: Pixels) -> None:
    for name in ("weight", "variance"):
        plane = getattr(pixels, name)
        if plane is not None and plane.shape != pixels.data.shape:
            raise UsageError(f"data {pixels.data.shape} and {name} {plane.shape} differ in shape")


def _require_rows(array: Image, first_row: int, shape: tuple[int, int]) -> None:
    ny, nx = array.shape
    if nx != shape[1] or first_row < 0 or first_row + ny > shape[0]:
        rows = f"rows {first_row} to {first_row + ny - 1} of {nx} pixels"
        raise UsageError(f"{rows} are not part of an image of shape {shape}")


def input_rows(
    mapping: Mapping, rows: slice, shape: tuple[int, int], *, drop: Drop | None = None
) -> slice | None:
    """Which rows of a chip reach some rows of the output frame.

    Parameters
    ----------
    mapping : Mapping
    rows : slice
        Rows of the frame.
    shape : (int, int)
        Shape (ny, nx) of the frame.
    drop : Drop, optional

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
    margin = _MARGIN_PIX + _REACH[(drop or Drop()).kernel] / mapping.scale
    touching = _touches(x, 0, shape[1], margin=margin) & _touches(y, first, last, margin=margin)
    cells = np.flatnonzero(touching.any(axis=1))
    if first >= last or not len(cells):
        return None
    return slice(int(cells[0]) * CELL_ROWS, min((int(cells[-1]) + 1) * CELL_ROWS, mapping.shape[0]))


def _touches(corners: NDArray[np.float64], first: int, last: int, *, margin: float) -> NDArray[np.bool_]:
    """Cells that may overlap pixels first to last - 1 along an axis."""
    four = np.stack([corners[:-1, :-1], corners[:-1, 1:], corners[1:, :-1], corners[1:, 1:]])
    low, high = four.min(axis=0) - margin, four.max(axis=0) + margin
    return np.asarray((high >= first - 0.5) & (low <= last - 0.5))
