"""Settings: argument > environment > file, read here and nowhere else.

The file is TOML, ``~/.config/trueup.toml`` or the one named by ``TRUEUP_CONFIG`` (empty: none)::

    [mast]
    url = "https://mast.stsci.edu"

    [run]
    in_place = "never"

``TRUEUP_MAST_URL`` in the environment is the same setting, and so is the argument ``mast.url``.
"""

from __future__ import annotations

import math
import os
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from trueup.errors import FileAccessError, UsageError

_DEFAULT_FILE = "~/.config/trueup.toml"
# variables that other programs have made customary; ours win
_CUSTOMARY = {
    "MAST_API_TOKEN": "mast.token",
    "NETRC": "mast.netrc",
    "CRDS_SERVER_URL": "crds.url",
    "CRDS_PATH": "crds.cache",
}
_ADDRESSES = {"url", "urls", "endpoint"}
_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}


@dataclass(frozen=True, slots=True)
class Mast:
    """The archive of exposures; the token opens proprietary data.

    Parameters
    ----------
    url : str
    token : str
        Empty: the one in the netrc file for this host, if any.
    netrc : str
    """

    url: str = "https://mast.stsci.edu"
    token: str = field(default="", repr=False)
    netrc: str = "~/.netrc"


@dataclass(frozen=True, slots=True)
class Crds:
    """The calibration references and the folder they are kept in."""

    url: str = "https://hst-crds.stsci.edu"
    cache: str = "~/crds_cache"


@dataclass(frozen=True, slots=True)
class Gaia:
    """TAP services, in the order they are tried, and the folder answers are kept in."""

    urls: tuple[str, ...] = (
        "https://gea.esac.esa.int/tap-server/tap",
        "https://gaia.ari.uni-heidelberg.de/tap",
        "https://gaia.aip.de/tap",
    )
    cache: str = "~/.cache/trueup/gaia"


@dataclass(frozen=True, slots=True)
class AstrometryDb:
    """The service that keeps headerlets."""

    url: str = "https://mast.stsci.edu/portal/astrometryDB"


@dataclass(frozen=True, slots=True)
class S3:
    """The public bucket; an empty endpoint is that of Amazon."""

    endpoint: str = ""
    bucket: str = "stpubdata"


@dataclass(frozen=True, slots=True)
class Http:
    """How long to wait and how often to try.

    Parameters
    ----------
    connect_s, read_s : float
        Seconds without a connection, and without a byte.
    total_s : float
        Seconds for one answer with all attempts; a download gets more in proportion to its size.
    retries : int
        Attempts after the first one.
    backoff_s : float
        Seconds before the first retry; each further one waits twice as long.
    parallel : int
        Downloads at a time.
    offline : bool
        Whether every attempt to reach a service is an error.
    """

    connect_s: float = 10.0
    read_s: float = 60.0
    total_s: float = 900.0
    retries: int = 4
    backoff_s: float = 0.5
    parallel: int = 6
    offline: bool = False

    def __post_init__(self) -> None:
        for name in ("connect_s", "read_s", "total_s", "parallel"):
            if getattr(self, name) <= 0:
                raise UsageError(f"http.{name} must be positive, not {getattr(self, name)}")
        for name in ("connect_s", "read_s", "backoff_s"):
            if math.isinf(getattr(self, name)):
                raise UsageError(f"http.{name} must be finite")
        for name in ("retries", "backoff_s"):
            if getattr(self, name) < 0:
                raise UsageError(f"http.{name} cannot be negative, it is {getattr(self, name)}")


@dataclass(frozen=True, slots=True)
class Run:
    """How work is done: threads (0 is one per core), and whether exposures may be edited in place."""

    threads: int = 0
    in_place: str = "always"

    def __post_init__(self) -> None:
        if self.in_place not in {"always", "never"}:
            raise UsageError(f"run.in_place is 'always' or 'never', not {self.in_place!r}")


@dataclass(frozen=True, slots=True)
class Config:
    """All settings, a field per section.

    Examples
    --------
    >>> Config().http.parallel
    6
    """

    mast: Mast = Mast()
    crds: Crds = Crds()
    gaia: Gaia = Gaia()
    astrometry_db: AstrometryDb = AstrometryDb()
    s3: S3 = S3()
    http: Http = Http()
    run: Run = Run()


_DEFAULTS = Config()


def read_config(
    arguments: Mapping[str, object] | None = None, *, environ: Mapping[str, str] | None = None
) -> Config:
    """Read the settings that hold now.

    Parameters
    ----------
    arguments : mapping of str to object, optional
        ``section.key`` to value, text or of the setting's type; None is not set.
    environ : mapping of str to str, optional
        Instead of the environment of the process.

    Returns
    -------
    Config

    Raises
    ------
    UsageError
        Where a file, a variable or an argument has an unknown name or an unusable value.
    FileAccessError
        Where the file cannot be read.

    Examples
    --------
    >>> environ = {"TRUEUP_CONFIG": "", "TRUEUP_HTTP_PARALLEL": "2", "TRUEUP_MAST_URL": "http://here"}
    >>> config = read_config({"http.parallel": 3}, environ=environ)
    >>> config.http.parallel, config.mast.url
    (3, 'http://here')
    """
    environ = os.environ if environ is None else environ
    sections: dict[str, Any] = {f.name: getattr(_DEFAULTS, f.name) for f in fields(Config)}
    found: dict[str, dict[str, object]] = {name: {} for name in sections}
    for where, name, value in _settings(arguments or {}, environ):
        section, _, key = name.partition(".")
        known = {f.name: f.default for f in fields(sections[section])} if section in sections else {}
        if key not in known:
            choice = f"known there: {', '.join(known or sections)}"
            raise UsageError(f"unknown setting {name}", file=where, todo=choice)
        found[section][key] = _converted(value, known[key], f"{where}: {name}")
        if key in _ADDRESSES and value:
            _demand_address(found[section][key], f"{where}: {name}")
    return Config(**{name: type(section)(**found[name]) for name, section in sections.items()})


def origins(
    arguments: Mapping[str, object] | None = None, *, environ: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Where the value of each setting comes from.

    Parameters
    ----------
    arguments, environ : mapping, optional
        As for :func:`read_config`.

    Returns
    -------
    dict of str to str
        By ``section.key``: a file, a variable, ``argument`` or ``default``.

    Examples
    --------
    >>> found = origins(environ={"TRUEUP_CONFIG": "", "CRDS_PATH": "/crds"})
    >>> found["crds.cache"], found["crds.url"]
    ('CRDS_PATH', 'default')
    """
    sections = {f.name: getattr(_DEFAULTS, f.name) for f in fields(Config)}
    known = {f"{name}.{f.name}": "default" for name, part in sections.items() for f in fields(part)}
    environ = os.environ if environ is None else environ
    return known | {name: where for where, name, _ in _settings(arguments or {}, environ)}


def settings_file(environ: Mapping[str, str] | None = None) -> Path | None:
    """The file that settings are read from; None where there is none.

    Parameters
    ----------
    environ : mapping of str to str, optional

    Returns
    -------
    Path or None

    Examples
    --------
    >>> settings_file({"TRUEUP_CONFIG": ""}) is None
    True
    """
    named = (os.environ if environ is None else environ).get("TRUEUP_CONFIG")
    path = Path(named if named is not None else _DEFAULT_FILE).expanduser()
    return None if named == "" or (named is None and not path.exists()) else path


def _settings(
    arguments: Mapping[str, object], environ: Mapping[str, str]
) -> Iterator[tuple[str, str, object]]:
    """Where it is set, section.key and value; a later one wins."""
    yield from _of_file(environ)
    for variable, name in _CUSTOMARY.items():
        if environ.get(variable):
            yield variable, name, environ[variable]
    for section in (f.name for f in fields(Config)):
        prefix = f"TRUEUP_{section.upper()}_"
        for variable, value in environ.items():
            if variable.startswith(prefix):
                yield variable, f"{section}.{variable.removeprefix(prefix).lower()}", value
    for name, argument in arguments.items():
        if argument is not None:
            yield "argument", name, argument


def _of_file(environ: Mapping[str, str]) -> Iterator[tuple[str, str, object]]:
    path = settings_file(environ)
    if path is None:
        return
    try:
        sections = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"not TOML ({error})", file=path) from error
    except OSError as error:
        raise FileAccessError(error.strerror or str(error), file=path) from error
    for section, keys in sections.items():
        if not isinstance(keys, dict):
            raise UsageError(f"unknown setting {section}", file=path, todo="settings are in sections")
        for key, value in keys.items():
            yield str(path), f"{section}.{key}", value


def _converted(value: Any, default: object, where: str) -> object:
    convert, what = _KINDS[type(default)]
    try:
        return convert(value)
    except (TypeError, ValueError, OverflowError) as error:
        # the value is not repeated: it may be a token
        raise UsageError(f"{where} is not {what}") from error


def _demand_address(value: Any, where: str) -> None:
    for url in (value,) if isinstance(value, str) else value:
        try:
            parts = urlsplit(url)
            is_good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_good = False
        if not is_good:
            raise UsageError(f"{where} is no address of a service: {url}", todo="write it as https://host")


def _text(value: str | os.PathLike[str]) -> str:
    text = os.fspath(value).strip()
    return text.rstrip("/") if "://" in text else text


def _texts(value: str | Iterable[str]) -> tuple[str, ...]:
    return tuple(map(_text, value.replace(",", " ").split() if isinstance(value, str) else value))


def _number(value: str | float) -> float:
    number = float(value)
    if isinstance(value, bool) or math.isnan(number):
        raise ValueError
    return number


def _whole(value: str | float) -> int:
    number = _number(value)
    return int(number) if number == int(number) else int(str(value))


def _truth(value: object) -> bool:
    word = str(value).lower()
    if word not in _TRUE | _FALSE:
        raise ValueError
    return word in _TRUE


_KINDS: dict[type, tuple[Callable[[Any], object], str]] = {
    bool: (_truth, "true or false"),
    float: (_number, "a number"),
    int: (_whole, "a whole number"),
    str: (_text, "text"),
    tuple: (_texts, "a list of texts"),
}


def processors() -> int:
    """Processors that this process may use: what 0 threads stand for.

    Returns
    -------
    int

    Examples
    --------
    >>> processors() >= 1
    True
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
