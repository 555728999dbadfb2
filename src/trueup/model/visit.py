"""A visit: the exposures that were taken together, and what they disagree about."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trueup.model.exposure import Exposure
from trueup.model.solution import Solution

if TYPE_CHECKING:
    from astropy.table import Table


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file that was given but is not used, and why.

    Attributes
    ----------
    path : str
    why : str
    is_error : bool
        True where the file should have been usable.
    is_remote : bool
        True where it is not the file that is wrong: it could not be reached.
    """

    path: str
    why: str
    is_error: bool = False
    is_remote: bool = False


_NAMED = 3


def left_out_lines(left_out: Iterable[LeftOut]) -> list[str]:
    """Why files are not used, in one line per reason; each error has its own.

    Parameters
    ----------
    left_out : iterable of LeftOut

    Returns
    -------
    list of str

    Examples
    --------
    >>> left_out_lines([LeftOut("a_raw.fits", "raw data")])
    ['a_raw.fits is left out: raw data']
    >>> left_out_lines([LeftOut(f"visit/{root}_raw.fits", "raw data") for root in "abcde"])
    ['5 files are left out: raw data (a_raw.fits, b_raw.fits, c_raw.fits and 2 more)']
    """
    groups: dict[str, list[str]] = {}
    for out in left_out:
        groups.setdefault(f"{out.path}: {out.why}" if out.is_error else out.why, []).append(out.path)
    return [_left_out_line(files, why.removeprefix(f"{files[0]}: ")) for why, files in groups.items()]


def _left_out_line(files: list[str], why: str) -> str:
    if len(files) == 1:
        return f"{files[0]} is left out: {why}"
    names = ", ".join(os.path.basename(file) for file in files[:_NAMED])
    more = f" and {len(files) - _NAMED} more" if len(files) > _NAMED else ""
    return f"{len(files)} files are left out: {why} ({names}{more})"


@dataclass(frozen=True, slots=True)
class ProductInputs:
    """The WCSNAME of each input of a drizzled product, from its HDRTAB.

    Attributes
    ----------
    path : str
    inputs : tuple of (str, str)
        Rootname and WCSNAME of each input chip.
    """

    path: str
    inputs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Visit:
    """Exposures in the order of their start, with everything else that was found.

    Attributes
    ----------
    exposures : tuple of Exposure
    headerlets : tuple of (str, Solution)
        Headerlet files whose exposure was not given.
    offered : tuple of (str, Solution)
        Headerlet files lying in a folder: they count only when they are named.
    products : tuple of ProductInputs
    left_out : tuple of LeftOut

    Examples
    --------
    >>> Visit(()).is_consistent
    True
    >>> len(Visit(()).solutions)
    0
    """

    exposures: tuple[Exposure, ...]
    headerlets: tuple[tuple[str, Solution], ...] = ()
    offered: tuple[tuple[str, Solution], ...] = ()
    products: tuple[ProductInputs, ...] = ()
    left_out: tuple[LeftOut, ...] = ()

    @property
    def solutions(self) -> Table:
        """Every solution of every exposure: what headers say and what follows from them.

        Returns
        -------
        astropy.table.Table
            A row per solution with name, origin, soundness, the claims of its header, and the distance from
            the active one, in mas; see :func:`trueup.model.solution_rows.solution_rows`. Unknown is masked.
        """
        from trueup.model.solution_rows import UNITS, solution_rows
        from trueup.model.table import table_of

        return table_of([row for exposure in self.exposures for row in solution_rows(exposure)], units=UNITS)

    def _repr_html_(self) -> str:
        from trueup.model.notebook import visit_html

        return visit_html(self)

    def by(self, key: Callable[[Exposure], str]) -> dict[str, tuple[Exposure, ...]]:
        """Group the exposures, for example ``visit.by(lambda e: e.association)``."""
        groups: dict[str, list[Exposure]] = {}
        for exposure in self.exposures:
            groups.setdefault(key(exposure), []).append(exposure)
        return {name: tuple(members) for name, members in groups.items()}

    def by_visit(self) -> dict[str, tuple[Exposure, ...]]:
        """The exposures of each visit (first six characters of ROOTNAME)."""
        return self.by(lambda exposure: exposure.visit)

    def by_association(self) -> dict[str, tuple[Exposure, ...]]:
        """The exposures of each association; a single exposure stands for itself."""
        return self.by(lambda exposure: exposure.association)

    def by_filter(self) -> dict[str, tuple[Exposure, ...]]:
        """The exposures of each detector and filter, as ``UVIS F336W``."""
        return self.by(lambda exposure: f"{exposure.detector} {exposure.filter}")

    def by_detector(self) -> dict[str, tuple[Exposure, ...]]:
        """The exposures of each detector."""
        return self.by(lambda exposure: exposure.detector)

    def active_kinds(self) -> dict[str, tuple[Exposure, ...]]:
        """Usable exposures by the kind of solution in force.

        Two names are of one kind where they differ only in the IDCTAB of another detector.
        """
        groups: dict[str, list[Exposure]] = {}
        bases: dict[tuple[str, str], str] = {}
        for exposure in self.exposures:
            if not exposure.usable.measure:
                continue
            name = exposure.solution.name
            base = bases.setdefault((exposure.detector, exposure.visit), name.base.upper())
            other = f" {name.base}" if name.base.upper() != base else ""
            label = "-".join(part for part in name.kind if part) or "(no WCSNAME)"
            groups.setdefault(label + other, []).append(exposure)
        return {label: tuple(members) for label, members in groups.items()}

    @property
    def is_consistent(self) -> bool:
        """Whether all usable exposures of each visit have the same kind of solution in force."""
        return all(len(Visit(group).active_kinds()) < 2 for group in self.by_visit().values())

    def idctabs(self) -> dict[str, dict[str, tuple[Exposure, ...]]]:
        """By detector, the exposures of each IDCTAB where there is more than one."""
        found: dict[str, dict[str, tuple[Exposure, ...]]] = {}
        for detector, members in self.by_detector().items():
            tables = Visit(members).by(lambda e: e.header.text("IDCTAB").lower())
            named = {name: group for name, group in tables.items() if name not in {"", "n/a"}}
            if len(named) > 1:
                found[detector] = named
        return found
