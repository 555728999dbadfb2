"""A plan: what putting a solution in force changes, before anything is written."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trueup.edit.commit import Change, commit, exclusive
from trueup.edit.diff import HduChange, KeywordChange, hdu_changes, keyword_changes
from trueup.edit.document import Units, recipe_of, units_of
from trueup.edit.guard import editable, readable
from trueup.edit.rewrite import rewrite
from trueup.edit.rules import check
from trueup.errors import ChangedError, SelectionError, SolutionError
from trueup.fits.splice import Built, fingerprint
from trueup.fits.walk import open_source, walk
from trueup.model.exposure import Exposure
from trueup.model.select import Assigned, select
from trueup.model.solution import Solution
from trueup.model.visit import LeftOut, Visit, left_out_lines

Selection = str | Solution | Mapping[str, str | Solution] | Assigned | None


@dataclass(frozen=True, slots=True)
class FilePlan:
    """What happens to one exposure.

    Parameters
    ----------
    exposure : Exposure
    target : Solution
    keywords : tuple of KeywordChange
    hdus : tuple of HduChange
    warnings : tuple of str
    change : Change

    Examples
    --------
    >>> FilePlan.__slots__[:2]
    ('exposure', 'target')
    """

    exposure: Exposure
    target: Solution
    keywords: tuple[KeywordChange, ...]
    hdus: tuple[HduChange, ...]
    warnings: tuple[str, ...]
    change: Change

    def as_dict(self) -> dict[str, Any]:
        """One item of ``trueup apply --dry-run --format json``."""
        return {
            "file": self.exposure.path,
            "from": _solution_id(self.exposure, self.exposure.active),
            "to": _solution_id(self.exposure, self.target),
            "changes": [{name: getattr(k, name) for name in KeywordChange.__slots__} for k in self.keywords],
            "hdus": [{name: getattr(h, name) for name in HduChange.__slots__} for h in self.hdus],
        }

    @property
    def summary(self) -> str:
        """One line."""
        if self.change.nothing:
            return f"{self.exposure.path}: {self.target.name} is in force already"
        where = self.change.target or self.exposure.path
        return f"{where}: {self.exposure.active.name} -> {self.target.name}"

    def __str__(self) -> str:
        return "\n  ".join([self.summary, *map(str, self.keywords), *map(str, self.hdus)])


@dataclass(frozen=True, slots=True)
class Plan:
    """What happens to the exposures of a visit: printable, and done by :meth:`commit`.

    Parameters
    ----------
    files : tuple of FilePlan
    left_out : tuple of LeftOut
        Files that were given but are not exposures to edit.

    Examples
    --------
    >>> Plan(()).commit()
    ()
    """

    files: tuple[FilePlan, ...]
    left_out: tuple[LeftOut, ...] = ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What deserves a look before the commit."""
        texts = [text for file in self.files for text in file.warnings]
        return (*texts, *left_out_lines(self.left_out))

    @property
    def summary(self) -> str:
        """One line per file."""
        return "\n".join(file.summary for file in self.files)

    @property
    def is_current(self) -> bool:
        """Whether the files are still those it was made for."""
        return all(fingerprint(file.change.path) == file.change.expect for file in self.files)

    def commit(self) -> tuple[Built, ...]:
        """Write all files, or none.

        Returns
        -------
        tuple of Built
            SHA-256 before and after of the files that changed.

        Raises
        ------
        ChangedError
            When a file was changed since it was planned for.
        FileAccessError
            When the file system refuses; every file is then untouched.
        """
        with exclusive(file.change.destination for file in self.files):
            return self.write()

    def write(self) -> tuple[Built, ...]:
        """Commit where :func:`trueup.edit.commit.exclusive` holds the folders already."""
        changes = [file.change for file in self.files if not file.change.nothing]
        names = sorted({str(file.target.name) for file in self.files})
        return commit(changes, f"apply {', '.join(names)}")

    def __str__(self) -> str:
        return "\n".join(map(str, self.files))

    def _repr_html_(self) -> str:
        from trueup.model.notebook import table_html

        rows = [
            (
                file.exposure.rootname,
                file.exposure.active.name,
                "in force already" if file.change.nothing else file.target.name,
                len(file.keywords),
                file.change.destination,
            )
            for file in self.files
        ]
        head = ("exposure", "from", "to", "keywords that change", "file")
        return table_html(f"Plan for {len(self.files)} exposures", head, rows, *self.warnings)


def plan(
    visit: Visit,
    selection: Selection = None,
    *,
    allow: Collection[str] = (),
    archive: bool = True,
    out: str | os.PathLike[str] | None = None,
    follow_links: bool = False,
) -> Plan:
    """Plan to put one solution in force in every exposure of a visit.

    Parameters
    ----------
    visit : Visit
        Of :func:`trueup.fits.visit.open_visit`.
    selection : str, Solution, Choice, mapping or None
        See :func:`trueup.model.select.select`; a choice or a mapping gives one per rootname; None takes
        the headerlet file that came with each exposure.
    allow : collection of str
        ``unsound`` and ``distortion``: what is otherwise refused.
    archive : bool
        Keep the replaced solution as a HDRLET, unless an identical sound one is there.
    out : path, optional
        Write changed copies into this folder instead.
    follow_links : bool
        Edit targets of symlinks, and files with several hard links.

    Returns
    -------
    Plan

    Raises
    ------
    SelectionError, SolutionError, FileAccessError, FormatError
        When any exposure cannot have the solution; nothing is written.

    Examples
    --------
    >>> plan(Visit(()), "svm").files
    ()
    """
    for name, stray in visit.headerlets:
        found = f"the headerlet is for {stray.destim or 'no exposure'}, which was not given"
        raise SolutionError(found, file=name, solution=stray.name, todo="give that exposure too")
    files = []
    for exposure in visit.exposures:
        if out is None:
            path, copy = editable(exposure.path, follow_links=follow_links), None
        else:
            path = readable(exposure.path)
            copy = Path(out).resolve() / path.name
        target = _target(exposure, selection)
        warnings = check(exposure, target, allow=allow, archive=archive)
        files.append(_file_plan(exposure, target, places=(path, copy), warnings=warnings, archive=archive))
    return Plan(tuple(files), visit.left_out)


def _target(exposure: Exposure, selection: Selection) -> Solution:
    if isinstance(selection, Assigned):
        selection = selection.solutions
    if isinstance(selection, Mapping):
        if exposure.rootname not in selection:
            raise SelectionError("nothing is chosen for this exposure", file=exposure.path)
        selection = selection[exposure.rootname]
    if isinstance(selection, Solution):
        return selection
    if selection is not None:
        return select(exposure, selection)
    files = [s for s in exposure.solutions if s.origin.kind == "file"]
    if len(files) != 1:
        found = "several headerlet files are" if files else "no headerlet file is"
        todo = "name one solution with --solution" + ("" if files else ", or give its headerlet with --hlet")
        raise SelectionError(f"{found} for this exposure", file=exposure.path, todo=todo)
    return files[0]


def _file_plan(
    exposure: Exposure,
    target: Solution,
    *,
    places: tuple[Path, Path | None],
    warnings: tuple[str, ...],
    archive: bool,
) -> FilePlan:
    path, copy = places
    now = fingerprint(path)
    source = open_source(path)
    before = units_of(walk(source))
    _demand_unchanged(exposure, before)
    after = rewrite(before, exposure, target, archive=archive)
    what = f"apply {target.name}"
    change = Change(path, recipe_of(after, source), now, what, copy)
    return FilePlan(exposure, target, keyword_changes(after), hdu_changes(before, after), warnings, change)


def _demand_unchanged(exposure: Exposure, units: Units) -> None:
    science = {unit.extver: unit.header for unit in units if unit.extname == "SCI"}
    same = all(science.get(chip.id.extver, chip.header) == chip.header for chip in exposure.chips)
    if units[0].header != exposure.header or not same:
        raise ChangedError("was changed by another program meanwhile", file=exposure.path, todo="try again")


def _solution_id(exposure: Exposure, solution: Solution) -> dict[str, Any]:
    known = [i for i, other in enumerate(exposure.solutions, start=1) if other is solution]
    return {
        "index": known[0] if known else None,
        "wcsname": solution.wcsname or None,
        "hdrname": solution.hdrname or None,
        "origin": solution.origin.kind,
    }
