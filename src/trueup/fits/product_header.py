"""What the headers of a drizzled product say: only what is true of all its inputs."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from textwrap import wrap
from typing import Any

from numpy.typing import NDArray

from trueup.fits.keywords import fit_cards, wcs_type
from trueup.fits.product_region import region
from trueup.model.cards import Card, Cards, Value, make_card
from trueup.model.exposure import Chip, Exposure
from trueup.model.mosaic import MIXED, Mosaic

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
_WEIGHTS = {
    "EXP": "its exposure time",
    "ERR": "the inverse variance that ERR gives",
    "IVM": "the inverse variance by flat, dark, sky and read noise",
}
_EMPTY_PRIMARY = (
    make_card("SIMPLE", True, "conforms to FITS standard"),
    make_card("BITPIX", 8),
    make_card("NAXIS", 0),
    make_card("EXTEND", True),
)
# keywords have eight characters
_MOST_NUMBERED = 999


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
    >>> import numpy as np
    >>> from trueup.model.chipwcs import ChipWcs
    >>> wcs = ChipWcs((0, 0), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (2, 3))
    >>> plane = np.ones((2, 3), np.float32)
    >>> mosaic = Mosaic(plane, plane, None, wcs, (), "ELECTRONS/S", "{}")
    >>> primary_header(mosaic, rootname="a", filename="a_trueup_drc.fits").get("NDRIZIM")
    0
    """
    header = Cards((*_EMPTY_PRIMARY, *_shared_cards([exposure.header for exposure in mosaic.exposures])))
    for keyword, value, comment in _primary_values(mosaic, rootname, filename):
        header = header.replace(keyword, make_card(keyword, value, comment))
    inputs = [
        card
        for n, (e, c) in enumerate(mosaic.chips[:_MOST_NUMBERED], 1)
        for card in _input_cards(mosaic, n, exposure=e, chip=c)
    ]
    history = (Card(f"HISTORY {line}".ljust(80)) for text in _history(mosaic) for line in wrap(text, 72))
    return header.append(*inputs, *history)


def _history(mosaic: Mosaic) -> list[str]:
    """How it was made, in sentences."""
    run = json.loads(mosaic.settings)
    lines = [
        f"trueup {version('trueup')}: {run.get('kernel', 'square')} kernel",
        f"A pixel weighs {_WEIGHTS[run.get('weight', 'EXP')]} where its DQ is good.",
    ]
    if run.get("compat") == "astrodrizzle":
        lines.append(
            "With the approximations of AstroDrizzle: mapping bilinear over 10 pixels, blot at float32 "
            "positions, cosmic rays at chip borders missed."
        )
    else:
        lines.append("Mapping exact to 0.00005 pixel.")
    if run.get("cr"):
        lines.append(f"Cosmic rays were rejected against the {run.get('combine')} of all exposures.")
    else:
        lines.append("Cosmic rays were not rejected beyond the DQ flags.")
    if mosaic.wcsname == MIXED:
        lines.append("The inputs are under different WCS solutions, see WCSNAME in HDRTAB.")
    if not all(exposure.solution.has_sip for exposure in mosaic.exposures):
        lines.append("An input has no distortion in its WCS: the picture is smeared.")
    if len(mosaic.chips) > _MOST_NUMBERED:
        lines.append(f"Only the first {_MOST_NUMBERED} chips have Dnnn keywords, see HDRTAB.")
    return lines


def _primary_values(mosaic: Mosaic, rootname: str, filename: str) -> list[tuple[str, Value, str]]:
    extensions = 3 if mosaic.context is None else 4
    values: list[tuple[str, Value, str]] = [
        ("CREATOR", f"{CREATOR} {version('trueup')}", "program that wrote this file"),
        ("FILENAME", filename, "name of this file"),
        ("ROOTNAME", rootname, "association or exposure"),
        ("DATE", _now(), "when this file was written (UTC)"),
        ("NEXTEND", extensions, "number of extensions"),
        ("DRIZCORR", "COMPLETE", "drizzled"),
        ("NDRIZIM", len(mosaic.chips), "number of chips drizzled"),
        ("DRIZPARS", mosaic.settings, "settings"),
    ]
    return values + _exposure_values(mosaic.exposures)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")


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
        ("GEOM", "wcs", "source of the geometry"),
        ("COEF", "SIP" if exposure.solution.has_sip else "none", "source of the distortion"),
        ("WCSN", exposure.solution.wcsname, "WCSNAME drizzled with"),
        ("SCAL", mosaic.wcs.scale_arcsec(), "output pixel (arcsec)"),
        ("ISCL", exposure.wcs(chip.id).scale_arcsec(), "input pixel at its reference point (arcsec)"),
        ("WTSC", _weight_scale(mosaic, exposure), "scale of the weights"),
    ]
    sky = mosaic.sky.get((exposure.rootname, chip.id.extver))
    if sky is not None:
        settings.append(("SKY", sky, "sky subtracted (MDRIZSKY), unit of the input"))
    run = json.loads(mosaic.settings)
    settings.append(("FVAL", "nan" if run.get("fill") is None else str(run["fill"]), "value without data"))
    settings += [(word, run[name], comment) for word, name, comment in _RUN_SETTINGS if name in run]
    return [make_card(f"D{number:03d}{word}", value, comment) for word, value, comment in settings]


def _weight_scale(mosaic: Mosaic, exposure: Exposure) -> float:
    """Exposure times weigh; of inverse variances of counts it is their squares."""
    by_time = json.loads(mosaic.settings).get("weight", "EXP") == "EXP"
    return exposure.exptime if by_time else exposure.exptime**2


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
    >>> import numpy as np
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
        values += _photometry(mosaic)
        values.append(("S_REGION", region(mosaic), "outline of the chips"))
    return header.append(*(make_card(*value) for value in values), *_fit_cards(mosaic))


def _photometry(mosaic: Mosaic) -> list[tuple[str, Value, str]]:
    """That of the first chip, where all chips are of one filter; else what all of them say."""
    exposure, chip = mosaic.chips[0]
    found = []
    for keyword in _PHOTOMETRY:
        card = chip.header.find(keyword) or exposure.header.find(keyword)
        if card is not None:
            found.append((keyword, card.value, card.comment))
    if len({(e.detector, e.filter) for e in mosaic.exposures}) == 1:
        return found
    headers = [Cards((*c.header, *e.header)) for e, c in mosaic.chips]
    return [one for one in found if all(header.get(one[0]) == one[1] for header in headers)]


def _fit_cards(mosaic: Mosaic) -> list[Card]:
    """What the solutions of all inputs say alike of their fit."""
    if not mosaic.chips:
        return []
    name = mosaic.exposures[0].solution.name
    mixed = mosaic.wcsname == MIXED
    meaning = "inputs under different solutions, see HDRTAB" if mixed else wcs_type(name)
    per_chip = [Cards(fit_cards(e.solution, e.solution.chip(c.id))) for e, c in mosaic.chips]
    shared = [
        card
        for card in per_chip[0]
        if not mixed and all(cards.get(card.keyword) == card.value for cards in per_chip)
    ]
    return [make_card("WCSTYPE", meaning), *shared]


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
    >>> import numpy as np
    >>> from trueup.model.chipwcs import ChipWcs
    >>> wcs = ChipWcs((0, 0), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (2, 3))
    >>> plane = np.ones((2, 3), np.float32)
    >>> mosaic = Mosaic(plane, plane, None, wcs, (), "ELECTRONS/S", "{}")
    >>> plane_header(mosaic, "WHT", plane).get("BITPIX")
    -32
    """
    frame = (make_card(*value) for value in _frame_values(mosaic))
    return image_header(extname, plane).append(*frame)


def image_header(extname: str, plane: NDArray[Any]) -> Cards:
    """The header of an image extension without a frame.

    Parameters
    ----------
    extname : str
    plane : array
        float32, int32 or uint8.

    Returns
    -------
    Cards

    Examples
    --------
    >>> import numpy as np
    >>> image_header("SCI", np.ones((2, 3), np.uint8)).get("NAXIS1")
    3
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
    ]
    return Cards(tuple(make_card(*value) for value in values))


def companion_header(filename: str, *, extensions: int) -> Cards:
    """The primary header of a file beside a product.

    Parameters
    ----------
    filename : str
    extensions : int

    Returns
    -------
    Cards

    Examples
    --------
    >>> companion_header("a_trueup_err.fits", extensions=2).get("NEXTEND")
    2
    """
    return Cards(
        (
            *_EMPTY_PRIMARY,
            make_card("CREATOR", f"{CREATOR} {version('trueup')}", "program that wrote this file"),
            make_card("FILENAME", filename, "name of this file"),
            make_card("DATE", _now(), "when this file was written (UTC)"),
            make_card("NEXTEND", extensions, "number of extensions"),
        )
    )


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


def _shared_cards(headers: Sequence[Cards]) -> list[Card]:
    """Cards of the first header whose value is the same in all of them, and its section titles."""
    left_out = _STRUCTURE | _OF_THE_FILE | _UNDONE
    return [
        card
        for card in (headers[0] if headers else ())
        if card.keyword not in left_out
        and (not card.keyword or all(h.get(card.keyword, "absent") == card.value for h in headers))
    ]
