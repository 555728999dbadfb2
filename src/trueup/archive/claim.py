"""The right to write one file, among processes and threads: a lock on its `.part`."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import threading
import time
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

from trueup.errors import NetworkError

_POLL_S = 0.05
_SECRET, _PUBLIC = 0o600, 0o666

logger = logging.getLogger(__name__)


@contextlib.contextmanager
def claimed(part: Path, *, private: bool = False, stop: threading.Event | None = None) -> Iterator[FileIO]:
    """Hold a partial file alone; waits for whoever has it. An empty one is removed in the end.

    The lock is on the file itself, so nothing is left behind; the kernel frees it when the process
    dies.

    Parameters
    ----------
    part : Path
    private : bool
        Nobody else may read it.
    stop : threading.Event, optional
        Ends the waiting.

    Yields
    ------
    FileIO
        Open for reading and writing, unbuffered.

    Raises
    ------
    OSError
        Where it cannot be created.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name, claimed(Path(name) / "a_flc.fits.part") as file:
    ...     file.write(b"SIMPLE")
    6
    """
    with contextlib.closing(_locked(part, private, stop or threading.Event())) as file:
        try:
            yield file
        finally:
            if os.fstat(file.fileno()).st_size == 0 and _is_at(file, part):
                part.unlink()


def _locked(part: Path, private: bool, stop: threading.Event) -> FileIO:
    waiting = False
    while not stop.is_set():
        file = FileIO(os.open(part, os.O_RDWR | os.O_CREAT, _SECRET if private else _PUBLIC), "r+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # whoever had it may have renamed it to its final name meanwhile
            if _is_at(file, part):
                if private:
                    os.fchmod(file.fileno(), _SECRET)
                return file
        except BlockingIOError:
            if not waiting:
                logger.info("waiting for another process that fetches %s", part.stem)
            waiting = True
            time.sleep(_POLL_S)
        file.close()
    raise NetworkError("interrupted", file=part.stem)


def _is_at(file: FileIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except FileNotFoundError:
        return False
