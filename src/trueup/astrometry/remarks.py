"""Why a single solution was given to an exposure, was not, or could not be measured, in plain words."""

from __future__ import annotations

from collections.abc import Collection

from trueup.astrometry.evidence import Assignment, Evidence
from trueup.astrometry.measurement import Candidate
from trueup.astrometry.standing import PASS_PIX, sky_offset, worst_of
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
    >>> from trueup.astrometry.evidence import gather
    >>> from trueup.astrometry.measurement import Measurement
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

    Examples
    --------
    >>> from trueup.astrometry.evidence import gather
    >>> from trueup.astrometry.measurement import Measurement
    >>> from trueup.model.cards import Cards, make_card
    >>> from trueup.model.exposure import Exposure
    >>> from trueup.model.names import WcsName
    >>> from trueup.model.solution import Origin, Solution
    >>> from trueup.model.visit import Visit
    >>> opus = Solution(WcsName.parse("OPUS"), Origin("primary"))
    >>> header = Cards((make_card("ROOTNAME", "iepw14g4q"),))
    >>> exposure = Exposure("iepw14g4q_flt.fits", header, (), (opus,), opus)
    >>> evidence = gather(Measurement(Visit((exposure,))))
    >>> rejected(evidence, "iepw14g4q", {"iepw14g4q": Candidate("iepw14g4q", 0)})
    []
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


def not_measured(evidence: Evidence, rootnames: Collection[str]) -> str:
    """Why exposures could not be measured: what is known of the one that came nearest.

    Examples
    --------
    >>> from trueup.astrometry.evidence import gather
    >>> from trueup.astrometry.measurement import Measurement
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
        return max(rows, key=lambda fit: fit.n).why
    notes = [note for one in evidence.measurement.stars if one.rootname in rootnames for note in one.notes]
    if skipped or notes:
        return (*skipped, *notes)[0]
    return (
        "no exposure overlaps another"
        if len(rootnames) > 1
        else "it is alone; give another exposure or --catalog"
    )
