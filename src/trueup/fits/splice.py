"""Rewrite a file from byte ranges of the old one and new bytes in between.

A recipe is a tuple of pieces: a :class:`Span` of the old file that is kept, or bytes that are new.
No pixel is decoded. The new file is complete and on the disk, under another name, before anyone
can see it; putting it in place is one rename, which is the caller's.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from trueup.errors import ChangedError, FileAccessError

_CHUNK = 4 << 20
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes [start, stop) of the old file.

    Examples
    --------
    >>> len(Span(2880, 5760))
    2880
    """

    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


Piece = Span | bytes
Recipe = tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What tells one state of a file from another without reading it.

    The time of the last status change is part of it: no program can set it back.
    """

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int


@dataclass(frozen=True, slots=True)
class Built:
    """The outcome of :func:`build`: SHA-256 of the old and of the new file, hexadecimal."""

    before: str
    after: str


def fingerprint(path: str | os.PathLike[str] | int) -> Fingerprint:
    """The present state of a file.

    Examples
    --------
    >>> import os
    >>> fingerprint(os.devnull) == fingerprint(os.devnull)
    True
    """
    s = os.stat(path)
    return Fingerprint(s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns)


def joined(pieces: Iterable[Piece]) -> Recipe:
    """The same recipe with neighbouring pieces merged and empty ones left out.

    Examples
    --------
    >>> joined([Span(0, 4), Span(4, 6), b"a", b"", b"b"])
    (Span(start=0, stop=6), b'ab')
    """
    out: list[Piece] = []
    for piece in pieces:
        last = out[-1] if out else None
        if not len(piece):
            continue
        if isinstance(piece, Span) and isinstance(last, Span) and last.stop == piece.start:
            out[-1] = Span(last.start, piece.stop)
        elif isinstance(piece, bytes) and isinstance(last, bytes):
            out[-1] = last + piece
        else:
            out.append(piece)
    return tuple(out)


def inverse(recipe: Recipe, size: int, read: Callable[[int, int], bytes]) -> Recipe:
    """The recipe that makes the old file from the new one.

    Parameters
    ----------
    recipe : tuple of Span or bytes
        How the new file is made from the old one; spans may come in any order.
    size : int
        Size of the old file in bytes.
    read : callable
        ``read(start, n)`` gives bytes of the old file; it is asked only for those that the
        new file does not contain.

    Returns
    -------
    tuple of Span or bytes

    Examples
    --------
    >>> old = b"0123456789"
    >>> inverse((Span(6, 9), b"new", Span(0, 2)), 10, lambda start, n: old[start:start + n])
    (Span(start=6, stop=8), b'2345', Span(start=0, stop=3), b'9')
    """
    kept, at = [], 0
    for piece in recipe:
        if isinstance(piece, Span):
            kept.append((piece.start, piece.stop, at))
        at += len(piece)
    pieces: list[Piece] = []
    done = 0
    for start, stop, new in sorted(kept):
        if stop <= done:
            continue
        begin = max(start, done)
        if begin > done:
            pieces.append(read(done, begin - done))
        pieces.append(Span(new + begin - start, new + stop - start))
        done = stop
    if done < size:
        pieces.append(read(done, size - done))
    return joined(pieces)


def sha256_of(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file's bytes, hexadecimal.

    Examples
    --------
    >>> import os
    >>> sha256_of(os.devnull)[:8]
    'e3b0c442'
    """
    fd = os.open(path, os.O_RDONLY)
    try:
        return _sha256(fd)
    finally:
        os.close(fd)


def build(source: Path, target: Path, recipe: Recipe, *, expect: Fingerprint) -> Built:
    """Write a new file by a recipe and flush it to the disk.

    Mode, owner, times and extended attributes are those of the old file.

    Parameters
    ----------
    source : Path
        The old file.
    target : Path
        The new file; must not exist, and is removed again when anything fails.
    recipe : tuple of Span or bytes
    expect : Fingerprint
        The state of the old file for which the recipe was made.

    Returns
    -------
    Built

    Raises
    ------
    ChangedError
        When the old file is, or becomes meanwhile, another one.
    FileAccessError
        When the file system refuses or is full.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     old, new = Path(name, "old"), Path(name, "new")
    ...     _ = old.write_bytes(b"0123456789")
    ...     _ = build(old, new, (Span(5, 10), b"!"), expect=fingerprint(old))
    ...     new.read_bytes()
    b'56789!'
    """
    with explained(source), contextlib.ExitStack() as stack:
        old = os.open(source, os.O_RDONLY)
        stack.callback(os.close, old)
        _demand(source, old, expect)
        new = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with ThreadPoolExecutor(1) as second:
                before = second.submit(_sha256, old)
                after = _write(old, new, recipe)
            _copy_metadata(old, new)
            os.fsync(new)
            _demand(source, old, expect)
        except BaseException:
            os.close(new)
            os.unlink(target)
            raise
        os.close(new)
        return Built(before.result(), after)


@contextlib.contextmanager
def explained(path: Path, todo: str = "") -> Iterator[None]:
    """Turn an OSError into a FileAccessError that names the file and what to do.

    Examples
    --------
    >>> with explained(Path("a_flc.fits")):
    ...     raise OSError(errno.ENOSPC, "full")
    Traceback (most recent call last):
    trueup.errors.FileAccessError: a_flc.fits: cannot be rewritten: no space left on device; ...
    """
    try:
        yield
    except FileAccessError:
        raise
    except OSError as error:
        if error.errno in _FULL:
            todo = "free some space and try again; the file is untouched"
        found = f"cannot be rewritten: {os.strerror(error.errno or 0).lower()}"
        raise FileAccessError(found, file=path, todo=todo) from error


def _demand(source: Path, fd: int, expect: Fingerprint) -> None:
    if fingerprint(fd) != expect or fingerprint(source) != expect:
        found = "was changed by another program meanwhile"
        raise ChangedError(found, file=source, todo="run the command again")


def _write(old: int, new: int, recipe: Recipe) -> str:
    digest = hashlib.sha256()
    for piece in recipe:
        for chunk in _chunks(old, piece):
            digest.update(chunk)
            view = memoryview(chunk)
            while view:
                view = view[os.write(new, view) :]
    return digest.hexdigest()


def _chunks(fd: int, piece: Piece) -> Iterator[bytes]:
    if isinstance(piece, bytes):
        yield piece
        return
    at = piece.start
    while at < piece.stop:
        chunk = os.pread(fd, min(_CHUNK, piece.stop - at), at)
        if not chunk:
            raise OSError(errno.EIO, "the old file ends early")
        yield chunk
        at += len(chunk)


def _sha256(fd: int) -> str:
    digest = hashlib.sha256()
    for chunk in _chunks(fd, Span(0, os.fstat(fd).st_size)):
        digest.update(chunk)
    return digest.hexdigest()


def _copy_metadata(old: int, new: int) -> None:
    """Owner before mode (chown clears set-id bits), times last (all others change them)."""
    was, now = os.fstat(old), os.fstat(new)
    if (was.st_uid, was.st_gid) != (now.st_uid, now.st_gid):
        os.fchown(new, was.st_uid, was.st_gid)
    os.fchmod(new, was.st_mode & 0o7777)
    for name in _attributes(old):
        os.setxattr(new, name, os.getxattr(old, name))
    os.utime(new, ns=(was.st_atime_ns, was.st_mtime_ns))


def _attributes(fd: int) -> list[str]:
    """Extended attributes, but for the labels of security modules: the kernel sets those."""
    if sys.platform != "linux":
        return []
    try:
        return [name for name in os.listxattr(fd) if not name.startswith("security.")]
    except OSError as error:
        if error.errno == errno.ENOTSUP:
            return []
        raise
