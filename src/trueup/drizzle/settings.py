"""Settings as JSON text and from a product, to be merged: ``DrizzleParams(**settings)``."""

from __future__ import annotations

import json
import math
import os
from typing import Any

from trueup.drizzle.vocabulary import RULES
from trueup.errors import DataError, UsageError
from trueup.fits.walk import open_source, walk


def settings_of(text: str) -> dict[str, Any]:
    """Read settings from JSON text.

    Parameters
    ----------
    text : str

    Returns
    -------
    dict
        Only those that the text names.

    Raises
    ------
    UsageError
        Where it is no JSON object, or a name is unknown.

    Examples
    --------
    >>> settings_of('{"shape": [10, 20]}')
    {'shape': (10, 20)}
    """
    try:
        values = json.loads(text)
    except ValueError as error:
        raise UsageError(f"settings are not JSON: {error}") from error
    if not isinstance(values, dict):
        raise UsageError("settings are not a JSON object", todo='write {"pixfrac": 0.8, ...}')
    unknown = [name for name in values if name not in RULES]
    if unknown:
        raise UsageError(f"no setting is called {', '.join(unknown)}", todo=f"there are {', '.join(RULES)}")
    if values.get("fill", 0) is None:
        values["fill"] = math.nan
    return {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}


def settings_of_product(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read the settings of a product of trueup.

    Where its grid was shared, the grid is the file: the same pixels come out whatever else is
    drizzled with it.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    dict

    Raises
    ------
    DataError
        Where the file has no settings.

    Examples
    --------
    >>> settings_of_product("nowhere_trueup_drc.fits")
    Traceback (most recent call last):
    trueup.errors.FileAccessError: nowhere_trueup_drc.fits: No such file or directory
    """
    text = walk(open_source(path))[0].header.text("DRIZPARS")
    if not text:
        raise DataError("no settings in it (DRIZPARS)", file=path, todo="give a product of trueup, or JSON")
    values = settings_of(text)
    if values.get("grid") != "own":
        values |= {"grid": os.fspath(path), "scale": None, "rot": None, "shape": None, "center": None}
    return values
