"""The folder of a run: a manifest, and stages that are done once and found again."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trueup import __version__
from trueup.errors import FileAccessError, FormatError, UsageError
from trueup.fits.splice import sha256_of

Values = dict[str, Any]

_SCHEMA = "trueup.run/1"
_MANIFEST = "manifest.json"
_DRAFT = ".draft"


def key_of(*parts: Any) -> str:
    """One key for everything that decides the outputs of a stage; the version of trueup is part of it.

    Examples
    --------
    >>> key_of("drizzle", {"pixfrac": 1.0}) == key_of("drizzle", {"pixfrac": 0.8})
    False
    """
    text = json.dumps([__version__, *parts], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(slots=True)
class RunFolder:
    """Outputs of a run, and what is known of how they came about.

    Parameters
    ----------
    path : Path
    say : callable
        Told each stage in a line.
    manifest : dict
        As in the JSON contract of ``trueup run``.

    Examples
    --------
    >>> RunFolder(Path("iepw14_trueup"), print).stages
    []
    """

    path: Path
    say: Callable[[str], None]
    manifest: Values = field(default_factory=lambda: {"stages": []})
    redo: bool = False

    @property
    def stages(self) -> list[Values]:
        """The stages of the manifest."""
        found: list[Values] = self.manifest["stages"]
        return found

    def stage(self, name: str, key: str, make: Callable[[Path], object]) -> None:
        """Do a stage, unless its outputs of the same key are all there.

        Parameters
        ----------
        name : str
        key : str
            Of :func:`key_of`.
        make : callable
            Is given an empty folder, and writes into it what belongs into that of the run.
        """
        known = self.record(name)
        if known is not None and not self.redo and known["key"] == key and self._whole(known):
            self._record(known | {"status": "cached"})
            self.say(f"        {name}: as before")
            return
        started = time.monotonic()
        draft = self.path / _DRAFT
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        try:
            make(draft)
            outputs = self._commit(draft, known)
        except BaseException:
            self._record({"name": name, "status": "failed", "key": "", "seconds": None, "outputs": []})
            raise
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        seconds = time.monotonic() - started
        done = {"name": name, "status": "done", "key": key, "seconds": round(seconds, 2), "outputs": outputs}
        self._record(done)
        self.say(f"{seconds:5.1f} s {name}")

    def skip(self, name: str) -> None:
        """Leave a stage out; what it wrote earlier goes."""
        self._remove(self.record(name), keep=())
        self._record({"name": name, "status": "skipped", "key": "", "seconds": None, "outputs": []})

    def outputs(self, name: str) -> tuple[Path, ...]:
        """Files that a stage wrote, in the order of their names; empty where it was left out."""
        known = self.record(name)
        return tuple(self.path / one["path"] for one in known["outputs"]) if known else ()

    def values(self, relative: str) -> Values:
        """One of the JSON files of the folder."""
        found: Values = json.loads((self.path / relative).read_bytes())
        return found

    def update(self, values: Mapping[str, Any]) -> None:
        """Put something into the manifest."""
        self.manifest |= values
        _write_json(self.path / _MANIFEST, self.manifest)

    def record(self, name: str) -> Values | None:
        """What the manifest says of a stage."""
        return next((one for one in self.stages if one["name"] == name), None)

    def _record(self, record: Values) -> None:
        others = [one for one in self.stages if one["name"] != record["name"]]
        self.update({"stages": [*others, record]})

    def _whole(self, record: Values) -> bool:
        files = ((self.path / one["path"], one) for one in record["outputs"])
        return all(file.is_file() and sha256_of(file) == one["sha256"] for file, one in files)

    def _commit(self, draft: Path, known: Values | None) -> list[Values]:
        """Move the drafts to their places, and remove what an earlier stage of the name left."""
        files = sorted(path for path in draft.rglob("*") if path.is_file())
        outputs: list[Values] = [
            {
                "path": path.relative_to(draft).as_posix(),
                "sha256": sha256_of(path),
                "bytes": path.stat().st_size,
            }
            for path in files
        ]
        self._remove(known, keep={one["path"] for one in outputs})
        for path, one in zip(files, outputs, strict=True):
            target = self.path / str(one["path"])
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, target)
        return outputs

    def _remove(self, known: Values | None, *, keep: Iterable[str]) -> None:
        for one in known["outputs"] if known else ():
            if one["path"] not in keep:
                (self.path / one["path"]).unlink(missing_ok=True)


@contextlib.contextmanager
def run_folder(path: str | os.PathLike[str], say: Callable[[str], None]) -> Iterator[RunFolder]:
    """Open the folder of a new or an earlier run, for one process at a time.

    Parameters
    ----------
    path : path
    say : callable

    Yields
    ------
    RunFolder

    Raises
    ------
    UsageError
        Where the folder holds something else.
    FileAccessError
        Where it cannot be written, or another run is at work in it.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as parent, run_folder(f"{parent}/run", print) as folder:
    ...     folder.stages
    []
    """
    import fcntl

    folder = Path(path)
    try:
        manifest = _manifest(folder)
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise FileAccessError(os.strerror(error.errno or 0), file=folder) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder / _DRAFT, ignore_errors=True)
        yield RunFolder(folder, say, manifest)
    except BlockingIOError as error:
        raise FileAccessError("another run is at work in this folder", file=folder) from error
    finally:
        os.close(lock)


def read_manifest(folder: str | os.PathLike[str]) -> Values:
    """The manifest of a finished or interrupted run.

    Raises
    ------
    FileAccessError, FormatError
        Where there is none.

    Examples
    --------
    >>> read_manifest("nowhere")
    Traceback (most recent call last):
    trueup.errors.FileAccessError: nowhere/manifest.json: No such file or directory
    """
    path = Path(folder) / _MANIFEST
    try:
        values: Values = json.loads(path.read_bytes())
        known = values["schema"] == _SCHEMA
    except OSError as error:
        raise FileAccessError(os.strerror(error.errno or 0), file=path) from error
    except (ValueError, KeyError, TypeError):
        known = False
    if not known:
        raise FormatError("is no manifest of a run", file=path)
    return values


def _manifest(folder: Path) -> Values:
    if (folder / _MANIFEST).is_file():
        return read_manifest(folder)
    strangers = {p.name for p in folder.iterdir()} - {_DRAFT, "archive"} if folder.is_dir() else set()
    if strangers:
        raise UsageError(
            f"holds files of something else ({sorted(strangers)[0]})",
            file=folder,
            todo="give a new folder with -o",
        )
    return {"schema": _SCHEMA, "version": __version__, "stages": []}


def _write_json(path: Path, values: Mapping[str, Any]) -> None:
    draft = path.with_name(f".{path.name}.part")
    draft.write_text(json.dumps(values, indent=1, allow_nan=False, default=str) + "\n", encoding="utf-8")
    os.replace(draft, path)


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write plain values, floats as they are; NaN is an error.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_json(Path(folder, "a", "b.json"), {"n": 1})
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _write_json(path, values)
