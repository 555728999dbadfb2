"""The journal: what makes several renames one step.

All new files are complete on the disk, under temporary names, before the journal is written.
From that moment the step is decided: whoever comes next finishes it. Without a journal
nothing has happened, and temporary files are rubbish. A step over several folders has a copy
of the journal in each; that of the first folder, its home, is written last and counts.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trueup.edit.lock import is_locked, state_folder
from trueup.errors import ChangedError, FormatError
from trueup.fits.splice import explained, sha256_of

SUFFIX = ".trueup-new"
_SCHEMA = "trueup.journal/1"


@dataclass(frozen=True, slots=True)
class Move:
    """A finished temporary file and the name it will have.

    `before` is the SHA-256 of what stands there now, None where nothing does.
    """

    source: Path
    target: Path
    before: str | None
    after: str


@dataclass(frozen=True, slots=True)
class Journal:
    """A decided step: renames, then removals.

    Parameters
    ----------
    id : str
        Unique.
    what : str
        The step in words.
    started : str
        Time, ISO 8601, UTC.
    moves : tuple of Move
    removals : tuple of Path
        Files of `.trueup/` that the step makes obsolete.

    Examples
    --------
    >>> step = Journal("1", "apply", "2026-01-01T00:00:00Z", (), ())
    >>> step.files
    ()
    """

    id: str
    what: str
    started: str
    moves: tuple[Move, ...]
    removals: tuple[Path, ...]

    @property
    def directories(self) -> tuple[Path, ...]:
        """The folders of the step; the first is its home."""
        parents = (_owner(m.target) for m in self.moves)
        return tuple(sorted({p.resolve() for p in parents}))

    @property
    def files(self) -> tuple[Path, ...]:
        """The exposures the step changes."""
        return tuple(m.target for m in self.moves if not _in_state(m.target))

    def path(self, directory: Path) -> Path:
        """Where this journal is kept in a folder."""
        return state_folder(directory) / f"journal-{self.id}.json"


def new_journal(what: str, moves: Iterable[Move], removals: Iterable[Path] = ()) -> Journal:
    """A journal for a step that begins now.

    Examples
    --------
    >>> new_journal("undo", []).what
    'undo'
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return Journal(uuid.uuid4().hex[:12], what, now, tuple(moves), tuple(removals))


def pending(directory: str | os.PathLike[str]) -> tuple[Journal, ...]:
    """Interrupted steps of a folder: decided, but not all files are renamed.

    Reads only. The next `apply` or `undo` there finishes them.

    Parameters
    ----------
    directory : path

    Returns
    -------
    tuple of Journal
        Empty also while another process is at work.

    Examples
    --------
    >>> pending("/nowhere")
    ()
    """
    folder = Path(directory)
    if is_locked(folder):
        return ()
    return tuple(j for j in journals(folder) if _decided(j))


def journals(directory: Path) -> tuple[Journal, ...]:
    """Every journal kept in a folder, decided or not.

    Examples
    --------
    >>> journals(Path("/nowhere"))
    ()
    """
    names = sorted(state_folder(directory).glob("journal-*.json"))
    return tuple(_read(name, directory) for name in names)


def write(journal: Journal) -> None:
    """Decide the step: from here on it is finished whatever happens.

    Examples
    --------
    >>> write(new_journal("nothing", []))
    """
    for directory in reversed(journal.directories):
        temporary = temporary_name(journal.path(directory))
        write_durably(temporary, json.dumps(_to_json(journal, directory)).encode())
        os.replace(temporary, journal.path(directory))
        flush(state_folder(directory))


def finish(journal: Journal) -> None:
    """Do what is left of a decided step, then forget it.

    Examples
    --------
    >>> finish(new_journal("nothing", []))
    """
    for move in journal.moves:
        if move.source.exists():
            with explained(move.target, "run the command again to finish the step"):
                os.replace(move.source, move.target)
    for path in journal.removals:
        path.unlink(missing_ok=True)
    _flush_all(journal)
    _forget(journal)


def recover(directory: Path) -> tuple[Journal, ...]:
    """Finish interrupted steps of a folder and remove leftovers; needs its lock.

    Returns
    -------
    tuple of Journal
        The steps that were finished.

    Raises
    ------
    ChangedError
        When a file of an interrupted step is neither the old nor the new one.

    Examples
    --------
    >>> recover(Path("/nowhere"))
    ()
    """
    finished = []
    for journal in journals(directory):
        if _decided(journal):
            _check(journal)
            finish(journal)
            finished.append(journal)
        else:
            for move in journal.moves:
                move.source.unlink(missing_ok=True)
            journal.path(directory).unlink(missing_ok=True)
    for folder in (directory, state_folder(directory)):
        for leftover in folder.glob(f".*{SUFFIX}"):
            leftover.unlink(missing_ok=True)
    return tuple(finished)


def temporary_name(path: Path) -> Path:
    """A fresh hidden name in the folder of `path`.

    Examples
    --------
    >>> temporary_name(Path("/data/a_flc.fits")).name.startswith(".a_flc.fits.")
    True
    """
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}{SUFFIX}")


def write_durably(path: Path, data: bytes) -> None:
    """Write a small file and flush it to the disk.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     write_durably(Path(name, "a"), b"x")
    ...     Path(name, "a").read_bytes()
    b'x'
    """
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
        os.fsync(fd)
    finally:
        os.close(fd)


def flush(directory: Path) -> None:
    """Flush the names in a folder to the disk.

    Examples
    --------
    >>> flush(Path("/"))
    """
    fd = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _owner(path: Path) -> Path:
    return path.parent.parent if _in_state(path) else path.parent


def _in_state(path: Path) -> bool:
    return path.parent == state_folder(path.parent.parent)


def _decided(journal: Journal) -> bool:
    return journal.path(journal.directories[0]).exists()


def _check(journal: Journal) -> None:
    """Nothing is renamed over a file that somebody else changed after the interruption."""
    for move in journal.moves:
        if not move.source.exists():
            continue
        if sha256_of(move.source) != move.after:
            raise FormatError("this part of an interrupted step is damaged", file=move.source)
        found = sha256_of(move.target) if move.target.exists() else None
        if found != move.before:
            where = journal.path(_owner(move.target).resolve())
            todo = f"restore it, or delete {where} to give the step up"
            found_text = f"was changed after '{journal.what}' was interrupted"
            raise ChangedError(found_text, file=move.target, todo=todo)


def _flush_all(journal: Journal) -> None:
    for directory in journal.directories:
        flush(directory)
        flush(state_folder(directory))


def _forget(journal: Journal) -> None:
    for directory in journal.directories:
        journal.path(directory).unlink(missing_ok=True)
        flush(state_folder(directory))


def _to_json(journal: Journal, directory: Path) -> dict[str, Any]:
    """Paths are relative to the folder, so that it may be moved."""

    def relative(path: Path) -> str:
        return os.path.relpath(path, directory)

    moves = [
        {
            "source": relative(m.source),
            "target": relative(m.target),
            "before": m.before,
            "after": m.after,
        }
        for m in journal.moves
    ]
    return {
        "schema": _SCHEMA,
        "id": journal.id,
        "what": journal.what,
        "started": journal.started,
        "moves": moves,
        "removals": [relative(p) for p in journal.removals],
    }


def _demand_harmless(moves: tuple[Move, ...], removals: tuple[Path, ...]) -> None:
    """A journal that came with a folder from elsewhere must not move or remove files at will."""
    for move in moves:
        hidden = move.source.name.startswith(".") and move.source.name.endswith(SUFFIX)
        if not hidden or move.source.parent != move.target.parent:
            raise ValueError(f"{move.source} is no temporary file of {move.target}")
    for path in removals:
        if not _in_state(path) or ".undo-" not in path.name:
            raise ValueError(f"{path} is no undo record")


def _read(path: Path, directory: Path) -> Journal:
    try:
        content = json.loads(path.read_bytes())
        root = directory.resolve()

        def absolute(name: str) -> Path:
            return Path(os.path.normpath(root / name))

        moves = tuple(
            Move(absolute(m["source"]), absolute(m["target"]), m["before"], m["after"])
            for m in content["moves"]
        )
        removals = tuple(absolute(name) for name in content["removals"])
        _demand_harmless(moves, removals)
        return Journal(content["id"], content["what"], content["started"], moves, removals)
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError("is not a journal of trueup", file=path) from error
