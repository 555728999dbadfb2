"""The shift, rotation and scale between two lists of the same stars: robust, with honest errors.

Always the three together, rotation and scale held by Gaussian priors: with few stars the priors keep
the corners of the field from flying away, with many they do not matter, and the error at the worst
corner is right in both cases. A general linear fit is never made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trueup.astrometry.pairs.plane import Projected

Floats = NDArray[np.float64]

_TUKEY = 4.685
_RAYLEIGH_MEDIAN = 1.1774
# mean square residual of Gaussian errors under Tukey weights, over that without
_TUKEY_KEEPS = 0.82
# variance of Tukey's estimate of Gaussian errors in two dimensions, times the sum of its weights
_TUKEY_VARIANCE = 0.90
_LEAST_FREEDOM = 6.0
_STEPS = 30
_SETTLED_MAS = 1e-4
_MAX_EXCESS_PIX = 0.15


@dataclass(frozen=True, slots=True)
class Expectation:
    """What is known of a pair before it is measured.

    Parameters
    ----------
    rotation_deg, scale : float
        Widths of the priors about zero: 0.005 degrees; 1.5e-4 between telemetry or distortion-only
        and a fit or a catalogue or across filters, 2e-5 between solutions of one fit.
    floor_pix : float
        Error of a single position that its photons do not know of (undersampling, pixel phase) and
        that chi2 forgives.
    same_filter : bool
        Across filters a difference of scale is real and not judged.
    trail_pix : float
        Width of the prior on the shift by imperfect charge transfer of a star of 500 electrons that is
        farthest from the amplifier.
    common_mas, common_slope : float
        Errors that all stars of a list share, so that they do not average down: of the shift per axis, and of
        rotation (radians) and scale.

    Examples
    --------
    >>> Expectation(same_filter=False).scale
    0.00015
    """

    rotation_deg: float = 0.005
    scale: float = 1.5e-4
    floor_pix: float = 0.02
    same_filter: bool = True
    trail_pix: float = 0.1
    common_mas: float = 0.0
    common_slope: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Similarity:
    """A shift, rotation and scale that were fitted.

    Parameters
    ----------
    values : (4,) float64 array
        East and north (mas), rotation (radians, from north through east), scale minus one.
    covariance : (4, 4) float64 array
    chi2 : float
        Reduced chi-square, from the median residual.
    weight : (n,) float64 array
        Weight of each star between 0 and 1.
    variance : (n,) float64 array
        Of the offset of each star per axis, with what the scatter adds to the claimed errors, mas^2.
    scatter_mas : float
        Weighted rms residual per axis.
    trail_pix, sigma_trail_pix : float
        Shift by imperfect charge transfer as in :class:`Expectation`, and its error.

    Examples
    --------
    >>> Similarity(np.zeros(4), np.eye(4), 1.0, np.ones(9), np.ones(9)).weight.sum()
    np.float64(9.0)
    """

    values: Floats
    covariance: Floats
    chi2: float
    weight: Floats
    variance: Floats
    scatter_mas: float = 0.0
    trail_pix: float = 0.0
    sigma_trail_pix: float = 0.0

    @property
    def information(self) -> Floats:
        """What each star says of the fit: inverse variance per axis, 1/mas^2."""
        return _information(self.weight, self.variance)


def slopes(xy: Floats) -> Floats:
    """Slopes of the displacement at points to shift, rotation and scale.

    Parameters
    ----------
    xy : (n, 2) float64 array
        East and north of the field centre, mas.

    Returns
    -------
    (n, 2, 4) float64 array

    Examples
    --------
    >>> slopes(np.array([[3.0, 4.0]]))[0].tolist()
    [[1.0, 0.0, 4.0, 3.0], [0.0, 1.0, -3.0, 4.0]]
    """
    basis = np.zeros((len(xy), 2, 4))
    basis[:, 0, 0] = basis[:, 1, 1] = 1.0
    basis[:, 0, 2], basis[:, 1, 2] = xy[:, 1], -xy[:, 0]
    basis[:, :, 3] = xy
    return basis


def displace(xy: Floats, values: Floats) -> Floats:
    """Displacement of points by a similarity, mas.

    Parameters
    ----------
    xy : (n, 2) float64 array
        East and north of the field centre, mas.
    values : (4,) float64 array
        As in :class:`Similarity`.

    Returns
    -------
    (n, 2) float64 array

    Examples
    --------
    >>> displace(np.array([[0.0, 1000.0]]), np.array([60.0, -35.0, 1e-3, 0.0])).tolist()
    [[61.0, -35.0]]
    """
    return np.asarray(slopes(xy) @ values)


def solve(a: Projected, b: Projected, *, expect: Expectation, pixel_mas: float) -> Similarity:
    """Fit shift, rotation and scale between stars that are matched already.

    Iteratively reweighted least squares with Tukey's biweight, from the median offset. What the stars
    scatter beyond their errors (undersampling, neighbours) is alike for bright and faint ones: added to
    the variance of each, it keeps a few bright stars from deciding alone. Where the lists have trails
    (see :class:`Projected`) the shift by charge transfer is fitted along and marginalised.

    Parameters
    ----------
    a, b : Projected
        Star k of one is star k of the other.
    expect : Expectation
    pixel_mas : float
        Pixel in which floors are given.

    Returns
    -------
    Similarity
        Of `b` against `a`; its errors follow the scatter where that exceeds the claimed errors, while
        chi2 is against the claimed ones and the floor.

    Examples
    --------
    >>> xy, one = np.array([[0.0, 9e4], [9e4, 0.0], [-9e4, 0.0]]), np.ones(3)
    >>> a = Projected(xy, one, one, np.zeros(3, np.int8))
    >>> b = Projected(xy + np.array([60.0, -35.0]), one, one, np.zeros(3, np.int8))
    >>> solve(a, b, expect=Expectation(), pixel_mas=40.0).values[:2].round(6).tolist()
    [60.0, -35.0]
    """
    basis, prior = design(a, b, expect=expect)
    offset = b.xy - a.xy
    claimed = a.sigma**2 + b.sigma**2
    most = (_MAX_EXCESS_PIX * pixel_mas) ** 2
    values = np.concatenate([np.median(offset, axis=0), np.zeros(len(prior) - 2)])
    for _ in range(_STEPS):
        square = ((offset - basis @ values) ** 2).sum(axis=1)
        variance = claimed + _median_excess(square, claimed, most)
        weight = _tukey(square / variance)
        before, (values, _) = values, weighted(basis, offset, share=weight / variance, prior=prior)
        if np.hypot(*(values - before)[:2]) < _SETTLED_MAS:
            break
    square = ((offset - basis @ values) ** 2).sum(axis=1)
    variance = claimed + _likely_excess(square, claimed, weight=weight, most=most)
    weight = _tukey(square / variance)
    values, covariance = weighted(basis, offset, share=_information(weight, variance), prior=prior)
    covariance = with_common_errors(covariance, expect)
    square = ((offset - basis @ values) ** 2).sum(axis=1)
    chi2 = float(reduced_chi2(square, a, b, floor_mas=expect.floor_pix * pixel_mas))
    trail = (float(values[4]), float(np.sqrt(covariance[4, 4]))) if len(values) > 4 else (0.0, 0.0)
    scatter = float(np.sqrt((weight @ square) / max(2 * weight.sum(), 1e-9)))
    return Similarity(values[:4], covariance[:4, :4], chi2, weight, variance, scatter, *trail)


def design(a: Projected, b: Projected, *, expect: Expectation) -> tuple[Floats, Floats]:
    """What a fit of matched stars rests on.

    Parameters
    ----------
    a, b : Projected
        Star k of one is star k of the other.
    expect : Expectation

    Returns
    -------
    basis : (n, 2, m) float64 array
        Slopes of the offset of each star to shift (2), rotation, scale and, where a list has trails,
        that of charge transfer.
    prior : (m, m) float64 array
        Inverse covariance of the priors.
    """
    basis = slopes((a.xy + b.xy) / 2)
    widths = [np.radians(expect.rotation_deg), expect.scale]
    if a.trail is not None or b.trail is not None:
        trail = (0.0 if b.trail is None else b.trail) - (0.0 if a.trail is None else a.trail)
        basis = np.concatenate([basis, np.asarray(trail)[:, :, None]], axis=2)
        widths.append(expect.trail_pix)
    return basis, np.diag([0.0, 0.0, *(float(width) ** -2 for width in widths)])


def weighted(basis: Floats, offset: Floats, *, share: Floats, prior: Floats) -> tuple[Floats, Floats]:
    """Weighted least squares with priors about zero.

    Parameters
    ----------
    basis : (n, 2, m) float64 array
    offset : (..., n, 2) float64 array
        One set of offsets or several.
    share : (n,) float64 array
        Inverse variance of each star.
    prior : (m, m) float64 array

    Returns
    -------
    values : (..., m) float64 array
    covariance : (m, m) float64 array

    Examples
    --------
    >>> ones = np.ones((3, 2, 1))
    >>> weighted(ones, 7 * np.ones((3, 2)), share=np.ones(3), prior=np.zeros((1, 1)))[0].round(9).tolist()
    [7.0]
    """
    flat = basis.reshape(-1, basis.shape[2])
    scaled = np.repeat(share, 2)[:, None] * flat
    covariance = np.linalg.inv(flat.T @ scaled + prior)
    right = offset.reshape(*offset.shape[:-2], -1) @ scaled
    return np.asarray(right @ covariance), np.asarray(covariance)


def with_common_errors(covariance: Floats, expect: Expectation) -> Floats:
    """A covariance with the errors that all stars share.

    Parameters
    ----------
    covariance : (m, m) float64 array
        Of shift (2), rotation, scale and whatever else.
    expect : Expectation

    Returns
    -------
    (m, m) float64 array

    Examples
    --------
    >>> np.diag(with_common_errors(np.zeros((4, 4)), Expectation(common_mas=2.0))).tolist()
    [4.0, 4.0, 0.0, 0.0]
    """
    common = np.zeros(len(covariance))
    common[:4] = [expect.common_mas**2] * 2 + [expect.common_slope**2] * 2
    return np.asarray(covariance + np.diag(common))


def reduced_chi2(square: Floats, a: Projected, b: Projected, *, floor_mas: float) -> Floats:
    """Reduced chi-square against the claimed errors and a floor, from the median residual.

    Parameters
    ----------
    square : (..., n) float64 array
        Squared length of the residual of each star, mas^2.
    a, b : Projected
        Star k of one is star k of the other.
    floor_mas : float
        Per list and axis.

    Returns
    -------
    (...) float64 array

    Examples
    --------
    >>> one = Projected(np.zeros((3, 2)), np.ones(3), np.ones(3), np.zeros(3, np.int8))
    >>> round(float(reduced_chi2(np.full(3, 5.5), one, one, floor_mas=0.0)), 1)
    2.0
    """
    allowed = a.sigma**2 + b.sigma**2 + 2 * floor_mas**2
    return np.asarray(np.median(square / allowed, axis=-1) / _RAYLEIGH_MEDIAN**2)


def _information(weight: Floats, variance: Floats) -> Floats:
    """Inverse variance that each star contributes under Tukey weights; less where few tell the scatter."""
    freedom = max(2 * float(weight.sum()) - 4, _LEAST_FREEDOM)
    # as the variance of Student's t over that of a Gaussian
    few = freedom / (freedom - 2)
    return np.asarray(weight / (_TUKEY_VARIANCE * few * variance))


def _tukey(square: Floats) -> Floats:
    """Weight by the square of the normalised residual."""
    spread = max(1.0, float(np.median(square)) / _RAYLEIGH_MEDIAN**2)
    return np.asarray(np.clip(1 - square / (_TUKEY**2 * spread), 0, None) ** 2)


def _median_excess(square: Floats, claimed: Floats, most: float) -> float:
    """Variance to add to the claimed ones so that the median residual is what they promise."""
    return _root(lambda extra: float(np.median(square / (claimed + extra))) - _RAYLEIGH_MEDIAN**2, most)


def _likely_excess(square: Floats, claimed: Floats, *, weight: Floats, most: float) -> float:
    """The most likely variance to add: bright stars tell it best."""
    # what outlier rejection and four fitted numbers take away from the residuals
    lost = _TUKEY_KEEPS * max(1 - 2 / max(float(weight.sum()), 1.0), 0.2)

    def slope(extra: float) -> float:
        variance = claimed + extra
        return float((weight * (square / lost - 2 * variance) / variance**2).sum())

    return _root(slope, most)


def _root(falling: Callable[[float], float], most: float) -> float:
    """Where a falling function of a variance crosses zero, between 0 and `most`."""
    low, high = 0.0, most
    if falling(low) <= 0:
        return low
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (middle, high) if falling(middle) > 0 else (low, middle)
    return high
