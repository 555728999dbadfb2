"""Which solutions of an exposure are measured, and which are trusted to match stars."""

from __future__ import annotations

from collections.abc import Sequence

from trueup.astrometry.measuring.measurement import Candidate
from trueup.errors import SelectionError
from trueup.model.exposure import Exposure
from trueup.model.select import matching
from trueup.model.solution import Solution
from trueup.model.soundness import judge


def candidates(exposure: Exposure, selections: Sequence[str] | None = None) -> tuple[Candidate, ...]:
    """The solutions of an exposure that can be measured, those that are the same on the sky once.

    Parameters
    ----------
    exposure : Exposure
    selections : sequence of str, optional
        Only the active solution and what these select; what the exposure lacks is passed over.

    Returns
    -------
    tuple of Candidate
        In the order of ``exposure.solutions``.

    Examples
    --------
    >>> from trueup.model.cards import Cards
    >>> from trueup.model.names import WcsName
    >>> from trueup.model.solution import Origin
    >>> bad = Solution(WcsName.parse("OPUS"), Origin("hdrlet", hdu=7), broken="no END")
    >>> candidates(Exposure("a_flc.fits", Cards(), (), (bad,), bad))
    ()
    """
    verdicts = judge(exposure)
    first = [min((index, *verdict.same_as)) for index, verdict in enumerate(verdicts)]
    chosen = exposure.solutions if selections is None else _selected(exposure, selections)
    wanted = {first[exposure.solutions.index(solution)] for solution in chosen}
    return tuple(Candidate(exposure.rootname, k) for k in sorted(wanted) if _covers(exposure, k))


def _selected(exposure: Exposure, selections: Sequence[str]) -> list[Solution]:
    return [exposure.active, *(s for selection in selections for s in matching(exposure, selection))]


def require_matches(exposures: Sequence[Exposure], selections: Sequence[str]) -> None:
    """Refuse a selection that no exposure has.

    Parameters
    ----------
    exposures : sequence of Exposure
    selections : sequence of str

    Raises
    ------
    SelectionError
    """
    for selection in selections:
        if exposures and not any(matching(exposure, selection) for exposure in exposures):
            names = ", ".join(dict.fromkeys(str(s.name) for e in exposures for s in e.solutions))
            raise SelectionError(f"no solution matches '{selection}'", todo=f"there are: {names}")


def _covers(exposure: Exposure, index: int) -> bool:
    have = {part.chip.extver for part in exposure.solutions[index].chips}
    return bool(exposure.chips) and all(chip.id.extver in have for chip in exposure.chips)


def by_trust(a: Exposure, b: Exposure) -> list[tuple[Solution, Solution]]:
    """Combinations of the solutions of two exposures: sound ones first, then those of one kind.

    Stars are matched under a trusted combination, so that an unsound active solution does not make a pair
    unmeasurable. Without distortion the stars of the corners do not meet: linear solutions come last.

    Parameters
    ----------
    a, b : Exposure

    Returns
    -------
    list of (Solution, Solution)
    """

    def distrust(pair: tuple[int, int]) -> tuple[int, int, bool, int]:
        both = [(e, judge(e)[k], e.solutions[k]) for e, k in zip((a, b), pair, strict=True)]
        unsound = sum(verdict.sound is False for _, verdict, _ in both)
        linear = sum(not solution.has_sip for _, _, solution in both)
        return unsound, linear, len({solution.name.kind for _, _, solution in both}) > 1, sum(pair)

    pairs = [(i.index, j.index) for i in candidates(a) for j in candidates(b)]
    return [(a.solutions[i], b.solutions[j]) for i, j in sorted(pairs, key=distrust)]
