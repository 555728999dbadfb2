"""Taking changes back, to the byte."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from trueup.edit.commit import Change, commit, exclusive, finish_interrupted
from trueup.edit.guard import editable
from trueup.edit.record import Step, recipe, steps
from trueup.errors import ChangedError, DataError
from trueup.fits.splice import fingerprint, sha256_of


def undo(paths: Iterable[str | os.PathLike[str]], *, follow_links: bool = False) -> tuple[Step, ...]:
    """Restore the bytes of each file before its last change by trueup.

    All files go back or none. Calling it again goes back one more step.

    Parameters
    ----------
    paths : iterable of path
        Exposures; a folder stands for all in it that trueup has changed.
    follow_links : bool, optional
        Edit the file a symlink points to, or one that has several hard links.

    Returns
    -------
    tuple of Step
        The steps taken back, in the order of `paths`.

    Raises
    ------
    DataError
        When a file has no step to take back.
    ChangedError
        When a file was changed by another program since.
    FileAccessError
        When a file may not or cannot be edited.

    Examples
    --------
    >>> undo([])
    ()
    """
    given = [Path(path) for path in paths]
    finish_interrupted({path if path.is_dir() else path.resolve().parent for path in given})
    files = [editable(path, follow_links=follow_links) for path in edited_files(given)]
    if not files:
        return ()
    with exclusive(files):
        changes = [_change(file) for file in dict.fromkeys(files)]
        commit(changes, "undo")
    return tuple(change.undoes for change in changes if change.undoes)


def recorded(paths: Iterable[str | os.PathLike[str]]) -> tuple[Step, ...]:
    """The steps on record, per file the newest first: the one that :func:`undo` takes back.

    Examples
    --------
    >>> recorded(["a_flc.fits"])
    ()
    """
    return tuple(step for file in edited_files(paths) for step in steps(file.resolve()))


def edited_files(paths: Iterable[str | os.PathLike[str]]) -> tuple[Path, ...]:
    """The files given, and for a folder those in it that have a step on record.

    Raises
    ------
    DataError
        For a folder without any.

    Examples
    --------
    >>> edited_files(["a_flc.fits"])
    (PosixPath('a_flc.fits'),)
    """
    files: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            inside = [file for file in sorted(path.iterdir()) if file.is_file() and steps(file.resolve())]
            if not inside:
                raise DataError("holds no file that trueup has changed", file=path)
            files += inside
        else:
            files.append(path)
    return tuple(dict.fromkeys(files))


def _change(file: Path) -> Change:
    known = steps(file)
    if not known:
        raise DataError("has no change by trueup to take back", file=file)
    step, now = known[0], fingerprint(file)
    if sha256_of(file) != step.after:
        found = f"was changed by another program since '{step.what}' of {step.when}"
        raise ChangedError(found, file=file, todo="nothing was taken back")
    return Change(file, recipe(step), now, f"undo {step.what}", undoes=step)
