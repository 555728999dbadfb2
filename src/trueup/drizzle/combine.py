"""A stack of images on one grid combined into a clean one, in bands of rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from trueup import _kernels
from trueup.config import processors
from trueup.errors import UsageError

Image = NDArray[np.float32]
Method = Literal["median", "mean", "sum", "minmed", "imedian", "minimum"]

_TINY = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True, slots=True)
class CombineSettings:
    """How a stack is combined.

    Attributes
    ----------
    method : str
        ``median``, ``mean``, ``minimum`` of the good values; ``sum`` of all values, good or not;
        ``imedian``: the median, and the first image where no value is good (elsewhere that is 0);
        ``minmed``: the mean of two or the median without the highest value of more images, but
        the minimum where that is significantly lower.
    nlow, nhigh : int
        Lowest and highest values that are left out, not by ``sum`` and ``minmed``. Where too few
        are good, the median leaves out fewer; the others become 0, as in AstroDrizzle.
    lthresh, hthresh : float, optional
        Values outside [lthresh, hthresh) are not good; not for ``sum`` and ``minmed``.
    nsigma : (float, float)
        Significance that the minimum of ``minmed`` needs, and that it needs near such a pixel.
    grow : int
        How many pixels are near.
    mask_fraction : float
        Pixels with less than this fraction of the mean weight of their image are not good.
    threads : int
        0 takes one per processor. The result does not depend on it.

    Raises
    ------
    UsageError
        Where a value is none of these.

    Examples
    --------
    >>> CombineSettings("median", nhigh=1).nhigh
    1
    >>> CombineSettings("mode")
    Traceback (most recent call last):
    trueup.errors.UsageError: combine is 'mode'; it can be median, mean, sum, minmed, imedian, minimum
    """

    method: Method = "minmed"
    nlow: int = 0
    nhigh: int = 0
    lthresh: float | None = None
    hthresh: float | None = None
    nsigma: tuple[float, float] = (4.0, 3.0)
    grow: int = 1
    mask_fraction: float = 0.3
    threads: int = 0

    def __post_init__(self) -> None:
        if self.method not in get_args(Method):
            raise UsageError(f"combine is {self.method!r}", todo=f"it can be {', '.join(get_args(Method))}")
        for name in ("nlow", "nhigh", "grow", "threads", "mask_fraction"):
            if not getattr(self, name) >= 0:
                raise UsageError(f"{name} is {getattr(self, name)}", todo="it must not be negative")
        if not (len(self.nsigma) == 2 and min(self.nsigma) >= 0):
            raise UsageError(f"nsigma is {self.nsigma}", todo="give two numbers that are not negative")


@dataclass(frozen=True, slots=True)
class StackMember:
    """What the combination has to know about one image of the stack.

    Attributes
    ----------
    mean_weight : float
        Mean of the weights above 0 of the whole image, not of a band of it.
    exptime : float
        Seconds; the weights are in seconds too.
    read_noise : float
        Electrons.
    background : float
        Sky that was subtracted, electrons per pixel.

    Raises
    ------
    UsageError
        Where the exposure time is not positive.

    Examples
    --------
    >>> StackMember(mean_weight=480.0, exptime=500.0, read_noise=3.1).background
    0.0
    """

    mean_weight: float
    exptime: float
    read_noise: float = 0.0
    background: float = 0.0

    def __post_init__(self) -> None:
        if not self.exptime > 0:
            raise UsageError(f"the exposure time is {self.exptime}", todo="it must be positive")


def combine(
    sci: Image,
    wht: Image,
    *,
    members: Sequence[StackMember],
    settings: CombineSettings | None = None,
    rows: tuple[int, int] | None = None,
) -> Image:
    """Combine a stack of images, or a band of it, pixel by pixel.

    Parameters
    ----------
    sci : (n, ny, nx) float32 array
        Images on one grid, per second.
    wht : (n, ny, nx) float32 array
        Their weights: seconds.
    members : sequence of n StackMember
    settings : CombineSettings, optional
    rows : (int, int), optional
        First row of the result and the one after the last, all by default. The rows around them
        count as neighbours: bands that overlap by `settings.grow` rows give the same image as one
        call.

    Returns
    -------
    (rows, nx) float32 array
        0 where no value is good.

    Raises
    ------
    UsageError
        Where shapes or numbers of images disagree, or all values would be left out.

    Notes
    -----
    With M the median, W the sum of the weights and b the background per second, ``minmed`` takes
    the minimum where it is below M by nsigma sqrt(M W + sum(wht b) + sum(good read_noise^2)) / W.
    Values that are not finite are not good.

    References
    ----------
    DrizzlePac Handbook, section 4.2 (combine_type).

    Examples
    --------
    >>> sci = np.array([[[1.0, 2.0]], [[1.2, 80.0]], [[1.1, 2.2]]], np.float32)
    >>> exposures = [StackMember(mean_weight=100.0, exptime=100.0)] * 3
    >>> combine(sci, np.full_like(sci, 100), members=exposures, settings=CombineSettings("median")).tolist()
    [[1.100000023841858, 2.200000047683716]]
    """
    settings = settings or CombineSettings()
    if sci.ndim != 3 or sci.shape != wht.shape or len(members) != len(sci):
        raise UsageError(f"images {sci.shape}, weights {wht.shape} and {len(members)} members do not fit")
    first, last = rows or (0, sci.shape[1])
    if not 0 <= first <= last <= sci.shape[1]:
        raise UsageError(f"rows {first} to {last} are not among the {sci.shape[1]} of the stack")
    clip, limits = _rejection(settings)
    if sum(clip) >= len(sci):
        raise UsageError(f"nlow {clip[0]} and nhigh {clip[1]} leave nothing of {len(sci)} images")
    out = np.empty((last - first, sci.shape[2]), np.float32)
    rules = _kernels.CombineRules(
        method=settings.method, clip=clip, limits=limits, nsigma=settings.nsigma, grow=settings.grow
    )
    _kernels.combine(
        _whole_images(sci),
        _whole_images(wht),
        rules=rules,
        members=np.array([_told(member, settings) for member in members]),
        out=out,
        first=first,
        threads=settings.threads or processors(),
    )
    return out


def _rejection(settings: CombineSettings) -> tuple[tuple[int, int], tuple[float, float]]:
    if settings.method in ("sum", "minmed"):
        return (0, 0), (-math.inf, math.inf)
    low = -math.inf if settings.lthresh is None else settings.lthresh
    high = math.inf if settings.hthresh is None else settings.hthresh
    return (settings.nlow, settings.nhigh), (low, high)


def _told(member: StackMember, settings: CombineSettings) -> tuple[float, float, float]:
    # without weight a pixel is never good, even where its whole image has none
    lowest = max(settings.mask_fraction * member.mean_weight, _TINY)
    return lowest, member.background / member.exptime, member.read_noise**2


def _whole_images(stack: Image) -> Image:
    """The stack as float32; copied only where the rows of an image do not follow one another."""
    stack = stack.astype(np.float32, copy=False)
    return stack if len(stack) == 0 or stack[0].flags.c_contiguous else np.ascontiguousarray(stack)
