"""Read an exposure with every WCS solution it carries, and its pixels by plane."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trueup.errors import DataError, FormatError
from trueup.fits.headerlet import (
    TableShelf,
    chip_solution,
    make_solution,
    read_hdrlet_extension,
    read_headerlet,
)
from trueup.fits.walk import ByteSource, Hdu, open_source, walk
from trueup.model.cards import Card, Cards
from trueup.model.exposure import Chip, Exposure, Plane
from trueup.model.names import WcsName
from trueup.model.solution import ChipId, Origin, Solution

INSTRUMENTS = {
    "WFC3": ("UVIS", "IR"),
    "ACS": ("WFC", "HRC", "SBC"),
    "WFPC2": ("WFPC2",),
}
_PLANES = ("SCI", "ERR", "DQ", "SAMP", "TIME")
_IR_REFERENCE_PIXELS = 5
_CUT = 0.9

_LINEAR = r"WCSAXES|CRPIX\d|CRVAL\d|CTYPE\d|CUNIT\d|CDELT\d|CD\d_\d|PC\d_\d|LONPOLE|LATPOLE|RADESYS"
_NAMES = r"WCSNAME|WCSTYPE|HDRNAME|CRDER\d|CATALOG|RMS_RA|RMS_DEC|NMATCH(?:ES)?|FITGEOM|REL[A-Z_]+"
_DISTORTION = r"[AB]P?_(?:ORDER|\d_\d|DMAX)|D2IM(?:DIS|ERR)?\d|D2IMEXT|CPDIS\d|CPERR\d|DP\d|NPOLEXT"
_IDC = r"ORIENTAT|OC[XY]1[01]|IDC(?:SCALE|THETA|XREF|YREF|V2REF|V3REF)|VAFACTOR"
_PRIMARY_WCS = re.compile(f"(?:{_LINEAR}|{_NAMES}|{_DISTORTION}|{_IDC})$")
_SHARED = re.compile(f"(?:{_DISTORTION}|{_IDC.replace('ORIENTAT|', '')})$")
_MODEL_FILES = ("IDCTAB", "NPOLFILE", "D2IMFILE", "SIPNAME", "DISTNAME")


def read_exposure(
    path: str | os.PathLike[str] | ByteSource, headerlets: Sequence[str | ByteSource] = ()
) -> Exposure:
    """Read an exposure and all its WCS solutions; no pixel is decoded.

    Parameters
    ----------
    path : str, path-like or ByteSource
        FLT, FLC or C0M file, plain or gzipped.
    headerlets : sequence of str or ByteSource, optional
        Headerlet files whose DESTIM is this exposure.

    Returns
    -------
    Exposure
        Under its active solution.

    Raises
    ------
    FormatError
        Where the file is not FITS, truncated, or without a SCI extension or WCS.
    DataError
        Where it is not from an instrument that trueup knows.

    Examples
    --------
    >>> read_exposure("nowhere_flc.fits")
    Traceback (most recent call last):
    trueup.errors.FileAccessError: nowhere_flc.fits: No such file or directory
    """
    source = open_source(path) if isinstance(path, str | os.PathLike) else path
    return exposure_from(source, walk(source), headerlets)


def exposure_from(
    source: ByteSource, hdus: tuple[Hdu, ...], headerlets: Sequence[str | ByteSource] = ()
) -> Exposure:
    """Read an exposure whose HDUs have been walked already; see :func:`read_exposure`."""
    primary = hdus[0].header
    _require_known_instrument(primary, source.name)
    chips = _read_chips(hdus, primary, source.name)
    shelf = TableShelf(source, hdus)
    try:
        active = _header_solution(chips, primary, shelf=shelf, key="")
    except FormatError as error:
        raise FormatError(
            f"no readable WCS in SCI: {error.found}",
            file=source.name,
            todo="run updatewcs on it, or download it again",
        ) from error
    solutions = [active]
    solutions += [_alternate(chips, primary, shelf=shelf, key=key) for key in _alternate_keys(chips)]
    for hdu in hdus:
        if hdu.header.text("XTENSION").upper() == "HDRLET" or hdu.extname == "HDRLET":
            solutions.append(read_hdrlet_extension(source, hdu, chips))
    solutions += [read_headerlet_file(headerlet, chips) for headerlet in headerlets]
    return Exposure(source.name, primary, chips, tuple(solutions), active)


def _require_known_instrument(primary: Cards, name: str) -> None:
    instrument = primary.text("INSTRUME").upper()
    if instrument not in INSTRUMENTS:
        raise DataError(
            f"instrument {instrument or 'unknown'} is left alone",
            file=name,
            todo=f"trueup works on {', '.join(INSTRUMENTS)}",
        )


def _read_chips(hdus: tuple[Hdu, ...], primary: Cards, name: str) -> tuple[Chip, ...]:
    science = [hdu for hdu in hdus if hdu.extname == "SCI"]
    if not science:
        raise FormatError("no SCI extension", file=name, todo="give an FLT, FLC or C0M file")
    chips = []
    for count, hdu in enumerate(science, start=1):
        extver = hdu.extver or count
        number = hdu.header.number("CCDCHIP") or hdu.header.number("DETECTOR") or 1
        planes = {h.extname: _plane(h) for h in hdus if h.extname in _PLANES and (h.extver or 1) == extver}
        planes["SCI"] = _plane(hdu)
        shape = _chip_shape(planes["SCI"], hdu.header, primary)
        chips.append(Chip(ChipId(extver, int(number)), shape, hdu.header, planes))
    return tuple(sorted(chips, key=lambda chip: chip.id.extver))


def _plane(hdu: Hdu) -> Plane:
    header = hdu.header
    shape = hdu.shape if len(hdu.shape) == 2 else (0, 0)
    if shape == (0, 0) and "NPIX1" in header:
        shape = (int(header.number("NPIX2") or 0), int(header.number("NPIX1") or 0))
    return Plane(
        start=hdu.data_start if hdu.data_size else -1,
        shape=(shape[0], shape[1]),
        bitpix=int(header.number("BITPIX") or 8),
        bscale=header.number("BSCALE") or 1.0,
        bzero=header.number("BZERO") or 0.0,
        fill=header.number("PIXVALUE") or 0.0,
    )


def _chip_shape(plane: Plane, header: Cards, primary: Cards) -> tuple[int, int]:
    """NAXIS of SCI; where the file is a cut, what SIZAXISn/BINAXISn say."""
    border = 2 * _IR_REFERENCE_PIXELS if primary.text("DETECTOR").upper() == "IR" else 0
    shape = []
    for axis, stored in ((2, plane.shape[0]), (1, plane.shape[1])):
        size = header.number(f"SIZAXIS{axis}")
        binned = header.number(f"BINAXIS{axis}") or 1.0
        full = stored if size is None else int(size / binned) - border
        shape.append(full if stored < _CUT * full else stored)
    return shape[0], shape[1]


def _header_solution(chips: tuple[Chip, ...], primary: Cards, *, shelf: TableShelf, key: str) -> Solution:
    parts = tuple(
        chip_solution(chip.id, _wcs_cards(chip.header, key), shelf, shape=chip.shape)
        for chip in chips
        if f"CRVAL1{key}" in chip.header
    )
    if not parts:
        raise FormatError("keyword CRVAL1 is absent")
    first = parts[0].cards
    model = Cards(tuple(card for word in _MODEL_FILES if (card := primary.find(word)) is not None))
    origin = Origin("alternate", key=key) if key else Origin("primary")
    return make_solution(first.text("WCSNAME"), origin, parts, cards=model, hdrname=first.text("HDRNAME"))


def _wcs_cards(header: Cards, key: str) -> Cards:
    """The WCS cards of one key, without the key; an alternate shares SIP and tables."""
    if not key:
        return Cards(tuple(card for card in header if _PRIMARY_WCS.match(card.keyword)))
    own: list[Card] = []
    for card in header:
        bare = card.keyword[:-1]
        if card.keyword.endswith(key) and _PRIMARY_WCS.match(bare):
            own.append(card.with_keyword(bare))
    shared = (card for card in header if _SHARED.match(card.keyword))
    return Cards((*own, *shared))


def _alternate_keys(chips: tuple[Chip, ...]) -> list[str]:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return [key for key in letters if any(f"CRVAL1{key}" in chip.header for chip in chips)]


def _alternate(chips: tuple[Chip, ...], primary: Cards, *, shelf: TableShelf, key: str) -> Solution:
    try:
        return _header_solution(chips, primary, shelf=shelf, key=key)
    except FormatError as error:
        name = chips[0].header.text(f"WCSNAME{key}")
        origin = Origin("alternate", key=key)
        return Solution(WcsName.parse(name), origin, broken=error.found)


def read_headerlet_file(path: str | ByteSource, chips: Sequence[Chip] | None = None) -> Solution:
    """Read a headerlet file as a solution; one that cannot be read is an error.

    Parameters
    ----------
    path : str or ByteSource
    chips : sequence of Chip, optional
        The chips of the exposure it is for.

    Raises
    ------
    FormatError, FileAccessError
    """
    source = open_source(path) if isinstance(path, str) else path
    return read_headerlet(source, Origin("file", path=source.name), chips)


def read_pixels(
    exposure: Exposure, chip: ChipId | int, plane: str = "SCI", *, rows: slice | None = None
) -> NDArray[np.generic]:
    """Read one image plane of a chip, or some of its rows.

    Parameters
    ----------
    exposure : Exposure
    chip : ChipId or int
        The chip, or its SCI EXTVER.
    plane : str
        SCI, ERR, DQ, SAMP or TIME.
    rows : slice, optional
        Rows to read; all by default.

    Returns
    -------
    (ny, nx) array
        In native byte order; of the type stored, or float32 where BSCALE or BZERO apply (int for
        the unsigned 16-bit convention).

    Raises
    ------
    FormatError
        Where the plane is absent.

    Examples
    --------
    >>> from trueup.simulate import Recipe, make_visit
    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> _ = make_visit(folder, recipe=Recipe(size=(64, 48), stars=5, galaxies=0))
    >>> exposure = read_exposure(f"{folder}/iepw14g4q_flc.fits")
    >>> read_pixels(exposure, 1, "SCI", rows=slice(0, 8)).shape
    (8, 64)
    """
    found = exposure.chip(chip)
    spot = found.planes.get(plane)
    if spot is None:
        raise FormatError(f"no {plane} extension", file=exposure.path, chip=found.id)
    ny, nx = spot.shape
    first, last, step = (rows or slice(None)).indices(ny)
    if step != 1:
        raise DataError(f"rows are read in steps of 1, not {step}", file=exposure.path)
    last = max(first, last)
    if spot.start < 0:
        return np.full((last - first, nx), spot.fill, np.float32)
    pixels = _stored(open_source(exposure.path), spot, first=first, shape=(last - first, nx))
    if spot.bscale == 1.0 and spot.bzero == 0.0:
        return pixels
    if spot.bscale == 1.0 and spot.bzero == 32768.0 and spot.bitpix == 16:
        return pixels.astype(np.int32) + 32768
    return (pixels * np.float32(spot.bscale) + np.float32(spot.bzero)).astype(np.float32)


def _stored(source: ByteSource, spot: Plane, *, first: int, shape: tuple[int, int]) -> NDArray[Any]:
    """Pixel values as stored, in native byte order; swapped in place, for these arrays are large."""
    dtype = np.dtype({8: "u1", 16: "i2", 32: "i4", 64: "i8", -32: "f4", -64: "f8"}[spot.bitpix])
    pixels: NDArray[Any] = np.empty(shape, dtype)
    buffer = pixels.reshape(-1).view(np.uint8).data
    start = spot.start + first * shape[1] * dtype.itemsize
    if source.read_into(start, buffer) != len(buffer):
        raise FormatError("the file ended while pixels were read", file=source.name)
    return pixels.byteswap(inplace=True) if sys.byteorder == "little" else pixels
