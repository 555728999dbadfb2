"""Match two lists, fit the offset between them and say what it is worth."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from trueup.astrometry.field import Field
from trueup.astrometry.fit import Expectation, Fit, Similarity, describe_fit, displace, moves, solve
from trueup.astrometry.match import Match, match, pair_up
from trueup.astrometry.peak import Search
from trueup.astrometry.plane import Projected

Floats = NDArray[np.float64]
Index = NDArray[np.intp]

_MIN_PAIRS = 5
_MAX_CHI2 = 3.0
_PASS_PIX = 0.1
_PASS_SIGMA_PIX = 0.05
_FLOOR_MAS = 0.3
_FLOOR_ACROSS_FILTERS_MAS = 1.0
_ROUNDS = 4


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
        solution = solve(a[i], b[j], expect=expect, pixel_mas=field.pixel_mas)
        i, j = pair_up(
            a,
            b,
            shift=displace(a.xy, solution.values),
            radius_mas=search.radius_mas,
            worst=found.worst,
        )
        if len(i) < 2:
            return Registration(_no_match(found, search), i, j)
    solution = solve(a[i], b[j], expect=expect, pixel_mas=field.pixel_mas)
    used = solution.weight > 0
    i, j = i[used], j[used]
    fit = _judge(describe_fit(solution, a.xy[i], field), solution, field=field, expect=expect)
    fit = replace(fit, log10_pfalse=found.peak.log10_pfalse)
    return Registration(_doubt(fit, found, search), i, j)


def _judge(fit: Fit, solution: Similarity, *, field: Field, expect: Expectation) -> Fit:
    """Pass, fail or undecided: a tenth of a pixel, noise bias subtracted."""
    if expect.same_filter:
        floor, place = _FLOOR_MAS, "at the worst corner"
        moved, error = moves(field.corners, solution, np.ones(4))
        square, variance = float(np.max(moved**2 - 2 * error**2)), float(np.max(error**2))
    else:
        floor, place = _FLOOR_ACROSS_FILTERS_MAS, "over the field, scale apart"
        grid = _inside(field.corners)
        moved, error = moves(grid, solution, np.array([1.0, 1.0, 1.0, 0.0]))
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
    return replace(fit, verdict=verdict, why=why, judged_mas=float(size), judged_sigma_mas=float(sigma))


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
