"""Why a single solution was given to an exposure, was not, or could not be measured, in plain words."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from trueup.astrometry.choosing.counted import all_of
from trueup.astrometry.choosing.evidence import Assignment, Evidence, counts, pixel_mas
from trueup.astrometry.choosing.ranking import gives_up_the_sky
from trueup.astrometry.choosing.search import common_sets
from trueup.astrometry.choosing.standing import PASS_PIX, Distance, Standing, sky_offset, stand, worst_of
from trueup.astrometry.measuring.measurement import Candidate
from trueup.model.soundness import judge


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

    Examples
    --------
    >>> from trueup.astrometry.choosing.evidence import gather
    >>> from trueup.astrometry.measuring.measurement import Measurement
    >>> from trueup.model.cards import Cards, make_card
    >>> from trueup.model.exposure import Exposure
    >>> from trueup.model.names import WcsName
    >>> from trueup.model.solution import Origin, Solution
    >>> from trueup.model.visit import Visit
    >>> opus = Solution(WcsName.parse("OPUS"), Origin("primary"))
    >>> header = Cards((make_card("ROOTNAME", "iepw14g4q"),))
    >>> exposure = Exposure("iepw14g4q_flt.fits", header, (), (opus,), opus)
    >>> evidence = gather(Measurement(Visit((exposure,))))
    >>> single(evidence, Candidate("iepw14g4q", 0), {"iepw14g4q": Candidate("iepw14g4q", 0)})
    'kept without a measurement'
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


def rejected(evidence: Evidence, chosen: Assignment) -> list[tuple[Candidate, str]]:
    """The solutions of some exposures that were not chosen, and why; of those that are alike, one.

    A solution of a kind that all exposures have is judged as it would be put in force: in all of them.

    Parameters
    ----------
    evidence : Evidence
    chosen : mapping of str to Candidate

    Returns
    -------
    list of (Candidate, str)

    Examples
    --------
    >>> from trueup.astrometry.choosing.evidence import gather
    >>> from trueup.astrometry.measuring.measurement import Measurement
    >>> from trueup.model.cards import Cards, make_card
    >>> from trueup.model.exposure import Exposure
    >>> from trueup.model.names import WcsName
    >>> from trueup.model.solution import Origin, Solution
    >>> from trueup.model.visit import Visit
    >>> opus = Solution(WcsName.parse("OPUS"), Origin("primary"))
    >>> header = Cards((make_card("ROOTNAME", "iepw14g4q"),))
    >>> exposure = Exposure("iepw14g4q_flt.fits", header, (), (opus,), opus)
    >>> evidence = gather(Measurement(Visit((exposure,))))
    >>> rejected(evidence, {"iepw14g4q": Candidate("iepw14g4q", 0)})
    []
    """
    in_all = dict(_of_sets(evidence, chosen))
    found = []
    for rootname, given in chosen.items():
        seen = {evidence.alike[given]}
        for index, verdict in enumerate(judge(evidence.exposures[rootname])):
            candidate = Candidate(rootname, index)
            if verdict.faults and candidate != given:
                found.append((candidate, f"unsound ({verdict.faults[0].code}): {verdict.faults[0].text}"))
            elif evidence.alike[candidate] not in seen:
                seen.add(evidence.alike[candidate])
                why = in_all.get(evidence.alike[candidate]) or _why_rejected(evidence, candidate, chosen)
                found.append((candidate, why))
    return found


def _of_sets(evidence: Evidence, chosen: Assignment) -> Iterable[tuple[Candidate, str]]:
    """What speaks against each kind of solution that all exposures have, for each of its members."""
    usable = [root for root in chosen if root in evidence.measured and root not in evidence.anchored]
    if len(usable) < 2 or evidence.anchored:
        return
    taken = stand(evidence, {rootname: chosen[rootname] for rootname in usable})
    for assignment in common_sets(evidence, usable):
        standing = stand(evidence, assignment)
        words = _in_all(evidence, standing, taken)
        for candidate in assignment.values() if words else ():
            yield evidence.alike[candidate], words


def _in_all(evidence: Evidence, standing: Standing, taken: Standing) -> str:
    """A common set in words: the worst pair, the catalogue, and what a set that passes lacks."""
    words = [f"{standing.worst} at worst"] if standing.worst else []
    words += [f"{standing.absolute} off the catalogue"] if standing.absolute else []
    if words and standing.verdict == "pass":
        words.append(shortcoming(evidence, standing, taken))
    return f"in {all_of(len(standing.assignment))}: {', '.join(words)}" if words else ""


def shortcoming(evidence: Evidence, standing: Standing, taken: Standing) -> str:
    """What a set that passes lacks beside the one that was taken.

    Parameters
    ----------
    evidence : Evidence
    standing, taken : Standing

    Returns
    -------
    str

    Examples
    --------
    >>> from trueup.astrometry.choosing.evidence import gather
    >>> from trueup.astrometry.measuring.measurement import Measurement
    >>> from trueup.model.visit import Visit
    >>> old, new = (Standing({}, "pass", None, None, "OPUS", rank, 1) for rank in (0, 6))
    >>> shortcoming(gather(Measurement(Visit(()))), old, new)
    'an older catalogue, or none'
    """
    if gives_up_the_sky(evidence, standing):
        return "no fit to the sky"
    if taken.verdict == "pass" and not taken.touched:
        return "not clearly better than what is in force"
    if standing.newest < taken.newest:
        return "an older catalogue, or none"
    return "more exposures would change" if standing.touched > taken.touched else "not clearly better"


def _why_rejected(evidence: Evidence, candidate: Candidate, chosen: Assignment) -> str:
    if candidate.rootname in evidence.anchored:
        return "the exposure is the anchor"
    if candidate not in evidence.options[candidate.rootname]:
        return "linear: it has no distortion model"
    worst, sky = worst_of(evidence, candidate, chosen), evidence.against_catalog(candidate)
    words = [f"{worst} off {worst.a}"] if worst else []
    words += [f"{Distance(*sky_offset(sky), pixel_mas(sky))} off the catalogue"] if sky else []
    if worst and worst.pix <= PASS_PIX:
        kind = evidence.solution(candidate).name.kind
        others = {evidence.solution(other).name.kind for other in chosen.values()}
        common = len(others) == 1 and kind not in others
        words.append("the chosen one is common to all" if common else "not clearly better")
    return ", ".join(words) or "not measured"


def not_measured(evidence: Evidence, rootnames: Collection[str]) -> str:
    """Why exposures could not be measured well enough: what is known of the one that came nearest.

    Examples
    --------
    >>> from trueup.astrometry.choosing.evidence import gather
    >>> from trueup.astrometry.measuring.measurement import Measurement
    >>> from trueup.model.cards import Cards, make_card
    >>> from trueup.model.exposure import Exposure
    >>> from trueup.model.names import WcsName
    >>> from trueup.model.solution import Origin, Solution
    >>> from trueup.model.visit import Visit
    >>> opus = Solution(WcsName.parse("OPUS"), Origin("primary"))
    >>> header = Cards((make_card("ROOTNAME", "iepw14g4q"),))
    >>> exposure = Exposure("iepw14g4q_flt.fits", header, (), (opus,), opus)
    >>> evidence = gather(Measurement(Visit((exposure,))))
    >>> not_measured(evidence, ["iepw14g4q"])
    'it is alone; give another exposure or --catalog'
    """
    skipped = [why for rootname, why in evidence.measurement.skipped if rootname in rootnames]
    rows = [row.fit for row in evidence.measurement.relative if row.a.rootname in rootnames]
    rows += [row.fit for row in evidence.measurement.relative if row.b.rootname in rootnames]
    rows += [row.fit for row in evidence.measurement.absolute if row.candidate.rootname in rootnames]
    if rows:
        best = max(rows, key=lambda fit: (counts(fit), fit.n))
        return f"too coarse to decide: {best.why}" if counts(best) else best.why
    notes = [note for one in evidence.measurement.stars if one.rootname in rootnames for note in one.notes]
    if skipped or notes:
        return (*skipped, *notes)[0]
    return (
        "no exposure overlaps another"
        if len(rootnames) > 1
        else "it is alone; give another exposure or --catalog"
    )
