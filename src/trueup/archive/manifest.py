"""Many files at a time, and one row for each, whatever happens to the others."""

from __future__ import annotations

import os
import shutil
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from trueup.archive.download import Effort, Tell, Wanted, download
from trueup.archive.product import Archive, Product
from trueup.archive.stream import Stream
from trueup.config import Http
from trueup.errors import FileAccessError, NetworkError, TrueupError


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one file.

    Attributes
    ----------
    product : Product
    path : Path
        Its final name.
    status : str, optional
        ``complete`` (downloaded now), ``cached`` (was there), ``repaired`` (a bad one was there), or
        ``failed``; None before it has been tried.
    size : int, optional
        Bytes of the file that is there.
    sha256 : str, optional
    transferred : int
        Bytes that came over the line.
    attempts : int
    error : str, optional
        Why it failed.
    """

    product: Product
    path: Path
    status: str | None = None
    size: int | None = None
    sha256: str | None = None
    transferred: int = 0
    attempts: int = 0
    error: str | None = None

    @property
    def warning(self) -> str | None:
        """What is worth knowing of a file that is there and good."""
        if self.status == "repaired":
            return f"{self.path}: was bad, is new now; the old file is {Wanted(self.path).bad.name}"
        listed = self.product.size
        if listed is None or self.size in {None, listed}:
            return None
        return f"{self.path}: has {self.size} bytes, the archive lists {listed}"

    def as_dict(self) -> dict[str, Any]:
        """As in the JSON contract of ``fetch``."""
        return {
            "obs_id": self.product.obs_id,
            "filename": self.product.filename,
            "kind": self.product.kind,
            "project": self.product.project,
            "uri": self.product.uri,
            "path": str(self.path),
            "size_listed": self.product.size,
            "bytes": self.size,
            "transferred": self.transferred,
            "sha256": self.sha256,
            "status": self.status,
            "attempts": self.attempts,
            "error": self.error,
        }


@dataclass(frozen=True, slots=True)
class Manifest:
    """What became of the files of one call.

    Attributes
    ----------
    source : str
        The archive.
    rows : tuple of Row
        In the order asked for.
    """

    source: str
    rows: tuple[Row, ...]

    @property
    def failed(self) -> tuple[Row, ...]:
        """The files that are not there."""
        return tuple(row for row in self.rows if row.status == "failed")

    @property
    def complete(self) -> tuple[Row, ...]:
        """The files that are there and good."""
        return tuple(row for row in self.rows if row.status not in {None, "failed"})

    @property
    def problems(self) -> tuple[str, ...]:
        """Why files failed, and warnings."""
        errors = [f"error: {row.error}" for row in self.failed]
        return (*errors, *(f"warning: {row.warning}" for row in self.rows if row.warning))

    def as_dict(self) -> dict[str, Any]:
        """As in the JSON contract of ``fetch``."""
        return {
            "source": self.source,
            "files": [row.as_dict() for row in self.rows],
            "complete": len(self.complete),
            "failed": len(self.failed),
        }


def deliver(
    archive: Archive, products: Sequence[Product], folder: Path, *, http: Http, tell: Tell = lambda _: None
) -> Manifest:
    """Bring files into a folder, several at a time.

    Parameters
    ----------
    archive : Archive
    products : sequence of Product
    folder : Path
        Made where it does not exist.
    http : Http
        How many at a time, how often to try.
    tell : callable
        Gets the number of bytes of each piece that comes, in one of several threads; a negative
        number takes some back.

    Returns
    -------
    Manifest

    Raises
    ------
    FileAccessError
        Where the folder cannot be made, or the disk has no room for the files; nothing is
        transferred then.

    Examples
    --------
    >>> from trueup.archive.directory import Directory
    >>> deliver(Directory(Path()), [], Path(), http=Http()).as_dict()["complete"]
    0
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        todo = "name another one with --dest"
        raise FileAccessError("is a file, not a folder", file=folder, todo=todo) from error
    except OSError as error:
        raise FileAccessError(error.strerror or str(error), file=folder) from error
    _demand_room(folder, products)

    def one(product: Product, stop: threading.Event) -> Row:
        effort = Effort(http, product.size, tell, stop)
        return _delivered(archive, Row(product, folder / product.filename), effort)

    return Manifest(archive.name, _side_by_side(one, products, http.parallel))


def _side_by_side(
    action: Callable[[Product, threading.Event], Row], products: Sequence[Product], threads: int
) -> tuple[Row, ...]:
    """The rows of an action in several threads; an interrupt does not wait for a read that stalls.

    A pool would: its threads are joined at the end of the process, these are not.
    """
    stop = threading.Event()
    waiting = deque(enumerate(products))
    rows: dict[int, Row] = {}
    errors: list[BaseException] = []

    def work() -> None:
        while not stop.is_set():
            try:
                i, product = waiting.popleft()
            except IndexError:
                return
            try:
                rows[i] = action(product, stop)
            except BaseException as error:  # noqa: BLE001 - raised again by whoever waits
                errors.append(error)
                stop.set()

    workers = [threading.Thread(target=work, daemon=True) for _ in range(min(threads, len(products)))]
    try:
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    finally:
        stop.set()
    if errors:
        raise errors[0]
    return tuple(rows[i] for i in range(len(products)))


def _delivered(archive: Archive, row: Row, effort: Effort) -> Row:
    product = row.product
    wanted = Wanted(row.path, product.size, private=product.proprietary, uri=product.uri)

    def open_stream(start: int, mark: str) -> AbstractContextManager[Stream]:
        return archive.open(product, start=start, mark=mark)

    try:
        _demand_plain(product)
        status, content = download(wanted, open_stream, effort)
    except TrueupError as error:
        spent = replace(row, transferred=effort.transferred, attempts=effort.attempts)
        return replace(spent, status="failed", error=str(error))
    attempts = 0 if status == "cached" else effort.attempts
    spent = replace(row, transferred=effort.transferred, attempts=attempts)
    return replace(spent, status=status, size=content.size, sha256=content.sha256)


def _demand_plain(product: Product) -> None:
    name = product.filename
    if name in {"", ".", ".."} or name != Path(name).name or not name.isprintable():
        raise NetworkError(f"the archive names a file {name!r}", todo="report it to the archive")


def _demand_room(folder: Path, products: Sequence[Product]) -> None:
    missing = [p for p in products if not os.path.exists(folder / p.filename)]
    have = sum(_size(Wanted(folder / p.filename).part) for p in missing)
    needed = sum(p.size or 0 for p in missing) - have
    free = shutil.disk_usage(folder).free
    if needed > free:
        found = f"{len(missing)} files need {needed / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free"
        raise FileAccessError(found, file=folder, todo="make room, or name another folder with --dest")


def _size(path: Path) -> int:
    """Bytes of a file that another process may take away at any moment, or whose name no file can have."""
    try:
        return path.stat().st_size
    except (OSError, ValueError):
        return 0
