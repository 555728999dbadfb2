"""Compiled kernels of trueup."""

from typing import Annotated

import numpy
from numpy.typing import NDArray


class PixelMap:
    """Output pixels of input pixels, interpolated from nodes."""

    def __init__(self, nodes: Annotated[NDArray[numpy.float64], dict(shape=(None, None, None), order='C', device='cpu', writable=False)], *, x0: float, y0: float, step: float, break_xs: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], break_ys: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], breaks: Annotated[NDArray[numpy.float64], dict(shape=(None, None, None), order='C', device='cpu', writable=False)]) -> None: ...

    def evaluate(self, x: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], y: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], out: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu')]) -> None:
        """Fill out (2, n) with the output pixels of the input pixels x, y (n)."""

class Footprint:
    """The footprint of a pixel in the output."""

    def __init__(self, *, kernel: str, pixfrac: float, scale: float) -> None: ...

class Output:
    """The planes that chips are added to."""

    def __init__(self, *, sum: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu')], weight: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu')], context: Annotated[NDArray[numpy.int32], dict(shape=(None, None), order='C', device='cpu')] | None, bit: int, variance: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu')] | None, seconds: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu')] | None, first_row: int) -> None: ...

def drizzle(data: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], weight: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], *, variance: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)] | None, seconds: float, first_row: int, pixel_map: PixelMap, drop: Footprint, out: Output, threads: int) -> None:
    """Add rows of one chip to the running sums."""

def finish(out: Output, *, fill: float, threads: int) -> None:
    """Turn the sums of weight * value into means."""

class CombineRules:
    """How a stack is combined."""

    def __init__(self, *, method: str, clip: tuple[int, int], limits: tuple[float, float], nsigma: tuple[float, float], grow: int) -> None: ...

class BlotRules:
    """How an image is blotted."""

    def __init__(self, *, interpolation: str, factor: float, area: float, missing: float, compat: bool) -> None: ...

class ChipSignal:
    """What the values of a chip mean."""

    def __init__(self, *, conversion: float, sky: float, sky_electrons: float, gain: float, read_variance: float) -> None: ...

class CosmicRules:
    """What is a cosmic ray."""

    def __init__(self, *, snr: tuple[float, float], scale: tuple[float, float], grow: int, cte_grow: int, trail: int, compat: bool) -> None: ...

def combine(sci: Annotated[NDArray[numpy.float32], dict(shape=(None, None, None), device='cpu', writable=False)], wht: Annotated[NDArray[numpy.float32], dict(shape=(None, None, None), device='cpu', writable=False)], *, rules: CombineRules, members: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)], out: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu')], first: int, threads: int) -> None:
    """
    Combine rows of a stack from `first` on, as many as `out` has; members (n, 3): lowest weight, background per weight, read variance.
    """

def blot(image: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], pixel_map: PixelMap, *, rules: BlotRules, out: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu')], threads: int) -> None:
    """Interpolate an image at the output pixels of the pixels of a chip."""

def reject_cosmic_rays(sci: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], clean: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], pixel_map: PixelMap, *, signal: ChipSignal, blotting: BlotRules, rules: CosmicRules, mask: Annotated[NDArray[numpy.uint8], dict(shape=(None, None), order='C', device='cpu')], blotted: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu')] | None, threads: int) -> None:
    """
    Compare a chip with a clean image, blotted on the fly; 0 in mask is a cosmic ray.
    """

class StarProfile:
    """What a point source looks like in the pixels."""

    @staticmethod
    def gaussian(*, sigma: float) -> StarProfile:
        """A round Gaussian, integrated over the pixels."""

    @staticmethod
    def spline(knots: Annotated[NDArray[numpy.float64], dict(shape=(None, None, None), order='C', device='cpu', writable=False)], *, oversample: int, center_x: float, center_y: float) -> StarProfile:
        """
        Cubic B-splines: knots (1 or n, m, m), one table for all stars or one each.
        """

def star_light(profile: StarProfile, x: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], y: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], out: Annotated[NDArray[numpy.float64], dict(shape=(None, None, None, None), order='C', device='cpu')]) -> None:
    """
    Fill out (3, n, k, k) with shares of the light and their slopes to x and y.
    """

def fit_stars(stamps: Annotated[NDArray[numpy.float64], dict(shape=(None, None, None), order='C', device='cpu', writable=False)], *, noise: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], profile: StarProfile, start: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)] | None, gain: float, wrong: float, least_used: float, out: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu')]) -> None:
    """
    Fill out (8, n): flux, x, y, sky, snr, sigma, mismatch, and 1 where the fit is good.
    """

def find_peaks(image: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], level: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], *, block: int, margin: int) -> tuple[Annotated[NDArray[numpy.int64], dict(shape=(None,))], Annotated[NDArray[numpy.int64], dict(shape=(None,))]]:
    """y and x of the local maxima above the level of their block."""

class Statistics:
    """Clipped statistics of an image."""

    @property
    def npix(self) -> int: ...

    @property
    def bins(self) -> int: ...

    @property
    def mean(self) -> float: ...

    @property
    def stddev(self) -> float: ...

    @property
    def min(self) -> float: ...

    @property
    def max(self) -> float: ...

    @property
    def median(self) -> float: ...

    @property
    def mode(self) -> float: ...

def clipped_statistics(image: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], *, mask: Annotated[NDArray[numpy.bool_], dict(shape=(None, None), order='C', device='cpu', writable=False)] | None, spans: Annotated[NDArray[numpy.int32], dict(shape=(None, None), order='C', device='cpu', writable=False)] | None, iterations: int, sigmas: tuple[float, float], limits: tuple[float, float], median: bool, bin_sigma: float) -> Statistics:
    """
    Statistics of the finite pixels, within the mask and the spans of each row.
    """
