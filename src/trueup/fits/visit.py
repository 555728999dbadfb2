"""Turn what the user names - files, folders, associations - into a Visit."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from trueup.errors import FileAccessError, FormatError, TrueupError
from trueup.fits.association import read_members, read_product_inputs
from trueup.fits.exposure import INSTRUMENTS, exposure_from, read_headerlet_file
from trueup.fits.walk import ByteSource, Hdu, open_source, walk
from trueup.model.exposure import Exposure
from trueup.model.solution import Solution
from trueup.model.visit import LeftOut, ProductInputs, Visit

_SUFFIX = re.compile(r"_([a-z0-9]+)\.fits?(?:\.gz)?$", re.IGNORECASE)
_FITS = re.compile(r"\.fits?(\.gz)?$", re.IGNORECASE)
# of several versions of one exposure the CTE-corrected one is used, and a plain file before an SVM copy
_EXPOSURES = ("flc", "flt", "c0m", "c0f", "crj", "crc")
_PRODUCTS = ("drc", "drz")
_SUPPORT = {
    "raw": "raw data", "spt": "support file", "trl": "trailer file", "jit": "jitter file",
    "jif": "jitter file", "ima": "intermediate IR ramp", "c1m": "data quality file",
    "d0m": "raw data", "shm": "support file",
}  # fmt: skip


@dataclass(slots=True)
class _Gathered:
    """What has been found so far."""

    exposures: dict[str, tuple[ByteSource, tuple[Hdu, ...]]] = field(default_factory=dict)
    from_folders: set[str] = field(default_factory=set)
    headerlets: dict[str, Solution] = field(default_factory=dict)
    headerlet_sources: dict[str, ByteSource] = field(default_factory=dict)
    offered: dict[str, Solution] = field(default_factory=dict)
    products: list[ProductInputs] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)


def open_visit(paths: Iterable[str | os.PathLike[str] | ByteSource], *, strict: bool = True) -> Visit:
    """Read exposures, headerlet files, associations and folders as one visit.

    A folder gives its exposures; a headerlet file counts only when it is named. FLT, FLC and SVM copy
    of one exposure are one exposure. Files that are not used are listed in `left_out`, raw data and
    support files always.

    Parameters
    ----------
    paths : iterable of str, path-like or ByteSource
    strict : bool
        Whether a named file that cannot be used is an error; else it is left out with the reason.

    Returns
    -------
    Visit

    Raises
    ------
    FileAccessError, FormatError, DataError
        Where a file that was named itself cannot be used; files of a folder never raise.

    Examples
    --------
    >>> open_visit([]).exposures
    ()
    """
    gathered = _Gathered()
    for path in paths:
        what = os.fspath(path) if isinstance(path, str | os.PathLike) else path
        if isinstance(what, str) and os.path.isdir(what):
            for inside in sorted(Path(what).iterdir()):
                if inside.is_file() or inside.is_symlink():
                    _add_from_folder(gathered, str(inside))
        elif strict:
            _add_named(gathered, what)
        else:
            _add_or_leave_out(gathered, what)
    return _join(gathered, strict=strict)


def _add_or_leave_out(gathered: _Gathered, what: str | ByteSource) -> None:
    try:
        _add_named(gathered, what)
    except TrueupError as error:
        _leave_out(gathered, what if isinstance(what, str) else what.name, error)


def _leave_out(gathered: _Gathered, name: str, error: TrueupError) -> None:
    why = f"{error.found}; {error.todo}" if error.todo else error.found
    gathered.left_out.append(LeftOut(name, why, is_error=True))


def _add_from_folder(gathered: _Gathered, name: str) -> None:
    word = _word(name)
    if not _FITS.search(name):
        return
    if word == "hlet":
        _add_offered(gathered, name)
    elif word in _SUPPORT:
        gathered.left_out.append(LeftOut(name, _SUPPORT[word]))
    elif word == "asn":
        gathered.left_out.append(LeftOut(name, "association table"))
    elif word in _PRODUCTS:
        gathered.left_out.append(LeftOut(name, "drizzled product"))
    else:
        gathered.from_folders.add(name)
        try:
            _add_named(gathered, name)
        except TrueupError as error:
            expected = word in _EXPOSURES and isinstance(error, FormatError | FileAccessError)
            gathered.left_out.append(LeftOut(name, error.found, is_error=expected))


def _add_offered(gathered: _Gathered, name: str) -> None:
    try:
        gathered.offered[name] = read_headerlet_file(name)
        gathered.left_out.append(LeftOut(name, "headerlet file: name it to use it"))
    except TrueupError as error:
        gathered.left_out.append(LeftOut(name, error.found))


def _add_named(gathered: _Gathered, what: str | ByteSource) -> None:
    source = open_source(what) if isinstance(what, str) else what
    name = source.name
    if _word(name) in _SUPPORT:
        gathered.left_out.append(LeftOut(name, _SUPPORT[_word(name)]))
        return
    hdus = walk(source)
    primary = hdus[0].header
    extnames = {hdu.extname for hdu in hdus}
    if "SIPWCS" in extnames or ("DESTIM" in primary and "SCI" not in extnames):
        gathered.headerlets[name] = read_headerlet_file(source)
        gathered.headerlet_sources[name] = source
    elif "ASN" in extnames:
        _add_members(gathered, source, hdus)
    elif _is_product(hdus):
        inputs = read_product_inputs(source, hdus) if "HDRTAB" in extnames else ()
        gathered.products.append(ProductInputs(name, inputs))
    else:
        _add_exposure(gathered, source, hdus)


def _is_product(hdus: tuple[Hdu, ...]) -> bool:
    return "HDRTAB" in {h.extname for h in hdus} or (
        "NDRIZIM" in hdus[0].header and hdus[0].header.text("DRIZCORR").upper() == "COMPLETE"
    )


def _add_exposure(gathered: _Gathered, source: ByteSource, hdus: tuple[Hdu, ...]) -> None:
    primary = hdus[0].header
    if primary.text("INSTRUME").upper() not in INSTRUMENTS:
        exposure_from(source, hdus)
    rootname = primary.text("ROOTNAME").lower()
    if not rootname:
        raise FormatError("no ROOTNAME", file=source.name, todo="give an HST exposure")
    other = gathered.exposures.get(rootname)
    if other is None:
        gathered.exposures[rootname] = (source, hdus)
        return
    if os.path.abspath(other[0].name) == os.path.abspath(source.name):
        return
    better = min((other, (source, hdus)), key=lambda pair: _preference(pair[0].name))
    worse = (source, hdus) if better is other else other
    gathered.exposures[rootname] = better
    why = f"another version of {rootname}: {os.path.basename(better[0].name)} is used"
    gathered.left_out.append(LeftOut(worse[0].name, why))


def _word(name: str) -> str:
    """What a file is by its name: ``flc`` of ``iepw14g4q_flc.fits``; blank where that does not say."""
    suffix = _SUFFIX.search(name)
    return suffix[1].lower() if suffix else ""


def _preference(name: str) -> tuple[int, bool, str]:
    word = _word(name)
    rank = _EXPOSURES.index(word) if word in _EXPOSURES else len(_EXPOSURES)
    return rank, os.path.basename(name).lower().startswith("hst_"), name


def _add_members(gathered: _Gathered, source: ByteSource, hdus: tuple[Hdu, ...]) -> None:
    folder = Path(source.name).parent
    for member in read_members(source, hdus):
        files = [folder / f"{member}_{word}.fits{end}" for word in _EXPOSURES[:3] for end in ("", ".gz")]
        found = next((file for file in files if file.exists()), None)
        if found is None:
            why = f"member of {os.path.basename(source.name)}, not in its folder"
            gathered.left_out.append(LeftOut(str(files[0]), why, is_error=True))
        else:
            _add_named(gathered, str(found))


def _join(gathered: _Gathered, *, strict: bool) -> Visit:
    exposures = []
    joined: set[str] = set()
    for rootname, (source, hdus) in gathered.exposures.items():
        names = [name for name, s in gathered.headerlets.items() if s.destim == rootname]
        joined.update(names)
        try:
            headerlets = [gathered.headerlet_sources[name] for name in names]
            exposures.append(exposure_from(source, hdus, headerlets))
        except TrueupError as error:
            if strict and source.name not in gathered.from_folders:
                raise
            _leave_out(gathered, source.name, error)
    exposures.sort(key=_start)
    alone = tuple((n, s) for n, s in gathered.headerlets.items() if n not in joined)
    named = {os.path.realpath(name) for name in gathered.headerlets}
    offered = tuple((n, s) for n, s in gathered.offered.items() if os.path.realpath(n) not in named)
    return Visit(
        exposures=tuple(exposures),
        headerlets=alone,
        offered=offered,
        products=tuple(gathered.products),
        left_out=tuple(out for out in gathered.left_out if os.path.realpath(out.path) not in named),
    )


def _start(exposure: Exposure) -> tuple[str, float, str]:
    return exposure.visit, exposure.header.number("EXPSTART") or 0.0, exposure.rootname
