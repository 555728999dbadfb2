"""One pair of exposures: matched once, then every combination of their solutions in one linear solve.

Which stars are the same, and how much each is worth, does not depend on the solutions. Once that is
known under one sound combination, any other is a weighted least-squares fit of the same stars.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from trueup.astrometry.pairs.field import Field
from trueup.astrometry.pairs.fit import Fit, coverage, describe_fit
from trueup.astrometry.pairs.peak import Search
from trueup.astrometry.pairs.register import MAX_CHI2, PASS_PIX, REMEDY, Registration, assess, register
from trueup.astrometry.pairs.seen import Places, Seen, same_pixels, under, unlikeness
from trueup.astrometry.pairs.similarity import (
    Expectation,
    Similarity,
    design,
    reduced_chi2,
    weighted,
    with_common_errors,
)
from trueup.model.chipwcs import sky_to_plane
from trueup.model.offset import MAS_PER_DEG, field_center
from trueup.model.solution import Solution

Floats = NDArray[np.float64]
Index = NDArray[np.intp]
Combination = tuple[Solution, Solution]

_ATTEMPTS = 4
_MATCH_PIX = 0.5
_LINEAR_PIX = 1.5
_SAME_PIX = 1.0
_AVOID_PIX = 3.0
_MOVED_PIX, _STILL_PIX = 0.3, 0.1
_GUIDED = {"telemetry", "distortion-only", "apriori"}
_RIGID_SCALE = 2e-5
_FREE_SCALE = 1.5e-4
_FLOOR_PIX = {"IR": 0.05}
_USUAL_FLOOR_PIX = 0.02
# of stars of telescope optics, between exposures of different focus; at the corners so much of it is a slope
_PIX_PER_UNLIKENESS, _SLOPE_SHARE = 0.037, 0.5
_RIGID_MODES = {"REL", "SVM", "EVM", "MVM"}


@dataclass(frozen=True, slots=True, eq=False)
class Tie:
    """Two exposures and the stars they share.

    Parameters
    ----------
    a, b : Seen
    field : Field
        The part of the sky both cover.
    combination : (Solution, Solution)
        Under which they were matched: the most trustworthy one that works.
    registration : Registration
        What was found; its indices point into the two star lists.

    Examples
    --------
    >>> Tie.__slots__[:2]
    ('a', 'b')
    """

    a: Seen
    b: Seen
    field: Field
    combination: Combination
    registration: Registration

    @property
    def counts(self) -> bool:
        """Whether the two exposures could be measured."""
        return self.registration.fit.verdict != "unmeasurable"


def tie(a: Seen, b: Seen, *, field: Field, combinations: Sequence[Combination]) -> Tie:
    """Match two exposures under the first combination of their solutions that works.

    Parameters
    ----------
    a, b : Seen
    field : Field
    combinations : sequence of (Solution, Solution)
        At least one, the most trustworthy first; at most four are tried.

    Returns
    -------
    Tie
        That of the first combination where none works.
    """
    tried: list[Tie] = []
    for combination in combinations[:_ATTEMPTS]:
        tried.append(Tie(a, b, field, combination, _register(a, b, field=field, combination=combination)))
        if tried[-1].counts:
            return tried[-1]
    return tried[0]


def retie(pair: Tie, a: Seen, b: Seen) -> Tie:
    """Fit two exposures again whose lists have gained stars.

    Parameters
    ----------
    pair : Tie
        As it was before.
    a, b : Seen
        The same exposures.

    Returns
    -------
    Tie
        The offset, where one was believed, is not looked for again.
    """
    known = pair.registration
    if known.similarity is None:
        none = np.zeros(0, np.intp)
        return replace(pair, a=a, b=b, registration=replace(known, a=none, b=none))
    found = _register(a, b, field=pair.field, combination=pair.combination, known=known)
    return replace(pair, a=a, b=b, registration=found)


def _register(
    a: Seen, b: Seen, *, field: Field, combination: Combination, known: Registration | None = None
) -> Registration:
    """Match and fit what is not fixed to the detector."""
    pick_a, pick_b = a.placed, b.placed
    poor = [seen.exposure.rootname for seen in (a, b) if not len(seen.placed)]
    if poor:
        none = np.zeros(0, np.intp)
        why = f"no stars in {' and '.join(poor)}; try a deeper exposure or your own positions (--centroids)"
        return Registration(Fit(n=0, why=why), none, none)
    # without distortion the stars of two dithered exposures meet to a pixel or so, not better
    linear = any(not solution.has_sip for solution in combination)
    search = Search(radius_mas=(_LINEAR_PIX if linear else _MATCH_PIX) * field.pixel_mas)
    dither = _dither(a, b, field=field, combination=combination)
    if dither is not None and np.hypot(*dither) > _SAME_PIX * field.pixel_mas:
        same_a, same_b = same_pixels(a, b, radius_pix=_SAME_PIX / 2)
        pick_a, pick_b = np.setdiff1d(pick_a, same_a), np.setdiff1d(pick_b, same_b)
        if np.hypot(*dither) > _AVOID_PIX * field.pixel_mas:
            search = replace(search, avoid=dither)
    found = register(
        under(a, combination[0], center=field.center, pick=pick_a),
        under(b, combination[1], center=field.center, pick=pick_b),
        field=field,
        search=search,
        expect=expectation(a, b, combination, field=field),
        known=known,
    )
    fixed = len(a.placed) - len(pick_a)
    if found.similarity is None and fixed > len(pick_a):
        why = f"{fixed} sources are at the same pixels of both: hot pixels, or no dither; {found.fit.why}"
        found = replace(found, fit=replace(found.fit, why=why))
    found = replace(found, a=pick_a[found.a], b=pick_b[found.b])
    return _unless_fixed(a, b, found, field=field)


def _unless_fixed(a: Seen, b: Seen, found: Registration, *, field: Field) -> Registration:
    """Refuse sources that stayed on their pixels while the telescope moved by part of a pixel."""
    dither = _commanded(a, b, field=field)
    if found.similarity is None or dither is None or np.hypot(*dither) < _MOVED_PIX * field.pixel_mas:
        return found
    here, there = a.sources[found.a], b.sources[found.b]
    apart = float(np.hypot(np.median(there.x - here.x), np.median(there.y - here.y)))
    if apart > _STILL_PIX:
        return found
    moved_pix = np.hypot(*dither) / field.pixel_mas
    why = (
        f"{len(found.a)} sources are at the same pixels of both, but the telescope moved by {moved_pix:.1f}"
        f" pixel: hot pixels or persistence; {REMEDY}"
    )
    none = np.zeros(0, np.intp)
    return Registration(Fit(n=0, why=why), none, none, found.match)


def _commanded(a: Seen, b: Seen, *, field: Field) -> tuple[float, float] | None:
    """The dither that the guide stars tell: no fit can have spoilt it."""
    both = (
        (mine, other)
        for mine in a.exposure.solutions
        for other in b.exposure.solutions
        if mine.family in _GUIDED and mine.name.kind == other.name.kind
    )
    found = next(both, None)
    return found and _dither(a, b, field=field, combination=found)


def _dither(a: Seen, b: Seen, *, field: Field, combination: Combination) -> tuple[float, float] | None:
    """Offset at which the pixels of the detector are found again; None where others were read out."""
    if _pixels_read(a) != _pixels_read(b):
        return None
    middles = []
    for seen, solution in zip((a, b), combination, strict=True):
        middle = field_center([solution.wcs(chip.id) for chip in seen.exposure.chips])
        middles.append(np.stack(sky_to_plane(*middle, field.center)) * MAS_PER_DEG)
    east, north = middles[1] - middles[0]
    return float(east), float(north)


def _pixels_read(seen: Seen) -> tuple[object, ...]:
    """What two exposures have in common if and only if the same pixel has the same place in both."""
    chips = [
        (chip.id, chip.shape, chip.header.number("LTV1") or 0.0, chip.header.number("LTV2") or 0.0)
        for chip in seen.exposure.chips
    ]
    return seen.exposure.instrument, seen.exposure.detector, *chips


def expectation(a: Seen, b: Seen, combination: Combination, *, field: Field) -> Expectation:
    """What is known of a pair before it is measured.

    Parameters
    ----------
    a, b : Seen
    combination : (Solution, Solution)
    field : Field

    Returns
    -------
    Expectation
        The scale is held where both solutions come from one fit or both have the nominal scale. Where the
        focus differs, so do the centres of lopsided stars, all alike.
    """
    mine, other = combination
    same_filter = is_same_filter(a, b)
    rigid = mine.name.kind == other.name.kind and (
        mine.name.mode in _RIGID_MODES if mine.family == "fit" else mine.family != "user"
    )
    floor = max(_FLOOR_PIX.get(seen.exposure.detector, _USUAL_FLOOR_PIX) for seen in (a, b))
    common = _PIX_PER_UNLIKENESS * unlikeness(a, b) * field.pixel_mas
    return Expectation(
        scale=_RIGID_SCALE if rigid and same_filter else _FREE_SCALE,
        floor_pix=floor,
        same_filter=same_filter,
        common_mas=common,
        common_slope=_SLOPE_SHARE * common / float(np.hypot(*field.corners.T).mean()),
    )


def is_same_filter(a: Seen, b: Seen) -> bool:
    """Whether two exposures show the stars in the same light through the same optics."""
    one, other = ((e.instrument, e.detector, e.filter) for e in (a.exposure, b.exposure))
    return one == other


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What one combination of solutions comes to.

    Parameters
    ----------
    a, b : int
        Places of the two solutions in the lists that were given.
    fit : Fit
        `b` minus `a`.
    similarity : Similarity or None
        None where the exposures could not be measured.

    Examples
    --------
    >>> Outcome(0, 1, Fit(n=0), None).fit.verdict
    'unmeasurable'
    """

    a: int
    b: int
    fit: Fit
    similarity: Similarity | None


def outcomes(
    pair: Tie, a: Sequence[Solution], b: Sequence[Solution], *, places: tuple[Places, Places]
) -> Iterator[Outcome]:
    """Measure every combination of solutions on the stars of a tie.

    Parameters
    ----------
    pair : Tie
    a, b : sequence of Solution
        Of the first and of the second exposure.
    places : (Places, Places)
        Where solutions put the stars of the two exposures.

    Yields
    ------
    Outcome
        In the order of `a`, within it in that of `b`.
    """
    known = pair.registration.similarity
    if known is None:
        for i in range(len(a)):
            for j in range(len(b)):
                yield Outcome(i, j, pair.registration.fit, None)
        return
    stars = pair.registration
    seen_b = np.stack([places[1].of(solution, stars.b) for solution in b])
    judge = _Judge(pair, known)
    for i, solution in enumerate(a):
        offsets = seen_b - places[0].of(solution, stars.a)
        for j, (fit, similarity) in enumerate(judge.each([(solution, other) for other in b], offsets)):
            yield Outcome(i, j, fit, similarity)


class _Judge:
    """What all combinations of one tie have in common."""

    def __init__(self, pair: Tie, known: Similarity) -> None:
        stars, center = pair.registration, pair.field.center
        self.pair, self.known = pair, known
        self.share = known.information
        self.seen_a = under(pair.a, pair.combination[0], center=center, pick=stars.a)
        self.seen_b = under(pair.b, pair.combination[1], center=center, pick=stars.b)
        self.coverage = coverage(self.seen_a.xy, pair.field)
        matched = self.seen_b.xy - self.seen_a.xy
        expect = expectation(pair.a, pair.b, pair.combination, field=pair.field)
        self.scatter = float(self.solve(matched[None], expect).scatter[0])

    def solve(self, offsets: Floats, expect: Expectation) -> _Solved:
        """Fit sets of offsets (k, n, 2) with the weights that the stars have."""
        basis, prior = design(self.seen_a, self.seen_b, expect=expect)
        values, covariance = weighted(basis, offsets, share=self.share, prior=prior)
        covariance = with_common_errors(covariance, expect)
        model = values @ basis.reshape(-1, basis.shape[2]).T
        square = ((offsets - model.reshape(offsets.shape)) ** 2).sum(axis=-1)
        floor = expect.floor_pix * self.pair.field.pixel_mas
        chi2 = reduced_chi2(square, self.seen_a, self.seen_b, floor_mas=floor)
        return _Solved(values[:, :4], covariance[:4, :4], square @ self.share, chi2)

    def each(self, combinations: Sequence[Combination], offsets: Floats) -> Iterator[tuple[Fit, Similarity]]:
        """Fits of as many combinations as there are sets of offsets."""
        pair = self.pair
        expected = [expectation(pair.a, pair.b, both, field=pair.field) for both in combinations]
        solved = {expect: self.solve(offsets, expect) for expect in set(expected)}
        for j, expect in enumerate(expected):
            here = solved[expect]
            # where a solution fits worse than the best, the stars say less about it
            worse = max(1.0, here.scatter[j] / self.scatter) if self.scatter > 0 else 1.0
            similarity = replace(
                self.known,
                values=here.values[j],
                covariance=here.covariance * worse,
                chi2=float(here.chi2[j]),
                scatter_mas=float(np.sqrt(here.scatter[j] / (2 * self.share.sum()))),
            )
            more = max(here.scatter[j] - self.scatter, 0.0) / float(self.share.sum())
            yield self._assess(similarity, expect, misfit_mas=float(np.sqrt(more))), similarity

    def _assess(self, similarity: Similarity, expect: Expectation, *, misfit_mas: float) -> Fit:
        field, found = self.pair.field, self.pair.registration
        fit = describe_fit(similarity, n=len(found.a), coverage=self.coverage, field=field)
        fit = assess(fit, similarity, found.match, field=field, expect=expect)
        misfit_pix = misfit_mas / field.pixel_mas
        if not self.pair.counts or similarity.chi2 < MAX_CHI2 or misfit_pix < PASS_PIX:
            return fit
        names = " and ".join(dict.fromkeys(str(solution.name) for solution in self.pair.combination))
        why = (
            f"stars that agree under {names} scatter by {misfit_mas:.1f} mas = {misfit_pix:.2f} pixel"
            f" (chi2 = {similarity.chi2:.1f}): a distortion or a chip is wrong"
        )
        size = float(np.hypot(fit.judged_mas or 0.0, misfit_mas))
        return replace(fit, verdict="fail", why=why, judged_mas=size)


@dataclass(frozen=True, slots=True, eq=False)
class _Solved:
    """Values (k, 4) of k sets of offsets, their covariance, weighted scatter (k,) and chi2 (k,)."""

    values: Floats
    covariance: Floats
    scatter: Floats
    chi2: Floats
