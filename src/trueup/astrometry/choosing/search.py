"""Which sets of solutions of a visit are worth a look."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from trueup.astrometry.choosing.evidence import Assignment, Evidence
from trueup.astrometry.choosing.standing import pair_fits, tied
from trueup.astrometry.measuring.measurement import Candidate

Kind = tuple[str, str, str]


def sets(evidence: Evidence, rootnames: Collection[str]) -> Iterator[Assignment]:
    """Every set of solutions that may be the best one.

    Twenty exposures with nine solutions each have 9 ** 20 combinations. Looked at are: each kind of solution
    that all exposures have (an anchored exposure keeps its own); each group of exposures that agree in the
    files as they are, the others given what agrees with it; and each solution of the exposure with the
    most measured partners, the others given what agrees with that.

    Parameters
    ----------
    evidence : Evidence
    rootnames : collection of str
        The exposures to choose for.

    Returns
    -------
    iterator of mapping of str to Candidate

    Examples
    --------
    >>> from trueup.astrometry.choosing.evidence import gather
    >>> from trueup.astrometry.measuring.measurement import Measurement
    >>> from trueup.model.visit import Visit
    >>> list(sets(gather(Measurement(Visit(()))), []))
    []
    """
    if not rootnames or not all(evidence.options[rootname] for rootname in rootnames):
        return
    yield from common_sets(evidence, rootnames)
    for group in _agreeing(evidence, rootnames):
        yield _grown(evidence, {root: evidence.active(root) for root in group}, rootnames)
    hub = _hub(evidence, rootnames)
    for candidate in evidence.options[hub]:
        yield _grown(evidence, {hub: candidate}, rootnames)


def common_sets(evidence: Evidence, rootnames: Collection[str]) -> Iterator[Assignment]:
    """The sets of one kind of solution, distortion models of one per detector where possible.

    Parameters
    ----------
    evidence : Evidence
    rootnames : collection of str

    Returns
    -------
    iterator of mapping of str to Candidate
        Without the kinds that an exposure lacks, or has in sound form only.

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
    >>> list(common_sets(evidence, ["iepw14g4q"]))
    [{'iepw14g4q': Candidate(rootname='iepw14g4q', index=0)}]
    """
    free = [rootname for rootname in rootnames if rootname not in evidence.anchored]
    kinds = [_kinds(evidence, rootname) for rootname in free]
    for kind in sorted(set.intersection(*kinds)) if kinds else ():
        chosen = {rootname: of_kind(evidence, rootname, kind) for rootname in free}
        fixed = {rootname: evidence.active(rootname) for rootname in rootnames if rootname not in chosen}
        both = chosen | fixed
        yield {rootname: both[rootname] for rootname in rootnames}


def _kinds(evidence: Evidence, rootname: str) -> set[Kind]:
    return {evidence.solution(candidate).name.kind for candidate in evidence.options[rootname]}


def of_kind(evidence: Evidence, rootname: str, kind: Kind) -> Candidate:
    """The solution of an exposure that is of a kind.

    The one in force goes first, then the distortion model of the one in force, a headerlet before an
    alternate.

    Parameters
    ----------
    evidence : Evidence
    rootname : str
    kind : tuple of str
        Of :attr:`trueup.model.names.WcsName.kind`; the exposure must have it.

    Returns
    -------
    Candidate

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
    >>> of_kind(evidence, "iepw14g4q", ("telemetry", "", ""))
    Candidate(rootname='iepw14g4q', index=0)
    """
    base = evidence.solution(evidence.active(rootname)).name.base.upper()

    def preference(candidate: Candidate) -> tuple[bool, bool, bool, int]:
        solution = evidence.solution(candidate)
        foreign = solution.name.base.upper() != base
        return candidate.index > 0, foreign, solution.origin.kind == "alternate", candidate.index

    fitting = [c for c in evidence.options[rootname] if evidence.solution(c).name.kind == kind]
    return min(fitting, key=preference)


def _agreeing(evidence: Evidence, rootnames: Collection[str]) -> tuple[frozenset[str], ...]:
    """Groups of exposures whose solutions in force are sound and agree."""
    active = {
        rootname: evidence.active(rootname)
        for rootname in rootnames
        if evidence.active(rootname) in evidence.options[rootname]
    }
    fits = pair_fits(evidence, active)
    return tied(active, [pair for pair, fit in fits.items() if fit.verdict == "pass"])


def _hub(evidence: Evidence, rootnames: Collection[str]) -> str:
    """The exposure to start from: an anchored one, else the one with the most measured partners."""
    links = dict.fromkeys(rootnames, 0)
    for pair in evidence.ties:
        for rootname in links.keys() & set(pair):
            links[rootname] += 1
    return max(rootnames, key=lambda rootname: (rootname in evidence.anchored, links[rootname]))


def _grown(evidence: Evidence, seed: Assignment, rootnames: Collection[str]) -> Assignment:
    """The set that agrees best with its first members, one exposure after the other."""
    placed = dict(seed)
    left = [rootname for rootname in rootnames if rootname not in placed]
    while left:
        nearest = max(left, key=lambda root: sum((root, other) in evidence.ties for other in placed))
        left.remove(nearest)
        placed[nearest] = min(evidence.options[nearest], key=lambda c: _misfit(evidence, c, placed))
    return {rootname: placed[rootname] for rootname in rootnames}


def _misfit(
    evidence: Evidence, candidate: Candidate, placed: Assignment
) -> tuple[int, int, bool, bool, float]:
    """What speaks against a solution beside others: failures first, then that it is a change."""
    fits = [fit for other in placed.values() if (fit := evidence.between(candidate, other)) is not None]
    verdicts = [fit.verdict for fit in fits]
    moves = not evidence.same(candidate, evidence.active(candidate.rootname))
    kinds = {evidence.solution(other).name.kind for other in placed.values()}
    alone = evidence.solution(candidate).name.kind not in kinds
    worst = max((fit.judged_mas or 0.0 for fit in fits), default=0.0)
    return verdicts.count("fail"), -verdicts.count("pass"), moves, alone, worst
