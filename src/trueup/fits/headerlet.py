"""Headerlets: a FITS file, on disk or inside a HDRLET extension, that holds one WCS solution."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sequence

import numpy as np

from trueup.errors import FormatError, TrueupError
from trueup.fits.walk import ByteSource, BytesSource, Hdu, walk
from trueup.model.cards import Cards
from trueup.model.chipwcs import ChipWcs, Floats, LookupTable, Tables
from trueup.model.exposure import Chip
from trueup.model.names import WcsName
from trueup.model.solution import ChipId, ChipSolution, FitStatistics, Origin, Solution

_HIGHEST_SIP_ORDER = 9  # of the SIP convention
_TABLES = (("npol", "CPDIS", "DP", "WCSDVARR"), ("d2im", "D2IMDIS", "D2IM", "D2IMARR"))


class TableShelf:
    """The lookup tables of one FITS file, found by EXTNAME and EXTVER, each read once."""

    def __init__(self, source: ByteSource, hdus: Sequence[Hdu]) -> None:
        self._source = source
        self._hdus = {
            (hdu.extname, hdu.extver or 1): hdu
            for hdu in reversed(hdus)
            if hdu.extname in {"WCSDVARR", "D2IMARR"}
        }
        self._read: dict[tuple[str, int], LookupTable] = {}

    def get(self, extname: str, extver: int) -> LookupTable | None:
        """The table, or None where the file lacks it."""
        key = (extname, extver)
        if key not in self._read and key in self._hdus:
            self._read[key] = _read_table(self._source, self._hdus[key])
        return self._read.get(key)


def _read_table(source: ByteSource, hdu: Hdu) -> LookupTable:
    if len(hdu.shape) != 2 or hdu.header.get("BITPIX") not in {-32, -64}:
        raise FormatError(f"lookup table {hdu.extname},{hdu.extver} is no 2-D float image", file=source.name)
    dtype = ">f4" if hdu.header.get("BITPIX") == -32 else ">f8"
    data = np.frombuffer(hdu.read(source), dtype)
    if data.size == 0 or data.size != hdu.shape[0] * hdu.shape[1]:
        raise FormatError(
            f"lookup table {hdu.extname},{hdu.extver} lacks some of its pixels", file=source.name
        )
    pairs = [
        tuple(
            hdu.header.number(f"{word}{axis}") if f"{word}{axis}" in hdu.header else default
            for axis in (1, 2)
        )
        for word, default in (("CRPIX", 0.0), ("CRVAL", 0.0), ("CDELT", 1.0))
    ]
    crpix, crval, cdelt = ((float(a or 0), float(b or 0)) for a, b in pairs)
    if 0.0 in cdelt:
        raise FormatError(f"lookup table {hdu.extname},{hdu.extver} has CDELT 0", file=source.name)
    return LookupTable(data.reshape(hdu.shape).astype(dtype[1:]), crpix, crval, cdelt)


def chip_solution(chip: ChipId, cards: Cards, shelf: TableShelf, *, shape: tuple[int, int]) -> ChipSolution:
    """Read the WCS of one chip from its cards.

    Parameters
    ----------
    chip : ChipId
    cards : Cards
        WCS cards without the key of an alternate.
    shelf : TableShelf
        The tables of the file that the cards are from.
    shape : (int, int)
        Size of the chip (ny, nx).

    Returns
    -------
    ChipSolution

    Raises
    ------
    FormatError
        Where a number of the WCS or a whole table is absent or makes no sense.
    """
    _require_tan(cards)
    distorted = cards.text("CTYPE1").endswith("-SIP")
    tables: dict[str, Tables] = {"npol": (None, None), "d2im": (None, None)}
    missing: list[str] = []
    if distorted:
        for word, distortion, record, extname in _TABLES:
            tables[word], absent = _tables(cards, shelf, (distortion, record, extname))
            missing += absent
    crpix, crval = _pair(cards, "CRPIX{}"), _pair(cards, "CRVAL{}")
    cd = np.array([[_linear_term(cards, i, j) for j in (1, 2)] for i in (1, 2)])
    if np.linalg.det(cd) == 0:
        raise FormatError("the CD matrix is singular")
    wcs = ChipWcs(
        (crpix[0] - 1, crpix[1] - 1),
        crval,
        cd,
        shape,
        sip_a=_sip(cards, "A") if distorted else None,
        sip_b=_sip(cards, "B") if distorted else None,
        npol=tables["npol"],
        d2im=tables["d2im"],
    )
    return ChipSolution(chip, wcs, cards, tuple(missing))


def _require_tan(cards: Cards) -> None:
    types = cards.text("CTYPE1"), cards.text("CTYPE2")
    if not (types[0].startswith("RA---TAN") and types[1].startswith("DEC--TAN")):
        raise FormatError(f"CTYPE {types[0]}, {types[1]} is no tangent plane of RA, DEC")
    pole = cards.number("LONPOLE")
    if pole is not None and pole != 180.0:
        raise FormatError(f"LONPOLE {pole} is not 180")


def _pair(cards: Cards, pattern: str) -> tuple[float, float]:
    return _need(cards, pattern.format(1)), _need(cards, pattern.format(2))


def _need(cards: Cards, keyword: str) -> float:
    number = cards.number(keyword)
    if number is None:
        raise FormatError(f"keyword {keyword} is absent or no number")
    return number


def _linear_term(cards: Cards, i: int, j: int) -> float:
    """CD, which may omit zero terms, or PC with CDELT."""
    if any(f"CD{a}_{b}" in cards for a in (1, 2) for b in (1, 2)):
        return cards.number(f"CD{i}_{j}") or 0.0
    step = _need(cards, f"CDELT{i}")
    term = cards.number(f"PC{i}_{j}")
    return step * (float(i == j) if term is None else term)


def _sip(cards: Cards, axis: str) -> Floats | None:
    order = cards.number(f"{axis}_ORDER")
    if order is None or order < 2:
        return None
    if order > _HIGHEST_SIP_ORDER:
        raise FormatError(f"{axis}_ORDER {order:g} is above {_HIGHEST_SIP_ORDER}")
    n = int(order)
    coefficients = np.zeros((n + 1, n + 1))
    for p in range(n + 1):
        for q in range(n + 1 - p):
            coefficients[p, q] = cards.number(f"{axis}_{p}_{q}") or 0.0
    return coefficients


def _tables(cards: Cards, shelf: TableShelf, words: tuple[str, str, str]) -> tuple[Tables, list[str]]:
    distortion, record, extname = words
    found: list[LookupTable | None] = []
    missing: list[str] = []
    for axis in (1, 2):
        table = None
        if cards.text(f"{distortion}{axis}").upper() == "LOOKUP":
            extver = int(cards.record(f"{record}{axis}").get("EXTVER", 1))
            table = shelf.get(extname, extver)
            if table is None:
                missing.append(f"{extname},{extver}")
        found.append(table)
    return (found[0], found[1]), missing


def fit_statistics(chip: Cards, whole: Cards) -> FitStatistics:
    """What the cards of a chip, or else those of the headerlet, claim about the fit.

    "No fit" is written 0, blank, undefined or -1: all read as None.
    """

    def positive(*keywords: str) -> float | None:
        for cards in (chip, whole):
            for keyword in keywords:
                number = cards.number(keyword)
                if number is not None and number > 0:
                    return number
        return None

    nmatches = positive("NMATCHES", "NMATCH")
    return FitStatistics(
        nmatches=None if nmatches is None else int(nmatches),
        rms_ra_mas=positive("RMS_RA"),
        rms_dec_mas=positive("RMS_DEC"),
        catalog=chip.text("CATALOG") or whole.text("CATALOG") or None,
        geometry=chip.text("FITGEOM") or whole.text("FITGEOM") or None,
    )


def make_solution(
    name: str, origin: Origin, parts: tuple[ChipSolution, ...], *, cards: Cards, hdrname: str = ""
) -> Solution:
    """Put the chips of a solution together with what its main header says."""
    first = parts[0].cards if parts else Cards()

    def word(keyword: str) -> str:
        value = cards.text(keyword)
        return "" if value.upper() == "N/A" else value

    return Solution(
        name=WcsName.parse(name),
        origin=origin,
        hdrname=hdrname,
        destim=word("DESTIM").lower(),
        author=word("AUTHOR"),
        descrip=word("DESCRIP"),
        distname=word("DISTNAME"),
        idctab=word("IDCTAB"),
        npolfile=word("NPOLFILE"),
        d2imfile=word("D2IMFILE"),
        fit=fit_statistics(first, cards),
        chips=parts,
        cards=cards,
    )


def read_headerlet(source: ByteSource, origin: Origin, chips: Sequence[Chip] | None = None) -> Solution:
    """Read the solution of a headerlet.

    Parameters
    ----------
    source : ByteSource
        A headerlet file, or the data of a HDRLET extension.
    origin : Origin
    chips : sequence of Chip, optional
        The chips of the exposure it is for; without them the chips are what the
        headerlet says, of unknown size.

    Returns
    -------
    Solution

    Raises
    ------
    FormatError
        Where it is not a headerlet or cannot be read.

    Examples
    --------
    >>> read_headerlet(BytesSource(b"no FITS", "a_hlet.fits"), Origin("file"))
    Traceback (most recent call last):
    trueup.errors.FormatError: a_hlet.fits: not a FITS file
    """
    source = decompressed(source)
    hdus = walk(source)
    primary = hdus[0].header
    if "DESTIM" not in primary and "HDRNAME" not in primary:
        raise FormatError("not a headerlet: no DESTIM", file=source.name)
    shelf = TableShelf(source, hdus)
    known = {chip.id.extver: chip for chip in chips or ()}
    parts = []
    for count, hdu in enumerate((h for h in hdus if h.extname == "SIPWCS"), start=1):
        extver = int(hdu.header.number("TG_EVER") or hdu.extver or count)
        chip = known.get(extver)
        if chip is None and chips is not None:
            continue
        chip_id = chip.id if chip else ChipId(extver, int(hdu.header.number("CCDCHIP") or extver))
        shape = chip.shape if chip else _guessed_shape(hdu.header)
        try:
            parts.append(chip_solution(chip_id, hdu.header, shelf, shape=shape))
        except FormatError as error:
            raise FormatError(error.found, file=source.name, chip=chip_id) from error
    parts.sort(key=lambda part: part.chip.extver)
    name = primary.text("WCSNAME") or (parts[0].cards.text("WCSNAME") if parts else "")
    return make_solution(name, origin, tuple(parts), cards=primary, hdrname=primary.text("HDRNAME"))


def _guessed_shape(cards: Cards) -> tuple[int, int]:
    """Twice the reference pixel: good enough to show a headerlet whose exposure is not at hand."""
    return (
        max(1, round(2 * (cards.number("CRPIX2") or 0.5))),
        max(1, round(2 * (cards.number("CRPIX1") or 0.5))),
    )


def decompressed(source: ByteSource) -> ByteSource:
    """The embedded file of a HDRLET extension, whether or not it is gzipped.

    Examples
    --------
    >>> decompressed(BytesSource(gzip.compress(b"SIMPLE"), "memory")).read(0, 6)
    b'SIMPLE'
    """
    if source.read(0, 2) != b"\x1f\x8b":
        return source
    try:
        return BytesSource(gzip.decompress(source.read(0, source.size)), source.name)
    except (EOFError, OSError, zlib.error) as error:
        raise FormatError(f"damaged gzip data ({error})", file=source.name) from error


def read_hdrlet_extension(source: ByteSource, hdu: Hdu, chips: Sequence[Chip]) -> Solution:
    """Read a HDRLET extension; one that cannot be read becomes a `broken` solution.

    Parameters
    ----------
    source : ByteSource
        The exposure's file.
    hdu : Hdu
        The extension, addressed by content: its EXTVER is only reported.
    chips : sequence of Chip
        The chips of the exposure.

    Returns
    -------
    Solution
    """
    origin = Origin("hdrlet", hdu=hdu.index, extver=hdu.extver)
    inner = BytesSource(hdu.read(source), f"{source.name}[{hdu.index}]")
    try:
        return read_headerlet(inner, origin, chips)
    except TrueupError as error:
        return Solution(
            WcsName.parse(hdu.header.text("WCSNAME")),
            origin,
            hdrname=hdu.header.text("HDRNAME"),
            distname=hdu.header.text("DISTNAME"),
            cards=hdu.header,
            broken=error.found,
        )
