"""Choose one solution of an exposure by what the user typed."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Protocol, runtime_checkable

from trueup.errors import SelectionError
from trueup.model.exposure import Exposure
from trueup.model.offset import offset
from trueup.model.solution import Solution
from trueup.model.soundness import judge

_FAMILIES = {
    "distortion-only": lambda s: s.family == "distortion-only",
    "apriori": lambda s: s.family == "apriori",
    "rel": lambda s: s.name.mode == "REL",
    "img": lambda s: s.name.mode == "IMG",
    "svm": lambda s: s.name.mode == "SVM",
}


@runtime_checkable
class Assigned(Protocol):
    """Whatever assigns a solution to each exposure, as a choice does."""

    @property
    def solutions(self) -> Mapping[str, Solution]:
        """Solutions by ROOTNAME."""


def select(exposure: Exposure, selection: str) -> Solution:
    """Find the one solution that a selection means.

    Parameters
    ----------
    exposure : Exposure
    selection : str
        A WCSNAME or HDRNAME in any case, a glob (``*FIT_SVM*``), ``#3`` (number printed by ``trueup
        ls``), or a family: ``distortion-only``, ``apriori``, ``rel``, ``img``, ``svm``.

    Returns
    -------
    Solution
        Of several copies that agree to 0.01 mas, a sound one, best from a headerlet.

    Raises
    ------
    SelectionError
        Where nothing matches, or solutions that differ on the sky.

    Examples
    --------
    >>> from trueup.model.cards import Cards
    >>> from trueup.model.names import WcsName
    >>> from trueup.model.solution import Origin
    >>> opus = Solution(WcsName.parse("OPUS"), Origin("primary"))
    >>> select(Exposure("a_flc.fits", Cards(), (), (opus,), opus), "opus") is opus
    True
    """
    found = matching(exposure, selection.strip())
    if not found:
        names = ", ".join(dict.fromkeys(str(s.name) for s in exposure.solutions))
        raise SelectionError(
            f"no solution matches '{selection}'", file=exposure.path, todo=f"it has: {names}"
        )
    first = found[0]
    for other in found[1:]:
        apart = offset(other, first)
        if apart is None or not apart.same:
            raise SelectionError(
                f"'{selection}' matches several solutions that differ on the sky: "
                + "; ".join(_describe(exposure, s) for s in found),
                file=exposure.path,
                todo=f"choose one by its number, for example '#{exposure.solutions.index(first) + 1}'",
            )
    return min(found, key=lambda s: _preference(exposure, s)) if len(found) > 1 else first


def matching(exposure: Exposure, selection: str) -> list[Solution]:
    """Every solution that a selection means, as in :func:`select`, whether they differ or not.

    Parameters
    ----------
    exposure : Exposure
    selection : str

    Returns
    -------
    list of Solution
        In the order of ``exposure.solutions``.

    Raises
    ------
    SelectionError
        Where the selection is blank, ``best``, or a number that the exposure does not have.

    Examples
    --------
    >>> from trueup.model.cards import Cards
    >>> from trueup.model.names import WcsName
    >>> from trueup.model.solution import Origin
    >>> opus = Solution(WcsName.parse("OPUS"), Origin("primary"))
    >>> matching(Exposure("a_flc.fits", Cards(), (), (opus,), opus), "*SVM*")
    []
    """
    solutions = exposure.solutions
    if selection.startswith("#"):
        number = selection[1:]
        if not number.isdigit() or not 1 <= int(number) <= len(solutions):
            raise SelectionError(
                f"no solution {selection}",
                file=exposure.path,
                todo=f"numbers run from #1 to #{len(solutions)}",
            )
        return [solutions[int(number) - 1]]
    if selection.lower() == "best":
        raise SelectionError(
            "'best' is measured on a whole visit",
            file=exposure.path,
            todo="use `trueup apply --solution best`, or `trueup choose` to see it first",
        )
    if selection.lower() in _FAMILIES:
        return [s for s in solutions if _FAMILIES[selection.lower()](s)]
    if not selection:
        raise SelectionError("a blank selection", file=exposure.path, todo="`trueup ls` lists the solutions")
    wanted = selection.upper()
    return (
        [s for s in solutions if wanted in (s.wcsname.upper(), s.hdrname.upper())]
        or [s for s in solutions if fnmatchcase(s.wcsname.upper(), wanted)]
        # only then: *FIT* would match every HDRNAME that ends in .fits
        or [s for s in solutions if fnmatchcase(s.hdrname.upper(), wanted)]
    )


def _preference(exposure: Exposure, solution: Solution) -> tuple[bool, bool, int]:
    index = exposure.solutions.index(solution)
    unsound = judge(exposure)[index].sound is False
    return unsound, solution.origin.kind == "alternate", index


def _describe(exposure: Exposure, solution: Solution) -> str:
    index = exposure.solutions.index(solution)
    verdict = judge(exposure)[index]
    faults = f", UNSOUND ({verdict.faults[0].code})" if verdict.faults else ""
    apart = offset(solution, exposure.active)
    distance = "" if apart is None else f", {apart.max_mas:.1f} mas from the active one"
    return f"#{index + 1} {solution.name} ({solution.origin}{distance}{faults})"
