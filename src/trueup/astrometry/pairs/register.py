"""Match two lists, fit the offset between them and say what it is worth."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from trueup.astrometry.pairs.field import Field, grid_inside
from trueup.astrometry.pairs.fit import Fit, coverage, describe_fit, moves
from trueup.astrometry.pairs.match import Match, match, pair_up, rematch
from trueup.astrometry.pairs.peak import Search
from trueup.astrometry.pairs.plane import Projected
from trueup.astrometry.pairs.similarity import Expectation, Similarity, displace, solve

Floats = NDArray[np.float64]
Index = NDArray[np.intp]

_MIN_PAIRS = 5
MAX_CHI2 = 3.0
_LOG10_PFALSE = -6.0
PASS_PIX = 0.1
PASS_SIGMA_PIX = 0.05
FLOOR_MAS = 0.3
FLOOR_ACROSS_FILTERS_MAS = 1.0
_ROUNDS = 4
REMEDY = "try a catalogue, a deeper exposure or your own positions (--centroids)"
_REMEDY_SCATTER = "try a solution with the full distortion, or your own positions (--centroids)"


@dataclass(frozen=True, slots=True, eq=False)
class Registration:
    """A fit and the pairs it rests on.

    Parameters
    ----------
    fit : Fit
    a, b : (n,) int arrays
        Indices of the used stars in the two lists.
    match : Match or None
        As it was found; None where nothing was looked for.
    similarity : Similarity or None
        What was fitted, with a weight for each pair; None where nothing was.

    Examples
    --------
    >>> none = np.zeros(0, np.intp)
    >>> Registration(Fit(n=0), none, none).fit.verdict
    'unmeasurable'
    """

    fit: Fit
    a: Index
    b: Index
    match: Match | None = None
    similarity: Similarity | None = None


def register(
    a: Projected,
    b: Projected,
    *,
    field: Field,
    search: Search | None = None,
    expect: Expectation | None = None,
    known: Registration | None = None,
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
    known : Registration, optional
        Of the same lists before stars were added: the offset is not looked for again.

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
    found = match(a, b, search=search) if known is None else _rematch(a, b, known, search=search)
    i, j, sizes = found.a, found.b, (len(a), len(b))
    close_a, close_b = a[found.near_a], b[found.near_b]
    for _ in range(_ROUNDS):
        if len(i) < 2:
            return Registration(_no_match(found, search, sizes=sizes), i, j, found)
        solution = solve(a[i], b[j], expect=expect, pixel_mas=field.pixel_mas)
        before, shift = i, displace(close_a.xy, solution.values)
        i, j = pair_up(close_a, close_b, shift=shift, radius_mas=search.radius_mas, worst=found.worst)
        i, j = found.near_a[i], found.near_b[j]
        if np.array_equal(i, before):
            break
    if len(i) < 2:
        return Registration(_no_match(found, search, sizes=sizes), i, j, found)
    solution = solve(a[i], b[j], expect=expect, pixel_mas=field.pixel_mas)
    used = solution.weight > 0
    i, j = i[used], j[used]
    solution = replace(solution, weight=solution.weight[used], variance=solution.variance[used])
    fit = describe_fit(solution, n=len(i), coverage=coverage(a.xy[i], field), field=field)
    return Registration(assess(fit, solution, found, field=field, expect=expect), i, j, found, solution)


def _rematch(a: Projected, b: Projected, known: Registration, *, search: Search) -> Match:
    if known.match is None or known.similarity is None:
        return match(a, b, search=search)
    shift = displace(a.xy, known.similarity.values)
    return rematch(a, b, known=known.match, shift=shift, radius_mas=search.radius_mas)


def assess(fit: Fit, solution: Similarity, found: Match | None, *, field: Field, expect: Expectation) -> Fit:
    """Give a fit its verdict: a tenth of a pixel, noise bias subtracted, if the match is no chance.

    Parameters
    ----------
    fit : Fit
        The numbers of `solution`.
    solution : Similarity
    found : Match or None
        That it rests on.
    field : Field
    expect : Expectation

    Returns
    -------
    Fit
        With verdict, reason and the probability of a false match.
    """
    size, sigma, place = judged_displacement(solution, field=field, same_filter=expect.same_filter)
    fit = replace(fit, log10_pfalse=found.peak.log10_pfalse if found and found.peak else None)
    fit = verdict(fit, size, sigma=sigma, place=place, pixel_mas=field.pixel_mas)
    return _doubt(fit, found, scatter=(solution.scatter_mas, solution.scatter_mas / field.pixel_mas))


def judged_displacement(solution: Similarity, *, field: Field, same_filter: bool) -> tuple[float, float, str]:
    """The displacement that is judged, with its error and where it is.

    Parameters
    ----------
    solution : Similarity
    field : Field
    same_filter : bool
        Across filters the scale is chromatic and left out, and the mean over the field is judged.

    Returns
    -------
    size, sigma : float
        mas, noise bias subtracted; the error has a floor that no number of stars lowers.
    place : str
        In words.
    """
    if same_filter:
        floor, place = FLOOR_MAS, "at the worst corner"
        moved, error = moves(field.corners, solution, judged=np.ones(4))
        square, variance = float(np.max(moved**2 - 2 * error**2)), float(np.max(error**2))
    else:
        floor, place = (
            FLOOR_ACROSS_FILTERS_MAS,
            "rms over the field, without the scale that differs between filters",
        )
        grid = grid_inside(field.corners)
        moved, error = moves(grid, solution, judged=np.array([1.0, 1.0, 1.0, 0.0]))
        square, variance = float(np.mean(moved**2 - 2 * error**2)), float(np.mean(error**2))
    return float(np.sqrt(max(square, 0.0))), float(np.hypot(np.sqrt(variance), floor)), place


def verdict(fit: Fit, size: float, *, sigma: float, place: str, pixel_mas: float) -> Fit:
    """Pass, fail or undecided by a displacement and its error.

    Parameters
    ----------
    fit : Fit
    size, sigma : float
        mas.
    place : str
        Where the displacement is, in words.
    pixel_mas : float

    Returns
    -------
    Fit
        With verdict and reason.

    Examples
    --------
    >>> verdict(Fit(n=9), 9.0, sigma=0.5, place="at the worst corner", pixel_mas=40.0).verdict
    'fail'
    """
    pix, sigma_pix = size / pixel_mas, sigma / pixel_mas
    if pix <= PASS_PIX and sigma_pix <= PASS_SIGMA_PIX:
        word = "pass"
    elif pix - 3 * sigma_pix > PASS_PIX:
        word = "fail"
    else:
        word = "undecided"
    why = f"{size:.1f} +- {sigma:.1f} mas = {pix:.2f} pixel {place}; {PASS_PIX} is allowed"
    return replace(fit, verdict=word, why=why, judged_mas=size, judged_sigma_mas=sigma)


def _doubt(fit: Fit, found: Match | None, *, scatter: tuple[float, float]) -> Fit:
    """Withdraw the verdict where the measurement does not count."""
    peak, rival = (found.peak, found.rival) if found else (None, None)
    if fit.n < _MIN_PAIRS:
        why = f"only {fit.n} stars agree, {_MIN_PAIRS} are needed; {REMEDY}"
    elif fit.chi2 is not None and fit.chi2 >= MAX_CHI2:
        spread = "by {:.1f} mas = {:.2f} pixel".format(*scatter)
        why = (
            f"{fit.n} stars scatter {spread}, beyond their errors (chi2 = {fit.chi2:.1f}); {_REMEDY_SCATTER}"
        )
    elif (
        peak is not None and rival is not None and rival.log10_pfalse < _LOG10_PFALSE and 2 * rival.n > peak.n
    ):
        why = (
            f"two offsets fit: {peak.n} stars here, {rival.n} at"
            f" ({rival.east_mas:.0f}, {rival.north_mas:.0f}) mas"
        )
    else:
        return fit
    return replace(fit, verdict="unmeasurable", why=why)


def _no_match(found: Match, search: Search, *, sizes: tuple[int, int]) -> Fit:
    among = f"among {sizes[0]} and {sizes[1]} sources"
    if found.peak is None:
        why = f"no two {among} are within {search.reach_mas:.0f} mas of each other; {REMEDY}"
        return Fit(n=0, why=why)
    chance = found.peak.log10_pfalse
    why = (
        f"no common stars {among}: the best offset has {found.peak.n} pairs and may be chance"
        f" (log10 P = {chance:.1f}, below {search.log10_pfalse:.0f} is needed); {REMEDY}"
    )
    return Fit(n=0, log10_pfalse=chance, why=why)
