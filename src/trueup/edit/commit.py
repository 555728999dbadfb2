"""All or nothing: put the new versions of one or several files in place."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from trueup.config import read_config
from trueup.edit.journal import (
    Move,
    finish,
    flush,
    journals,
    new_journal,
    pending,
    recover,
    temporary_name,
    write,
    write_durably,
)
from trueup.edit.lock import locked
from trueup.edit.record import Step, encode, new_step
from trueup.errors import ChangedError, FileAccessError, UsageError
from trueup.fits.splice import Built, Fingerprint, Recipe, Span, build, explained, inverse


@dataclass(frozen=True, slots=True)
class Change:
    """A new version of one file.

    Parameters
    ----------
    path : Path
        The file, without symlinks.
    recipe : tuple of Span or bytes
        How the new version is made.
    expect : Fingerprint
        The state of the file for which the recipe was made.
    what : str
        The change in words, for the undo record.
    target : Path, optional
        Where the new version goes; the file itself by default. A file elsewhere must be new and has
        no undo record.
    undoes : Step, optional
        The step that this change takes back.

    Examples
    --------
    >>> Change(Path("a"), (), Fingerprint(0, 0, 0, 0, 0), "apply").destination
    PosixPath('a')
    """

    path: Path
    recipe: Recipe
    expect: Fingerprint
    what: str
    target: Path | None = None
    undoes: Step | None = None

    @property
    def destination(self) -> Path:
        """Where the new version goes."""
        return self.target or self.path

    @property
    def nothing(self) -> bool:
        """Whether the new version is the old one in its place."""
        whole = (Span(0, self.expect.size),)
        return self.target is None and self.recipe == whole


@contextlib.contextmanager
def exclusive(paths: Iterable[Path]) -> Iterator[None]:
    """Hold the folders of some files, made where missing, and finish what was interrupted there.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name, exclusive([Path(name, "a_flc.fits")]):
    ...     pass
    """
    wanted = {path.parent.resolve() for path in paths}
    for directory in wanted:
        with explained(directory):
            directory.mkdir(parents=True, exist_ok=True)
    while True:
        with locked(wanted):
            # an interrupted step may reach into further folders
            reach = wanted | {d for w in wanted for j in journals(w) for d in j.directories}
            if reach <= wanted:
                for directory in sorted(wanted):
                    recover(directory)
                yield
                return
        wanted = reach


def finish_interrupted(directories: Iterable[Path]) -> None:
    """Finish what was interrupted in some folders, if anything was.

    Examples
    --------
    >>> finish_interrupted([Path("/nowhere")])
    """
    waiting = [directory for directory in directories if pending(directory)]
    if waiting:
        with exclusive(directory / "any" for directory in waiting):
            pass


def commit(changes: Sequence[Change], what: str) -> tuple[Built, ...]:
    """Make all changes or none; the caller holds :func:`exclusive`.

    Parameters
    ----------
    changes : sequence of Change
        One per file.
    what : str
        The step in words.

    Returns
    -------
    tuple of Built
        Digests of the files before and after, in the order of the changes.

    Raises
    ------
    UsageError
        When the settings forbid to edit files in place.
    ChangedError
        When a file is not the one the change was made for.
    FileAccessError
        When the file system refuses; every file is then untouched.

    Examples
    --------
    >>> commit([], "nothing")
    ()
    """
    if not changes:
        return ()
    _demand_permission(changes)
    with contextlib.ExitStack() as undo:
        moves: list[Move] = []
        outcomes = []
        for change in changes:
            built, new = _prepare(change, undo)
            outcomes.append(built)
            moves += new
        removals = [change.undoes.path for change in changes if change.undoes]
        journal = new_journal(what, moves, removals)
        with explained(changes[0].destination):
            for directory in {move.source.parent for move in moves}:
                flush(directory)
            for directory in journal.directories:
                undo.callback(journal.path(directory).unlink, missing_ok=True)
            write(journal)
        try:
            finish(journal)
        finally:
            # once the first file is renamed the way back is the way forward
            if not all(move.source.exists() for move in moves):
                undo.pop_all()
    return tuple(outcomes)


def _demand_permission(changes: Iterable[Change]) -> None:
    """Taking a change back is always allowed."""
    edited = [change.path for change in changes if change.target is None and change.undoes is None]
    if edited and read_config().run.in_place == "never":
        todo = "write changed copies into another folder, or change that setting"
        raise UsageError("is not edited, since run.in_place is 'never'", file=edited[0], todo=todo)


def _prepare(change: Change, undo: contextlib.ExitStack) -> tuple[Built, list[Move]]:
    """Write the new file and its undo record under temporary names."""
    target = change.destination
    if change.target is not None and target.exists():
        raise FileAccessError("exists already", file=target, todo="remove it or choose another")
    temporary = temporary_name(target)
    built = build(change.path, temporary, change.recipe, expect=change.expect)
    undo.callback(temporary.unlink, missing_ok=True)
    if change.undoes is not None and built.after != change.undoes.before:
        raise ChangedError("the undo record does not lead back", file=change.undoes.path)
    moves = [Move(temporary, target, None if change.target else built.before, built.after)]
    if change.target is None and change.undoes is None:
        moves.append(_prepare_record(change, built, undo))
    return built, moves


def _prepare_record(change: Change, built: Built, undo: contextlib.ExitStack) -> Move:
    step = new_step(change.path, change.what, before=built.before, after=built.after)
    with explained(change.path):
        fd = os.open(change.path, os.O_RDONLY)
        try:
            back = inverse(change.recipe, change.expect.size, lambda start, n: os.pread(fd, n, start))
        finally:
            os.close(fd)
        content = encode(step, back)
        temporary = temporary_name(step.path)
        undo.callback(temporary.unlink, missing_ok=True)
        write_durably(temporary, content)
    return Move(temporary, step.path, None, hashlib.sha256(content).hexdigest())
