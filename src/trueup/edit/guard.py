"""Which files may be edited in place."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from trueup.errors import FileAccessError

_GZIP = b"\x1f\x8b"
_ANY_WRITE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


def editable(path: str | os.PathLike[str], *, follow_links: bool = False) -> Path:
    """The real path of a file that may be replaced by a new version.

    Parameters
    ----------
    path : path
    follow_links : bool, optional
        Allow a symlink (its target is edited) and a file with several hard links (this
        name gets the new version, the others keep the old one).

    Returns
    -------
    Path
        Absolute, without symlinks.

    Raises
    ------
    FileAccessError
        For a missing, compressed, linked or read-only file, or a read-only folder.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile(suffix=".fits") as file:
    ...     editable(file.name) == Path(file.name).resolve()
    True
    """
    given, real = Path(path), readable(path)
    if not follow_links:
        _refuse_links(given, real)
    _refuse_read_only(given, real)
    return real


def readable(path: str | os.PathLike[str]) -> Path:
    """The real path of a file whose bytes can be copied into a new version.

    Raises
    ------
    FileAccessError
        For a missing or compressed file.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile(suffix=".fits") as file:
    ...     readable(file.name) == Path(file.name).resolve()
    True
    """
    real = Path(path).resolve()
    if not real.is_file():
        raise FileAccessError("no such file", file=path)
    with real.open("rb") as file:
        if file.read(2) == _GZIP:
            raise FileAccessError("is compressed and cannot be edited", file=path, todo="gunzip it")
    return real


def _refuse_links(given: Path, real: Path) -> None:
    todo = "use --follow-links to edit it all the same"
    if given.is_symlink():
        raise FileAccessError(f"is a symbolic link to {real}", file=given, todo=todo)
    links = real.stat().st_nlink
    if links > 1:
        raise FileAccessError(f"has {links} hard links", file=given, todo=todo)


def _refuse_read_only(given: Path, real: Path) -> None:
    """Mode bits count also for the superuser: somebody took them away on purpose."""
    for path, what in ((real, "is read-only"), (real.parent, "lies in a read-only folder")):
        if not path.stat().st_mode & _ANY_WRITE or not os.access(path, os.W_OK):
            raise FileAccessError(what, file=given, todo="change its mode, or use --out")
