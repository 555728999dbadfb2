"""Carry the correction of a measured exposure to one that cannot be measured.

Under one guide-star acquisition the telescope points with an error that is the same for every exposure.
What a measured exposure needed on top of a solution that knows nothing of its pixels (guide stars, or the
distortion model alone), the other one needs, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from trueup.astrometry.choosing.evidence import Assignment, Evidence
from trueup.astrometry.measuring.measurement import Candidate
from trueup.model.exposure import Exposure
from trueup.model.offset import comparable, grid_displacement_mas, offset
from trueup.model.solution import ChipSolution, Solution

# exposures of one acquisition are rigid to 2-5 mas within an orbit, to 10-15 mas from one to the next
_WITHIN_ORBIT_MAS = 5.0
_BETWEEN_ORBITS_MAS = 15.0
_VISIBILITY_DAYS = 60 / 1440
_ROLL_DEG = 0.01
_AGREEMENT_SIGMAS = 3.0
_TROUBLE = ("GSFAIL", "LOCKLOSS", "LOSS OF LOCK", "REACQ", "TDF-DOWN")
_PRIORS = ("HSC30", "GSC240", "")


@dataclass(frozen=True, slots=True, eq=False)
class Carried:
    """A correction taken over from another exposure.

    Parameters
    ----------
    rootname : str
        Of the exposure that takes it.
    donor : str
        Rootname of the measured exposure.
    prior : str
        Name of the solution that both share; the correction is on top of it.
    east_mas, north_mas : float
        The correction at the field centre.
    sigma_mas : float
        How rigid the two are.
    agreeing : tuple of (Candidate, float)
        Solutions of the exposure that are what the correction gives within 3 sigma, the nearest first, and
        how far off they are at the worst place, mas.

    Examples
    --------
    >>> Carried("iepw14gaq", "iepw14g4q", "IDC_2731450pi-GSC240", 60.0, -35.0, 5.0).agreeing
    ()
    """

    rootname: str
    donor: str
    prior: str
    east_mas: float
    north_mas: float
    sigma_mas: float
    agreeing: tuple[tuple[Candidate, float], ...] = ()


def carry(evidence: Evidence, rootname: str, chosen: Assignment) -> tuple[Carried | None, str]:
    """Find the correction of a measured exposure that another one may take.

    Parameters
    ----------
    evidence : Evidence
    rootname : str
        The exposure that could not be measured.
    chosen : mapping of str to Candidate
        What was chosen for the measured ones.

    Returns
    -------
    Carried or None
        From the exposure nearest in time; None where guiding changed, or no solution is shared that
        knows nothing of the pixels.
    why_not : str
        The reason in words, blank where a correction was found.

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
    >>> carry(evidence, "iepw14g4q", {})
    (None, 'it is alone')
    """
    exposure = evidence.exposures[rootname]
    donors = [evidence.exposures[other] for other in chosen if other != rootname]
    obstacles = []
    for donor in sorted(donors, key=lambda other: _days_apart(other, exposure)):
        obstacle = guiding_change(donor, exposure, evidence.exposures.values())
        shared = _shared_prior(evidence, donor.rootname, rootname)
        if not obstacle and shared is not None:
            return _carried(evidence, chosen[donor.rootname], shared=shared), ""
        obstacles.append(obstacle or f"{donor.rootname} shares no a-priori solution with it")
    return None, f"no correction can be carried to it: {obstacles[0]}" if obstacles else "it is alone"


def guiding_change(a: Exposure, b: Exposure, others: Iterable[Exposure] = ()) -> str:
    """What makes the pointing errors of two exposures different ones, as far as headers tell.

    Parameters
    ----------
    a, b : Exposure
    others : iterable of Exposure
        Those taken between the two are asked for guiding failures, too.

    Returns
    -------
    str
        Blank where nothing does: the same visit and detector, guide stars (DGESTAR, SGESTAR), FGSLOCK and
        GYROMODE, fine lock, no failure between, and PA_V3 as the pointing demands.

    Examples
    --------
    >>> from trueup.model.cards import Cards, make_card
    >>> from trueup.model.solution import Origin, Solution
    >>> from trueup.model.names import WcsName
    >>> opus = Solution(WcsName.parse("OPUS"), Origin("primary"))
    >>> words = [("ROOTNAME", "iepw14g4q"), ("DETECTOR", "UVIS"), ("FGSLOCK", "FINE")]
    >>> one = Exposure("a", Cards(tuple(make_card(*word) for word in words)), (), (opus,), opus)
    >>> gyros = one.header.replace("FGSLOCK", make_card("FGSLOCK", "GYROS"))
    >>> guiding_change(one, Exposure("b", gyros, (), (opus,), opus))
    'FGSLOCK is FINE in iepw14g4q and GYROS in iepw14g4q'
    """
    if a.visit != b.visit:
        return f"{a.rootname} is of another visit"
    if a.detector != b.detector:
        return f"{a.rootname} is of another detector"
    for word in ("FGSLOCK", "GYROMODE", "DGESTAR", "SGESTAR"):
        mine, theirs = a.header.text(word).upper(), b.header.text(word).upper()
        if mine != theirs and (word == "FGSLOCK" or (mine and theirs)):
            return f"{word} is {mine or 'blank'} in {a.rootname} and {theirs or 'blank'} in {b.rootname}"
    if not a.guiding.startswith("fine"):
        return f"{a.rootname} was not guided in fine lock (FGSLOCK {a.header.text('FGSLOCK') or 'blank'})"
    for exposure in _from_to(a, b, others):
        words = f"{exposure.header.text('QUALITY')} {exposure.header.text('QUALCOM1')}".upper()
        if any(trouble in words for trouble in _TROUBLE):
            return f"guiding failed in {exposure.rootname} (QUALITY {words.strip()})"
    roll = _unexplained_roll_deg(a, b)
    return f"PA_V3 jumps by {roll:.3f} degrees from {a.rootname}" if abs(roll) > _ROLL_DEG else ""


def _from_to(a: Exposure, b: Exposure, others: Iterable[Exposure]) -> list[Exposure]:
    """The two and what was taken between them."""
    first, last = sorted((_start(a), _start(b)))
    between = [e for e in others if e.visit == a.visit and first < _start(e) < last]
    return [a, *between, b]


def _unexplained_roll_deg(a: Exposure, b: Exposure) -> float:
    """Change of PA_V3 less what a change of right ascension does to the direction of north."""
    before, after = a.header.number("PA_V3"), b.header.number("PA_V3")
    if before is None or after is None or not (a.active.chips and b.active.chips):
        return 0.0
    (ra_a, dec_a), (ra_b, _) = a.active.chips[0].wcs.crval, b.active.chips[0].wcs.crval
    expected = _half_turn(ra_b - ra_a) * np.sin(np.radians(dec_a))
    return float(_half_turn(after - before - expected))


def _half_turn(degrees: float) -> float:
    return (degrees + 180.0) % 360.0 - 180.0


def _start(exposure: Exposure) -> float:
    return exposure.header.number("EXPSTART") or 0.0


def _days_apart(a: Exposure, b: Exposure) -> float:
    return abs(_start(a) - _start(b))


def _rigid_to_mas(a: Exposure, b: Exposure) -> float:
    """A first start and a last end less than an orbit's visibility apart are one orbit."""
    starts = [_start(a), _start(b)]
    known = all(starts)
    first, last = (a, b) if starts[0] <= starts[1] else (b, a)
    end = last.header.number("EXPEND") or max(starts)
    one_orbit = known and end - _start(first) <= _VISIBILITY_DAYS
    # one guide star and a gyro hold the roll less well
    return _WITHIN_ORBIT_MAS if one_orbit and a.guiding == "fine" else _BETWEEN_ORBITS_MAS


def _shared_prior(evidence: Evidence, donor: str, rootname: str) -> tuple[Candidate, Candidate] | None:
    """The best solution of one kind of both exposures that was made without looking at pixels."""
    for catalog in _PRIORS:
        for mine in _priors(evidence, donor, catalog):
            for theirs in _priors(evidence, rootname, catalog):
                if evidence.solution(mine).name.base.upper() == evidence.solution(theirs).name.base.upper():
                    return mine, theirs
    return None


def _priors(evidence: Evidence, rootname: str, catalog: str) -> list[Candidate]:
    found = []
    for candidate in evidence.options[rootname]:
        name = evidence.solution(candidate).name
        if name.family in {"apriori", "distortion-only"} and (name.catalog or "").upper() == catalog:
            found.append(candidate)
    return found


def _carried(evidence: Evidence, given: Candidate, *, shared: tuple[Candidate, Candidate]) -> Carried:
    """The correction, and the solutions of the other exposure that are what it gives."""
    prior, own_prior = shared
    donor, exposure = (evidence.exposures[c.rootname] for c in (given, own_prior))
    sigma = _rigid_to_mas(donor, exposure)
    correction = offset(evidence.solution(given), evidence.solution(prior))
    found = []
    for candidate in evidence.options[exposure.rootname]:
        miss = _difference_mas(
            (evidence.solution(given), evidence.solution(prior)),
            (evidence.solution(candidate), evidence.solution(own_prior)),
        )
        if miss <= _AGREEMENT_SIGMAS * sigma:
            found.append((candidate, miss))
    return Carried(
        rootname=exposure.rootname,
        donor=donor.rootname,
        prior=evidence.solution(prior).wcsname,
        east_mas=correction.east_mas if correction else 0.0,
        north_mas=correction.north_mas if correction else 0.0,
        sigma_mas=sigma,
        agreeing=tuple(sorted(found, key=lambda pair: pair[1])),
    )


def _difference_mas(theirs: tuple[Solution, Solution], mine: tuple[Solution, Solution]) -> float:
    """Largest difference of two corrections at the same pixels; at the field centre if sizes differ."""
    worst = []
    for a, a_prior in zip(*(solution.chips for solution in theirs), strict=False):
        for b, b_prior in zip(*(solution.chips for solution in mine), strict=False):
            if a.chip == b.chip and a.wcs.shape == b.wcs.shape:
                worst.append(_chip_difference(a, a_prior, against=(b, b_prior)))
    if worst:
        return max(worst)
    one, two = offset(*theirs), offset(*mine)
    if one is None or two is None:
        return np.inf
    return float(np.hypot(one.east_mas - two.east_mas, one.north_mas - two.north_mas))


def _chip_difference(a: ChipSolution, a_prior: ChipSolution, *, against: Sequence[ChipSolution]) -> float:
    one = np.array(grid_displacement_mas(*comparable(a, a_prior)))
    two = np.array(grid_displacement_mas(*comparable(*against)))
    return float(np.hypot(*(one - two)).max())
