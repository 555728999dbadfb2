"""Reference stars: a catalogue, and its stars where they were at the epoch of an exposure."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from trueup.astrometry.references.catalog_name import GAIA_EPOCHS, catalog_name
from trueup.astrometry.references.columns import read_columns
from trueup.astrometry.references.motion import at_epoch
from trueup.errors import DataError, UsageError
from trueup.fits.table import read_table

Floats = NDArray[np.float64]

# motions spread over some 5 mas a year in most fields: in half a year, less than a tenth of a pixel
_PM_DISPERSION = 5.0
_SLACK_YEARS = 0.5
_ENOUGH_MOTIONS = 5
_POSITION_ERROR_MAS = 5.0
_PM_ERROR = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceStars:
    """Stars of a catalogue at one epoch.

    Parameters
    ----------
    ra, dec : (n,) float64 arrays
        ICRS, degrees.
    sigma_mas : (n,) float64 array
        Error per axis with that of the proper motion times the years.
    mag : (n,) float64 array
        NaN where unknown.
    name : str
        Of the catalogue, as in a WCSNAME.
    epoch : float
        Julian year.
    common_mas : float
        Error per axis that all stars may share: it does not average down.
    notes : tuple of str
        What a reader should know.

    Examples
    --------
    >>> one = np.ones(1)
    >>> len(ReferenceStars(one, one, one, one, "GAIADR3", 2020.9))
    1
    """

    ra: Floats
    dec: Floats
    sigma_mas: Floats
    mag: Floats
    name: str
    epoch: float
    common_mas: float = 0.0
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ra)


@dataclass(frozen=True, slots=True, eq=False)
class Catalog:
    """A catalogue of reference stars as it was published.

    Parameters
    ----------
    name : str
        As in a WCSNAME: ``GAIADR3``, or the stem of the file in letters and digits.
    file : str
        Where it was read from.
    ra, dec : (n,) float64 arrays
        ICRS at `epoch`, degrees.
    error_mas : (n,) float64 array
        Error per axis; NaN where unknown.
    pmra, pmdec, pm_error : (n,) float64 arrays
        Proper motions (that of right ascension with cos delta) and their error per axis, mas per
        year; NaN where unknown.
    epoch : (n,) float64 array
        Julian years; NaN where unknown.
    mag : (n,) float64 array
        NaN where unknown.
    parallax : (n,) float64 array
        mas; 0 where it is unknown or not significant.
    pm_dispersion : float or None
        Spread of the motions of stars without one, mas per year; None: that of the other stars.

    Examples
    --------
    >>> one, none = np.ones(1), np.full(1, np.nan)
    >>> catalog = Catalog("MINE", "mine.csv", one, one, one, one, one, one, none, none, np.zeros(1))
    >>> catalog.at(2020.0)
    Traceback (most recent call last):
    trueup.errors.DataError: mine.csv: no epoch; state it, such as epoch=2016.0 among the columns
    """

    name: str
    file: str
    ra: Floats
    dec: Floats
    error_mas: Floats
    pmra: Floats
    pmdec: Floats
    pm_error: Floats
    epoch: Floats
    mag: Floats
    parallax: Floats
    pm_dispersion: float | None = None

    def __len__(self) -> int:
        return len(self.ra)

    def __getitem__(self, select: NDArray[np.bool_] | NDArray[np.intp] | slice) -> Catalog:
        """The stars of a boolean mask, an index array or a slice."""
        arrays = [item.name for item in fields(self) if item.name not in _SCALARS]
        return replace(self, **{name: getattr(self, name)[select] for name in arrays})

    def at(self, epoch: float) -> ReferenceStars:
        """The stars where they were at an epoch.

        A star without a proper motion is given the median of the others and an error that grows with their
        spread: it is never taken as fixed. Where no star has one, all move by an unknown common amount, too.

        Parameters
        ----------
        epoch : float
            Julian year.

        Returns
        -------
        ReferenceStars
            In the order of the catalogue, less the stars without an epoch.

        Raises
        ------
        DataError
            Where the catalogue states no epoch; where no star has a proper motion, the epochs are more
            than half a year apart, and `pm_dispersion` is not stated.
        """
        dated = np.isfinite(self.epoch)
        if not dated.all():
            return self[dated]._at_known(epoch, notes=self._undated(dated))
        return self._at_known(epoch, notes=())

    def _undated(self, dated: NDArray[np.bool_]) -> tuple[str, ...]:
        if not dated.any():
            raise DataError(
                "no epoch", file=self.file, todo="state it, such as epoch=2016.0 among the columns"
            )
        return (f"{(~dated).sum()} of {len(self)} stars without an epoch are left out",)

    def _at_known(self, epoch: float, *, notes: tuple[str, ...]) -> ReferenceStars:
        years = epoch - self.epoch
        still = ~np.isfinite(self.pmra + self.pmdec)
        typical, spread, common = self._typical(still, years)
        pmra, pmdec = np.where(still, typical[:, None], (self.pmra, self.pmdec))
        pm_error = np.where(still, spread, np.where(np.isfinite(self.pm_error), self.pm_error, _PM_ERROR))
        error = np.where(np.isfinite(self.error_mas), self.error_mas, _POSITION_ERROR_MAS)
        ra, dec = at_epoch(
            self.ra, self.dec, motion=(pmra, pmdec), years=years, parallax=self.parallax, epoch=epoch
        )
        return ReferenceStars(
            ra,
            dec,
            np.hypot(error, pm_error * years),
            self.mag,
            self.name,
            epoch,
            common_mas=common,
            notes=(*notes, *self._told(still, years, spread=spread)),
        )

    def _typical(self, still: NDArray[np.bool_], years: Floats) -> tuple[Floats, float, float]:
        """Motion of a star that has none, its spread (mas/yr), and the error that all share (mas)."""
        moving = ~still
        if moving.sum() >= _ENOUGH_MOTIONS:
            motions = np.stack([self.pmra[moving], self.pmdec[moving]])
            typical = np.median(motions, axis=1)
            own = 1.4826 * float(np.median(np.abs(motions - typical[:, None])))
            return typical, own if self.pm_dispersion is None else self.pm_dispersion, 0.0
        apart = float(np.max(np.abs(years[still]), initial=0.0))
        if apart > _SLACK_YEARS and self.pm_dispersion is None:
            raise DataError(
                f"no proper motions, and its positions are {apart:.1f} years from the exposure",
                file=self.file,
                todo="use a catalogue with proper motions, or accept larger errors:"
                " pm_dispersion=5 (mas/yr) among the columns",
            )
        spread = _PM_DISPERSION if self.pm_dispersion is None else self.pm_dispersion
        return np.zeros(2), spread, spread * apart

    def _told(self, still: NDArray[np.bool_], years: Floats, *, spread: float) -> tuple[str, ...]:
        notes = []
        if still.any():
            most = float(np.max(np.abs(years[still])))
            notes.append(
                f"{still.sum()} of {len(self)} stars without a proper motion: {spread:.1f} mas/yr over"
                f" {most:.1f} years are added to their errors"
            )
        if len(self) and not np.isfinite(self.error_mas).any():
            notes.append(f"no errors of the positions: {_POSITION_ERROR_MAS:.0f} mas are assumed")
        if (~still).any() and not np.isfinite(self.pm_error[~still]).any():
            notes.append(f"no errors of the proper motions: {_PM_ERROR:.0f} mas/yr are assumed")
        return tuple(notes)


_SCALARS = {"name", "file", "pm_dispersion"}


def read_catalog(
    path: str | os.PathLike[str],
    *,
    columns: Mapping[str, str] | None = None,
    faintest: float | None = None,
    brightest: float | None = None,
    name: str | None = None,
) -> Catalog:
    r"""Read a catalogue of reference stars.

    Parameters
    ----------
    path : str or path-like
        ECSV, CSV, FITS or VOTable. Columns are found by the names of the Gaia archive, of VizieR and
        other usual ones, or in a column of sky coordinates; their units are honoured, and where a
        column has none degrees, mas, mas/yr and Julian years are meant. Proper motions in right
        ascension are with cos delta.
    columns : mapping of str to str, optional
        Column, or a number for all stars, of what is not found by name; see
        :func:`~trueup.astrometry.references.columns.parse_columns`.
    faintest, brightest : float, optional
        Limits of magnitude.
    name : str, optional
        Of the catalogue; by default Gaia's release where the table or its name tells, else the stem of
        the file.

    Returns
    -------
    Catalog

    Raises
    ------
    FileAccessError, FormatError, DataError
        Where it cannot be read or has no positions.
    UsageError
        Where a stated column does not exist, or no star is within the limits.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w+", suffix=".csv") as file:
    ...     print("ra,dec,pmra,pmdec,ref_epoch", "150,2,3,-4,2016", sep="\n", file=file, flush=True)
    ...     stars = read_catalog(file.name, name="GAIADR3").at(2021.0)
    >>> stars.name, stars.dec.round(9).tolist(), stars.notes[0]
    ('GAIADR3', [1.999994444], 'no errors of the positions: 5 mas are assumed')
    """
    table = read_table(path)
    file = os.fspath(path)
    known = read_columns(table, columns or {}, file=file)
    catalog = _build(known, name=name or catalog_name(table, file), file=file)
    kept = np.isfinite(catalog.ra + catalog.dec)
    if not kept.any():
        raise DataError("no star with a position", file=file, todo="give a catalogue of this field")
    if faintest is not None or brightest is not None:
        if "mag" not in known:
            raise UsageError("no magnitudes to limit", file=file, todo="name the column: mag=COLUMN")
        high = np.inf if faintest is None else faintest
        low = -np.inf if brightest is None else brightest
        kept &= (catalog.mag >= low) & (catalog.mag <= high)
    if not kept.any():
        raise UsageError(
            "no star with a position is within the limits", file=file, todo="widen --faintest or --brightest"
        )
    return catalog[kept]


def _build(known: Mapping[str, Floats], *, name: str, file: str) -> Catalog:
    n = len(known["ra"])

    def column(word: str) -> Floats:
        return known.get(word, np.full(n, np.nan))

    parallax, significance = column("parallax"), column("parallax") / column("parallax_error")
    epoch = column("epoch")
    dispersion = known.get("pm_dispersion")
    return Catalog(
        name=name,
        file=file,
        ra=known["ra"],
        dec=known["dec"],
        error_mas=_per_axis(column("ra_error"), column("dec_error")),
        pmra=column("pmra"),
        pmdec=column("pmdec"),
        pm_error=_per_axis(column("pmra_error"), column("pmdec_error")),
        epoch=np.full(n, GAIA_EPOCHS.get(name, np.nan)) if np.isnan(epoch).all() else epoch,
        mag=column("mag"),
        # noise of faint stars is larger than what it would correct
        parallax=np.where(significance > 3.0, parallax, 0.0),
        pm_dispersion=None if dispersion is None or not n else float(dispersion[0]),
    )


def _per_axis(a: Floats, b: Floats) -> Floats:
    """One error for both axes; where one is unknown, the other."""
    a, b = np.where(np.isnan(a), b, a), np.where(np.isnan(b), a, b)
    return np.sqrt((a**2 + b**2) / 2)
