"""Write a solution as a headerlet: a FITS file that stwcs and drizzlepac read.

Every number of the WCS keeps the characters it was read with.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime

from trueup import __version__
from trueup.fits.keywords import IDC, distortion_cards, fit_cards, linear_cards, orientat_card, wcs_type
from trueup.fits.walk import BytesSource, walk
from trueup.model.cards import BLOCK, Cards, make_card
from trueup.model.chipwcs import LookupTable
from trueup.model.exposure import Exposure
from trueup.model.names import WcsName
from trueup.model.solution import ChipSolution, Solution

_TABLES = (("WCSDVARR", "DP", "npol"), ("D2IMARR", "D2IM", "d2im"))
_NO_MODEL = "NOMODEL"


def headerlet_bytes(solution: Solution, exposure: Exposure, *, wcsname: str = "", hdrname: str = "") -> bytes:
    """A headerlet file that holds one solution of an exposure.

    Parameters
    ----------
    solution : Solution
        From any place; a chip's cards are written as they are.
    exposure : Exposure
        Gives DESTIM and the names of reference files that the solution does not have.
    wcsname, hdrname : str, optional
        Names to give instead of the solution's own; a headerlet needs both.

    Returns
    -------
    bytes
        A whole FITS file: PRIMARY, then per chip SIPWCS and its lookup tables.

    Examples
    --------
    >>> from trueup.model.names import WcsName
    >>> from trueup.model.solution import Origin
    >>> opus = Solution(WcsName.parse("OPUS"), Origin("primary"))
    >>> exposure = Exposure("a_flc.fits", Cards((make_card("ROOTNAME", "a"),)), (), (opus,), opus)
    >>> [hdu.header.get("WCSNAME") for hdu in walk(BytesSource(headerlet_bytes(opus, exposure), "a"))]
    ['OPUS']
    """
    name = wcsname or solution.wcsname
    title = hdrname or solution.hdrname or f"{exposure.rootname}_{name}"
    blocks = [_primary(solution, exposure, wcsname=name, hdrname=title).to_bytes()]
    written: set[tuple[str, int]] = set()
    for part in solution.chips:
        blocks.append(_sipwcs(solution, part, name).to_bytes())
        for extname, extver, table in _tables(part):
            if (extname, extver) not in written:
                written.add((extname, extver))
                header, data = table_extension(table, extname, extver)
                blocks += [header.to_bytes(), data]
    return b"".join(blocks)


def hdrlet_extension(headerlet: bytes, extver: int) -> tuple[Cards, bytes]:
    """Wrap a headerlet file into a HDRLET extension.

    Parameters
    ----------
    headerlet : bytes
        A headerlet file.
    extver : int

    Returns
    -------
    header : Cards
    data : bytes
        Padded to a multiple of 2880.

    Examples
    --------
    >>> from trueup.model.names import WcsName
    >>> from trueup.model.solution import Origin
    >>> opus = Solution(WcsName.parse("OPUS"), Origin("primary"))
    >>> exposure = Exposure("a_flc.fits", Cards((make_card("ROOTNAME", "a"),)), (), (opus,), opus)
    >>> hdrlet_extension(headerlet_bytes(opus, exposure), 3)[0].get("EXTVER")
    3
    """
    hdus = walk(BytesSource(headerlet, "headerlet"))
    primary = hdus[0].header
    cards = [
        make_card("XTENSION", "HDRLET", "FITS extension"),
        make_card("BITPIX", 8, "array data type"),
        make_card("NAXIS", 1, "number of array dimensions"),
        make_card("NAXIS1", len(headerlet), "Axis length"),
        make_card("PCOUNT", 0, "number of parameters"),
        make_card("GCOUNT", 1, "number of groups"),
    ]
    for hdu in hdus[1:]:
        text = f"byte offset of extension {hdu.index}"
        cards.append(make_card(f"XIND{hdu.index}", hdu.header_start, text))
    cards.append(make_card("COMPRESS", False, "Uses gzip compression"))
    for keyword in ("HDRNAME", "DATE", "SIPNAME", "WCSNAME", "DISTNAME", "NPOLFILE", "D2IMFILE"):
        card = primary.find(keyword)
        if card is not None:
            cards.append(card)
    cards.append(make_card("EXTNAME", "HDRLET", "Extension name"))
    cards.append(make_card("EXTVER", extver, "extension value"))
    return Cards(tuple(cards)), headerlet.ljust(-(-len(headerlet) // BLOCK) * BLOCK, b"\0")


def table_extension(table: LookupTable, extname: str, extver: int) -> tuple[Cards, bytes]:
    """A lookup table as an image extension.

    Parameters
    ----------
    table : LookupTable
    extname : str
        WCSDVARR or D2IMARR.
    extver : int

    Returns
    -------
    header : Cards
    data : bytes
        Padded to a multiple of 2880.

    Examples
    --------
    >>> import numpy as np
    >>> table = LookupTable(np.zeros((2, 3), np.float32), (0, 0), (0, 0), (64, 64))
    >>> len(table_extension(table, "D2IMARR", 1)[1])
    2880
    """
    ny, nx = table.data.shape
    size = table.data.dtype.itemsize
    cards = [
        make_card("XTENSION", "IMAGE", "Image extension"),
        make_card("BITPIX", -8 * size, "array data type"),
        make_card("NAXIS", 2, "number of array dimensions"),
        make_card("NAXIS1", nx),
        make_card("NAXIS2", ny),
        make_card("PCOUNT", 0, "number of parameters"),
        make_card("GCOUNT", 1, "number of groups"),
        make_card("EXTNAME", extname, "extension name"),
    ]
    words = (
        ("CRPIX", table.crpix, "Coordinate system reference pixel"),
        ("CRVAL", table.crval, "Coordinate system value at reference pixel"),
        ("CDELT", table.cdelt, "Coordinate increment along axis"),
    )
    for word, pair, comment in words:
        for axis, number in enumerate(pair, start=1):
            cards.append(make_card(f"{word}{axis}", float(number), comment))
    cards.append(make_card("EXTVER", extver, "extension value"))
    data = table.data.astype(f">f{size}").tobytes()
    return Cards(tuple(cards)), data.ljust(-(-len(data) // BLOCK) * BLOCK, b"\0")


def _primary(solution: Solution, exposure: Exposure, *, wcsname: str, hdrname: str) -> Cards:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    model = _model_names(solution, exposure)
    cards = [
        make_card("SIMPLE", True, "conforms to FITS standard"),
        make_card("BITPIX", 8, "array data type"),
        make_card("NAXIS", 0, "number of array dimensions"),
        make_card("EXTEND", True),
        make_card("DESTIM", exposure.rootname, "Destination observation root name"),
        make_card("HDRNAME", hdrname, "Headerlet name"),
        make_card("DATE", now, "Date FITS file was generated"),
        make_card("WCSNAME", wcsname, "Coordinate system title"),
        make_card("DISTNAME", model["DISTNAME"], "Distortion model name"),
        make_card("SIPNAME", model["SIPNAME"], "origin of SIP polynomial distortion model"),
        make_card("NPOLFILE", model["NPOLFILE"], "origin of non-polynmial distortion model"),
        make_card("D2IMFILE", model["D2IMFILE"], "origin of detector to image correction"),
        make_card("IDCTAB", model["IDCTAB"], "origin of Polynomial Distortion"),
        make_card("AUTHOR", solution.author, "headerlet created by this user"),
        make_card("DESCRIP", solution.descrip, "Short description of headerlet solution"),
    ]
    told = {card.keyword: card for part in solution.chips[:1] for card in fit_cards(solution, part)}
    for keyword, axis in (("RMS_RA", "RA"), ("RMS_DEC", "Dec")):
        cards.append(told.get(keyword) or make_card(keyword, 0, f"RMS in {axis} of WCS fit(mas)"))
    catalog = solution.fit.catalog or solution.name.catalog or ""
    nmatch = told["NMATCHES"].value if "NMATCHES" in told else 0
    cards += [
        make_card("NMATCH", nmatch, "Number of sources used for headerlet solution"),
        make_card("CATALOG", catalog, "Astrometric catalog used for headerlet solution"),
        make_card("UPWCSVER", exposure.header.text("UPWCSVER"), "Version of STWCS used to update the WCS"),
        make_card("PYWCSVER", exposure.header.text("PYWCSVER"), "Version of PYWCS used to update the WCS"),
    ]
    if "FITGEOM" in told:
        cards.append(told["FITGEOM"])
    for keyword in ("FITMETH", "FIT_RMS", "HISTORY"):
        cards += [card for card in solution.cards if card.keyword == keyword]
    cards.append(make_card("HISTORY", f"written by trueup {__version__}"))
    return Cards(tuple(cards))


def _model_names(solution: Solution, exposure: Exposure) -> dict[str, str]:
    """Names of the distortion model; those a file lacks are built as stwcs does."""

    def find(keyword: str) -> str:
        return solution.cards.text(keyword) or exposure.header.text(keyword)

    def root(name: str, suffix: str) -> str:
        if name.upper() in {"", "N/A"}:
            return _NO_MODEL
        return os.path.basename(name.rpartition("$")[2]).removesuffix(f"{suffix}.fits")

    names = {keyword: find(keyword) or "N/A" for keyword in ("IDCTAB", "NPOLFILE", "D2IMFILE")}
    idc = root(names["IDCTAB"], "_idc")
    sip = find("SIPNAME") or (_NO_MODEL if idc == _NO_MODEL else f"{exposure.rootname}_{idc}")
    parts = (sip, root(names["NPOLFILE"], "_npl"), root(names["D2IMFILE"], "_d2i"))
    return {**names, "SIPNAME": sip, "DISTNAME": find("DISTNAME") or "-".join(parts)}


def _sipwcs(solution: Solution, part: ChipSolution, wcsname: str) -> Cards:
    cards = [
        make_card("XTENSION", "IMAGE", "Image extension"),
        make_card("BITPIX", 8, "array data type"),
        make_card("NAXIS", 0, "number of array dimensions"),
        make_card("PCOUNT", 0, "number of parameters"),
        make_card("GCOUNT", 1, "number of groups"),
        *linear_cards(part.cards),
        make_card("WCSNAME", wcsname, "Coordinate system title"),
        make_card("WCSTYPE", wcs_type(WcsName.parse(wcsname)), "Kind of the solution"),
        *(card for card in part.cards if card.keyword == "MJDREF"),
        *fit_cards(solution, part),
        *distortion_cards(part.cards),
        *(card for card in part.cards if card.keyword in IDC),
        orientat_card(part.cards),
        make_card("TG_ENAME", "SCI", "Target science data extname"),
        make_card("TG_EVER", part.chip.extver, "Target science data extver"),
        make_card("EXTNAME", "SIPWCS", "extension name"),
        make_card("EXTVER", part.chip.extver, "extension value"),
    ]
    return Cards(tuple(cards))


def _tables(part: ChipSolution) -> Iterator[tuple[str, int, LookupTable]]:
    for extname, record, word in _TABLES:
        for axis, table in enumerate(getattr(part.wcs, word), start=1):
            if table is not None:
                yield extname, int(part.cards.record(f"{record}{axis}").get("EXTVER", 1)), table
