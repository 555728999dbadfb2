"""Header cards of a WCS as the pipeline writes them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from trueup.model.cards import Card, Value, make_card
from trueup.model.chipwcs import ChipWcs, LookupTable
from trueup.simulate.detectors import SIP_ORDER, ChipFigures, Detector

Row = tuple[str, Value, str]


def make_cards(rows: Iterator[Row] | list[Row]) -> list[Card]:
    """Cards of (keyword, value, comment); an empty keyword makes a section heading."""
    return [make_card(*row) if row[0] else Card(f"{'':14}{row[2]}".ljust(80)) for row in rows]


def linear_rows(wcs: ChipWcs, wcsname: str, *, key: str = "") -> Iterator[Row]:
    """The linear part of a WCS, RADESYS and WCSNAME, under an alternate key."""
    sip = "-SIP" if wcs.has_sip else ""
    yield f"WCSNAME{key}", wcsname, "Coordinate system title"
    yield f"WCSAXES{key}", 2, "Number of coordinate axes"
    yield f"CRPIX1{key}", wcs.crpix[0] + 1, "Pixel coordinate of reference point"
    yield f"CRPIX2{key}", wcs.crpix[1] + 1, "Pixel coordinate of reference point"
    yield f"CUNIT1{key}", "deg", "Units of coordinate increment and value"
    yield f"CUNIT2{key}", "deg", "Units of coordinate increment and value"
    yield f"CTYPE1{key}", f"RA---TAN{sip}", "TAN (gnomonic) projection"
    yield f"CTYPE2{key}", f"DEC--TAN{sip}", "TAN (gnomonic) projection"
    yield f"CRVAL1{key}", wcs.crval[0], "[deg] Coordinate value at reference point"
    yield f"CRVAL2{key}", wcs.crval[1], "[deg] Coordinate value at reference point"
    yield f"RADESYS{key}", "ICRS", "Equatorial coordinate system"
    for i in range(2):
        for j in range(2):
            text = f"partial of {('first', 'second')[i]} axis coordinate w.r.t. {'xy'[j]}"
            yield f"CD{i + 1}_{j + 1}{key}", float(wcs.cd[i, j]), text


def orientat(wcs: ChipWcs) -> float:
    """ORIENTAT: position angle of the y axis, degrees east of north."""
    return float(np.degrees(np.arctan2(wcs.cd[0, 1], wcs.cd[1, 1])))


def sip_rows(wcs: ChipWcs) -> Iterator[Row]:
    """The SIP polynomial."""
    for letter, coefficients in (("A", wcs.sip_a), ("B", wcs.sip_b)):
        if coefficients is None:
            continue
        yield f"{letter}_ORDER", SIP_ORDER, "SIP polynomial order, detector to sky"
        for p, q in np.argwhere(coefficients):
            yield f"{letter}_{p}_{q}", float(coefficients[p, q]), "SIP distortion coefficient"


def table_rows(wcs: ChipWcs, extver: int) -> Iterator[Row]:
    """References to the lookup tables of a chip, with record-valued cards."""
    kinds = (("D2IM", "D2IMDIS", wcs.d2im), ("DP", "CPDIS", wcs.npol))
    for record, kind, tables in kinds:
        for axis, table in enumerate(tables, start=1):
            if table is None:
                continue
            yield f"{kind}{axis}", "LOOKUP", "Distortion function type"
            keyword = f"{record}{axis}"
            yield keyword, f"EXTVER: {2 * extver - 2 + axis}", "Version number of table extension"
            yield keyword, "NAXES: 2", "Number of independent variables"
            yield keyword, "AXIS.1: 1", "Axis number of the 1st variable"
            yield keyword, "AXIS.2: 2", "Axis number of the 2nd variable"


def table_error_rows(wcs: ChipWcs, detector: Detector, *, names: bool) -> Iterator[Row]:
    """The largest offsets of the tables, and where they came from."""
    kinds = (("D2IMERR", "D2IMEXT", "D2IMFILE", wcs.d2im), ("CPERR", "NPOLEXT", "NPOLFILE", wcs.npol))
    for keyword, name, reference, tables in kinds:
        for axis, table in enumerate(tables, start=1):
            if table is not None:
                yield f"{keyword}{axis}", float(table.data.max()), f"Maximum error for axis {axis}"
        if names and tables[0] is not None:
            yield name, detector.references[reference], ""


def idc_rows(chip: ChipFigures, detector: Detector) -> Iterator[Row]:
    """Where the distortion model places the chip in the focal plane."""
    yield "IDCTHETA", detector.idctheta, "orientation of detector's Y-axis w.r.t. V3 axis"
    yield "IDCXREF", chip.crpix[0], "reference pixel location in X"
    yield "IDCYREF", chip.crpix[1], "reference pixel location in Y"
    yield "IDCV2REF", chip.idc_v2v3[0], "reference pixel's V2 position"
    yield "IDCV3REF", chip.idc_v2v3[1], "reference pixel's V3 position"


def idc_linear_rows(chip: ChipFigures, detector: Detector) -> Iterator[Row]:
    """The linear terms of the distortion model."""
    for keyword, value in zip(("OCX10", "OCX11", "OCY10", "OCY11"), chip.idc_linear, strict=True):
        yield keyword, value, "original linear term from IDCTAB"
    yield "IDCSCALE", detector.idcscale, "pixel scale from the IDCTAB reference file"


def table_image_rows(table: LookupTable, extname: str, *, extver: int) -> Iterator[Row]:
    """Header of a lookup table extension."""
    ny, nx = table.data.shape
    yield from image_rows(-32, (ny, nx))
    yield "EXTNAME", extname, "extension name"
    for axis in range(2):
        yield f"CRPIX{axis + 1}", table.crpix[axis], "Coordinate system reference pixel"
    for axis in range(2):
        yield f"CRVAL{axis + 1}", table.crval[axis], "Coordinate system value at reference pixel"
    for axis in range(2):
        yield f"CDELT{axis + 1}", table.cdelt[axis], "Coordinate increment along axis"
    yield "EXTVER", extver, "extension value"


def image_rows(bitpix: int, shape: tuple[int, ...]) -> Iterator[Row]:
    """The mandatory cards of an image extension."""
    yield "XTENSION", "IMAGE", "IMAGE extension"
    yield "BITPIX", bitpix, "number of bits per data pixel"
    yield "NAXIS", len(shape), "number of data axes"
    for axis, size in enumerate(reversed(shape), start=1):
        yield f"NAXIS{axis}", size, f"length of data axis {axis}"
    yield "PCOUNT", 0, "required keyword; must = 0"
    yield "GCOUNT", 1, "required keyword; must = 1"


def region(wcs: ChipWcs) -> str:
    """S_REGION of a chip."""
    ra, dec = wcs.pixel_to_sky(*wcs.corners())
    points = [f"{a!r} {d!r}" for a, d in zip(ra.tolist(), dec.tolist(), strict=True)]
    return "POLYGON ICRS " + " ".join([*points, points[0]]) + " "
