"""HDRTAB of a drizzled product: what the headers of the inputs said, a row per chip."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trueup.model.cards import BLOCK, Cards, make_card
from trueup.model.mosaic import Mosaic
from trueup.model.solution import FitStatistics, Solution

# name, format, values as stored
Column = tuple[str, str, NDArray[Any]]

# as they stand in SCI, or else in PRIMARY
_TEXT = (
    "INSTRUME", "DETECTOR", "APERTURE", "FILTER", "FILTER1", "FILTER2", "TARGNAME", "ASN_ID", "BUNIT",
    "DATE-OBS", "TIME-OBS", "EXPFLAG", "FGSLOCK", "CCDAMP", "PHOTMODE", "CAL_VER",
)  # fmt: skip
# only in PRIMARY: what SCI says of them is left over
_REFERENCES = ("IDCTAB", "NPOLFILE", "D2IMFILE")
_NUMBERS = (
    "PROPOSID", "RA_TARG", "DEC_TARG", "EXPSTART", "EXPEND", "EXPTIME", "PA_V3", "SUN_ALT", "SUNANGLE",
    "MOONANGL", "POSTARG1", "POSTARG2", "CCDGAIN", "ATODGNA", "ATODGNB", "ATODGNC", "ATODGND", "READNSEA",
    "READNSEB", "READNSEC", "READNSED", "FLASHLVL", "FLASHDUR", "VAFACTOR", "PHOTFLAM", "PHTFLAM1",
    "PHTFLAM2", "PHOTPLAM", "PHOTBW", "PHOTZPT", "MEANDARK", "NGOODPIX",
)  # fmt: skip


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
    exposures = [exposure for exposure, _ in mosaic.chips]
    chips = [chip for _, chip in mosaic.chips]
    wcss = [exposure.wcs(chip.id) for exposure, chip in mosaic.chips]
    headers = [Cards((*chip.header, *exposure.header)) for exposure, chip in mosaic.chips]
    fits = [_fit(exposure.solution) for exposure in exposures]
    columns = [
        _text("ROOTNAME", [e.rootname for e in exposures]),
        _text("FILENAME", [os.path.basename(e.path) for e in exposures]),
        _integer("EXTVER", [chip.id.extver for chip in chips]),
        _integer("CCDCHIP", [chip.id.ccdchip for chip in chips]),
        _text("WCSNAME", [e.solution.wcsname for e in exposures]),
        _text("HDRNAME", [e.solution.hdrname for e in exposures]),
        _number("NMATCHES", [fit.nmatches for fit in fits]),
        _number("RMS_RA", [fit.rms_ra_mas for fit in fits]),
        _number("RMS_DEC", [fit.rms_dec_mas for fit in fits]),
        _number("MDRIZSKY", [mosaic.sky.get((e.rootname, c.id.extver)) for e, c in mosaic.chips]),
        *(_text(word, [header.text(word) for header in headers]) for word in _TEXT),
        *(_text(word, [e.header.text(word) for e in exposures]) for word in _REFERENCES),
        *(_number(word, [header.number(word) for header in headers]) for word in _NUMBERS),
        *(_number(f"CRVAL{i + 1}", [wcs.crval[i] for wcs in wcss]) for i in (0, 1)),
        *(_number(f"CRPIX{i + 1}", [wcs.crpix[i] + 1 for wcs in wcss]) for i in (0, 1)),
    ]
    return _table_extension("HDRTAB", columns, rows=len(chips))


def _fit(solution: Solution) -> FitStatistics:
    """What is said of the fit; where there was none, anything said is left over from another."""
    return solution.fit if solution.family in {"fit", "user"} else FitStatistics()


def _text(name: str, values: Sequence[str]) -> Column:
    words = [value.encode("ascii", "replace") for value in values]
    width = max([1, *map(len, words)])
    return name, f"{width}A", np.array(words, f"S{width}")


def _number(name: str, values: Sequence[float | None]) -> Column:
    """A column in which an unknown number is NaN."""
    return name, "D", np.array([math.nan if value is None else value for value in values], ">f8")


def _integer(name: str, values: Sequence[int]) -> Column:
    return name, "J", np.array(values, ">i4")


def _table_extension(extname: str, columns: Sequence[Column], *, rows: int) -> bytes:
    """A binary table, without the second that importing astropy for it would take."""
    table = np.zeros(rows, np.dtype([(name, values.dtype) for name, _, values in columns]))
    for name, _, values in columns:
        table[name] = values
    data = table.tobytes()
    cards = [
        make_card("XTENSION", "BINTABLE", "binary table extension"),
        make_card("BITPIX", 8),
        make_card("NAXIS", 2),
        make_card("NAXIS1", table.dtype.itemsize, "bytes of a row"),
        make_card("NAXIS2", rows, "number of rows"),
        make_card("PCOUNT", 0),
        make_card("GCOUNT", 1),
        make_card("TFIELDS", len(columns), "number of columns"),
        make_card("EXTNAME", extname, "extension name"),
    ]
    for number, (name, form, _) in enumerate(columns, start=1):
        cards += [make_card(f"TTYPE{number}", name), make_card(f"TFORM{number}", form)]
    return Cards(tuple(cards)).to_bytes() + data + bytes(-len(data) % BLOCK)
