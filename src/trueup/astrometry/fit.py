"""The offset between two lists of the same stars: robust, with priors and honest errors.

Always shift, rotation and scale together, the last two held by Gaussian priors: with few stars the
priors keep the corners of the field from flying away, with many they do not matter, and the error
at the worst corner is right in both cases. A general linear fit is never made.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from trueup.astrometry.match import Match, Projected, Search, match, pair_up
from trueup.model.chipwcs import ChipWcs, sky_to_plane

Floats = NDArray[np.float64]
Index = NDArray[np.intp]

_DEG_MAS = 3.6e6
_MIN_PAIRS = 5
_MAX_CHI2 = 3.0
_PASS_PIX = 0.1
_PASS_SIGMA_PIX = 0.05
_TUKEY = 4.685
_RAYLEIGH_MEDIAN = 1.1774
_ROUNDS = 4


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
    log10_pfalse: float | None = None
    chi2: float | None = None
    geometry: str | None = None
    coverage: float | None = None
    verdict: str = "unmeasurable"
    why: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """The part of the sky two lists share.

    Parameters
    ----------
    center : (float, float)
        Tangent point (ra, dec), degrees: offsets are given there, rotation is about it.
    corners : (4, 2) float64 array
        Corners of the common area, mas east and north of the centre.
    pixel_mas : float
        Pixel by which displacements are judged.

    Examples
    --------
    >>> Field((150.0, 2.0), 8e4 * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]), 40.0).pixel_mas
    40.0
    """

    center: tuple[float, float]
    corners: Floats
    pixel_mas: float


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

    Examples
    --------
    >>> Expectation(same_filter=False).scale
    0.00015
    """

    rotation_deg: float = 0.005
    scale: float = 1.5e-4
    floor_pix: float = 0.01
    same_filter: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Registration:
    """A fit and the pairs it rests on.

    Parameters
    ----------
    fit : Fit
    a, b : (n,) int arrays
        Indices of the used stars in the two lists.

    Examples
    --------
    >>> none = np.zeros(0, np.intp)
    >>> Registration(Fit(n=0), none, none).fit.verdict
    'unmeasurable'
    """

    fit: Fit
    a: Index
    b: Index


def common_field(a: ChipWcs, b: ChipWcs) -> Field:
    """The field two images share, seen from the point midway between their centres.

    Parameters
    ----------
    a, b : ChipWcs
        With their shapes.

    Returns
    -------
    Field
        With the corners of `a` moved to the nearest pixel of `b`, and the coarser pixel of the two.

    Examples
    --------
    >>> wcs = ChipWcs((49.5, 49.5), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (100, 100))
    >>> field = common_field(wcs, wcs)
    >>> [round(v, 6) for v in field.center], field.corners.round().tolist()[0]
    ([150.0, 2.0], [1782.0, -1782.0])
    """
    middles = []
    for wcs in (a, b):
        ny, nx = wcs.shape
        middles.append(wcs.pixel_to_sky((nx - 1) / 2, (ny - 1) / 2))
    ra_a, ra_b = float(middles[0][0]), float(middles[1][0])
    half_turn = (ra_b - ra_a + 180.0) % 360.0 - 180.0
    center = (ra_a + half_turn / 2) % 360.0, (float(middles[0][1]) + float(middles[1][1])) / 2
    ny, nx = b.shape
    x, y = b.sky_to_pixel(*a.pixel_to_sky(*a.corners()))
    x, y = np.clip(np.nan_to_num(x), 0, nx - 1), np.clip(np.nan_to_num(y), 0, ny - 1)
    corners = np.stack(sky_to_plane(*b.pixel_to_sky(x, y), center), axis=1) * _DEG_MAS
    return Field(center, corners, max(a.scale_arcsec(), b.scale_arcsec()) * 1000)


def register(
    a: Projected,
    b: Projected,
    *,
    field: Field,
    search: Search | None = None,
    expect: Expectation | None = None,
) -> Registration:
    """Match two lists and measure the second minus the first.

    Parameters
    ----------
    a, b : Projected
        In the tangent plane of `field`.
    field : Field
    search : Search, optional
        By default within 2 arcsec, in piles of half a pixel.
    expect : Expectation, optional

    Returns
    -------
    Registration
        With verdict ``unmeasurable`` where the match may be chance, fewer than five stars agree,
        another offset is as good, or the residuals exceed their errors.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> xy, tier = rng.uniform(-8e4, 8e4, (40, 2)), np.zeros(40, np.int8)
    >>> a = Projected(xy, np.ones(40), np.ones(40), tier)
    >>> b = Projected(xy + (60, -35), np.ones(40), np.ones(40), tier)
    >>> field = Field((150.0, 2.0), 8e4 * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]), 40.0)
    >>> fit = register(a, b, field=field).fit
    >>> round(fit.east_mas, 2), round(fit.north_mas, 2), fit.verdict
    (60.0, -35.0, 'fail')
    """
    expect = expect or Expectation()
    search = search or Search(radius_mas=field.pixel_mas / 2)
    found = match(a, b, search=search)
    if not found.n or found.peak is None:
        return Registration(_no_match(found, search), found.a, found.b)
    i, j = found.a, found.b
    for _ in range(_ROUNDS):
        solution = _solve(a[i], b[j], expect, field.pixel_mas)
        i, j = pair_up(
            a,
            b,
            shift=_displace(a.xy, solution.values),
            radius_mas=search.radius_mas,
            worst=found.worst,
        )
        if len(i) < 2:
            return Registration(_no_match(found, search), i, j)
    solution = _solve(a[i], b[j], expect, field.pixel_mas)
    used = solution.weight > 0
    i, j = i[used], j[used]
    fit = _judge(_describe(solution, a.xy[i], field), solution, field, expect)
    fit = replace(fit, log10_pfalse=found.peak.log10_pfalse)
    return Registration(_doubt(fit, found, search), i, j)


@dataclass(frozen=True, slots=True, eq=False)
class _Solution:
    """Parameters (east mas, north mas, rotation rad, scale), covariance, chi2, weight per star."""

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


def _displace(xy: Floats, values: Floats) -> Floats:
    return np.asarray(_basis(xy) @ values)


def _solve(a: Projected, b: Projected, expect: Expectation, pixel_mas: float) -> _Solution:
    """Iteratively reweighted least squares with Tukey's biweight, from the median offset."""
    basis = _basis((a.xy + b.xy) / 2)
    offset = b.xy - a.xy
    variance = a.sigma**2 + b.sigma**2 + 2 * (expect.floor_pix * pixel_mas) ** 2
    prior = np.diag([0.0, 0.0, np.radians(expect.rotation_deg) ** -2, expect.scale**-2])
    values = np.array([*np.median(offset, axis=0), 0.0, 0.0])
    for _ in range(30):
        residual = offset - basis @ values
        normalised = np.hypot(*residual.T) / np.sqrt(variance)
        spread = max(1.0, float(np.median(normalised)) / _RAYLEIGH_MEDIAN)
        weight = np.clip(1 - (normalised / (_TUKEY * spread)) ** 2, 0, None) ** 2
        share = weight / (variance * spread**2)
        normal = np.einsum("nki,n,nkj->ij", basis, share, basis) + prior
        change = np.einsum("nki,n,nk->i", basis, share, residual) - prior @ values
        values = values + np.linalg.solve(normal, change)
    chi2 = (float(np.median(normalised)) / _RAYLEIGH_MEDIAN) ** 2
    return _Solution(values, np.linalg.inv(normal), chi2, weight)


def _describe(solution: _Solution, xy: Floats, field: Field) -> Fit:
    values, covariance = solution.values, solution.covariance
    sigma = np.sqrt(np.diag(covariance))
    moved, errors = _moves(field.corners, solution, np.ones(4))
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


def _moves(points: Floats, solution: _Solution, judged: Floats) -> tuple[Floats, Floats]:
    """Length of the displacement at points and its error per axis, of the judged parameters."""
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


def _judge(fit: Fit, solution: _Solution, field: Field, expect: Expectation) -> Fit:
    """Pass, fail or undecided: a tenth of a pixel, noise bias subtracted."""
    if expect.same_filter:
        floor, place = 0.3, "at the worst corner"
        moved, error = _moves(field.corners, solution, np.ones(4))
        square, variance = float(np.max(moved**2 - 2 * error**2)), float(np.max(error**2))
    else:
        floor, place = 1.0, "over the field, scale apart"
        grid = _inside(field.corners)
        moved, error = _moves(grid, solution, np.array([1.0, 1.0, 1.0, 0.0]))
        square, variance = float(np.mean(moved**2 - 2 * error**2)), float(np.mean(error**2))
    size, sigma = np.sqrt(max(square, 0.0)), np.hypot(np.sqrt(variance), floor)
    pix, sigma_pix = size / field.pixel_mas, sigma / field.pixel_mas
    if pix <= _PASS_PIX and sigma_pix <= _PASS_SIGMA_PIX:
        verdict = "pass"
    elif pix - 3 * sigma_pix > _PASS_PIX:
        verdict = "fail"
    else:
        verdict = "undecided"
    why = f"{size:.1f} +- {sigma:.1f} mas = {pix:.2f} pixel {place}; {_PASS_PIX} is allowed"
    return replace(fit, verdict=verdict, why=why)


def _inside(corners: Floats) -> Floats:
    """A 5 x 5 grid of points over a quadrilateral."""
    u, v = (part.ravel()[:, None] for part in np.meshgrid(np.linspace(0, 1, 5), np.linspace(0, 1, 5)))
    low = corners[0] * (1 - u) + corners[1] * u
    high = corners[3] * (1 - u) + corners[2] * u
    return np.asarray(low * (1 - v) + high * v)


def _doubt(fit: Fit, found: Match, search: Search) -> Fit:
    """Withdraw the verdict where the measurement does not count."""
    rival = found.rival
    if fit.n < _MIN_PAIRS:
        why = f"only {fit.n} stars agree, {_MIN_PAIRS} are needed"
    elif fit.chi2 is not None and fit.chi2 >= _MAX_CHI2:
        why = f"the stars scatter beyond their errors (chi2 = {fit.chi2:.1f})"
    elif (
        found.peak is not None
        and rival is not None
        and rival.log10_pfalse < search.log10_pfalse
        and 2 * rival.n > found.peak.n
    ):
        why = (
            f"two offsets fit: {found.peak.n} stars here, {rival.n} at"
            f" ({rival.east_mas:.0f}, {rival.north_mas:.0f}) mas"
        )
    else:
        return fit
    return replace(fit, verdict="unmeasurable", why=why)


def _no_match(found: Match, search: Search) -> Fit:
    if found.peak is None:
        return Fit(n=0, why=f"no two sources within {search.reach_mas:.0f} mas of each other")
    chance = found.peak.log10_pfalse
    why = (
        f"no common stars: the best offset has {found.peak.n} pairs and may be chance"
        f" (log10 P = {chance:.1f}, below {search.log10_pfalse:.0f} is needed)"
    )
    return Fit(n=0, log10_pfalse=chance, why=why)
