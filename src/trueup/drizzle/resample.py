"""Add chips to an output image: the Python face of the kernels."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trueup._kernels import drizzle_square
from trueup.drizzle.mapping import pixel_mapping
from trueup.errors import UsageError
from trueup.model.chipwcs import ChipWcs

Image = NDArray[np.float32]

CHIPS_PER_PLANE = 32


@dataclass(frozen=True, slots=True, eq=False)
class Canvas:
    """The sums of an output image while chips are added.

    Attributes
    ----------
    frame : ChipWcs
        Output frame, without distortion.
    sum, weight : (ny, nx) float32 arrays
        Sums of weight times value, and of weight.
    context : (nplanes, ny, nx) int32 array or None
        Which chips fell on a pixel.

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


def empty_canvas(frame: ChipWcs, *, chips: int, context: bool = True) -> Canvas:
    """A canvas without data.

    Parameters
    ----------
    frame : ChipWcs
    chips : int
        How many will be added.
    context : bool
        Whether to keep a context image.

    Returns
    -------
    Canvas

    Examples
    --------
    >>> frame = ChipWcs((1, 1), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (3, 4))
    >>> empty_canvas(frame, chips=1).weight.sum().item()
    0.0
    """
    planes = -(-chips // CHIPS_PER_PLANE)
    return Canvas(
        frame,
        np.zeros(frame.shape, np.float32),
        np.zeros(frame.shape, np.float32),
        np.zeros((planes, *frame.shape), np.int32) if context else None,
    )


def add_chip(
    canvas: Canvas, data: Image, *, weight: Image, wcs: ChipWcs, index: int = 0, drop: Drop | None = None
) -> None:
    """Drizzle one chip onto a canvas with the square kernel.

    Each pixel, shrunk by pixfrac, is mapped to a quadrilateral, and its weight is shared among the
    output pixels in proportion to the exact overlap, so that the sum of weights is conserved.

    Parameters
    ----------
    canvas : Canvas
        Its sums are updated.
    data : (ny, nx) float32 array
        Values per output pixel.
    weight : (ny, nx) float32 array
        Pixels of weight 0 and pixels that are not finite are left out.
    wcs : ChipWcs
    index : int
        Number of the chip in the context image.
    drop : Drop, optional

    Raises
    ------
    UsageError
        Where an array does not have the shape of the chip.

    References
    ----------
    Fruchter & Hook 2002, PASP 114, 144.

    Examples
    --------
    >>> wcs = ChipWcs((1.5, 1.5), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (4, 4))
    >>> canvas = empty_canvas(wcs, chips=1)
    >>> add_chip(canvas, np.full((4, 4), 7, np.float32), weight=np.ones((4, 4), np.float32), wcs=wcs)
    >>> finished(canvas)[0][2].tolist()
    [7.0, 7.0, 7.0, 7.0]
    """
    drop = drop or Drop()
    if not data.shape == weight.shape == wcs.shape:
        raise UsageError(f"data {data.shape}, weight {weight.shape} and chip {wcs.shape} differ in shape")
    finite = np.isfinite(data)
    if not finite.all():
        weight = np.where(finite, weight, np.float32(0))
    plane, bit = divmod(index, CHIPS_PER_PLANE)
    drizzle_square(
        np.ascontiguousarray(data, np.float32),
        np.ascontiguousarray(weight, np.float32),
        pixel_mapping(wcs, canvas.frame).kernel,
        pixfrac=drop.pixfrac,
        out_sum=canvas.sum,
        out_weight=canvas.weight,
        context=None if canvas.context is None else canvas.context[plane],
        bit=bit,
        threads=drop.threads or processors(),
    )


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
    sci = np.full(canvas.frame.shape, fill, np.float32)
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
