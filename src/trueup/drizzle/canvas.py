"""The output image while chips are added, and what it becomes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trueup import _kernels
from trueup.config import processors
from trueup.errors import UsageError
from trueup.model.chipwcs import ChipWcs

Image = NDArray[np.float32]

CHIPS_PER_PLANE = 32


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
    variance : (ny, nx) float32 array or None
        Sum of weight squared times variance.
    seconds : (ny, nx) float32 array or None
        Coverage: exposure time summed over the chips, each good pixel's spread as its value is. The sum
        is conserved; shrunken pixels on another scale pile up, so that single values can exceed
        the exposure time.

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
    variance: Image | None = None
    seconds: Image | None = None

    def output(self, index: int = 0) -> _kernels.Output:
        """The planes as the kernels take them, with the context bit of a chip."""
        plane, bit = divmod(index, CHIPS_PER_PLANE)
        return _kernels.Output(
            sum=self.sum,
            weight=self.weight,
            context=None if self.context is None else self.context[plane],
            bit=bit,
            variance=self.variance,
            seconds=self.seconds,
            first_row=self.first_row,
        )


def empty_canvas(
    frame: ChipWcs,
    *,
    chips: int,
    context: bool = True,
    variance: bool = False,
    coverage: bool = False,
    rows: slice | None = None,
) -> Canvas:
    """A canvas without data.

    Parameters
    ----------
    frame : ChipWcs
    chips : int
        How many will be added.
    context, variance, coverage : bool
        Whether to keep a context image, variances, the exposure time of each pixel.
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
    return Canvas(
        frame,
        np.zeros(shape, np.float32),
        np.zeros(shape, np.float32),
        np.zeros((-(-chips // CHIPS_PER_PLANE), *shape), np.int32) if context else None,
        first_row=first,
        variance=np.zeros(shape, np.float32) if variance else None,
        seconds=np.zeros(shape, np.float32) if coverage else None,
    )


def finished(canvas: Canvas, fill: float = np.nan, *, threads: int = 0) -> tuple[Image, Image]:
    """The weighted mean and the weight of everything added.

    Parameters
    ----------
    canvas : Canvas
        Its sums become the means in place: nothing can be added any more.
    fill : float
        Value where the weight is 0.
    threads : int
        0 takes one per processor.

    Returns
    -------
    sci, wht : (ny, nx) float32 arrays

    Examples
    --------
    >>> frame = ChipWcs((1, 1), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (1, 2))
    >>> finished(empty_canvas(frame, chips=1), fill=-1.0)[0].tolist()
    [[-1.0, -1.0]]
    """
    _kernels.finish(canvas.output(), fill=fill, threads=threads or processors())
    return canvas.sum, canvas.weight


def errors(canvas: Canvas, fill: float = np.nan) -> Image:
    """Standard deviation of the weighted mean, from the variances of the pixels.

    Neighbours share input pixels: their errors are correlated.

    Parameters
    ----------
    canvas : Canvas
        With variances.
    fill : float
        Value where the weight is 0.

    Returns
    -------
    (ny, nx) float32 array

    Raises
    ------
    UsageError
        Where the canvas has no variances.

    References
    ----------
    Fruchter & Hook 2002, PASP 114, 144, section 7 (correlated noise).

    Examples
    --------
    >>> from dataclasses import replace
    >>> frame = ChipWcs((0, 0), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (1, 2))
    >>> nine, three = np.full((1, 2), 9, np.float32), np.full((1, 2), 3, np.float32)
    >>> canvas = replace(empty_canvas(frame, chips=1), weight=three, variance=nine)
    >>> errors(canvas).tolist()
    [[1.0, 1.0]]
    """
    if canvas.variance is None:
        raise UsageError("the canvas has no variances")
    out = np.sqrt(canvas.variance)
    covered = canvas.weight != 0
    np.divide(out, np.abs(canvas.weight), out=out, where=covered)
    out[~covered] = fill
    return out
