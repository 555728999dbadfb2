"""The stars of a trial, and the catalogue that knows some of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.astrometry.cases import Case
from trueup.model.chipwcs import ChipWcs, plane_to_sky

Floats = NDArray[np.float64]

GAIA_EPOCH, YEARS = 2016.0, 4.9
_MAS_PER_DEG = 3.6e6
_FAINTEST, _SLOPE = 400.0, 0.8
_COLOUR_DEX = 0.2
# a Gaia star of magnitude 20.7 has so many electrons
_GAIA_ZERO, _GAIA_ELECTRONS = 20.7, 4000.0
_GAIA_BRIGHT, _GAIA_FAINT, _GAIA_GROWTH = 17.0, 20.8, 0.2
_BULK_MAS_YR, _DISPERSION_MAS_YR = 3.0, 4.0
OUTLIERS, WITHOUT_MOTION = 0.08, 0.10
_AROUND = 0.6  # catalogue stars beside the field, per star in it


@dataclass(frozen=True, slots=True, eq=False)
class Sky:
    """Stars at the epoch of the exposures; the first are those of the catalogue.

    Parameters
    ----------
    ra, dec : float64 arrays
        Degrees.
    electrons : (2, n) float64 array
        In the first and in the second filter.
    magnitude : float64 array
        Of the stars of the catalogue.
    """

    ra: Floats
    dec: Floats
    electrons: Floats
    magnitude: Floats


def make_sky(case: Case, chips: tuple[ChipWcs, ...], rng: np.random.Generator) -> Sky:
    """Draw the stars of a case uniformly over the chips of an exposure."""
    n = case.stars
    on_second = rng.uniform(size=n) < 0.5
    ny, nx = chips[0].shape
    x, y = rng.uniform(0, nx - 1, n), rng.uniform(0, ny - 1, n)
    places = [chip.pixel_to_sky(x, y) for chip in chips]
    ra, dec = (np.where(on_second, second, first) for first, second in zip(*places, strict=True))
    magnitude = _magnitudes(case.gaia, rng)
    cap = case.brightest if not case.gaia else _GAIA_ELECTRONS
    first = np.minimum(_FAINTEST * rng.uniform(size=n) ** (-1 / _SLOPE), cap)
    first[: case.gaia] = _GAIA_ELECTRONS * 10 ** (0.4 * (_GAIA_ZERO - magnitude))
    scatter = 10 ** rng.normal(0, _COLOUR_DEX, n) if case.across else 1.0
    return Sky(ra, dec, np.stack([first, first * case.ratio * scatter]), magnitude)


def _magnitudes(n: int, rng: np.random.Generator) -> Floats:
    """Magnitudes whose numbers grow towards the faint end."""
    low, high = (10 ** (_GAIA_GROWTH * g) for g in (_GAIA_BRIGHT, _GAIA_FAINT))
    return np.asarray(np.log10(rng.uniform(low, high, n)) / _GAIA_GROWTH)


def gaia_error(magnitude: Floats) -> Floats:
    """Error of a position in mas, and of a proper motion in mas/yr."""
    return np.asarray(0.5 * 10 ** (0.28 * (magnitude - 20.0)))


def write_catalog(sky: Sky, path: Path, rng: np.random.Generator) -> None:
    """Write the catalogue as the Gaia archive would: at 2016.0, with outliers and missing motions."""
    from astropy.table import MaskedColumn, Table

    columns = _columns(sky, rng)
    n, known = len(columns["ra"]), len(sky.magnitude)
    table = Table(columns)
    table["ref_epoch"] = np.full(n, GAIA_EPOCH)
    # the two kinds never meet in one star, so that their shares are exact
    special = rng.permutation(known)
    outliers = special[: round(OUTLIERS * known)]
    unknown = special[len(outliers) : len(outliers) + round(WITHOUT_MOTION * known)]
    angle, size = rng.uniform(0, 2 * np.pi, len(outliers)), rng.uniform(20, 400, len(outliers))
    table["ra"][outliers] += size * np.cos(angle) / _MAS_PER_DEG / np.cos(np.radians(table["dec"][outliers]))
    table["dec"][outliers] += size * np.sin(angle) / _MAS_PER_DEG
    for name in ("pmra", "pmdec", "pmra_error", "pmdec_error"):
        table[name] = MaskedColumn(table[name], mask=np.isin(np.arange(n), unknown))
    for name in table.colnames:
        unit = {"ra": "deg", "dec": "deg", "ref_epoch": "yr", "phot_g_mean_mag": "mag"}
        table[name].unit = unit.get(name, "mas/yr" if name.startswith("pm") else "mas")
    table.write(path, format="ascii.ecsv", overwrite=True)


def _columns(sky: Sky, rng: np.random.Generator) -> dict[str, Floats]:
    known = len(sky.magnitude)
    ra, dec = _with_surroundings(sky.ra[:known], sky.dec[:known], rng)
    magnitude = np.concatenate([sky.magnitude, _magnitudes(len(ra) - known, rng)])
    motion = rng.normal(0, _BULK_MAS_YR, (2, 1)) + rng.normal(0, _DISPERSION_MAS_YR, (2, len(ra)))
    error = gaia_error(magnitude)
    noise = rng.standard_normal((4, len(ra))) * error
    dec_then = dec + (noise[1] - motion[1] * YEARS) / _MAS_PER_DEG
    ra_then = ra + (noise[0] - motion[0] * YEARS) / _MAS_PER_DEG / np.cos(np.radians(dec))
    errors = {f"{name}_error": error for name in ("ra", "dec", "pmra", "pmdec")}
    motions = {"pmra": motion[0] + noise[2], "pmdec": motion[1] + noise[3]}
    return {"ra": ra_then, "dec": dec_then, **motions, **errors, "phot_g_mean_mag": magnitude}


def _with_surroundings(ra: Floats, dec: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Stars and others in a ring around them: a catalogue is a cone wider than the field."""
    centre = float(ra.mean()), float(dec.mean())
    n = round(_AROUND * len(ra))
    angle, radius = rng.uniform(0, 2 * np.pi, n), rng.uniform(140, 200, n) / 3600
    more = plane_to_sky(radius * np.cos(angle), radius * np.sin(angle), centre)
    return np.concatenate([ra, more[0]]), np.concatenate([dec, more[1]])
