"""What a fit of two star lists comes to, in numbers that a person reads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trueup.astrometry.pairs.field import Field, area
from trueup.astrometry.pairs.similarity import Similarity, slopes

Floats = NDArray[np.float64]


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


def describe_fit(solution: Similarity, *, n: int, coverage: float, field: Field) -> Fit:
    """The numbers of a fit, without a verdict.

    Parameters
    ----------
    solution : Similarity
    n : int
        Stars used.
    coverage : float
        Share of the field that they span.
    field : Field

    Returns
    -------
    Fit

    Examples
    --------
    >>> field = Field((150.0, 2.0), 8e4 * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]), 40.0)
    >>> moved = Similarity(np.array([3.0, 4.0, 0.0, 0.0]), np.eye(4), 1.0, np.ones(3), np.ones(3))
    >>> fit = describe_fit(moved, n=3, coverage=0.125, field=field)
    >>> fit.corner_mas, fit.corner_pix
    (5.0, 0.125)
    """
    values, covariance = solution.values, solution.covariance
    sigma = np.sqrt(np.diag(covariance))
    moved, errors = moves(field.corners, solution, judged=np.ones(4))
    worst = int(np.argmax(moved))
    return Fit(
        n=n,
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
        coverage=coverage,
    )


def moves(points: Floats, solution: Similarity, *, judged: Floats) -> tuple[Floats, Floats]:
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
    >>> moved = Similarity(np.array([3.0, 4.0, 0.0, 1e-4]), np.eye(4), 1.0, np.ones(3), np.ones(3))
    >>> moves(np.array([[9e4, 0.0]]), moved, judged=np.array([1.0, 1.0, 1.0, 0.0]))[0].tolist()
    [5.0]
    """
    basis = slopes(points) * judged
    moved = np.hypot(*(basis @ solution.values).T)
    variance = np.einsum("nki,ij,nkj->n", basis, solution.covariance, basis) / 2
    return moved, np.sqrt(variance)


def coverage(xy: Floats, field: Field) -> float:
    """Share of a field that some stars span: their convex hull over the area.

    Parameters
    ----------
    xy : (n, 2) float64 array
        East and north of the field centre, mas.
    field : Field

    Returns
    -------
    float
        0 for fewer than three stars, or stars in a line.

    Examples
    --------
    >>> field = Field((150.0, 2.0), 8e4 * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]), 40.0)
    >>> round(coverage(np.array([[0.0, 0.0], [8e4, 0.0], [0.0, 8e4]]), field), 3)
    0.125
    """
    from scipy.spatial import ConvexHull, QhullError

    whole = area(field.corners)
    try:
        return float(min(ConvexHull(xy).volume / whole, 1.0)) if whole > 0 else 0.0
    except (QhullError, ValueError):
        return 0.0
