"""Which exposures may become one image, and under which solution."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from trueup.errors import DataError, SolutionError
from trueup.model.exposure import Exposure
from trueup.model.select import Assigned, select
from trueup.model.solution import Solution
from trueup.model.visit import Visit

Selection = str | Mapping[str, Solution] | Assigned | Callable[[Exposure], Solution]


def under(exposures: Iterable[Exposure], solution: Selection | None) -> tuple[Exposure, ...]:
    """The exposures, each under the selected solution.

    Parameters
    ----------
    exposures : iterable of Exposure
    solution : str, Choice, mapping or callable, optional
        As in :func:`drizzle`.

    Returns
    -------
    tuple of Exposure

    Examples
    --------
    >>> under([], "svm")
    ()
    """
    return tuple(e if solution is None else e.under(_selected(e, solution)) for e in exposures)


def _selected(exposure: Exposure, solution: Selection) -> Solution:
    if isinstance(solution, str):
        return select(exposure, solution)
    if isinstance(solution, Assigned):
        solution = solution.solutions
    if isinstance(solution, Mapping):
        return solution.get(exposure.rootname, exposure.solution)
    return solution(exposure)


def require_drizzlable(exposures: Sequence[Exposure]) -> None:
    """Refuse exposures that are no images: grism, moving, scan, calibration, failed.

    Raises
    ------
    DataError
        Naming every one with its reason.

    Examples
    --------
    >>> require_drizzlable([])
    """
    refused = [f"{e.path}: {why}" for e in exposures if (why := why_not(e))]
    if refused:
        raise DataError("cannot be drizzled: " + "; ".join(refused), todo="leave these exposures out")


def why_not(exposure: Exposure) -> str:
    """Why an exposure cannot be drizzled; blank where it can.

    Examples
    --------
    >>> from trueup.model.cards import Cards, make_card
    >>> from trueup.model.names import WcsName
    >>> from trueup.model.solution import Origin
    >>> opus = Solution(WcsName.parse("OPUS"), Origin("primary"))
    >>> why_not(Exposure("a_flc.fits", Cards((make_card("EXPTIME", 0.0),)), (), (opus,), opus))
    'no exposure time'
    """
    if not exposure.usable.drizzle:
        return exposure.usable.why
    if any(chip.is_cut for chip in exposure.chips):
        return "its pixels were cut"
    return ""


def require_same_kind(exposures: Sequence[Exposure]) -> None:
    """Refuse exposures whose solutions were made in different ways.

    Raises
    ------
    SolutionError
        Naming the files of each kind of solution.

    Examples
    --------
    >>> require_same_kind([])
    """
    kinds = Visit(tuple(exposures)).active_kinds()
    if len(kinds) > 1:
        groups = [f"{label}: {', '.join(e.path for e in group)}" for label, group in kinds.items()]
        raise SolutionError(
            "the exposures are under different solutions (" + "; ".join(groups) + ")",
            todo="choose one for all with --solution, or say --allow-mixed",
        )
