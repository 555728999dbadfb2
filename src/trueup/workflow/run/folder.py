"""The folder of a run: a manifest, and stages that are done once and found again."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trueup import __version__
from trueup.errors import FileAccessError, FormatError, UsageError
from trueup.fits.splice import sha256_of
from trueup.report.files import write_json

Values = dict[str, Any]

_SCHEMA = "trueup.run/1"
MANIFEST = "manifest.json"
_DRAFT = ".draft"
# what a process that was killed may leave
_UNFINISHED = (_DRAFT, f".{MANIFEST}.part")
_OF_SEVERAL = ("archive", "batch.jsonl", "index.html", ".batch.jsonl.part", ".index.html.part")
_OURS = (*_UNFINISHED, *_OF_SEVERAL)
_FINISHED = ("done", "cached")


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
    redo : bool
        Do every stage again.
    manifest : dict
        As in the JSON contract of ``trueup run``.

    Examples
    --------
    >>> RunFolder(Path("iepw14_trueup"), print).stages
    []
    """

    path: Path
    say: Callable[[str], None] = lambda _: None
    redo: bool = False
    manifest: Values = field(default_factory=lambda: {"stages": []})

    @property
    def stages(self) -> list[Values]:
        """The stages of the manifest."""
        found: list[Values] = self.manifest["stages"]
        return found

    def stage(self, name: str, key: str, *, make: Callable[[Path], object]) -> None:
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
            outputs = self._commit(name, draft)
        except BaseException:
            self._leave_unfinished(name, self._known_outputs(name))
            raise
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        seconds = time.monotonic() - started
        done = {"name": name, "status": "done", "key": key, "seconds": round(seconds, 2), "outputs": outputs}
        self._record(done)
        self.say(f"{seconds:5.1f} s {name}")

    def skip(self, name: str) -> None:
        """Leave a stage out; what it wrote earlier goes."""
        self._remove(self._known_outputs(name))
        self._record({"name": name, "status": "skipped", "key": "", "seconds": None, "outputs": []})

    def forget(self, name: str) -> None:
        """Have a stage done again whatever its key."""
        if self.record(name) is not None:
            self._leave_unfinished(name, self._known_outputs(name))

    def outputs(self, name: str) -> tuple[Path, ...]:
        """Files that a stage wrote, in the order of their names; empty where it was left out."""
        known = self.record(name)
        finished = known is not None and known["status"] in _FINISHED
        return tuple(self.path / one["path"] for one in known["outputs"]) if known and finished else ()

    def digests(self, name: str) -> list[str]:
        """SHA-256 of what a stage wrote."""
        known = self.record(name)
        return [one["sha256"] for one in known["outputs"]] if known else []

    def values(self, relative: str) -> Values:
        """One of the JSON files of the folder."""
        found: Values = json.loads((self.path / relative).read_bytes())
        return found

    def values_of(self, stage: str, relative: str) -> Values | None:
        """The same, or None where the stage did not write it."""
        return self.values(relative) if self.path / relative in self.outputs(stage) else None

    def begin(self, values: Mapping[str, Any]) -> None:
        """Start the manifest of a run anew; of an earlier one only the stages are kept."""
        stages = self.stages
        self.manifest = {"schema": _SCHEMA, "version": __version__, **values, "stages": stages}
        self.update({})

    def update(self, values: Mapping[str, Any]) -> None:
        """Put something into the manifest."""
        self.manifest |= values
        write_json(self.path / MANIFEST, self.manifest)

    def repeat(self) -> None:
        """Say of all stages that they are as before."""
        again = [one | {"status": "cached"} if one["status"] == "done" else one for one in self.stages]
        self.update({"stages": again})
        self.say("        everything is as before")

    def record(self, name: str) -> Values | None:
        """What the manifest says of a stage."""
        return next((one for one in self.stages if one["name"] == name), None)

    @property
    def is_whole(self) -> bool:
        """Whether every stage is finished, and its outputs are as they were."""
        return all(one["status"] in {*_FINISHED, "skipped"} and self._whole(one) for one in self.stages)

    def _record(self, record: Values) -> None:
        others = [one for one in self.stages if one["name"] != record["name"]]
        self.update({"stages": [*others, record]})

    def _leave_unfinished(self, name: str, outputs: Sequence[Values]) -> None:
        """No key, so that it is done again; what lies there is known, so that it is cleared away."""
        self._record({"name": name, "status": "failed", "key": "", "seconds": None, "outputs": [*outputs]})

    def _known_outputs(self, name: str) -> list[Values]:
        known = self.record(name)
        return known["outputs"] if known else []

    def _whole(self, record: Values) -> bool:
        files = ((self.path / one["path"], one) for one in record["outputs"])
        return all(file.is_file() and sha256_of(file) == one["sha256"] for file, one in files)

    def _commit(self, name: str, draft: Path) -> list[Values]:
        """Move the drafts to their places, and remove what an earlier stage of the name left."""
        files = sorted(path for path in draft.rglob("*") if path.is_file())
        outputs = [
            {
                "path": path.relative_to(draft).as_posix(),
                "sha256": sha256_of(path),
                "bytes": path.stat().st_size,
            }
            for path in files
        ]
        kept = {one["path"] for one in outputs}
        gone = [one for one in self._known_outputs(name) if one["path"] not in kept]
        # a process that is killed from here on leaves no file that nobody knows of
        self._leave_unfinished(name, [*gone, *outputs])
        self._remove(gone)
        for path, one in zip(files, outputs, strict=True):
            target = self.path / str(one["path"])
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, target)
        return outputs

    def _remove(self, outputs: Iterable[Values]) -> None:
        for one in outputs:
            file = self.path / one["path"]
            file.unlink(missing_ok=True)
            if file.parent != self.path:
                with contextlib.suppress(OSError):
                    file.parent.rmdir()


def open_folder(path: Path, say: Callable[[str], None] = lambda _: None, *, redo: bool = False) -> RunFolder:
    """The folder of a run with what is known of earlier ones in it.

    Parameters
    ----------
    path : Path
    say : callable
    redo : bool

    Returns
    -------
    RunFolder

    Raises
    ------
    FormatError
        Where its manifest is damaged.

    Examples
    --------
    >>> open_folder(Path("nowhere"), print).stages
    []
    """
    manifest = read_manifest(path) if (path / MANIFEST).is_file() else {"stages": []}
    return RunFolder(path, say, redo, manifest)


@contextlib.contextmanager
def claimed(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Have a new folder, or that of earlier runs, for one process alone.

    Parameters
    ----------
    path : path

    Yields
    ------
    Path

    Raises
    ------
    UsageError
        Where the folder holds something else.
    FileAccessError
        Where it cannot be written, or another run is at work in it.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as parent, claimed(f"{parent}/run") as folder:
    ...     folder.name
    'run'
    """
    import fcntl

    folder = Path(path)
    try:
        _refuse_strangers(folder)
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise FileAccessError(os.strerror(error.errno or 0), file=folder) from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FileAccessError("another run is at work in this folder", file=folder) from error
        yield folder
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
    path = Path(folder) / MANIFEST
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


def runs_in(folder: Path) -> list[Path]:
    """The folders of several visits in one, in the order of their names.

    Examples
    --------
    >>> runs_in(Path("nowhere"))
    []
    """
    return sorted(path.parent for path in folder.glob(f"*/{MANIFEST}"))


def _refuse_strangers(folder: Path) -> None:
    if (folder / MANIFEST).is_file():
        read_manifest(folder)
        return
    inside = sorted(folder.iterdir()) if folder.exists() else []
    strangers = [path for path in inside if path.name not in _OURS and not _holds_run(path)]
    if strangers:
        todo = "give a new folder with -o"
        raise UsageError(f"holds something else ({strangers[0].name})", file=folder, todo=todo)


def _holds_run(path: Path) -> bool:
    """Whether it is the folder of one of several visits, be it only begun."""
    names = {inside.name for inside in path.iterdir()} if path.is_dir() else {path.name}
    return MANIFEST in names or names <= set(_UNFINISHED)
