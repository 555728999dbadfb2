"""One writer per folder: an advisory lock in `.trueup/` beside the files."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from trueup.fits.splice import explained

STATE = ".trueup"

logger = logging.getLogger(__name__)


def state_folder(directory: Path) -> Path:
    """Where journals and undo records of a folder's files are kept.

    Examples
    --------
    >>> state_folder(Path("/data")).as_posix()
    '/data/.trueup'
    """
    return directory / STATE


@contextlib.contextmanager
def locked(directories: Iterable[Path]) -> Iterator[None]:
    """Hold the locks of some folders; waits for another process that has one.

    They are taken in a fixed order, so two processes cannot block each other for ever. The
    kernel frees them when the process dies.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name, locked([Path(name)]):
    ...     is_locked(Path(name))
    True
    """
    with contextlib.ExitStack() as stack:
        for directory in sorted({d.resolve() for d in directories}):
            with explained(directory):
                state_folder(directory).mkdir(exist_ok=True)
                flags = os.O_RDWR | os.O_CREAT
                fd = os.open(state_folder(directory) / "lock", flags, 0o666)
            stack.callback(_release, fd)
            if not _try(fd, fcntl.LOCK_EX):
                logger.info("waiting for another process that edits %s", directory)
                fcntl.flock(fd, fcntl.LOCK_EX)
        yield


def is_locked(directory: Path) -> bool:
    """Whether somebody edits this folder now.

    Examples
    --------
    >>> is_locked(Path("/nowhere"))
    False
    """
    try:
        fd = os.open(state_folder(directory) / "lock", os.O_RDONLY)
    except OSError:
        return False
    try:
        return not _try(fd, fcntl.LOCK_SH)
    finally:
        os.close(fd)


def _release(fd: int) -> None:
    """Closing is not enough where a forked child has a copy of the descriptor."""
    fcntl.flock(fd, fcntl.LOCK_UN)
    os.close(fd)


def _try(fd: int, how: int) -> bool:
    try:
        fcntl.flock(fd, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
