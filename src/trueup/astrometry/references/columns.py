"""The columns of a catalogue of reference stars, whatever they are called and measured in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trueup.errors import FormatError, UsageError

if TYPE_CHECKING:
    from astropy.table import Table

Floats = NDArray[np.float64]

# VizieR adds a RAJ2000 to Gaia that is reckoned back to 2000: the catalogue's own position comes first
_POSITIONS = (
    ("ra", "dec"),
    ("ra_icrs", "de_icrs"),
    ("ra_icrs", "dec_icrs"),
    ("raj2000", "dej2000"),
    ("raj2000", "decj2000"),
    ("_raj2000", "_dej2000"),
    ("alpha_j2000", "delta_j2000"),
    ("ra_j2000", "dec_j2000"),
    ("ra_deg", "dec_deg"),
    ("radeg", "decdeg"),
)
_NAMES = {
    "ra_error": ("ra_error", "e_ra_icrs", "e_raj2000", "ra_err", "raerr"),
    "dec_error": ("dec_error", "e_de_icrs", "e_dec_icrs", "e_dej2000", "e_decj2000", "dec_err", "decerr"),
    "pmra": ("pmra", "pm_ra", "pm_ra_cosdec", "pmra_cosdec"),
    "pmdec": ("pmdec", "pmde", "pm_dec"),
    "pmra_error": ("pmra_error", "e_pmra", "pm_ra_error", "pmra_err"),
    "pmdec_error": ("pmdec_error", "e_pmde", "e_pmdec", "pm_dec_error", "pmdec_err"),
    "parallax": ("parallax", "plx"),
    "parallax_error": ("parallax_error", "e_plx", "e_parallax"),
    "epoch": ("ref_epoch", "epoch", "refepoch"),
    "mag": ("phot_g_mean_mag", "gmag", "mag", "magnitude", "mag_auto"),
    "pm_dispersion": (),
}
# what a column is turned into, which is also what a column without a unit is taken for
_UNITS = {
    "ra": "deg",
    "dec": "deg",
    "pmra": "mas/yr",
    "pmdec": "mas/yr",
    "pmra_error": "mas/yr",
    "pmdec_error": "mas/yr",
    "epoch": "yr",
    "mag": "mag",
}
_STATED_EPOCH = re.compile(r"\bEp(?:och)?\s*=\s*J?(\d{4}(?:\.\d+)?)", re.IGNORECASE)
_JULIAN_YEARS = (1850.0, 2150.0)


def parse_columns(text: str) -> dict[str, str]:
    """Read a stated mapping: ``ra=ALPHA_J2000,dec=DELTA_J2000,epoch=2016.0``.

    Parameters
    ----------
    text : str
        What trueup needs, and the column that holds it or a number that stands for all stars: ``ra``,
        ``dec``, ``ra_error``, ``dec_error``, ``pmra``, ``pmdec``, ``pmra_error``, ``pmdec_error``,
        ``parallax``, ``parallax_error``, ``epoch`` (or ``ref_epoch``; Julian years), ``mag``, and
        ``pm_dispersion``, the spread of the proper motions where they are not known (mas/yr).

    Returns
    -------
    dict of str to str

    Raises
    ------
    UsageError

    Examples
    --------
    >>> parse_columns("ra=ALPHA_J2000, ref_epoch=2016.0")
    {'ra': 'ALPHA_J2000', 'epoch': '2016.0'}
    """
    stated: dict[str, str] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, separator, value = (piece.strip() for piece in part.partition("="))
        if not (name and separator and value):
            raise UsageError(f"no column mapping: {part!r}", todo="write name=COLUMN, such as ra=ALPHA_J2000")
        stated[name] = value
    return _checked(stated)


def _checked(stated: Mapping[str, str]) -> dict[str, str]:
    """The mapping with `ref_epoch` called `epoch`, and no name that means nothing."""
    known = {"ra", "dec", *_NAMES}
    mapping = {"epoch" if name == "ref_epoch" else name: str(value) for name, value in stated.items()}
    strangers = sorted(set(mapping) - known)
    if strangers:
        raise UsageError(f"no such quantity: {', '.join(strangers)}", todo=f"use {', '.join(sorted(known))}")
    return mapping


def read_columns(table: Table, stated: Mapping[str, str], *, file: str) -> dict[str, Floats]:
    """The quantities that trueup needs and the table has, one float64 array each, NaN where masked.

    Parameters
    ----------
    table : astropy.table.Table
    stated : mapping of str to str
        As :func:`parse_columns` returns; the rest is found by name.
    file : str
        Named in errors.

    Returns
    -------
    dict of str to (n,) float64 array
        ``ra`` and ``dec`` in degrees (ICRS), errors and parallax in mas, proper motions in mas per year
        (that of right ascension with cos delta), ``epoch`` in Julian years, ``mag``.

    Raises
    ------
    FormatError
        Where there are no positions, or a column has an impossible unit or content.
    UsageError
        Where a stated column does not exist.

    Examples
    --------
    >>> from astropy.table import Table
    >>> table = Table({"RA_ICRS": [150.0], "DE_ICRS": [2.0], "Gmag": [18.0]})
    >>> {name: float(values[0]) for name, values in read_columns(table, {}, file="a.fits").items()}
    {'ra': 150.0, 'dec': 2.0, 'mag': 18.0}
    """
    stated = _checked(stated)
    found = {} if "ra" in stated or "dec" in stated else _from_skycoord(table)
    names = _found_names(table, with_position=not found)
    for name, column in {**names, **stated}.items():
        constant = _number(column) if name in stated and column not in table.colnames else None
        if constant is not None:
            found[name] = np.full(len(table), constant)
        elif column in table.colnames:
            found[name] = _values(table[column], name, file=file)
        else:
            todo = f"it has {', '.join(table.colnames[:30])}"
            raise UsageError(f"no column {column} for {name}", file=file, todo=todo)
    if not {"ra", "dec"} <= set(found):
        todo = "name them: ra=COLUMN,dec=COLUMN"
        raise FormatError(f"no positions among {', '.join(table.colnames[:30])}", file=file, todo=todo)
    if "epoch" not in found and (epoch := _stated_epoch(table, names.get("ra"))) is not None:
        found["epoch"] = np.full(len(table), epoch)
    _check_ranges(found, file)
    return found


def _found_names(table: Table, *, with_position: bool) -> dict[str, str]:
    by_lower = {name.lower(): name for name in reversed(table.colnames)}
    names = {}
    for pair in _POSITIONS if with_position else ():
        if set(pair) <= set(by_lower):
            names = {"ra": by_lower[pair[0]], "dec": by_lower[pair[1]]}
            break
    for name, aliases in _NAMES.items():
        present = next((by_lower[alias] for alias in aliases if alias in by_lower), None)
        if present is not None:
            names[name] = present
    return names


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _from_skycoord(table: Table) -> dict[str, Floats]:
    """Positions, and motions and epoch where they are there, of a column of sky coordinates."""
    from astropy import units as u
    from astropy.coordinates import SkyCoord

    column = next((table[name] for name in table.colnames if isinstance(table[name], SkyCoord)), None)
    if column is None:
        return {}
    icrs = column.icrs
    found = {"ra": icrs.ra.deg, "dec": icrs.dec.deg}
    if "s" in column.data.differentials:
        found["pmra"] = icrs.pm_ra_cosdec.to_value(u.mas / u.yr)
        found["pmdec"] = icrs.pm_dec.to_value(u.mas / u.yr)
    if column.obstime is not None:
        found["epoch"] = np.broadcast_to(column.obstime.jyear, len(table))
    return {name: np.array(values, float) for name, values in found.items()}


def _values(column: Any, name: str, *, file: str) -> Floats:
    """A column in the unit of the house; text is sexagesimal where it is no number."""
    from astropy import units as u

    unit = _UNITS.get(name, "mas")
    try:
        if getattr(column.dtype, "kind", "") in "OSU":
            return _from_text(column, name)
        plain: Floats = np.ma.filled(np.ma.asarray(getattr(column, "value", column), dtype=float), np.nan)
        own = u.Unit(column.unit) if column.unit else u.Unit(unit)
        # a magnitude is not converted, whatever its system; a year may be called yr, a or Julian
        if name in {"mag", "epoch"}:
            return plain
        return np.asarray(u.Quantity(plain, own).to_value(unit), float)
    except (ValueError, TypeError) as error:
        found = f"column {column.info.name} ({column.unit or 'no unit'}) is no {name} in {unit}"
        raise FormatError(f"{found}: {' '.join(str(error).split())}", file=file) from error


def _from_text(column: Any, name: str) -> Floats:
    from astropy.coordinates import Angle

    texts = [str(value).strip() for value in np.ma.filled(np.ma.asarray(column, dtype=object), "")]
    values = np.full(len(texts), np.nan)
    known = [i for i, text in enumerate(texts) if text not in {"", "--", "nan", "NaN", "None", "null"}]
    numbers = [_number(texts[i]) for i in known]
    if all(number is not None for number in numbers):
        values[known] = numbers
    elif name in {"ra", "dec"}:
        values[known] = Angle([texts[i] for i in known], unit="hourangle" if name == "ra" else "deg").deg
    else:
        raise ValueError(f"text such as {texts[known[0]]!r}")
    return values


def _stated_epoch(table: Table, ra: str | None) -> float | None:
    """The epoch that the metadata, or the description of the positions as VizieR writes it, state."""
    for name in ("ref_epoch", "epoch", "refepoch"):
        value = next((v for k, v in table.meta.items() if str(k).lower() == name), None)
        if value is not None and (year := _number(str(value).lstrip("J"))) is not None:
            return year
    told = _STATED_EPOCH.search(str(table[ra].info.description or "")) if ra else None
    return float(told[1]) if told else None


def _check_ranges(found: Mapping[str, Floats], file: str) -> None:
    ranges: Sequence[tuple[str, float, float, str]] = (
        ("ra", -360.0, 360.0, "state the unit of the column, degrees are expected"),
        ("dec", -90.0, 90.0, "state the unit of the column, degrees are expected"),
        ("epoch", *_JULIAN_YEARS, "give Julian years, such as epoch=2016.0"),
        ("pm_dispersion", 0.0, np.inf, "give mas/yr, such as pm_dispersion=5"),
    )
    for name, low, high, todo in ranges:
        values = found.get(name, np.zeros(0))
        wrong = (values < low) | (values > high)
        if wrong.any():
            raise FormatError(f"{name} = {values[wrong][0]:g}", file=file, todo=todo)
