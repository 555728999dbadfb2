"""The shift, rotation and scale between two lists of the same stars: robust, with honest errors.

Always the three together, rotation and scale held by Gaussian priors: with few stars the priors keep
the corners of the field from flying away, with many they do not matter, and the error at the worst
corner is right in both cases. A general linear fit is never made.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trueup.astrometry.field import Field
from trueup.astrometry.plane import Projected

Floats = NDArray[np.float64]

_TUKEY = 4.685
_RAYLEIGH_MEDIAN = 1.1774
_STEPS = 30
_SETTLED_MAS = 1e-4
_MAX_EXCESS_PIX = 0.15


@dataclass(frozen=True, slots=True)
class Fit:
    """The second list minus the first at the field centre; None where it could not be measured.

    Parameters
    ----------
    n : int
        Stars used.
    east_mas, north_mas, sigma_east_mas, sigma_north_mas : float or None
        Offset and its errors.
    rotation_deg, sigma_rotation_deg : float or None
        From north through east.
    scale_ppm : float or None
        Growth of the second list over the first, parts per million.
    corner_mas, corner_sigma_mas, corner_pix : float or None
        Displacement at the worst corner of the common field, its error, and the same in pixels.
    judged_mas, judged_sigma_mas : float or None
        What the verdict is about, noise bias subtracted, and its error with the floor: the worst corner
        within a filter, the rms over the common field with the scale apart across filters.
    log10_pfalse : float or None
        Probability that the match is chance, decimal logarithm; None where nothing was in reach.
    chi2 : float or None
        Reduced chi-square, from the median residual.
    geometry : str or None
        What was fitted: ``rscale`` is shift, rotation and scale.
    coverage : float or None
        Area spanned by the stars over that of the common field.
    verdict : str
        ``pass``, ``fail``, ``undecided`` or ``unmeasurable``.
    why : str
        The reason in words.

    Examples
    --------
    >>> Fit(n=0, verdict="unmeasurable", why="no stars").east_mas is None
    True
    """

    n: int
    east_mas: float | None = None
    north_mas: float | None = None
    sigma_east_mas: float | None = None
    sigma_north_mas: float | None = None
    rotation_deg: float | None = None
    sigma_rotation_deg: float | None = None
    scale_ppm: float | None = None
    corner_mas: float | None = None
    corner_sigma_mas: float | None = None
    corner_pix: float | None = None
    judged_mas: float | None = None
    judged_sigma_mas: float | None = None
    log10_pfalse: float | None = None
    chi2: float | None = None
    geometry: str | None = None
    coverage: float | None = None
    verdict: str = "unmeasurable"
    why: str = ""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What is known of a pair before it is measured.

    Parameters
    ----------
    rotation_deg, scale : float
        Widths of the priors about zero: 0.005 degrees; 1.5e-4 between telemetry or distortion-only
        and a fit or a catalogue or across filters, 2e-5 between solutions of one fit.
    floor_pix : float
        Error of a single position that its photons do not know of (undersampling, pixel phase).
    same_filter : bool
        Across filters a difference of scale is real and not judged.
    common_mas : float
        Error per axis that all stars of a list share, so that it does not average down.

    Examples
    --------
    >>> Expectation(same_filter=False).scale
    0.00015
    """

    rotation_deg: float = 0.005
    scale: float = 1.5e-4
    floor_pix: float = 0.01
    same_filter: bool = True
    common_mas: float = 0.0


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

    Examples
    --------
    >>> Similarity(np.zeros(4), np.eye(4), 1.0, np.ones(9)).weight.sum()
    np.float64(9.0)
    """

    values: Floats
    covariance: Floats
    chi2: float
    weight: Floats


def _basis(xy: Floats) -> Floats:
    """Slopes (n, 2, 4) of the displacement at points to shift, rotation and scale."""
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
    return np.asarray(_basis(xy) @ values)


def solve(a: Projected, b: Projected, *, expect: Expectation, pixel_mas: float) -> Similarity:
    """Fit shift, rotation and scale between stars that are matched already.

    Iteratively reweighted least squares with Tukey's biweight, from the median offset.

    Parameters
    ----------
    a, b : Projected
        Star k of one is star k of the other.
    expect : Expectation
    pixel_mas : float
        Pixel in which the floor of the errors is given.

    Returns
    -------
    Similarity
        Of `b` against `a`; its errors follow the scatter where that exceeds the claimed errors, while
        chi2 is against the claimed ones.

    Examples
    --------
    >>> xy, one = np.array([[0.0, 9e4], [9e4, 0.0], [-9e4, 0.0]]), np.ones(3)
    >>> a = Projected(xy, one, one, np.zeros(3, np.int8))
    >>> b = Projected(xy + np.array([60.0, -35.0]), one, one, np.zeros(3, np.int8))
    >>> solve(a, b, expect=Expectation(), pixel_mas=40.0).values[:2].round(6).tolist()
    [60.0, -35.0]
    """
    basis = _basis((a.xy + b.xy) / 2)
    offset = b.xy - a.xy
    claimed = a.sigma**2 + b.sigma**2 + 2 * (expect.floor_pix * pixel_mas) ** 2
    prior = np.diag([0.0, 0.0, np.radians(expect.rotation_deg) ** -2, expect.scale**-2])
    values = np.array([*np.median(offset, axis=0), 0.0, 0.0])
    for _ in range(_STEPS):
        residual = offset - basis @ values
        square = (residual**2).sum(axis=1)
        variance = claimed + _excess(square, claimed, (_MAX_EXCESS_PIX * pixel_mas) ** 2)
        normalised = np.sqrt(square / variance)
        spread = max(1.0, float(np.median(normalised)) / _RAYLEIGH_MEDIAN)
        weight = np.clip(1 - (normalised / (_TUKEY * spread)) ** 2, 0, None) ** 2
        share = weight / (variance * spread**2)
        normal = np.einsum("nki,n,nkj->ij", basis, share, basis) + prior
        change = np.linalg.solve(normal, np.einsum("nki,n,nk->i", basis, share, residual) - prior @ values)
        values = values + change
        if np.hypot(change[0], change[1]) < _SETTLED_MAS:
            break
    chi2 = float(np.median(square / claimed)) / _RAYLEIGH_MEDIAN**2
    covariance = np.linalg.inv(normal) + np.diag([1.0, 1.0, 0.0, 0.0]) * expect.common_mas**2
    return Similarity(values, covariance, chi2, weight)


def _excess(square: Floats, claimed: Floats, most: float) -> float:
    """Variance to add to the claimed ones so that the median residual is what they promise.

    Errors that photons do not know of (undersampling, neighbours) are alike for bright and faint stars:
    added, not multiplied, they keep a few bright stars from deciding alone.
    """
    low, high = 0.0, most
    if np.median(square / claimed) <= _RAYLEIGH_MEDIAN**2:
        return low
    for _ in range(20):
        middle = (low + high) / 2
        if np.median(square / (claimed + middle)) > _RAYLEIGH_MEDIAN**2:
            low = middle
        else:
            high = middle
    return high


def describe_fit(solution: Similarity, xy: Floats, field: Field) -> Fit:
    """The numbers of a fit, without a verdict.

    Parameters
    ----------
    solution : Similarity
    xy : (n, 2) float64 array
        The stars used, east and north of the field centre, mas.
    field : Field

    Returns
    -------
    Fit

    Examples
    --------
    >>> field = Field((150.0, 2.0), 8e4 * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]), 40.0)
    >>> moved = Similarity(np.array([3.0, 4.0, 0.0, 0.0]), np.eye(4), 1.0, np.ones(3))
    >>> fit = describe_fit(moved, np.array([[0.0, 0.0], [8e4, 0.0], [0.0, 8e4]]), field)
    >>> fit.corner_mas, fit.corner_pix, round(fit.coverage, 3)
    (5.0, 0.125, 0.125)
    """
    values, covariance = solution.values, solution.covariance
    sigma = np.sqrt(np.diag(covariance))
    moved, errors = moves(field.corners, solution, np.ones(4))
    worst = int(np.argmax(moved))
    return Fit(
        n=len(xy),
        east_mas=float(values[0]),
        north_mas=float(values[1]),
        sigma_east_mas=float(sigma[0]),
        sigma_north_mas=float(sigma[1]),
        rotation_deg=float(np.degrees(values[2])),
        sigma_rotation_deg=float(np.degrees(sigma[2])),
        scale_ppm=float(values[3] * 1e6),
        corner_mas=float(moved[worst]),
        corner_sigma_mas=float(errors[worst]),
        corner_pix=float(moved[worst] / field.pixel_mas),
        chi2=solution.chi2,
        geometry="rscale",
        coverage=_coverage(xy, field.corners),
    )


def moves(points: Floats, solution: Similarity, judged: Floats) -> tuple[Floats, Floats]:
    """How far a similarity moves points, and the error of that.

    Parameters
    ----------
    points : (n, 2) float64 array
        East and north of the field centre, mas.
    solution : Similarity
    judged : (4,) float64 array
        1 for each parameter that counts, 0 for the others.

    Returns
    -------
    length, error : (n,) float64 arrays
        Length of the displacement and its error per axis, mas.

    Examples
    --------
    >>> moved = Similarity(np.array([3.0, 4.0, 0.0, 1e-4]), np.eye(4), 1.0, np.ones(3))
    >>> moves(np.array([[9e4, 0.0]]), moved, np.array([1.0, 1.0, 1.0, 0.0]))[0].tolist()
    [5.0]
    """
    basis = _basis(points) * judged
    moved = np.hypot(*(basis @ solution.values).T)
    variance = np.einsum("nki,ij,nkj->n", basis, solution.covariance, basis) / 2
    return moved, np.sqrt(variance)


def _coverage(xy: Floats, corners: Floats) -> float:
    from scipy.spatial import ConvexHull, QhullError

    x, y = corners.T
    area = abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2
    try:
        return float(min(ConvexHull(xy).volume / area, 1.0)) if area > 0 else 0.0
    except (QhullError, ValueError):
        return 0.0
