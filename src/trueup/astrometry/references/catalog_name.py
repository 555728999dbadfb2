"""What a catalogue is called in a WCSNAME."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from astropy.table import Table

_GAIA = re.compile(r"gaia[\s_/-]*(e?)dr[\s_-]*(\d)", re.IGNORECASE)
_VIZIER_GAIA = {"I/337": "GAIADR1", "I/345": "GAIADR2", "I/350": "GAIAeDR3", "I/355": "GAIADR3"}
GAIA_EPOCHS = {"GAIADR1": 2015.0, "GAIADR2": 2015.5, "GAIAeDR3": 2016.0, "GAIADR3": 2016.0}
_TELLING = {"name", "id", "description", "title", "catalog", "extname"}


def catalog_name(table: Table, file: str) -> str:
    """The release of Gaia where the file's name or the metadata say one, else the stem of the file.

    Parameters
    ----------
    table : astropy.table.Table
    file : str

    Returns
    -------
    str

    Examples
    --------
    >>> from astropy.table import Table
    >>> catalog_name(Table(), "m16.csv"), catalog_name(Table(meta={"name": "I/345/gaia2"}), "m16.csv")
    ('M16', 'GAIADR2')
    """
    stem = os.path.basename(file).partition(".")[0]
    told = [str(value) for key, value in table.meta.items() if str(key).lower() in _TELLING]
    for text in (stem, *told):
        if release := _GAIA.search(text):
            return f"GAIA{release[1].lower()}DR{release[2]}"
        for key, name in _VIZIER_GAIA.items():
            if text.startswith(key):
                return name
    return legal_name(stem)


def legal_name(text: str) -> str:
    """A word that can stand for a catalogue in a WCSNAME: letters and digits.

    Parameters
    ----------
    text : str

    Returns
    -------
    str

    Examples
    --------
    >>> legal_name("my stars_v2"), legal_name("--")
    ('MYSTARSV2', 'CATALOG')
    """
    return re.sub(r"[^A-Z0-9]", "", text.upper()) or "CATALOG"
