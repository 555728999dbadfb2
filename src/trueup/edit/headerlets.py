"""Headerlets of exposures: take out, put in, delete, hand on."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from trueup.edit.archive import counted, kept_name, same_solution, shelf_of
from trueup.edit.bundle import Member, bundle_bytes, unpacked
from trueup.edit.commit import Change, commit, exclusive
from trueup.edit.diff import HduChange, hdu_changes
from trueup.edit.document import Unit, Units, recipe_of, units_of
from trueup.edit.guard import editable
from trueup.errors import FileAccessError, SelectionError, SolutionError
from trueup.fits.headerlet import decompressed
from trueup.fits.headerlet_write import hdrlet_extension, headerlet_bytes
from trueup.fits.splice import explained, fingerprint
from trueup.fits.visit import open_visit
from trueup.fits.walk import BytesSource, open_source, walk
from trueup.model.exposure import Exposure
from trueup.model.select import select
from trueup.model.solution import Solution
from trueup.model.soundness import judge

PathLike = str | os.PathLike[str]
Edit = Callable[[Exposure, Units], Units]

log = logging.getLogger(__name__)

_UNSAFE = re.compile(r"[^A-Za-z0-9_.+-]+")


def extract(
    paths: Iterable[PathLike], selection: str | None = None, *, dest: PathLike = ".", overwrite: bool = False
) -> tuple[Path, ...]:
    """Write solutions of exposures as headerlet files ``<rootname>_<wcsname>_hlet.fits``.

    Parameters
    ----------
    paths : iterable of path
        Exposures, associations or folders.
    selection : str, optional
        One solution; every one by default, copies once.
    dest : path
        Folder, made where missing.
    overwrite : bool
        Replace files of the same name.

    Returns
    -------
    tuple of Path
        The files, in the order of exposures and solutions.

    Raises
    ------
    FileAccessError
        When a file exists already; nothing is written then.
    SelectionError
        When the selection matches nothing, or several solutions that differ.

    Examples
    --------
    >>> extract([])
    ()
    """
    members = [m for exposure in open_visit(paths).exposures for m in _members(exposure, selection)]
    folder = Path(dest)
    files = [(folder / member.name, member.content) for member in members]
    for path, _ in files:
        _refuse_existing(path, overwrite)
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for path, content in files:
            path.write_bytes(content)
    return tuple(path for path, _ in files)


def bundle(
    paths: Iterable[PathLike], output: PathLike, *, selection: str | None = None, overwrite: bool = False
) -> Path:
    """Write a zip file with one headerlet per exposure, for ``trueup apply --hlet``.

    Parameters
    ----------
    paths : iterable of path
        Exposures, associations or folders.
    output : path
        The zip file.
    selection : str, optional
        The solution; the active one by default.
    overwrite : bool
        Replace a file of that name.

    Returns
    -------
    Path

    Raises
    ------
    FileAccessError
        When the file exists already.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     bundle([], f"{folder}/a.zip").name
    'a.zip'
    """
    path = Path(output)
    _refuse_existing(path, overwrite)
    members = []
    for exposure in open_visit(paths).exposures:
        chosen = exposure.active if selection is None else select(exposure, selection)
        # stored as a headerlet it says more, and never changes
        stored = (kept for kept in shelf_of(exposure).kept if same_solution(kept, chosen))
        members.append(_member(exposure, next(stored, chosen), set()))
    with explained(path):
        path.write_bytes(bundle_bytes(members))
    return path


def attach(
    paths: Iterable[PathLike], headerlets: Sequence[PathLike], *, follow_links: bool = False
) -> dict[str, tuple[HduChange, ...]]:
    """Add headerlet files to their exposures as HDRLET extensions; the active WCS stays.

    Parameters
    ----------
    paths : iterable of path
        Exposures, associations or folders.
    headerlets : sequence of path
        Headerlet files, joined by DESTIM, and bundles of them; one that is there already is not added again.
    follow_links : bool

    Returns
    -------
    dict
        By file, what was added.

    Raises
    ------
    SolutionError
        When a headerlet is for none of the exposures, or its HDRNAME is taken by another solution.

    Examples
    --------
    >>> attach([], [])
    {}
    """
    given = [os.fspath(path) for path in paths]
    rootnames = {exposure.rootname for exposure in open_visit(given).exposures}
    with unpacked(headerlets, rootnames) as files:
        for name, stray in open_visit([*given, *files]).headerlets:
            raise SolutionError(f"the headerlet is for {stray.destim or 'no exposure'}", file=name)
        return _edit_all([*given, *files], _attached, what="attach headerlets", follow_links=follow_links)


def delete(
    paths: Iterable[PathLike], selection: str, *, follow_links: bool = False
) -> dict[str, tuple[HduChange, ...]]:
    """Remove HDRLET extensions; the others are counted anew.

    Parameters
    ----------
    paths : iterable of path
        Exposures, associations or folders.
    selection : str
        A solution; by name all its copies, by ``#3`` only that one.
    follow_links : bool

    Returns
    -------
    dict
        By file, what was removed.

    Raises
    ------
    SelectionError
        When the selection matches nothing, several solutions that differ, or no HDRLET.

    Examples
    --------
    >>> delete([], "svm")
    {}
    """

    def without(exposure: Exposure, units: Units) -> Units:
        gone = _hdrlets(exposure, selection)
        return tuple(unit for unit in units if unit.hdu is None or unit.hdu.index not in gone)

    return _edit_all(paths, without, what=f"delete headerlet {selection}", follow_links=follow_links)


def headerlet_of(exposure: Exposure, solution: Solution) -> bytes:
    """A solution as a headerlet file; one that is stored as such keeps its bytes.

    Examples
    --------
    >>> from trueup.model.cards import Cards
    >>> from trueup.model.names import WcsName
    >>> from trueup.model.solution import Origin
    >>> opus = Solution(WcsName.parse("OPUS"), Origin("primary"))
    >>> exposure = Exposure("a_flc.fits", Cards(), (), (opus,), opus)
    >>> headerlet_of(exposure, opus)[:6]
    b'SIMPLE'
    """
    origin = solution.origin
    if origin.kind == "file" and origin.path is not None:
        source = open_source(origin.path)
        return source.read(0, source.size)
    if origin.kind == "hdrlet" and origin.hdu is not None:
        source = open_source(exposure.path)
        inner = decompressed(BytesSource(walk(source)[origin.hdu].read(source), exposure.path))
        return inner.read(0, inner.size)
    return headerlet_bytes(solution, exposure, wcsname=kept_name(solution, exposure))


def _members(exposure: Exposure, selection: str | None) -> list[Member]:
    taken: set[str] = set()
    if selection is not None:
        return [_member(exposure, select(exposure, selection), taken)]
    distinct: list[Solution] = []
    # a stored headerlet before the same solution in the headers: it says more
    for solution in sorted(exposure.solutions, key=lambda s: s.origin.kind != "hdrlet"):
        if not solution.broken and not any(same_solution(solution, other) for other in distinct):
            distinct.append(solution)
    return [_member(exposure, solution, taken) for solution in distinct]


def _member(exposure: Exposure, solution: Solution, taken: set[str]) -> Member:
    """The name is made unique among `taken`, which is added to; an unsound solution is told in the log."""
    faults = judge(exposure)[exposure.solutions.index(solution)].faults
    if faults:
        log.warning("%s, %s: unsound: %s", exposure.path, solution.name, faults[0].text)
    stem = _UNSAFE.sub("_", f"{exposure.rootname}_{kept_name(solution, exposure)}")
    names = [f"{stem}_hlet.fits", *(f"{stem}-{n}_hlet.fits" for n in range(2, len(taken) + 3))]
    name = next(name for name in names if name.lower() not in taken)
    taken.add(name.lower())
    return Member(name, exposure.rootname, headerlet_of(exposure, solution))


def _attached(exposure: Exposure, units: Units) -> Units:
    there = [s for s in exposure.solutions if s.origin.kind == "hdrlet"]
    added: list[Unit] = []
    for solution in exposure.solutions:
        if solution.origin.kind != "file" or any(same_solution(solution, s) for s in there):
            continue
        if any(solution.hdrname.upper() == s.hdrname.upper() for s in there):
            found = f"another headerlet is called {solution.hdrname} already"
            todo = "delete that one, or give this one another HDRNAME"
            raise SolutionError(found, file=exposure.path, solution=solution.name, todo=todo)
        exposure.under(solution)
        there.append(solution)
        added.append(Unit(*hdrlet_extension(headerlet_of(exposure, solution), 1)))
    return (*units, *added)


def _hdrlets(exposure: Exposure, selection: str) -> set[int]:
    chosen = select(exposure, selection)
    copies = [chosen]
    if not selection.strip().startswith("#"):
        copies = [s for s in exposure.solutions if s is chosen or same_solution(s, chosen)]
    found = {s.origin.hdu for s in copies if s.origin.kind == "hdrlet" and s.origin.hdu is not None}
    if not found:
        raise SelectionError(f"'{selection}' is no HDRLET but the {chosen.origin}", file=exposure.path)
    return found


def _edit_all(
    paths: Iterable[PathLike], edit: Edit, *, what: str, follow_links: bool
) -> dict[str, tuple[HduChange, ...]]:
    """Change the HDUs of each exposure, all or none."""
    given = [os.fspath(path) for path in paths]
    names = [exposure.path for exposure in open_visit(given).exposures]
    files = [editable(name, follow_links=follow_links) for name in names]
    with exclusive(files):
        changes, told = [], {}
        for exposure in open_visit(given).exposures:
            path = editable(exposure.path, follow_links=follow_links)
            source, now = open_source(path), fingerprint(path)
            before = units_of(walk(source))
            after = counted(edit(exposure, before))
            changes.append(Change(path, recipe_of(after, source), now, what))
            told[exposure.path] = hdu_changes(before, after)
        commit([change for change in changes if not change.nothing], what)
    return told


def _refuse_existing(path: Path, overwrite: bool) -> None:
    if path.exists() and not overwrite:
        raise FileAccessError("exists already", file=path, todo="use --overwrite to replace it")
