"""One solution for every exposure of a visit, with the reasons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from trueup.errors import SelectionError
from trueup.model.exposure import Exposure
from trueup.model.notebook import table_html
from trueup.model.solution import Solution

ChoiceVerdict = Literal["keep", "change", "derive", "unmeasurable"]


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """The solution chosen for one exposure.

    Parameters
    ----------
    exposure : Exposure
    solution : Solution
        One of ``exposure.solutions``.
    reason : str
        In plain words, with the numbers.
    relative_corner_mas, relative_sigma_mas : float or None
        Displacement from the rest of the visit under it, as judged, at the worst pair; of a carried one that
        from the correction it takes over, and how rigid the two exposures are.
    absolute_mas, absolute_sigma_mas : float or None
        Offset from the catalogue.
    carried_from : str
        Rootname of the exposure whose correction this one takes; blank where it was measured itself.

    Examples
    --------
    >>> Chosen.__slots__[:2]
    ('exposure', 'solution')
    """

    exposure: Exposure
    solution: Solution
    reason: str
    relative_corner_mas: float | None = None
    relative_sigma_mas: float | None = None
    absolute_mas: float | None = None
    absolute_sigma_mas: float | None = None
    carried_from: str = ""

    @property
    def was_active(self) -> bool:
        """Whether the file has it in force already."""
        return self.solution is self.exposure.active


@dataclass(frozen=True, slots=True)
class Rejected:
    """A solution that was not chosen, and why.

    Parameters
    ----------
    rootname : str
    solution : Solution
    reason : str

    Examples
    --------
    >>> Rejected.__slots__[0]
    'rootname'
    """

    rootname: str
    solution: Solution
    reason: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One consistent choice for a visit.

    Parameters
    ----------
    verdict : {"keep", "change", "derive", "unmeasurable"}
    reason : str
        In one sentence.
    exposures : tuple of Chosen
    common : str or None
        WCSNAME that all exposures share under the choice, which may be blank.
    rejected : tuple of Rejected
    findings : tuple of str

    Examples
    --------
    >>> Choice("unmeasurable", "no exposure was given").common is None
    True
    """

    verdict: ChoiceVerdict
    reason: str
    exposures: tuple[Chosen, ...] = ()
    common: str | None = None
    rejected: tuple[Rejected, ...] = ()
    findings: tuple[str, ...] = ()

    @property
    def solutions(self) -> dict[str, Solution]:
        """The chosen solution of each exposure by ROOTNAME: what :func:`trueup.plan` takes.

        Raises
        ------
        SelectionError
            Where none of the solutions is good enough, so that one must be derived.
        """
        if self.verdict == "derive":
            todo = "derive one with `trueup fit`, or name a solution"
            raise SelectionError(f"there is nothing to apply: {self.reason}", todo=todo)
        return {one.exposure.rootname: one.solution for one in self.exposures}

    def _repr_html_(self) -> str:
        rows = [
            (
                one.exposure.rootname,
                f"{one.exposure.detector} {one.exposure.filter}",
                one.solution.name,
                "in force already" if one.was_active else f"instead of {one.exposure.active.name}",
                one.reason,
            )
            for one in self.exposures
        ]
        head = ("exposure", "filter", "chosen", "", "because")
        return table_html(f"{self.verdict.upper()}: {self.reason}", head, rows, *self.findings)
