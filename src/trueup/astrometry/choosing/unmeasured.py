"""What to do where an exposure cannot be measured: guiding, names and headers are all there is."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from trueup.astrometry.choosing import remarks
from trueup.astrometry.choosing.carry import Carried, carry
from trueup.astrometry.choosing.evidence import Assignment, Evidence
from trueup.astrometry.choosing.search import Kind, common_sets
from trueup.astrometry.choosing.standing import pair_fits
from trueup.astrometry.measuring.measurement import Candidate
from trueup.model.solution import Solution

_FEWEST_MATCHES = 6
_LARGEST_RMS_MAS = 50.0
_ORDER = ("SVM", "REL", "HSC30", "GSC240", "distortion-only")


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """The solution of an exposure that was not measured.

    Parameters
    ----------
    candidate : Candidate
    note : str
        Why this one, in words.
    carried : Carried or None
        The correction it takes from another exposure.
    miss_mas : float or None
        How far the solution is from that correction.
    must_derive : bool
        Whether no solution of the exposure is what the correction gives.

    Examples
    --------
    >>> Given(Candidate("iepw14gaq", 0), "left as it is").must_derive
    False
    """

    candidate: Candidate
    note: str
    carried: Carried | None = None
    miss_mas: float | None = None
    must_derive: bool = False


def reputation(solution: Solution) -> int:
    """Place of a solution in the order in which unmeasured ones are trusted, the best first.

    FIT_SVM, FIT_REL of at least 6 matches and below 50 mas, HSC30, GSC240, distortion-only, the rest.

    Parameters
    ----------
    solution : Solution

    Returns
    -------
    int

    Examples
    --------
    >>> from trueup.model.names import WcsName
    >>> from trueup.model.solution import Origin
    >>> names = ("IDC_2731450pi-GSC240", "IDC_2731450pi-FIT_SVM_GAIAeDR3")
    >>> [reputation(Solution(WcsName.parse(name), Origin("primary"))) for name in names]
    [3, 0]
    """
    name, fit = solution.name, solution.fit
    word = name.mode or (name.catalog or "").upper() or solution.family
    if word == "REL":
        rms = max(fit.rms_ra_mas or 0.0, fit.rms_dec_mas or 0.0)
        if (fit.nmatches or 0) < _FEWEST_MATCHES or not 0 < rms < _LARGEST_RMS_MAS:
            return len(_ORDER)
    return _ORDER.index(word) if word in _ORDER else len(_ORDER)


def most_trusted(evidence: Evidence, rootnames: Collection[str]) -> Assignment | None:
    """The common set with the best reputation that no measurement speaks against.

    Parameters
    ----------
    evidence : Evidence
    rootnames : collection of str

    Returns
    -------
    mapping of str to Candidate, or None
        None where the exposures share no kind of sound solution.

    Examples
    --------
    >>> from trueup.astrometry.choosing.evidence import gather
    >>> from trueup.astrometry.measuring.measurement import Measurement
    >>> from trueup.model.visit import Visit
    >>> most_trusted(gather(Measurement(Visit(()))), []) is None
    True
    """
    possible = [
        assignment
        for assignment in common_sets(evidence, rootnames)
        if all(fit.verdict != "fail" for fit in pair_fits(evidence, assignment).values())
    ]
    return min(
        possible,
        key=lambda assignment: max(reputation(evidence.solution(c)) for c in assignment.values()),
        default=None,
    )


def give(evidence: Evidence, rootname: str, chosen: Assignment, *, kind: Kind | None) -> Given:
    """Find the solution of an exposure that was not measured beside others that were.

    Parameters
    ----------
    evidence : Evidence
    rootname : str
    chosen : mapping of str to Candidate
        Of the measured exposures.
    kind : tuple of str or None
        The kind of solution that the measured exposures change to; None where they do not, or have none
        in common.

    Returns
    -------
    Given
        What agrees with the correction of a measured exposure; without such a one the common kind where
        the others change to it, else what is in force, unless a measurement speaks against it.

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
    >>> give(evidence, "iepw14g4q", {}, kind=None).candidate
    Candidate(rootname='iepw14g4q', index=0)
    """
    why = remarks.not_measured(evidence, [rootname])
    if rootname in evidence.anchored:
        return Given(evidence.active(rootname), f"{why}; an anchor never moves")
    carried, why_not = carry(evidence, rootname, chosen)
    possible = [c for c in evidence.options[rootname] if not _contradicted(evidence, c, chosen)]
    if carried is not None:
        return _carried(evidence, carried, possible, kind=kind)
    active = evidence.active(rootname)
    alike = [c for c in possible if evidence.solution(c).name.kind == kind]
    if alike and reputation(evidence.solution(alike[0])) < len(_ORDER):
        note = f"{why}; {why_not}; it follows the others to the solution that all have"
        return Given(alike[0], note)
    if active in possible or not possible:
        return Given(active, f"{why}; {why_not}; left as it is", must_derive=not possible)
    best = min(possible, key=lambda c: reputation(evidence.solution(c)))
    return Given(best, f"{why}; {why_not}; the most trusted solution that nothing speaks against")


def _carried(
    evidence: Evidence, carried: Carried, possible: Collection[Candidate], *, kind: Kind | None
) -> Given:
    rootname = carried.rootname
    east, north = carried.east_mas, carried.north_mas
    words = (
        f"{remarks.not_measured(evidence, [rootname])}; takes the correction of {carried.donor},"
        f" ({east:+.1f}, {north:+.1f}) mas on {carried.prior}:"
        f" the same guide stars hold both to {carried.sigma_mas:.0f} mas"
    )
    agreeing = {c: miss for c, miss in carried.agreeing if c in possible}

    def preference(candidate: Candidate) -> tuple[bool, bool, bool, float]:
        miss = agreeing[candidate]
        strange = evidence.solution(candidate).name.kind != kind
        return miss > carried.sigma_mas, strange, candidate.index > 0, miss

    if not agreeing:
        note = f"{words}, but none of its solutions is that"
        return Given(evidence.active(rootname), note, carried, must_derive=True)
    best = min(agreeing, key=preference)
    note = f"{words}; {evidence.solution(best).name} is {agreeing[best]:.1f} mas from that"
    return Given(best, note, carried, agreeing[best])


def _contradicted(evidence: Evidence, candidate: Candidate, chosen: Assignment) -> bool:
    """Whether even a coarse measurement fails."""
    fits = [evidence.between(candidate, other) for other in chosen.values()]
    return any(fit is not None and fit.verdict == "fail" for fit in fits)
