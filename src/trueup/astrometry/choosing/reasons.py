"""Why a set of solutions was kept, changed or given up, in plain words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from trueup.astrometry.choosing import remarks
from trueup.astrometry.choosing.counted import all_of, count
from trueup.astrometry.choosing.evidence import Assignment, Evidence
from trueup.astrometry.choosing.standing import (
    Distance,
    Standing,
    distance,
    pair_fits,
    stand,
    tied,
    worst_of,
)
from trueup.model.soundness import judge


def _labels(evidence: Evidence, a: str, b: str) -> tuple[str, str]:
    """What to call the exposures of a pair: their filters, or their rootnames where these are the same."""
    one, two = evidence.exposures[a], evidence.exposures[b]
    if one.filter and two.filter and one.filter != two.filter:
        return one.filter, two.filter
    return a, b


def _pair_words(evidence: Evidence, standing: Standing, verb: str) -> str:
    """The worst pair of a set in words: who is how far off whom, under which solutions."""
    worst = standing.worst
    if worst is None:
        return ""
    first, second = _labels(evidence, worst.a, worst.b)
    mine, theirs = (evidence.solution(standing.assignment[root]).name for root in (worst.b, worst.a))
    under = f"under {mine}" if str(mine) == str(theirs) else f"under {mine} against {theirs}"
    return f"{second} {verb} {worst} off {first} {under}"


def kept(evidence: Evidence, standing: Standing) -> str:
    """Why nothing is changed.

    Examples
    --------
    >>> from trueup.astrometry.choosing.evidence import gather
    >>> from trueup.astrometry.measuring.measurement import Candidate, Measurement
    >>> from trueup.model.cards import Cards, make_card
    >>> from trueup.model.exposure import Exposure
    >>> from trueup.model.names import WcsName
    >>> from trueup.model.solution import Origin, Solution
    >>> from trueup.model.visit import Visit
    >>> opus = Solution(WcsName.parse("OPUS"), Origin("primary"))
    >>> header = Cards((make_card("ROOTNAME", "iepw14g4q"),))
    >>> exposure = Exposure("iepw14g4q_flt.fits", header, (), (opus,), opus)
    >>> evidence = gather(Measurement(Visit((exposure,))))
    >>> standing = Standing({"iepw14g4q": Candidate("iepw14g4q", 0)}, "pass", None, None, "OPUS", 0, 0)
    >>> kept(evidence, standing)
    'OPUS, in force, is sound: already good'
    """
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
    agree = f", and every pair agrees within {standing.worst.bound}" if standing.worst else ""
    on_sky = f", {standing.absolute} off the catalogue" if standing.absolute else ""
    return f"{every}{agree}{on_sky}: already good"


def stays(evidence: Evidence, standing: Standing) -> str:
    """Why a set that nothing was measured of is kept.

    Examples
    --------
    >>> from trueup.astrometry.choosing.evidence import gather
    >>> from trueup.astrometry.measuring.measurement import Candidate, Measurement
    >>> from trueup.model.cards import Cards, make_card
    >>> from trueup.model.exposure import Exposure
    >>> from trueup.model.names import WcsName
    >>> from trueup.model.solution import Origin, Solution
    >>> from trueup.model.visit import Visit
    >>> opus = Solution(WcsName.parse("OPUS"), Origin("primary"))
    >>> header = Cards((make_card("ROOTNAME", "iepw14g4q"),))
    >>> exposure = Exposure("iepw14g4q_flt.fits", header, (), (opus,), opus)
    >>> evidence = gather(Measurement(Visit((exposure,))))
    >>> standing = Standing({"iepw14g4q": Candidate("iepw14g4q", 0)}, "pass", None, None, "OPUS", 0, 0)
    >>> stays(evidence, standing)
    'OPUS is linear (no distortion model), and is kept'
    """
    solutions = [evidence.solution(candidate) for candidate in standing.assignment.values()]
    what = "sound" if all(solution.has_sip for solution in solutions) else "linear (no distortion model)"
    shared = f"{what} and common" if len(solutions) > 1 else what
    return f"{standing.common or '(no WCSNAME)'} is {shared}, and is kept"


def changed(
    evidence: Evidence, before: Standing, after: Standing, *, standings: Sequence[Standing] = ()
) -> str:
    """Why other solutions are put in force, which, and why not others that would align as well.

    Parameters
    ----------
    evidence : Evidence
    before, after : Standing
    standings : sequence of Standing
        All sets that were looked at.

    Returns
    -------
    str

    Examples
    --------
    >>> from trueup.astrometry.choosing.evidence import gather
    >>> from trueup.astrometry.measuring.measurement import Candidate, Measurement
    >>> from trueup.model.cards import Cards, make_card
    >>> from trueup.model.exposure import Exposure
    >>> from trueup.model.names import WcsName
    >>> from trueup.model.solution import Origin, Solution
    >>> from trueup.model.visit import Visit
    >>> opus = Solution(WcsName.parse("OPUS"), Origin("primary"))
    >>> header = Cards((make_card("ROOTNAME", "iepw14g4q"),))
    >>> exposure = Exposure("iepw14g4q_flt.fits", header, (), (opus,), opus)
    >>> evidence = gather(Measurement(Visit((exposure,))))
    >>> only = {"iepw14g4q": Candidate("iepw14g4q", 0)}
    >>> far, near = Distance(69.2, 1.0, 39.6), Distance(0.4, 1.0, 39.6)
    >>> before = Standing(only, "fail", None, far, "OPUS", 0, 0)
    >>> changed(evidence, before, Standing(only, "pass", None, near, "OPUS", 0, 1))
    'the solutions in force were 69.2 +- 1.0 mas (1.75 px) off the catalogue; OPUS is nearer, 0.4 ...'
    """
    parts = (
        _trouble(evidence, before, after),
        _remedy(evidence, after),
        *_rivals(evidence, after, standings),
    )
    return "; ".join(parts)


def _rivals(evidence: Evidence, after: Standing, standings: Sequence[Standing]) -> list[str]:
    """Common sets that align the exposures, too, by what they lack."""
    lacking: dict[str, list[str]] = {}
    names = {after.common}
    for standing in standings:
        if standing.common and standing.common not in names and standing.worst and standing.verdict == "pass":
            names.add(standing.common)
            why = remarks.shortcoming(evidence, standing, after)
            lacking.setdefault(why, []).append(standing.common)
    return [f"{' and '.join(sorted(names))} would, too ({why})" for why, names in lacking.items()]


def _trouble(evidence: Evidence, before: Standing, after: Standing) -> str:
    plain = _unsound_in_force(evidence, before.assignment) or "; ".join(bad_siblings(evidence, before))
    if plain:
        return plain
    if before.worst is not None and before.worst.pix > (after.worst.pix if after.worst else 0.0) + 0.05:
        return _pair_words(evidence, before, "was")
    if before.absolute is not None:
        return f"the solutions in force were {before.absolute} off the catalogue"
    return _pair_words(evidence, before, "was")


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
        name = after.common or "(no WCSNAME)"
        what = name if n == 1 else f"{name} is common to {all_of(n)} and"
    brings = f" brings every pair within {after.worst.bound}" if after.worst else " is nearer"
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
    """Why no existing solution will do.

    Examples
    --------
    >>> from trueup.astrometry.choosing.evidence import gather
    >>> from trueup.astrometry.measuring.measurement import Candidate, Measurement
    >>> from trueup.model.cards import Cards, make_card
    >>> from trueup.model.exposure import Exposure
    >>> from trueup.model.names import WcsName
    >>> from trueup.model.solution import Origin, Solution
    >>> from trueup.model.visit import Visit
    >>> opus = Solution(WcsName.parse("OPUS"), Origin("primary"))
    >>> header = Cards((make_card("ROOTNAME", "iepw14g4q"),))
    >>> exposure = Exposure("iepw14g4q_flt.fits", header, (), (opus,), opus)
    >>> evidence = gather(Measurement(Visit((exposure,))))
    >>> only, far = {"iepw14g4q": Candidate("iepw14g4q", 0)}, Distance(69.2, 1.0, 39.6)
    >>> to_derive(evidence, Standing(only, "fail", None, far, "OPUS", 0, 0), [])
    'no set of existing solutions passes: the visit is 69.2 +- 1.0 mas (1.75 px) off the catalogue under ...'
    """
    siblings = "; ".join(bad_siblings(evidence, before))
    parts = [_unsound_in_force(evidence, before.assignment) or siblings or _offence(evidence, before)]
    failing = [s for s in standings if s.verdict != "pass" and s.touched and s.worst]
    if failing:
        parts.append(f"at best {_offence(evidence, min(failing, key=_farthest_pix))}")
    parts += [
        f"{s.common} would bring every pair within {s.worst.bound}, but gives up the fit to the sky:"
        " only a catalogue can tell"
        for s in standings
        if s.verdict == "pass" and s.common and s.worst
    ][:1]
    return f"no set of existing solutions passes: {'; '.join(parts)}; `trueup fit` derives one"


def _farthest_pix(standing: Standing) -> float:
    """How far a set is off, be it between exposures or on the sky."""
    return max(far.pix for far in (standing.worst, standing.absolute) if far is not None)


def _offence(evidence: Evidence, standing: Standing) -> str:
    fails = any(f.verdict == "fail" for f in pair_fits(evidence, standing.assignment).values())
    if standing.absolute is not None and not fails:
        under = f" under {standing.common}" if standing.common else ""
        return f"the visit is {standing.absolute} off the catalogue{under}"
    return _pair_words(evidence, standing, "is")


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

    Examples
    --------
    >>> from trueup.astrometry.choosing.evidence import gather
    >>> from trueup.astrometry.measuring.measurement import Candidate, Measurement
    >>> from trueup.model.cards import Cards, make_card
    >>> from trueup.model.exposure import Exposure
    >>> from trueup.model.names import WcsName
    >>> from trueup.model.solution import Origin, Solution
    >>> from trueup.model.visit import Visit
    >>> opus = Solution(WcsName.parse("OPUS"), Origin("primary"))
    >>> header = Cards((make_card("ROOTNAME", "iepw14g4q"),))
    >>> exposure = Exposure("iepw14g4q_flt.fits", header, (), (opus,), opus)
    >>> evidence = gather(Measurement(Visit((exposure,))))
    >>> standing = Standing({"iepw14g4q": Candidate("iepw14g4q", 0)}, "pass", None, None, "OPUS", 0, 0)
    >>> bad_siblings(evidence, standing)
    []
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
                f" {agreed.bound}: {evidence.solution(candidate).name} is wrong there"
            )
    return found


def _has_sibling(evidence: Evidence, rootname: str, others: Iterable[str]) -> bool:
    mine = evidence.exposures[rootname]
    group = [evidence.exposures[other] for other in others]
    return any((e.detector, e.filter) == (mine.detector, mine.filter) for e in group)


def undecided(evidence: Evidence, standing: Standing) -> list[str]:
    """Groups of exposures whose measurement against each other is too coarse to decide, in words.

    Examples
    --------
    >>> from trueup.astrometry.measuring.measurement import Candidate, Measurement
    >>> from trueup.astrometry.choosing.evidence import gather
    >>> from trueup.model.visit import Visit
    >>> undecided(gather(Measurement(Visit(()))), Standing({}, "pass", None, None, None, 0, 0))
    []
    """
    groups = tied(standing.assignment, evidence.ties)
    group_of = {rootname: group for group in groups for rootname in group}
    coarsest: dict[tuple[str, str], Distance] = {}
    for (a, b), fit in pair_fits(evidence, standing.assignment).items():
        if fit.verdict == "undecided" and group_of[a] is not group_of[b]:
            coarsest.setdefault(_labels(evidence, a, b), distance(fit, a, b))
    return [
        f"{b} against {a} is not decided: {found} under the solutions in force"
        for (a, b), found in coarsest.items()
    ]
