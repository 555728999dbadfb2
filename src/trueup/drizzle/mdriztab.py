"""Settings from an MDRIZTAB reference table: one row for each filter and number of exposures."""

from __future__ import annotations

import logging
import math
import os
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from trueup.drizzle.bits import good_bits
from trueup.drizzle.vocabulary import RULES
from trueup.errors import DataError
from trueup.fits.table import read_table

if TYPE_CHECKING:
    from astropy.table import Row, Table

log = logging.getLogger(__name__)

Columns = Literal["all", "tutorial"]

# what IRAF tables write for an undefined value
_INDEF_INTEGERS = {-2147483647, -2147483648}
_INDEF_TEXT = {"", "INDEF", "NONE"}
_SYNONYMS = {"average": "mean"}
# whatever a table says of them, these steps are done in one way
_FIXED: dict[str, object] = {
    "driz_sep_kernel": "turbo",
    "driz_sep_pixfrac": 1.0,
    "driz_sep_wt_scl": "exptime",
    "final_wt_scl": "exptime",
    "combine_maskpt": 0.3,
    "median_newmasks": True,
    "skystat": "median",
    "skyclip": 5,
    "skylsigma": 4.0,
    "skyusigma": 4.0,
    "blot_sinscl": 1.0,
    "driz_combine": True,
}


def _pair(value: object) -> tuple[float, ...]:
    return tuple(float(word) for word in re.split(r"[\s,]+", str(value).strip()))


def _bits(value: object) -> str:
    good_bits(str(value))
    return str(value)


def _word(value: object) -> str:
    word = str(value).strip().lower()
    return _SYNONYMS.get(word, word)


_SETTINGS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "driz_sep_bits": ("sep_bits", _bits),
    "final_bits": ("final_bits", _bits),
    "sky_bits": ("sky_bits", _bits),
    "resetbits": ("reset_bits", _bits),
    "static": ("static", bool),
    "static_sig": ("static_sigma", float),
    "skymethod": ("sky", _word),
    "combine_type": ("combine", _word),
    "combine_nsigma": ("minmed_nsigma", _pair),
    "combine_nlow": ("nlow", int),
    "combine_nhigh": ("nhigh", int),
    "combine_lthresh": ("lthresh", float),
    "combine_hthresh": ("hthresh", float),
    "combine_grow": ("minmed_grow", int),
    "blot_interp": ("blot", _word),
    "driz_cr_snr": ("cr_snr", _pair),
    "driz_cr_scale": ("cr_scale", _pair),
    "driz_cr_grow": ("cr_grow", int),
    "driz_cr_ctegrow": ("cte_grow", int),
    "final_wht_type": ("weight", lambda value: str(value).strip().upper()),
    "final_kernel": ("kernel", _word),
    "final_pixfrac": ("pixfrac", float),
    "final_units": ("units", _word),
    "final_fillval": ("fill", float),
    "context": ("context", bool),
}
_FRAME_SETTINGS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "final_scale": ("scale", float),
    "final_rot": ("rot", float),
}
_TUTORIAL = ("driz_sep_bits", "combine_type", "driz_cr_snr", "driz_cr_scale", "final_bits")
# a cosmic-ray mask needs all of them
_REJECTION = ("driz_separate", "median", "blot", "driz_cr")


def row_settings(
    path: str | os.PathLike[str],
    filter: str,  # noqa: A002 - the word of the field
    exposures: int,
    *,
    columns: Columns = "all",
) -> dict[str, Any]:
    """Read the settings for some exposures of one filter.

    Parameters
    ----------
    path : str or path-like
    filter : str
        As FILTER; several joined by ``;``.
    exposures : int
    columns : str
        ``all`` or ``tutorial``, see :meth:`trueup.DrizzleParams.from_mdriztab`.

    Returns
    -------
    dict
        Fields of :class:`trueup.DrizzleParams`; undefined values are left out.

    Raises
    ------
    DataError
        Where there is no such row, the file is no MDRIZTAB, or a value does not work here.

    Notes
    -----
    The rows are those of the filter, else those of ``ANY``; among them the last one whose numimages is
    not above the number of exposures.

    Examples
    --------
    >>> row_settings("nowhere_mdz.fits", "F336W", 2)
    Traceback (most recent call last):
    trueup.errors.FileAccessError: nowhere_mdz.fits: No such file or directory
    """
    table = read_table(path)
    known = {name.lower(): name for name in table.colnames}
    missing = [
        n for n in ("filter", "numimages", *(_TUTORIAL if columns == "tutorial" else ())) if n not in known
    ]
    if missing:
        raise DataError(
            f"no column {', '.join(missing)}", file=path, todo="give an MDRIZTAB table, *_mdz.fits"
        )
    row = _row(table, known, filter=filter, exposures=exposures, path=path)
    values = {column: row[name] for column, name in known.items()}
    defined = {column: value for column, raw in values.items() if (value := _defined(raw)) is not None}
    try:
        found = _settings(defined, columns)
    except ValueError as error:
        raise DataError(f"a value of row {row.index + 1} is not readable: {error}", file=path) from error
    for name, value in found.items():
        allowed, works = RULES[name]
        if not works(value):
            raise DataError(f"row {row.index + 1} says {name} {value!r}, it can be {allowed}", file=path)
    return found


def _row(
    table: Table,
    known: Mapping[str, str],
    *,
    filter: str,  # noqa: A002
    exposures: int,
    path: str | os.PathLike[str],
) -> Row:
    filters = [str(name).strip().upper() for name in table[known["filter"]]]
    wanted = _filter_set(filter)
    rows = [i for i, name in enumerate(filters) if _filter_set(name) == wanted]
    rows = rows or [i for i, name in enumerate(filters) if name == "ANY"]
    counts = [int(n) for n in table[known["numimages"]]]
    serving = [i for i in rows if counts[i] <= exposures]
    if not serving:
        there = ", ".join(f"{name} from {n} on" for name, n in zip(filters, counts, strict=True))
        raise DataError(
            f"no row for {exposures} exposures of {filter or 'no filter'} (there are {there or 'none'})",
            file=path,
            todo="give the MDRIZTAB of the camera, named in the headers of the exposures",
        )
    return table[serving[-1]]


def _filter_set(text: str) -> frozenset[str]:
    """The filters in the beam, however they are joined."""
    words = re.split(r"[;,+]", text.upper())
    return frozenset(w for word in words if (w := word.strip()) and not w.startswith(("CLEAR", "N/A")))


def _defined(value: Any) -> Any:
    """A value as Python has it, None where it is undefined."""
    import numpy as np

    if value is np.ma.masked:
        return None
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, bytes):
        value = value.decode("ascii", "replace")
    if isinstance(value, str):
        return None if value.strip().upper() in _INDEF_TEXT else value.strip()
    if isinstance(value, float) and math.isnan(value):
        return None
    return None if value in _INDEF_INTEGERS else value


def _settings(defined: Mapping[str, Any], columns: Columns) -> dict[str, Any]:
    if columns == "tutorial":
        return {_SETTINGS[c][0]: _SETTINGS[c][1](defined[c]) for c in _TUTORIAL if c in defined}
    found: dict[str, Any] = {}
    if "bits" in defined:
        found = {"sep_bits": _bits(defined["bits"]), "final_bits": _bits(defined["bits"])}
    converters = _SETTINGS | (_FRAME_SETTINGS if defined.get("final_wcs", True) else {})
    found |= {name: read(defined[c]) for c, (name, read) in converters.items() if c in defined}
    steps = [bool(defined[step]) for step in _REJECTION if step in defined]
    if steps:
        found["cr"] = all(steps)
    if not defined.get("skysub", defined.get("subsky", True)):
        found["sky"] = "none"
    unlike = [f"{c} {defined[c]}" for c, value in _FIXED.items() if defined.get(c, value) != value]
    if unlike:
        log.warning("MDRIZTAB is not followed in %s", ", ".join(unlike))
    return found
