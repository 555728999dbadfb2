"""HDRTAB of a drizzled product: what the headers of the inputs said, a row per chip."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trueup.model.cards import BLOCK, Cards, make_card
from trueup.model.exposure import Chip, Exposure
from trueup.model.mosaic import Mosaic
from trueup.model.solution import FitStatistics

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
    text, number = partial(_text, mosaic), partial(_number, mosaic)

    def fit(exposure: Exposure) -> FitStatistics:
        solution = exposure.solution
        return solution.fit if solution.family in {"fit", "user"} else FitStatistics()

    columns = [
        text("ROOTNAME", lambda e, _: e.rootname),
        text("FILENAME", lambda e, _: os.path.basename(e.path)),
        _integer(mosaic, "EXTVER", lambda _, c: c.id.extver),
        _integer(mosaic, "CCDCHIP", lambda _, c: c.id.ccdchip),
        text("WCSNAME", lambda e, _: e.solution.wcsname),
        text("HDRNAME", lambda e, _: e.solution.hdrname),
        number("NMATCHES", lambda e, _: fit(e).nmatches),
        number("RMS_RA", lambda e, _: fit(e).rms_ra_mas),
        number("RMS_DEC", lambda e, _: fit(e).rms_dec_mas),
        number("MDRIZSKY", lambda e, c: mosaic.sky.get((e.rootname, c.id.extver))),
        *(text(word, lambda e, c, word=word: _value(e, c).text(word)) for word in _TEXT),
        *(text(word, lambda e, _, word=word: e.header.text(word)) for word in _REFERENCES),
        *(number(word, lambda e, c, word=word: _value(e, c).number(word)) for word in _NUMBERS),
        *(number(f"CRVAL{i + 1}", lambda e, c, i=i: e.wcs(c.id).crval[i]) for i in (0, 1)),
        *(number(f"CRPIX{i + 1}", lambda e, c, i=i: e.wcs(c.id).crpix[i] + 1) for i in (0, 1)),
    ]
    return _table_extension("HDRTAB", columns, rows=len(mosaic.chips))


def _value(exposure: Exposure, chip: Chip) -> Cards:
    return Cards((*chip.header, *exposure.header))


def _text(mosaic: Mosaic, name: str, value: Callable[..., str]) -> Column:
    words = [value(exposure, chip).encode("ascii", "replace") for exposure, chip in mosaic.chips]
    width = max([1, *map(len, words)])
    return name, f"{width}A", np.array(words, f"S{width}")


def _number(mosaic: Mosaic, name: str, value: Callable[..., float | None]) -> Column:
    """A column in which an unknown number is NaN."""
    numbers = [value(exposure, chip) for exposure, chip in mosaic.chips]
    return name, "D", np.array([math.nan if number is None else number for number in numbers], ">f8")


def _integer(mosaic: Mosaic, name: str, value: Callable[..., int]) -> Column:
    return name, "J", np.array([value(exposure, chip) for exposure, chip in mosaic.chips], ">i4")


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
