"""One file, from an archive to its final name: whole and checked, or not there at all."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import Literal

from trueup.archive.claim import claimed
from trueup.archive.integrity import Content, check_file
from trueup.archive.patience import Patience
from trueup.archive.stream import Stream, TransientError
from trueup.config import Http
from trueup.errors import DataError, FileAccessError, FormatError, NetworkError, TrueupError

Status = Literal["complete", "cached", "repaired"]
Open = Callable[[int, str], AbstractContextManager[Stream]]
Tell = Callable[[int], None]

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file and what is known about it beforehand.

    Parameters
    ----------
    path : Path
        Its final name.
    size : int, optional
        Bytes, as listed.
    sha1 : str
        Empty where nobody knows it.
    private : bool
        Nobody else may read it.
    uri : str
        Where it comes from; what came from elsewhere is not continued.
    """

    path: Path
    size: int | None = None
    sha1: str = ""
    private: bool = False
    uri: str = ""

    @property
    def part(self) -> Path:
        """Where its bytes are until they are all there."""
        return self.path.with_name(self.path.name + ".part")

    @property
    def bad(self) -> Path:
        """Where a bad file goes that had the final name."""
        return self.path.with_name(self.path.name + ".bad")

    @property
    def mark(self) -> Path:
        """Where it is noted which version of the file the part is of."""
        return self.path.with_name(self.path.name + ".part.mark")


@dataclass(slots=True)
class Effort:
    """What a download has cost so far, also when it fails.

    Parameters
    ----------
    http : Http
    size : int, optional
        Bytes, as listed: the time that is allowed grows with it.
    tell : callable
        Gets the number of each piece's bytes; a negative number takes some back.
    stop : threading.Event
        Ends it.

    Attributes
    ----------
    transferred : int
        Bytes that came over the line, in all attempts.
    attempts : int
    """

    http: Http
    size: int | None = None
    tell: Tell = lambda _: None
    stop: threading.Event = field(default_factory=threading.Event)
    transferred: int = 0
    patience: Patience = field(init=False)
    _at: int = 0

    def __post_init__(self) -> None:
        self.patience = Patience(self.http, size=self.size, stop=self.stop)

    @property
    def attempts(self) -> int:
        """How often it was asked for."""
        return self.patience.attempts

    def reach(self, at: int) -> None:
        """Note how many bytes of the file are there."""
        self.tell(at - self._at)
        self._at = at
        if self.patience.is_over:
            raise NetworkError("interrupted" if self.stop.is_set() else "too slow: the time allowed is over")


def download(wanted: Wanted, open_stream: Open, effort: Effort) -> tuple[Status, Content]:
    """Bring a file to its final name; one that is there and good is left alone.

    The bytes go to ``NAME.part``, are checked and flushed to the disk there, and get the final name
    at once. What a broken connection left is continued. A bad file under the final name stays as
    ``NAME.bad``.

    Parameters
    ----------
    wanted : Wanted
    open_stream : callable
        From the first byte that is wanted, and the mark of the version, to the stream.
    effort : Effort

    Returns
    -------
    status : str
        ``complete``, ``cached`` or ``repaired``.
    content : Content

    Raises
    ------
    NetworkError
        Where the bytes cannot be had.
    FormatError
        Where what comes is wrong.
    FileAccessError
        Where it cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> def open_stream(start, mark):
    ...     return contextlib.nullcontext(Stream(iter([b"hello"]), size=5))
    >>> with tempfile.TemporaryDirectory() as name:
    ...     download(Wanted(Path(name) / "a.txt"), open_stream, Effort(Http()))[0]
    'complete'
    """
    with _explained(wanted.path):
        if found := _good(wanted):
            effort.tell(found.size)
            return "cached", found
        _refuse_links(wanted)
        with claimed(wanted.part, private=wanted.private, stop=effort.stop) as part:
            # another process may have brought it while this one waited
            if found := _good(wanted):
                effort.tell(found.size)
                return "cached", found
            effort.patience.start()
            try:
                content = _fill(part, wanted, open_stream=open_stream, effort=effort)
            finally:
                if part.seek(0, os.SEEK_END) == 0:
                    wanted.mark.unlink(missing_ok=True)
            os.fsync(part.fileno())
            return _finish(wanted), content


def _refuse_links(wanted: Wanted) -> None:
    """Whatever a link leads to is not ours to overwrite."""
    for path in (wanted.part, wanted.mark):
        if path.is_symlink():
            raise FileAccessError("is a link", file=path, todo="remove it: nothing is written through links")


def _good(wanted: Wanted) -> Content | None:
    """The content under the final name, None where there is none or a bad one.

    Its size does not count: an edit may have changed it.
    """
    if not wanted.path.exists():
        return None
    try:
        return check_file(str(wanted.path), sha1=wanted.sha1)
    except DataError:
        return None


def _fill(part: FileIO, wanted: Wanted, *, open_stream: Open, effort: Effort) -> Content:
    """All bytes into the part, in as many attempts as allowed; wrong content gets one more."""
    was_wrong = False
    while True:
        try:
            _receive(part, wanted, open_stream=open_stream, effort=effort)
            return check_file(str(wanted.part), name=wanted.path.name, size=wanted.size, sha1=wanted.sha1)
        except TransientError as error:
            if not effort.patience.another(error.wait_s):
                raise
        except FormatError:
            part.truncate(0)
            if was_wrong or not effort.patience.another():
                raise
            was_wrong = True


def _receive(part: FileIO, wanted: Wanted, *, open_stream: Open, effort: Effort) -> None:
    """One attempt, from where the last one ended if the source has still the same version."""
    have = part.seek(0, os.SEEK_END)
    mark = _known_mark(wanted) if have else ""
    with open_stream(have if mark else 0, mark) as stream:
        part.truncate(stream.start)
        wanted.mark.write_text(json.dumps([wanted.uri, stream.mark]))
        at = part.seek(stream.start)
        effort.reach(at)
        for piece in stream.pieces:
            at += _write(part, piece)
            effort.transferred += len(piece)
            effort.reach(at)
        listed = None if stream.is_bounded else wanted.size
        expected = listed if stream.size is None else stream.size
    if expected is not None and at < expected:
        raise TransientError(f"ended at byte {at} of {expected}")


def _known_mark(wanted: Wanted) -> str:
    """The version that the part is of; empty where nobody knows, or it came from elsewhere."""
    try:
        uri, mark = json.loads(wanted.mark.read_text())
    except (FileNotFoundError, TypeError, ValueError):
        return ""
    return str(mark) if uri == wanted.uri else ""


def _write(part: FileIO, piece: bytes) -> int:
    rest = memoryview(piece)
    while rest:
        rest = rest[part.write(rest) :]
    return len(piece)


def _finish(wanted: Wanted) -> Status:
    """The checked part gets the final name."""
    is_bad = wanted.path.exists()
    if is_bad:
        # somebody may have edited it, so it is not thrown away
        os.replace(wanted.path, wanted.bad)
    wanted.mark.unlink(missing_ok=True)
    os.replace(wanted.part, wanted.path)
    _sync(wanted.path.parent)
    return "repaired" if is_bad else "complete"


def _sync(folder: Path) -> None:
    """A new name is on the disk only when its folder is."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except NetworkError as error:
        todo = error.todo or "try again later: what has come is kept"
        raise NetworkError(error.found, file=error.file or path.name, todo=todo) from error
    except TrueupError:
        raise
    except OSError as error:
        todo = "make room and try again: what has come is kept" if error.errno in _FULL else ""
        raise FileAccessError(error.strerror or str(error), file=path, todo=todo) from error
