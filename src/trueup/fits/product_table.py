"""HDRTAB of a drizzled product: what the headers of the inputs said, a row per chip."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np

from trueup.model.cards import BLOCK, Cards
from trueup.model.exposure import Chip, Exposure
from trueup.model.mosaic import Mosaic
from trueup.model.solution import FitStatistics

# as they stand in SCI, or else in PRIMARY
_TEXT = (
    "INSTRUME", "DETECTOR", "APERTURE", "FILTER", "FILTER1", "FILTER2", "TARGNAME", "ASN_ID", "BUNIT",
    "DATE-OBS", "TIME-OBS", "EXPFLAG", "FGSLOCK", "CCDAMP", "IDCTAB", "NPOLFILE", "D2IMFILE", "PHOTMODE",
    "CAL_VER",
)  # fmt: skip
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
    from astropy.io import fits

    text, number, integer = _column(mosaic, str), _column(mosaic, float), _column(mosaic, int)

    def fit(exposure: Exposure) -> FitStatistics:
        solution = exposure.solution
        return solution.fit if solution.family in {"fit", "user"} else FitStatistics()

    columns = [
        text("ROOTNAME", lambda e, _: e.rootname),
        text("FILENAME", lambda e, _: os.path.basename(e.path)),
        integer("EXTVER", lambda _, c: c.id.extver),
        integer("CCDCHIP", lambda _, c: c.id.ccdchip),
        text("WCSNAME", lambda e, _: e.solution.wcsname),
        text("HDRNAME", lambda e, _: e.solution.hdrname),
        number("NMATCHES", lambda e, _: fit(e).nmatches),
        number("RMS_RA", lambda e, _: fit(e).rms_ra_mas),
        number("RMS_DEC", lambda e, _: fit(e).rms_dec_mas),
        number("MDRIZSKY", lambda e, c: mosaic.sky.get((e.rootname, c.id.extver))),
        *(text(word, lambda e, c, word=word: _value(e, c).text(word)) for word in _TEXT),
        *(number(word, lambda e, c, word=word: _value(e, c).number(word)) for word in _NUMBERS),
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
