"""What the headers of a drizzled product say: only what is true of all its inputs."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trueup.model.cards import BLOCK, Card, Cards, Value, make_card
from trueup.model.exposure import Chip, Exposure
from trueup.model.mosaic import Mosaic

CREATOR = "trueup"

_STRUCTURE = {"SIMPLE", "XTENSION", "BITPIX", "NAXIS", "NAXIS1", "NAXIS2", "PCOUNT", "GCOUNT", "EXTEND"}
_OF_THE_FILE = {"CHECKSUM", "DATASUM", "HISTORY", "COMMENT", "NEXTEND", "FILENAME", "DATE", "ORIGIN"}
# distortion and units: the product has been through both
_UNDONE = {"SIPNAME", "DISTNAME", "BUNIT", "EXTNAME", "EXTVER"}
_PHOTOMETRY = [
    "PHOTMODE",
    "PHOTFLAM",
    "PHTFLAM1",
    "PHTFLAM2",
    "PHTRATIO",
    "PHOTFNU",
    "PHOTZPT",
    "PHOTPLAM",
    "PHOTBW",
]
_RUN_SETTINGS = (
    ("KERN", "kernel", "kernel"),
    ("PIXF", "pixfrac", "side of the shrunken pixel"),
    ("WKEY", "weight", "weight of a pixel"),
    ("OUUN", "units", "units of the output"),
    ("BITS", "final_bits", "DQ bits taken as good"),
)
_TABLE_TEXT = [
    "FILTER",
    "FILTER1",
    "FILTER2",
    "INSTRUME",
    "DETECTOR",
    "APERTURE",
    "IDCTAB",
    "DATE-OBS",
    "TIME-OBS",
]
_TABLE_NUMBERS = ("EXPTIME", "EXPSTART", "EXPEND", "PA_V3", "PHOTFLAM", "PHOTPLAM", "PHOTZPT", "CCDGAIN")


def primary_header(mosaic: Mosaic, *, rootname: str, filename: str) -> Cards:
    """The primary header of a product.

    Parameters
    ----------
    mosaic : Mosaic
    rootname, filename : str

    Returns
    -------
    Cards

    Examples
    --------
    >>> from trueup.model.chipwcs import ChipWcs
    >>> wcs = ChipWcs((0, 0), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (2, 3))
    >>> plane = np.ones((2, 3), np.float32)
    >>> mosaic = Mosaic(plane, plane, None, wcs, (), "ELECTRONS/S", "{}")
    >>> primary_header(mosaic, rootname="a", filename="a_trueup_drc.fits").get("NDRIZIM")
    0
    """
    header = Cards(
        (
            make_card("SIMPLE", True, "conforms to FITS standard"),
            make_card("BITPIX", 8),
            make_card("NAXIS", 0),
            make_card("EXTEND", True),
            *_shared_cards([exposure.header for exposure in mosaic.exposures]),
        )
    )
    for keyword, value, comment in _primary_values(mosaic, rootname, filename):
        header = header.replace(keyword, make_card(keyword, value, comment))
    inputs = [
        card
        for n, (e, c) in enumerate(mosaic.chips, 1)
        for card in _input_cards(mosaic, n, exposure=e, chip=c)
    ]
    history = [
        f"trueup {version('trueup')}: square kernel, exact overlap",
        "A pixel weighs its exposure time where its DQ is good.",
        "Cosmic rays were not rejected beyond the DQ flags.",
    ]
    if not all(exposure.solution.has_sip for exposure in mosaic.exposures):
        history.append("An input has no distortion in its WCS: the picture is smeared.")
    return header.append(*inputs, *(Card(f"HISTORY {line}".ljust(80)) for line in history))


def _primary_values(mosaic: Mosaic, rootname: str, filename: str) -> list[tuple[str, Value, str]]:
    extensions = 3 if mosaic.context is None else 4
    values: list[tuple[str, Value, str]] = [
        ("CREATOR", f"{CREATOR} {version('trueup')}", "program that wrote this file"),
        ("FILENAME", filename, "name of this file"),
        ("ROOTNAME", rootname, "association or exposure"),
        ("DATE", datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"), "when this file was written (UTC)"),
        ("NEXTEND", extensions, "number of extensions"),
        ("DRIZCORR", "COMPLETE", "drizzled"),
        ("NDRIZIM", len(mosaic.chips), "number of chips drizzled"),
        ("DRIZPARS", mosaic.settings, "settings"),
    ]
    return values + _exposure_values(mosaic.exposures)


def _exposure_values(exposures: Sequence[Exposure]) -> list[tuple[str, Value, str]]:
    if not exposures:
        return []
    total = math.fsum(exposure.exptime for exposure in exposures)
    values: list[tuple[str, Value, str]] = [
        ("EXPTIME", total, "total exposure time (s)"),
        ("TEXPTIME", total, "total exposure time (s)"),
    ]
    starts = [t for e in exposures if (t := e.header.number("EXPSTART")) is not None]
    ends = [t for e in exposures if (t := e.header.number("EXPEND")) is not None]
    if starts and ends:
        values += [
            ("EXPSTART", min(starts), "start of the first exposure (MJD)"),
            ("EXPEND", max(ends), "end of the last exposure (MJD)"),
        ]
    first = min(exposures, key=lambda exposure: exposure.date or "~")
    for keyword in ("DATE-OBS", "TIME-OBS"):
        if keyword in first.header:
            values.append((keyword, first.header.text(keyword), "UT start of the first exposure"))
    return values


def _input_cards(mosaic: Mosaic, number: int, *, exposure: Exposure, chip: Chip) -> list[Card]:
    """The Dnnn keywords of one chip, as the drizzle programs name them."""
    settings: list[tuple[str, Value, str]] = [
        ("DATA", f"{os.path.basename(exposure.path)}[sci,{chip.id.extver}]", "input image"),
        ("DEXP", exposure.exptime, "exposure time (s)"),
        ("WCSN", exposure.solution.wcsname, "WCSNAME drizzled with"),
        ("SCAL", mosaic.wcs.scale_arcsec(), "output pixel (arcsec)"),
        ("ISCL", exposure.wcs(chip.id).scale_arcsec(), "input pixel at its reference point (arcsec)"),
        ("WTSC", exposure.exptime, "weight of a good pixel"),
    ]
    run = json.loads(mosaic.settings)
    settings += [(word, run[name], comment) for word, name, comment in _RUN_SETTINGS if name in run]
    return [make_card(f"D{number:03d}{word}", value, comment) for word, value, comment in settings]


def science_header(mosaic: Mosaic) -> Cards:
    """The header of the SCI extension: frame, units, photometry of the first chip.

    Parameters
    ----------
    mosaic : Mosaic

    Returns
    -------
    Cards

    Examples
    --------
    >>> from trueup.model.chipwcs import ChipWcs
    >>> wcs = ChipWcs((0, 0), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (2, 3))
    >>> plane = np.ones((2, 3), np.float32)
    >>> science_header(Mosaic(plane, plane, None, wcs, (), "ELECTRONS/S", "{}")).get("CRPIX1")
    1.0
    """
    header = plane_header(mosaic, "SCI", mosaic.sci)
    values: list[tuple[str, Value, str]] = [("BUNIT", mosaic.unit, "brightness unit")]
    values += [("VAFACTOR", 1.0, "velocity aberration is in the pixel grid")]
    if mosaic.chips:
        exposure, chip = mosaic.chips[0]
        for keyword in _PHOTOMETRY:
            card = chip.header.find(keyword) or exposure.header.find(keyword)
            if card is not None:
                values.append((keyword, card.value, card.comment))
        values.append(("S_REGION", _region(mosaic), "outline of the chips"))
    return header.append(*(make_card(*value) for value in values))


def plane_header(mosaic: Mosaic, extname: str, plane: NDArray[Any]) -> Cards:
    """The header of one image plane with its frame.

    Parameters
    ----------
    mosaic : Mosaic
    extname : str
        SCI, WHT or CTX.
    plane : array
        float32 or int32.

    Returns
    -------
    Cards

    Examples
    --------
    >>> from trueup.model.chipwcs import ChipWcs
    >>> wcs = ChipWcs((0, 0), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (2, 3))
    >>> plane = np.ones((2, 3), np.float32)
    >>> mosaic = Mosaic(plane, plane, None, wcs, (), "ELECTRONS/S", "{}")
    >>> plane_header(mosaic, "WHT", plane).get("BITPIX")
    -32
    """
    bits = 8 * plane.dtype.itemsize
    values: list[tuple[str, Value, str]] = [
        ("XTENSION", "IMAGE", "image extension"),
        ("BITPIX", -bits if plane.dtype.kind == "f" else bits, "bits per pixel"),
        ("NAXIS", plane.ndim, "number of axes"),
        *((f"NAXIS{i}", n, "") for i, n in enumerate(reversed(plane.shape), start=1)),
        ("PCOUNT", 0, ""),
        ("GCOUNT", 1, ""),
        ("EXTNAME", extname, "extension name"),
        ("EXTVER", 1, "extension version"),
        *_frame_values(mosaic),
    ]
    return Cards(tuple(make_card(*value) for value in values))


def _frame_values(mosaic: Mosaic) -> list[tuple[str, Value, str]]:
    wcs = mosaic.wcs
    orientation = math.degrees(math.atan2(wcs.cd[0, 1], wcs.cd[1, 1]))
    cd = [(f"CD{i + 1}_{j + 1}", float(wcs.cd[i, j]), "") for i in (0, 1) for j in (0, 1)]
    return [
        ("WCSAXES", 2, "number of WCS axes"),
        ("CRPIX1", wcs.crpix[0] + 1.0, "reference pixel, x"),
        ("CRPIX2", wcs.crpix[1] + 1.0, "reference pixel, y"),
        ("CRVAL1", wcs.crval[0], "right ascension of the reference pixel (deg)"),
        ("CRVAL2", wcs.crval[1], "declination of the reference pixel (deg)"),
        ("CTYPE1", "RA---TAN", "tangent plane"),
        ("CTYPE2", "DEC--TAN", "tangent plane"),
        ("CUNIT1", "deg", ""),
        ("CUNIT2", "deg", ""),
        *cd,
        ("RADESYS", "ICRS", "reference frame"),
        ("ORIENTAT", orientation, "position angle of the y axis (deg)"),
        ("WCSNAME", mosaic.wcsname, "solution of all inputs"),
    ]


def _region(mosaic: Mosaic) -> str:
    """The convex outline of the pixel centres of all chip corners, as STC-S."""
    from scipy.spatial import ConvexHull

    outlines = [exposure.wcs(chip.id) for exposure, chip in mosaic.chips]
    ra, dec = np.concatenate([wcs.pixel_to_sky(*wcs.corners()) for wcs in outlines], axis=1)
    x, y = mosaic.wcs.sky_to_pixel(ra, dec)
    hull = ConvexHull(np.column_stack([x, y])).vertices
    points = " ".join(f"{ra[i]:.9f} {dec[i]:.9f}" for i in hull)
    return f"POLYGON ICRS {points}"


def _shared_cards(headers: Sequence[Cards]) -> list[Card]:
    """Cards of the first header whose value is the same in all of them, and its section titles."""
    left_out = _STRUCTURE | _OF_THE_FILE | _UNDONE
    return [
        card
        for card in (headers[0] if headers else ())
        if card.keyword not in left_out
        and (not card.keyword or all(h.get(card.keyword, "absent") == card.value for h in headers))
    ]


def input_table(mosaic: Mosaic) -> bytes:
    """The HDRTAB extension: a row per chip.

    Parameters
    ----------
    mosaic : Mosaic

    Returns
    -------
    bytes
        Header and data of a binary table.

    Examples
    --------
    >>> from trueup.model.chipwcs import ChipWcs
    >>> wcs = ChipWcs((0, 0), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (2, 3))
    >>> plane = np.ones((2, 3), np.float32)
    >>> len(input_table(Mosaic(plane, plane, None, wcs, (), "ELECTRONS/S", "{}"))) % 2880
    0
    """
    from astropy.io import fits

    text, number, integer = _column(mosaic, str), _column(mosaic, float), _column(mosaic, int)
    columns = [
        text("ROOTNAME", lambda e, _: e.rootname),
        text("FILENAME", lambda e, _: os.path.basename(e.path)),
        integer("EXTVER", lambda _, c: c.id.extver),
        integer("CCDCHIP", lambda _, c: c.id.ccdchip),
        text("WCSNAME", lambda e, _: e.solution.wcsname),
        text("HDRNAME", lambda e, _: e.solution.hdrname),
        *(text(word, lambda e, c, word=word: _value(e, c).text(word)) for word in _TABLE_TEXT),
        *(number(word, lambda e, c, word=word: _value(e, c).number(word)) for word in _TABLE_NUMBERS),
        *(number(f"CRVAL{i + 1}", lambda e, c, i=i: e.wcs(c.id).crval[i]) for i in (0, 1)),
        *(number(f"CRPIX{i + 1}", lambda e, c, i=i: e.wcs(c.id).crpix[i] + 1) for i in (0, 1)),
    ]
    table = fits.BinTableHDU.from_columns(columns, name="HDRTAB")
    with BytesIO() as file:
        fits.HDUList([fits.PrimaryHDU(), table]).writeto(file)
        return file.getvalue()[BLOCK:]


def _value(exposure: Exposure, chip: Chip) -> Cards:
    return Cards((*chip.header, *exposure.header))


def _column(mosaic: Mosaic, kind: type) -> Callable[[str, Callable[..., Any]], Any]:
    """A maker of table columns; an unknown number is NaN."""
    from astropy.io import fits

    def make(name: str, value: Callable[..., Any]) -> Any:
        values = [value(exposure, chip) for exposure, chip in mosaic.chips]
        if kind is str:
            width = max([1, *(len(v) for v in values)])
            return fits.Column(name, f"{width}A", array=np.array(values, f"U{width}"))
        if kind is int:
            return fits.Column(name, "J", array=np.array(values, np.int32))
        return fits.Column(name, "D", array=np.array([math.nan if v is None else v for v in values], float))

    return make
