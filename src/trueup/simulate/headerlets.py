"""Headerlets, as files and as HDRLET extensions."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import numpy as np

from trueup.model.cards import Card, Cards, make_card
from trueup.simulate.cards import (
    Row,
    idc_linear_rows,
    linear_rows,
    make_cards,
    orientat,
    sip_rows,
    table_error_rows,
    table_image_rows,
    table_rows,
)
from trueup.simulate.detectors import Detector
from trueup.simulate.files import hdu
from trueup.simulate.headers import WRITTEN, distname, sipname
from trueup.simulate.solutions import Candidate

_WRITTEN_AT = f"{WRITTEN}T12:00:00"


def headerlet_bytes(
    candidate: Candidate, detector: Detector, *, rootname: str
) -> tuple[bytes, tuple[int, ...]]:
    """A headerlet as a FITS file, and where its extensions start.

    Parameters
    ----------
    candidate : Candidate
    detector : Detector
    rootname : str
        The exposure it is for (DESTIM).
    """
    hdus = [
        Cards(
            (*make_cards(list(_primary_rows(candidate, detector, rootname))), *_history(candidate))
        ).to_bytes()
    ]
    for chip, wcs in enumerate(candidate.chips):
        extver = chip + 1
        rows = [
            *_empty_image_rows(),
            *linear_rows(wcs, candidate.wcsname),
            *sip_rows(wcs),
            *table_rows(wcs, extver),
            ("ORIENTAT", orientat(wcs), "positions angle of image y axis (deg. e of n)"),
            ("TG_ENAME", "SCI", "Target science data extname"),
            ("TG_EVER", extver, "Target science data extver"),
            *_error_rows(candidate),
            *idc_linear_rows(detector.chips[chip], detector),
            *table_error_rows(wcs, detector, names=False),
            ("EXTNAME", "SIPWCS", "extension name"),
            ("EXTVER", extver, "extension value"),
        ]
        hdus.append(hdu(Cards(tuple(make_cards(rows)))))
        for name, tables in (("WCSDVARR", wcs.npol), ("D2IMARR", wcs.d2im)):
            for axis, table in enumerate(tables, start=1):
                if table is not None:
                    rows = list(table_image_rows(table, name, extver=2 * chip + axis))
                    hdus.append(hdu(Cards(tuple(make_cards(rows))), table.data))
    ends = np.cumsum([len(part) for part in hdus])
    return b"".join(hdus), tuple(int(end) for end in ends[:-1])


def _primary_rows(candidate: Candidate, detector: Detector, rootname: str) -> Iterator[Row]:
    fit = candidate.fit
    yield "SIMPLE", True, "conforms to FITS standard"
    yield "BITPIX", 8, "array data type"
    yield "NAXIS", 0, "number of array dimensions"
    yield "EXTEND", True, ""
    yield "DESTIM", rootname, "Destination observation root name"
    yield "HDRNAME", candidate.hdrname, "Headerlet name"
    yield "DATE", _WRITTEN_AT, "Date FITS file was generated"
    yield "WCSNAME", candidate.wcsname, "Coordinate system title"
    yield from _distortion_rows(detector, rootname)
    yield "IDCTAB", detector.references["IDCTAB"], "origin of Polynomial Distortion"
    yield "AUTHOR", "trueup simulation", "headerlet created by this user"
    yield "DESCRIP", "", "Short description of headerlet solution"
    yield "RMS_RA", fit.rms_ra_mas if fit else 0, "RMS in RA of WCS fit(mas)"
    yield "RMS_DEC", fit.rms_dec_mas if fit else 0, "RMS in Dec of WCS fit(mas)"
    yield "NMATCH", fit.nmatches if fit else 0, "Number of sources used for headerlet solution"
    yield "CATALOG", fit.catalog if fit else "", "Astrometric catalog used for headerlet solution"
    yield "UPWCSVER", "1.7.2", "Version of STWCS used to update the WCS"
    yield "PYWCSVER", "5.3.3", "Version of PYWCS used to update the WCS"
    if fit:
        yield "FITMETH", fit.method, ""
        yield "FIT_RMS", float(np.hypot(fit.rms_ra_mas, fit.rms_dec_mas)), "RMS (mas) of the 2D fit"


def _distortion_rows(detector: Detector, rootname: str) -> Iterator[Row]:
    yield "DISTNAME", distname(detector, rootname), "Distortion model name"
    yield "SIPNAME", sipname(detector, rootname), "origin of SIP polynomial distortion model"
    yield "NPOLFILE", detector.references["NPOLFILE"], "origin of non-polynmial distortion model"
    yield "D2IMFILE", detector.references["D2IMFILE"], "origin of detector to image correction"


def _history(candidate: Candidate) -> list[Card]:
    if candidate.fit is None:
        return []
    lines = ("~~~~~ FIT PARAMETERS ~~~~~", "           scale :    0.9999")
    return [Card(f"HISTORY {line}".ljust(80)) for line in lines]


def _empty_image_rows() -> Iterator[Row]:
    yield "XTENSION", "IMAGE", "Image extension"
    yield "BITPIX", 8, "array data type"
    yield "NAXIS", 0, "number of array dimensions"
    yield "PCOUNT", 0, "number of parameters"
    yield "GCOUNT", 1, "number of groups"


def _error_rows(candidate: Candidate) -> Iterator[Row]:
    if candidate.fit is not None:
        yield "CRDER1", candidate.fit.rms_ra_mas / 3.6e6, "[deg] Random error in coordinate"
        yield "CRDER2", candidate.fit.rms_dec_mas / 3.6e6, "[deg] Random error in coordinate"


def hdrlet_hdu(
    candidate: Candidate, detector: Detector, *, rootname: str, extver: int | None, compress: bool
) -> bytes:
    """A HDRLET extension: a headerlet file inside the exposure.

    Parameters
    ----------
    candidate : Candidate
    detector : Detector
    rootname : str
    extver : int or None
        None leaves the card out.
    compress : bool
        Gzip the embedded file.
    """
    embedded, starts = headerlet_bytes(candidate, detector, rootname=rootname)
    if compress:
        embedded = gzip.compress(embedded, mtime=0)
    rows: list[Row] = [
        ("XTENSION", "HDRLET", "FITS extension"),
        ("BITPIX", 8, "array data type"),
        ("NAXIS", 1, "number of array dimensions"),
        ("NAXIS1", len(embedded), "Axis length"),
        ("PCOUNT", 0, "number of parameters"),
        ("GCOUNT", 1, "number of groups"),
        *((f"XIND{i}", at, f"byte offset of extension {i}") for i, at in enumerate(starts, start=1)),
        ("COMPRESS", compress, "Uses gzip compression"),
        ("HDRNAME", candidate.hdrname, "Headerlet name"),
        ("DATE", _WRITTEN_AT, "Date FITS file was generated"),
        ("SIPNAME", sipname(detector, rootname), "SIP distortion model name"),
        ("WCSNAME", candidate.wcsname, "WCS name"),
        *(row for row in _distortion_rows(detector, rootname) if row[0] != "SIPNAME"),
        ("EXTNAME", "HDRLET", "Extension name"),
    ]
    cards = make_cards(rows)
    if extver is not None:
        cards.append(make_card("EXTVER", extver))
    return hdu(Cards(tuple(cards)), np.frombuffer(embedded, np.uint8))
