"""Calibration references from CRDS, in the cache that the crds package uses."""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from trueup.archive.download import Effort, Wanted, download
from trueup.archive.integrity import check_file
from trueup.archive.stream import Stream, open_url
from trueup.archive.transport import Transport
from trueup.config import Crds
from trueup.errors import DataError, FileAccessError, NetworkError

log = logging.getLogger(__name__)

_INSTRUMENTS = {"i": "wfc3", "j": "acs", "u": "wfpc2", "n": "nicmos", "o": "stis", "l": "cos", "m": "synphot"}
_NAME = re.compile(r"(?:(?P<letter>[a-z])(?:ref|tab)\$)?(?P<name>[\w.-]+)", re.IGNORECASE)
_UNNAMED = {"", "N/A", "OMIT", "NONE"}


def reference_path(reference: str, cache: str | os.PathLike[str]) -> Path:
    """Where a reference file is in a cache of CRDS.

    Parameters
    ----------
    reference : str
        As in a header: ``iref$2ck18260i_mdz.fits``.
    cache : path

    Returns
    -------
    Path

    Raises
    ------
    DataError
        Where the header names no file, or none of an instrument.

    Examples
    --------
    >>> str(reference_path("iref$2ck18260i_mdz.fits", "/crds"))
    '/crds/references/hst/wfc3/2ck18260i_mdz.fits'
    """
    found = _NAME.fullmatch(reference.strip())
    if found is None or reference.strip().upper() in _UNNAMED:
        raise DataError(f"{reference!r} names no reference file")
    name = found["name"].lower()
    # names that CRDS made end in the letter of the instrument
    letter = found["letter"] or name.partition("_")[0][-1:]
    instrument = _INSTRUMENTS.get(letter.lower())
    if instrument is None:
        raise DataError(f"{reference!r} does not say of which instrument it is")
    base = Path(cache).expanduser()
    references = base / "references" / "hst"
    return references / name if _is_flat(base) else references / instrument / name


def _is_flat(cache: Path) -> bool:
    try:
        return (cache / "config" / "hst" / "ref_cache_subdir_mode").read_text().strip() == "flat"
    except OSError:
        return False


def cached_reference(reference: str, cache: str | os.PathLike[str]) -> Path | None:
    """A reference file that is in the cache; no service is asked.

    Parameters
    ----------
    reference : str
        As in a header.
    cache : path

    Returns
    -------
    Path or None
        None where it is not there.

    Raises
    ------
    FormatError
        Where it is damaged.
    DataError
        Where the header names no file.

    Examples
    --------
    >>> cached_reference("iref$2ck18260i_mdz.fits", "/nowhere") is None
    True
    """
    path = reference_path(reference, cache)
    if not path.exists():
        return None
    check_file(str(path), **_sums(cache).get(path.name, {}))
    return path


def fetch_reference(transport: Transport, reference: str, crds: Crds) -> Path:
    """A reference file, from the cache or else from CRDS; a damaged one is replaced.

    Parameters
    ----------
    transport : Transport
    reference : str
        As in a header.
    crds : Crds
        The settings: server and cache.

    Returns
    -------
    Path
        In the cache, of the right sha1.

    Raises
    ------
    DataError
        Where CRDS does not know it, or sends something else.
    NetworkError
        Where it is not in the cache and CRDS cannot be reached.
    FileAccessError
        Where the cache cannot be written.

    Examples
    --------
    >>> from trueup.config import Http
    >>> fetch_reference(Transport(Http(offline=True)), "iref$2ck18260i_mdz.fits", Crds(cache="/nowhere"))
    Traceback (most recent call last):
    trueup.errors.NetworkError: https://hst-crds.stsci.edu/json/: trueup is offline and POST was wanted
    """
    path = reference_path(reference, crds.cache)
    is_known = path.name in _sums(crds.cache)
    if is_known and _is_good(reference, crds.cache):
        return path
    try:
        wanted = _listed(transport, path.name, crds.url)
    except NetworkError:
        # whoever put it there, nobody can say now what its sha1 should be
        if not is_known and cached_reference(reference, crds.cache):
            return path
        raise
    _bring(transport, Wanted(path, **wanted), crds.url)
    _remember(path.name, wanted, crds.cache)
    return path


def _bring(transport: Transport, wanted: Wanted, server: str) -> None:
    url = f"{server.rstrip('/')}/unchecked_get/references/hst/{wanted.path.name}"

    def open_stream(start: int, mark: str) -> AbstractContextManager[Stream]:
        return open_url(transport, url, start=start, mark=mark)

    try:
        wanted.path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileAccessError(error.strerror or str(error), file=wanted.path.parent) from error
    download(wanted, open_stream, Effort(transport.http, size=wanted.size))


def _is_good(reference: str, cache: str) -> bool:
    try:
        return cached_reference(reference, cache) is not None
    except DataError as error:
        log.warning("%s; it is not used", error)
        return False


def _listed(transport: Transport, name: str, server: str) -> dict[str, Any]:
    """What CRDS says of a file: size and sha1."""
    url = f"{server.rstrip('/')}/json/"
    fields = ["size", "sha1sum", "rejected", "blacklisted"]
    question = {"jsonrpc": "1.0", "id": "trueup", "method": "get_file_info_map"}
    answer = transport.request("POST", url, json=question | {"params": ["hst", [name], fields]})
    try:
        said = answer.json()
        info = (said["result"] or {}).get(name) or (said["error"] or {}).get("message")
        if isinstance(info, dict):
            if "true" in {info.get("rejected"), info.get("blacklisted")}:
                log.warning("CRDS advises against %s", name)
            return {"size": int(info["size"]), "sha1": str(info["sha1sum"])}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        nonsense = f"CRDS answers with nonsense ({error!r})"
        raise NetworkError(nonsense, file=url, todo="try again later") from error
    raise DataError(f"CRDS does not know it: {info or 'it is not listed'}", file=name)


def _sums(cache: str | os.PathLike[str]) -> dict[str, dict[str, Any]]:
    """Size and sha1 of files that were checked when they came."""
    try:
        known = json.loads(_sums_path(cache).read_text())
        return {str(name): {"size": int(of["size"]), "sha1": str(of["sha1"])} for name, of in known.items()}
    except (OSError, AttributeError, KeyError, TypeError, ValueError):
        # losing it costs a question to CRDS
        return {}


def _remember(name: str, wanted: Mapping[str, Any], cache: str | os.PathLike[str]) -> None:
    path = _sums_path(cache)
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        os.makedirs(path.parent, exist_ok=True)
        temporary.write_text(json.dumps(_sums(cache) | {name: dict(wanted)}, indent=1, sort_keys=True))
        temporary.replace(path)
    except OSError as error:
        log.info("what is known of %s cannot be kept: %s", name, error)


def _sums_path(cache: str | os.PathLike[str]) -> Path:
    return Path(cache).expanduser() / "config" / "hst" / "trueup_sha1.json"
