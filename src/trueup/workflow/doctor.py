"""What trueup finds where it runs: versions, kernels, folders, settings, services."""

from __future__ import annotations

import os
import platform
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from trueup import __version__
from trueup.archive.extra import INSTALL
from trueup.archive.reach import reach, services
from trueup.archive.transport import Transport
from trueup.config import Config, origins, processors, read_config, settings_file
from trueup.drizzle.self_test import self_test

Status = Literal["ok", "warning", "failed", "unreachable", "skipped"]

_NEEDED = ("numpy", "scipy", "astropy", "matplotlib", "pillow", "cyclopts", "rich", "jinja2")
_ARCHIVE = ("requests", "astroquery", "pyvo", "fsspec", "s3fs")
_PEERS = ("dask", "drizzlepac", "stwcs", "tweakwcs", "crds")
_PATIENCE_S = 5.0
_LITTLE_SPACE = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Parameters
    ----------
    section : str
        version, peer, kernels, threads, folder, setting or service.
    name : str
    status : {"ok", "warning", "failed", "unreachable", "skipped"}
    value : str, int, float or None
        What was found, sizes in bytes; None where nothing is there.
    text : str
        In words: where it comes from, or what to do.

    Examples
    --------
    >>> Check("version", "numpy", "ok", "2.1.0").text
    ''
    """

    section: str
    name: str
    status: Status
    value: str | int | float | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All checks.

    Parameters
    ----------
    checks : tuple of Check

    Examples
    --------
    >>> Diagnosis((Check("service", "MAST", "skipped"),)).reachable is None
    True
    """

    checks: tuple[Check, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing failed here."""
        return all(check.status != "failed" for check in self.checks)

    @property
    def reachable(self) -> bool | None:
        """Whether every service can be reached; None where none was asked."""
        asked = {check.status for check in self.checks if check.section == "service"} - {"skipped"}
        return "unreachable" not in asked if asked else None

    def as_dict(self) -> dict[str, Any]:
        """As ``trueup doctor --format json`` prints it."""
        items = [asdict(check) | {"text": check.text or None} for check in self.checks]
        return {"items": items, "sound": self.sound, "reachable": self.reachable}


def diagnose(
    arguments: Mapping[str, object] | None = None, *, environ: Mapping[str, str] | None = None
) -> Diagnosis:
    """Look at everything that trueup needs, and ask every service once.

    Parameters
    ----------
    arguments, environ : mapping, optional
        As for :func:`trueup.config.read_config`; with ``http.offline`` no service is asked.

    Returns
    -------
    Diagnosis

    Raises
    ------
    UsageError, FileAccessError
        Where the settings cannot be read.

    Examples
    --------
    >>> found = diagnose({"http.offline": True}, environ={"TRUEUP_CONFIG": ""})
    >>> found.sound, found.reachable
    (True, None)
    """
    config = read_config(arguments, environ=environ)
    checks = (
        *_versions(),
        _kernels(),
        Check("threads", "threads", "ok", config.run.threads or processors(), f"of {os.cpu_count()} cores"),
        *_folders(config),
        *_settings(config, origins(arguments, environ=environ), settings_file(environ)),
        *_services(config),
    )
    return Diagnosis(checks)


def _versions() -> Iterator[Check]:
    yield Check("version", "trueup", "ok", __version__)
    yield Check("version", "python", "ok", platform.python_version(), platform.platform())
    for name in _NEEDED:
        found = _version(name)
        yield Check("version", name, "ok" if found else "failed", found, "" if found else f"install {name}")
    for name in _ARCHIVE:
        found = _version(name)
        todo = "" if found else f"for the archive: {INSTALL}"
        yield Check("version", name, "ok" if found else "warning", found, todo)
    for name in _PEERS:
        found = _version(name)
        yield Check("peer", name, "ok", found, "" if found else "not installed, and not needed")


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _kernels() -> Check:
    wrong = self_test()
    what = wrong or "half a pixel away every pixel is the mean of four, with 1 and with 4 threads"
    return Check("kernels", "drizzle", "failed" if wrong else "ok", None, what)


def _folders(config: Config) -> Iterator[Check]:
    free = shutil.disk_usage(".").free
    here = os.getcwd()
    status: Status = "ok" if os.access(".", os.W_OK) and free > _LITTLE_SPACE else "warning"
    yield Check("folder", "free space here", status, free, here)
    for name, folder in (("CRDS cache", config.crds.cache), ("Gaia cache", config.gaia.cache)):
        path = Path(folder).expanduser()
        if not path.is_dir():
            yield Check("folder", name, "ok", None, f"{path} is made when it is needed")
        elif os.access(path, os.W_OK):
            yield Check("folder", name, "ok", _size(path), str(path))
        else:
            yield Check("folder", name, "warning", _size(path), f"{path} cannot be written")


def _size(folder: Path) -> int:
    """Bytes of all files below, as far as they can be seen."""
    found = (Path(place, name) for place, _, names in os.walk(folder) for name in names)
    return sum(path.lstat().st_size for path in found if os.path.lexists(path))


def _settings(config: Config, origin: Mapping[str, str], file: Path | None) -> Iterator[Check]:
    text = "" if file else "none: all settings are defaults, or from the environment"
    yield Check("setting", "file", "ok", None if file is None else str(file), text)
    for section in fields(Config):
        part = getattr(config, section.name)
        for key in fields(part):
            name = f"{section.name}.{key.name}"
            yield Check("setting", name, "ok", _shown(name, getattr(part, key.name)), origin[name])


def _shown(name: str, value: Any) -> str | int | float | None:
    """A setting as it may be seen by others."""
    if name == "mast.token":
        return "set" if value else None
    if isinstance(value, tuple):
        value = " ".join(value)
    return _without_password(value) or None if isinstance(value, str) else value


def _without_password(url: str) -> str:
    return re.sub(r"//[^/@ ]*@", "//...@", url)


def _services(config: Config) -> Iterator[Check]:
    asked = services(config)
    missing = "" if find_spec("requests") else INSTALL
    if config.http.offline or missing:
        for name, url in asked:
            yield Check("service", name, "skipped", _without_password(url), missing or "offline")
        return
    short = min(config.http.connect_s, _PATIENCE_S), min(config.http.read_s, _PATIENCE_S)
    with Transport(replace(config.http, connect_s=short[0], read_s=short[1], retries=0)) as transport:
        found = reach(transport, asked)
    there = {one.name for one in found if one.is_there}
    for one in found:
        missed: Status = "warning" if one.name in there else "unreachable"
        yield Check(
            "service", one.name, "ok" if one.is_there else missed, _without_password(one.url), one.answer
        )
