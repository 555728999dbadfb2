"""What was measured as tables: stars, matches with their residuals, trends, reference stars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trueup.astrometry.measuring.residuals import Residuals
from trueup.astrometry.measuring.trends import Trend
from trueup.astrometry.pairs.seen import Seen
from trueup.astrometry.references.catalog import ReferenceStars
from trueup.report.regions import sky_of

if TYPE_CHECKING:
    from astropy.table import Table

Bools = NDArray[np.bool_]

# the last digit is far below any error
_FORMATS = {"deg": ".10f", "pix": ".4f", "mas": ".3f", "mag": ".4f"}
_PIXELS = "pixels as in FITS: the centre of the first pixel is (1, 1)"


def star_table(seen: Seen, used: Bools) -> Table:
    """The stars of an exposure.

    Parameters
    ----------
    seen : Seen
    used : (n,) bool array
        Stars of the list that a fit used.

    Returns
    -------
    astropy.table.Table
        A row per source.
    """
    s, exposure = seen.sources, seen.exposure
    ra, dec = sky_of(seen)
    scale = exposure.solution.chips[0].wcs.scale_arcsec() * 1000
    columns: dict[str, tuple[Any, str, str]] = {
        "extver": (seen.chip, "", "SCI EXTVER"),
        "x": (s.x + 1, "pix", _PIXELS),
        "y": (s.y + 1, "pix", _PIXELS),
        "ra": (ra, "deg", "ICRS, under the solution in force"),
        "dec": (dec, "deg", "ICRS, under the solution in force"),
        "flux": (s.flux, "", "of the fitted profile, unit of the image"),
        "snr": (s.snr, "", "flux over its error"),
        "sigma": (s.sigma, "pix", "error of x and of y"),
        "sigma_mas": (s.sigma * scale, "mas", "error per axis"),
        "mismatch": (s.mismatch, "", "reduced chi-square of the profile"),
        "quality": (s.tier, "", "0 bright and clean, 1 clean, 2 the rest"),
        "used": (used, "", "whether a fit used it"),
    }
    meta = {"rootname": exposure.rootname, "wcsname": str(exposure.solution.name), "pixels": _PIXELS}
    return _table(columns, meta)


def match_table(residuals: Residuals, named: Seen, reference: Seen | ReferenceStars) -> Table:
    """The matched stars of a pair with their residuals, and what these may depend on.

    Parameters
    ----------
    residuals : Residuals
    named : Seen
    reference : Seen or ReferenceStars
        In the order to which ``residuals.partners`` points.

    Returns
    -------
    astropy.table.Table
        A row per star.
    """
    r, i, j = residuals, residuals.stars, residuals.partners
    columns: dict[str, tuple[Any, str, str]] = {
        "extver": (named.chip[i], "", f"SCI EXTVER in {r.named}"),
        "x": (named.sources.x[i] + 1, "pix", _PIXELS),
        "y": (named.sources.y[i] + 1, "pix", _PIXELS),
    }
    if isinstance(reference, Seen):
        columns |= {
            "extver_reference": (reference.chip[j], "", f"SCI EXTVER in {r.reference}"),
            "x_reference": (reference.sources.x[j] + 1, "pix", _PIXELS),
            "y_reference": (reference.sources.y[j] + 1, "pix", _PIXELS),
        }
    else:
        columns |= {
            "ra_reference": (reference.ra[j], "deg", f"ICRS at {reference.epoch:.4f}"),
            "dec_reference": (reference.dec[j], "deg", f"ICRS at {reference.epoch:.4f}"),
            "mag_reference": (reference.mag[j], "mag", "of the catalogue"),
        }
    columns |= {
        "residual_x": (r.x, "pix", f"{r.named} minus {r.reference} after the fit, along x"),
        "residual_y": (r.y, "pix", f"{r.named} minus {r.reference} after the fit, along y"),
        "residual_x_mas": (r.x * r.pixel_mas, "mas", "the same"),
        "residual_y_mas": (r.y * r.pixel_mas, "mas", "the same"),
        "sigma": (r.sigma, "pix", "error of a residual, per axis"),
        "weight": (r.weight, "", "in the fit, 0 to 1"),
    }
    places = {"x": "field_x", "y": "field_y"}
    for name, values in r.against.items():
        columns[places.get(name, name.replace(" ", "_"))] = (values, "", "what residuals may depend on")
    return _table(columns, {"named": r.named, "reference": r.reference, "pixels": _PIXELS})


def trend_table(found: Sequence[tuple[Residuals, Trend]]) -> Table:
    """Lines through the residuals of all pairs.

    Parameters
    ----------
    found : sequence of (Residuals, Trend)

    Returns
    -------
    astropy.table.Table
        A row per line.

    Examples
    --------
    >>> trend_table([]).colnames[:4]
    ['named', 'reference', 'along', 'against']
    """
    columns: dict[str, tuple[Any, str, str]] = {
        "named": ([r.named for r, _ in found], "", ""),
        "reference": ([r.reference for r, _ in found], "", ""),
        "along": ([t.along for _, t in found], "", "which residual"),
        "against": ([t.against for _, t in found], "", "what it depends on"),
        "slope": ([t.slope for _, t in found], "", "pixels per unit of that"),
        "effect": ([t.effect_pix for _, t in found], "pix", "rise over the inner 90 % of the stars"),
        "significance": ([t.significance for _, t in found], "", "sigma, corrected for the lines tried"),
        "matters": ([t.matters for _, t in found], "", "whether it withdraws a pass"),
    }
    return _table(columns, {})


def reference_table(stars: ReferenceStars) -> Table:
    """Reference stars as they were used.

    Parameters
    ----------
    stars : ReferenceStars

    Returns
    -------
    astropy.table.Table
        A row per star.

    Examples
    --------
    >>> one = np.ones(1)
    >>> reference_table(ReferenceStars(one, one, one, one, "GAIADR3", 2020.9)).meta["epoch"]
    2020.9
    """
    columns: dict[str, tuple[Any, str, str]] = {
        "ra": (stars.ra, "deg", "ICRS at the epoch"),
        "dec": (stars.dec, "deg", "ICRS at the epoch"),
        "sigma": (stars.sigma_mas, "mas", "error per axis, proper motion included"),
        "mag": (stars.mag, "mag", ""),
    }
    meta = {"catalog": stars.name, "epoch": stars.epoch, "common_mas": stars.common_mas}
    return _table(columns, {**meta, "notes": list(stars.notes)})


def _table(columns: dict[str, tuple[Any, str, str]], meta: dict[str, Any]) -> Table:
    from astropy.table import Column, Table

    table = Table(meta=meta)
    for name, (values, unit, text) in columns.items():
        column = Column(values, name=name, unit=unit or None, description=text or None)
        if column.dtype.kind == "f":
            column.format = _FORMATS.get(unit, ".6g")
        table.add_column(column)
    return table
