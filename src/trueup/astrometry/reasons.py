"""The reasons of a choice in plain words."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from trueup.astrometry.evidence import Assignment, Evidence
from trueup.astrometry.measurement import Candidate
from trueup.astrometry.standing import (
    PASS_PIX,
    Distance,
    Standing,
    distance,
    pair_fits,
    sky_offset,
    stand,
    tied,
    worst_of,
)
from trueup.model.soundness import judge

_COUNTS = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def all_of(number: int) -> str:
    """All of a small number, in words.

    Examples
    --------
    >>> all_of(2), all_of(4), all_of(36)
    ('both', 'all four', 'all 36')
    """
    return "both" if number == 2 else f"all {count(number)}"


def count(number: int) -> str:
    """A small number as a word.

    Examples
    --------
    >>> count(4), count(36)
    ('four', '36')
    """
    return _COUNTS[number] if number < len(_COUNTS) else str(number)


def within(distance: Distance) -> str:
    """A bound that a displacement is within, its error included.

    Examples
    --------
    >>> within(Distance(0.31, 0.29, 39.6))
    '0.6 mas (0.015 px)'
    """
    bound = replace(distance, mas=distance.mas + distance.sigma_mas)
    return f"{bound.mas:.1f} mas ({bound.pix:.3f} px)"


def labels(evidence: Evidence, a: str, b: str) -> tuple[str, str]:
    """What to call the exposures of a pair: their filters, or their rootnames where these are the same."""
    one, two = evidence.exposures[a], evidence.exposures[b]
    if one.filter and two.filter and one.filter != two.filter:
        return one.filter, two.filter
    return a, b


def pair_words(evidence: Evidence, standing: Standing, verb: str) -> str:
    """The worst pair of a set in words: who is how far off whom, under which solutions."""
    worst = standing.worst
    if worst is None:
        return ""
    first, second = labels(evidence, worst.a, worst.b)
    mine, theirs = (evidence.solution(standing.assignment[root]).name for root in (worst.b, worst.a))
    under = f"under {mine}" if str(mine) == str(theirs) else f"under {mine} against {theirs}"
    return f"{second} {verb} {worst} off {first} {under}"


def kept(evidence: Evidence, standing: Standing) -> str:
    """Why nothing is changed."""
    names = sorted({str(evidence.solution(c).name) for c in standing.assignment.values()})
    what, n = " and ".join(names), len(standing.assignment)
    if standing.verdict != "pass":
        worst = f" (the worst pair: {standing.worst})" if standing.worst else ""
        return (
            f"nothing is measurably off under {what}, but the measurement is too coarse to pass it{worst};"
            " no other set is better by 3 sigma and 0.05 px"
        )
    where = "" if n == 1 else f" in {all_of(n)} exposures"
    every = f"{what}, in force{where}, {'is' if len(names) == 1 else 'are'} sound"
    agree = f", and every pair agrees within {within(standing.worst)}" if standing.worst else ""
    on_sky = f", {standing.absolute} off the catalogue" if standing.absolute else ""
    return f"{every}{agree}{on_sky}: already good"


def stays(evidence: Evidence, standing: Standing) -> str:
    """Why a set that nothing was measured of is kept."""
    solutions = [evidence.solution(candidate) for candidate in standing.assignment.values()]
    what = "sound" if all(solution.has_sip for solution in solutions) else "linear (no distortion model)"
    shared = f"{what} and common" if len(solutions) > 1 else what
    return f"{standing.common or '(no WCSNAME)'} is {shared}, and is kept"


def changed(evidence: Evidence, before: Standing, after: Standing) -> str:
    """Why other solutions are put in force, and which."""
    return "; ".join((_trouble(evidence, before, after), _remedy(evidence, after)))


def _trouble(evidence: Evidence, before: Standing, after: Standing) -> str:
    plain = _unsound_in_force(evidence, before.assignment) or "; ".join(bad_siblings(evidence, before))
    if plain:
        return plain
    if before.worst is not None and before.worst.pix > (after.worst.pix if after.worst else 0.0) + 0.05:
        return pair_words(evidence, before, "was")
    if before.absolute is not None:
        return f"the solutions in force were {before.absolute} off the catalogue"
    return pair_words(evidence, before, "was")


def _unsound_in_force(evidence: Evidence, assignment: Assignment) -> str:
    for rootname, candidate in assignment.items():
        faults = judge(evidence.exposures[rootname])[candidate.index].faults
        if faults:
            name = evidence.solution(candidate).name
            return f"{name} in force in {rootname} is unsound ({faults[0].code}): {faults[0].text}"
    return ""


def _remedy(evidence: Evidence, after: Standing) -> str:
    n = len(after.assignment)
    what = _moved(evidence, after)
    if after.common is not None:
        what = after.common if n == 1 else f"{after.common} is common to {all_of(n)} and"
    brings = f" brings every pair within {within(after.worst)}" if after.worst else " is nearer"
    on_sky = f", {after.absolute} off the catalogue" if after.absolute else ""
    return f"{what}{brings}{on_sky}"


def _moved(evidence: Evidence, after: Standing) -> str:
    """The solutions that a set puts in force, and where."""
    where: dict[str, list[str]] = {}
    for rootname, candidate in after.assignment.items():
        if not evidence.same(candidate, evidence.active(rootname)):
            where.setdefault(str(evidence.solution(candidate).name), []).append(rootname)
    return ", ".join(f"{name} for {' and '.join(rootnames)}" for name, rootnames in where.items())


def to_derive(evidence: Evidence, before: Standing, standings: Sequence[Standing]) -> str:
    """Why no existing solution will do."""
    siblings = "; ".join(bad_siblings(evidence, before))
    parts = [_unsound_in_force(evidence, before.assignment) or siblings or _offence(evidence, before)]
    failing = [s for s in standings if s.verdict != "pass" and s.touched and s.worst]
    if failing:
        nearest = min(failing, key=lambda s: s.worst.pix if s.worst else math.inf)
        parts.append(f"at best {_offence(evidence, nearest)}")
    parts += [
        f"{s.common} would bring every pair within {within(s.worst)}, but gives up the fit to the sky:"
        " only a catalogue can tell"
        for s in standings
        if s.verdict == "pass" and s.common and s.worst
    ][:1]
    return f"no set of existing solutions passes: {'; '.join(parts)}; `trueup fit` derives one"


def _offence(evidence: Evidence, standing: Standing) -> str:
    fails = any(f.verdict == "fail" for f in pair_fits(evidence, standing.assignment).values())
    if standing.absolute is not None and not fails:
        return f"the visit is {standing.absolute} off the catalogue"
    return pair_words(evidence, standing, "is")


def bad_siblings(evidence: Evidence, before: Standing) -> list[str]:
    """Exposures that are off, under the solutions in force, while most of their siblings agree.

    Parameters
    ----------
    evidence : Evidence
    before : Standing

    Returns
    -------
    list of str
        A sentence for each; blank where no majority agrees.
    """
    fits = pair_fits(evidence, before.assignment)
    passing = [pair for pair, fit in fits.items() if fit.verdict == "pass"]
    majority, *_ = tied(before.assignment, passing)
    if len(majority) < 2 or 2 * len(majority) <= len(before.assignment):
        return []
    siblings = {rootname: before.assignment[rootname] for rootname in sorted(majority)}
    agreed = stand(evidence, siblings).worst
    found = []
    for rootname, candidate in before.assignment.items():
        worst = worst_of(evidence, candidate, siblings)
        if rootname not in majority and worst and agreed and _has_sibling(evidence, rootname, majority):
            found.append(
                f"{rootname} is {worst} off its {count(len(majority))} siblings, which agree within"
                f" {within(agreed)}: {evidence.solution(candidate).name} is wrong there"
            )
    return found


def _has_sibling(evidence: Evidence, rootname: str, others: Iterable[str]) -> bool:
    mine = evidence.exposures[rootname]
    group = [evidence.exposures[other] for other in others]
    return any((e.detector, e.filter) == (mine.detector, mine.filter) for e in group)


def single(evidence: Evidence, candidate: Candidate, chosen: Assignment) -> str:
    """Why one exposure is given its solution.

    Parameters
    ----------
    evidence : Evidence
    candidate : Candidate
    chosen : mapping of str to Candidate
        The set it belongs to.

    Returns
    -------
    str
    """
    active = evidence.active(candidate.rootname)
    word = "kept" if evidence.same(candidate, active) else "changed"
    if judge(evidence.exposures[candidate.rootname])[candidate.index].faults:
        word = f"{word}, though unsound, for want of a sound one"
    after = worst_of(evidence, candidate, chosen)
    if after is None:
        measured = evidence.against_catalog(candidate) is not None
        return (
            f"{word}: measured against the catalogue alone" if measured else f"{word} without a measurement"
        )
    before = worst_of(evidence, active, {root: evidence.active(root) for root in chosen})
    then = f", before {before} off {before.a}" if before and not evidence.same(candidate, active) else ""
    return f"{word}: {after} off {after.a} at worst{then}"


def rejected(evidence: Evidence, rootname: str, chosen: Assignment) -> list[tuple[Candidate, str]]:
    """The solutions of an exposure that were not chosen, and why; of those that are alike, one.

    Parameters
    ----------
    evidence : Evidence
    rootname : str
    chosen : mapping of str to Candidate

    Returns
    -------
    list of (Candidate, str)
    """
    exposure = evidence.exposures[rootname]
    seen = {evidence.alike[chosen[rootname]]}
    found = []
    for index, verdict in enumerate(judge(exposure)):
        candidate = Candidate(rootname, index)
        if verdict.faults and candidate != chosen[rootname]:
            found.append((candidate, f"unsound ({verdict.faults[0].code}): {verdict.faults[0].text}"))
        elif evidence.alike[candidate] not in seen:
            seen.add(evidence.alike[candidate])
            found.append((candidate, _why_rejected(evidence, candidate, chosen)))
    return found


def _why_rejected(evidence: Evidence, candidate: Candidate, chosen: Assignment) -> str:
    if candidate.rootname in evidence.anchored:
        return "the exposure is the anchor"
    if candidate not in evidence.options[candidate.rootname]:
        return "linear: it has no distortion model"
    worst, sky = worst_of(evidence, candidate, chosen), evidence.against_catalog(candidate)
    words = [f"{worst} off {worst.a}"] if worst else []
    words += ["{:.1f} +- {:.1f} mas off the catalogue".format(*sky_offset(sky))] if sky else []
    if worst and worst.pix <= PASS_PIX:
        kind = evidence.solution(candidate).name.kind
        others = {evidence.solution(other).name.kind for other in chosen.values()}
        common = len(others) == 1 and kind not in others
        words.append("the chosen one is common to all" if common else "not clearly better")
    return ", ".join(words) or "not measured"


def undecided(evidence: Evidence, standing: Standing) -> list[str]:
    """Groups of exposures whose measurement against each other is too coarse to decide, in words."""
    groups = tied(standing.assignment, evidence.ties)
    group_of = {rootname: group for group in groups for rootname in group}
    coarsest: dict[tuple[str, str], Distance] = {}
    for (a, b), fit in pair_fits(evidence, standing.assignment).items():
        if fit.verdict == "undecided" and group_of[a] is not group_of[b]:
            coarsest.setdefault(labels(evidence, a, b), distance(fit, a, b))
    return [
        f"{b} against {a} is not decided: {found} under the solutions in force"
        for (a, b), found in coarsest.items()
    ]


def not_measured(evidence: Evidence, rootnames: Collection[str]) -> str:
    """Why exposures could not be measured: what is known of the one that came nearest."""
    skipped = [why for rootname, why in evidence.measurement.skipped if rootname in rootnames]
    rows = [row.fit for row in evidence.measurement.relative if row.a.rootname in rootnames]
    rows += [row.fit for row in evidence.measurement.relative if row.b.rootname in rootnames]
    rows += [row.fit for row in evidence.measurement.absolute if row.candidate.rootname in rootnames]
    if rows:
        return max(rows, key=lambda fit: fit.n).why
    notes = [note for one in evidence.measurement.stars if one.rootname in rootnames for note in one.notes]
    if skipped or notes:
        return (*skipped, *notes)[0]
    return (
        "no exposure overlaps another"
        if len(rootnames) > 1
        else "it is alone; give another exposure or --catalog"
    )
