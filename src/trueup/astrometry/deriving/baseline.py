"""What a bundle starts from: one solution of each exposure, and what was measured between those."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from trueup.astrometry.choosing.unmeasured import reputation
from trueup.astrometry.deriving.bundle import Link
from trueup.astrometry.measuring.measurement import Candidate, Measurement
from trueup.astrometry.pairs.register import FLOOR_ACROSS_FILTERS_MAS, FLOOR_MAS
from trueup.errors import SolutionError
from trueup.model.chipwcs import Floats, Pair, sky_to_plane
from trueup.model.displacement import displacement, frame
from trueup.model.exposure import Exposure
from trueup.model.offset import MAS_PER_DEG
from trueup.model.soundness import judge
from trueup.model.visit import Visit

_POINTED = {"distortion-only", "apriori"}
_RIGID_FITS = {"SVM", "REL", "EVM", "MVM"}
# of an exposure's place in a frame that is taken as it is
_FRAME_SIGMA = np.array([1.0, 1.0, 1e-5, 1e-5])


@dataclass(frozen=True, slots=True)
class Baseline:
    """One solution of each exposure, of one kind where there is one.

    Parameters
    ----------
    start : dict of str to Candidate
        By rootname; exposures without a sound solution with distortion are not among them.
    pointed : bool
        Whether these solutions differ from the truth as the pointing does.

    Examples
    --------
    >>> Baseline({}, True).start
    {}
    """

    start: dict[str, Candidate]
    pointed: bool


def baseline(exposures: Sequence[Exposure], measured: Collection[str] = ()) -> Baseline:
    """Choose the solutions to start from.

    The distortion-only one of each exposure: nothing but the pointing is wrong with it, alike for all
    exposures of an acquisition. Without it an a-priori solution, then a fit of the group, that all have.

    Parameters
    ----------
    exposures : sequence of Exposure
    measured : collection of str
        Rootnames of those that decide; all where it is blank.

    Returns
    -------
    Baseline

    Raises
    ------
    SolutionError
        Where no exposure has a sound solution with distortion.

    Examples
    --------
    >>> from trueup.model.cards import Cards
    >>> from trueup.model.names import WcsName
    >>> from trueup.model.solution import Origin, Solution
    >>> opus = Solution(WcsName.parse("OPUS"), Origin("primary"))
    >>> baseline([Exposure("a_flc.fits", Cards(), (), (opus,), opus)])
    Traceback (most recent call last):
    trueup.errors.SolutionError: a_flc.fits: no sound solution with distortion; run updatewcs on it
    """
    options = {e.rootname: kinds for e in exposures if (kinds := dict(_by_kind(e)))}
    if not options:
        found, todo = "no sound solution with distortion", "run updatewcs on it"
        raise SolutionError(found, file=exposures[0].path, todo=todo)
    deciding = {r: kinds for r, kinds in options.items() if r in measured} or options
    shared = [kind for kind in _in_order(deciding) if all(kind in kinds for kinds in deciding.values())]
    if shared:
        start = {rootname: kinds[shared[0]] for rootname, kinds in options.items() if shared[0] in kinds}
        return Baseline(start, shared[0][0] in _POINTED)
    return Baseline({r: kinds[_in_order({r: kinds})[0]] for r, kinds in options.items()}, pointed=False)


Kind = tuple[str, str, str]


def _by_kind(exposure: Exposure) -> Iterator[tuple[Kind, Candidate]]:
    """Sound solutions with distortion; of one kind the best comes last: whole tables, then the first."""
    verdicts = judge(exposure)

    def preference(index: int) -> tuple[bool, int]:
        return any(flag.code == "table-cut" for flag in verdicts[index].flags), index

    for index in sorted(range(len(exposure.solutions)), key=preference, reverse=True):
        solution = exposure.solutions[index]
        if verdicts[index].sound is not False and solution.has_sip:
            yield solution.name.kind, Candidate(exposure.rootname, index)


def _in_order(options: Mapping[str, Mapping[Kind, Candidate]]) -> list[Kind]:
    def place(kind: Kind) -> tuple[int, Kind]:
        family, mode, _ = kind
        if family in _POINTED:
            return (0 if family == "distortion-only" else 1), kind
        return (2 if mode in _RIGID_FITS else 3), kind

    return sorted({kind for kinds in options.values() for kind in kinds}, key=place)


def pair_links(measurement: Measurement, start: Mapping[str, Candidate], centre: Pair) -> tuple[Link, ...]:
    """What was measured between the solutions to start from.

    Parameters
    ----------
    measurement : Measurement
    start : mapping of str to Candidate
        By rootname.
    centre : (float, float)
        About which to give rotation and scale, degrees.

    Returns
    -------
    tuple of Link
        Direct measurements that count, with the floor that no number of stars lowers.

    Examples
    --------
    >>> from trueup.model.visit import Visit
    >>> pair_links(Measurement(Visit(())), {}, (0.0, 0.0))
    ()
    """
    wanted = {measurement.representative(candidate) for candidate in start.values()}
    links = []
    for row in measurement.relative:
        fitted, about = row.similarity, row.center
        if not {row.a, row.b} <= wanted or row.route or fitted is None or about is None:
            continue
        if row.fit.verdict == "unmeasurable":
            continue
        values, covariance = moved(fitted.values, fitted.covariance, before=about, after=centre)
        a, b = (measurement.exposure(one.rootname) for one in (row.a, row.b))
        same = (a.detector, a.filter) == (b.detector, b.filter)
        floor = FLOOR_MAS if same else FLOOR_ACROSS_FILTERS_MAS
        links.append(
            Link(a.rootname, b.rootname, values, covariance + floor**2 * np.diag([1.0, 1.0, 0.0, 0.0]))
        )
    return tuple(links)


def sky_links(measurement: Measurement, start: Mapping[str, Candidate], centre: Pair) -> tuple[Link, ...]:
    """What was measured between the solutions to start from and the catalogue.

    Parameters
    ----------
    measurement : Measurement
    start : mapping of str to Candidate
        By rootname.
    centre : (float, float)
        About which to give rotation and scale, degrees.

    Returns
    -------
    tuple of Link

    Examples
    --------
    >>> from trueup.model.visit import Visit
    >>> sky_links(Measurement(Visit(())), {}, (0.0, 0.0))
    ()
    """
    wanted = {measurement.representative(candidate) for candidate in start.values()}
    links = []
    for row in measurement.absolute:
        fitted, about = row.similarity, row.center
        if row.candidate not in wanted or fitted is None or about is None:
            continue
        if row.fit.verdict != "unmeasurable":
            values, covariance = moved(fitted.values, fitted.covariance, before=about, after=centre)
            links.append(Link("", row.candidate.rootname, values, covariance))
    return tuple(links)


def frame_links(
    exposures: Iterable[Exposure], start: Mapping[str, Candidate], centre: Pair
) -> tuple[Link, ...]:
    """Where the solutions to start from are in the frame of those in force.

    Parameters
    ----------
    exposures : iterable of Exposure
    start : mapping of str to Candidate
        By rootname.
    centre : (float, float)
        About which to give rotation and scale, degrees.

    Returns
    -------
    tuple of Link

    Raises
    ------
    SolutionError
        Where a solution in force has no distortion.

    Examples
    --------
    >>> frame_links([], {}, (0.0, 0.0))
    ()
    """
    links = []
    for exposure in exposures:
        if not exposure.active.has_sip:
            raise SolutionError(
                "a solution without distortion is no frame for others",
                file=exposure.path,
                solution=exposure.active.name,
                todo="anchor another exposure, or apply a solution with distortion first",
            )
        base = exposure.solutions[start[exposure.rootname].index]
        chips = [chip.id for chip in exposure.chips]
        mine, others = ([one.wcs(chip) for chip in chips] for one in (base, exposure.active))
        apart = displacement(mine, others, centre=centre)
        turn, scale = np.radians(apart.rotation_deg), apart.scale_ppm * 1e-6
        values = np.array([apart.east_mas, apart.north_mas, turn, scale])
        links.append(Link("", exposure.rootname, values, np.diag(_FRAME_SIGMA**2)))
    return tuple(links)


def most_trusted(exposures: Iterable[Exposure]) -> tuple[Exposure, ...]:
    """The exposures of each visit whose solution in force has the best reputation.

    Parameters
    ----------
    exposures : iterable of Exposure

    Returns
    -------
    tuple of Exposure
        None of a visit without a sound solution with distortion in force.

    Examples
    --------
    >>> most_trusted([])
    ()
    """
    able = [e for e in exposures if judge(e)[0].sound is not False and e.active.has_sip]
    visits = Visit(tuple(able)).by_visit()
    best = {name: min(reputation(e.active) for e in members) for name, members in visits.items()}
    return tuple(e for e in able if reputation(e.active) == best[e.visit])


def moved(values: Floats, covariance: Floats, *, before: Pair, after: Pair) -> tuple[Floats, Floats]:
    """A shift, rotation and scale about one point as those about another.

    Parameters
    ----------
    values : (4,) float64 array
        East and north (mas), rotation (radians), scale.
    covariance : (4, 4) float64 array
    before, after : (float, float)
        Right ascension and declination, degrees.

    Returns
    -------
    values : (4,) float64 array
    covariance : (4, 4) float64 array

    Examples
    --------
    >>> at = np.array([3.0, 0.0, 1e-5, 0.0])
    >>> values, _ = moved(at, np.eye(4), before=(150.0, 0.0), after=(150.0, 0.1))
    >>> values.round(2).tolist()
    [6.6, 0.0, 0.0, 0.0]
    """
    x, y = (float(part) * MAS_PER_DEG for part in sky_to_plane(*after, before))
    step = np.eye(4)
    step[:2, 2:] = [[y, x], [-x, y]]
    # north at one point is not quite north at the other
    step[:2] = (frame(*after).T @ frame(*before))[1:, 1:] @ step[:2]
    return step @ values, step @ covariance @ step.T
