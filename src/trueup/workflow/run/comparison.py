"""The products of a run beside each other: offsets, residuals of the stars, one picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from trueup.astrometry.pairs.fit import Fit
from trueup.astrometry.pairs.plane import project
from trueup.fits.product_read import read_product
from trueup.report.figures import before_after, save_figure, side_by_side
from trueup.report.story import Residuals
from trueup.report.view import View
from trueup.workflow.compare import Pair, register_products, view_of

Values = Mapping[str, Any]
Sky = tuple[float, float]


def compare_products(products: Sequence[Values], folder: Path, draft: Path) -> list[dict[str, Any]]:
    """Measure the products of each filter against those of the first, and keep what was measured.

    Parameters
    ----------
    products : sequence of mapping
        ``path`` (in `folder`), ``filter``, ``when`` and the number of ``exposures``.
    folder : Path
    draft : Path
        Gets the residuals as ECSV, DS9 regions, and a picture per pair.

    Returns
    -------
    list of dict
        FIT of the JSON contract with ``a``, ``b``, ``when``, ``star`` and the name of the table of residuals.

    Examples
    --------
    >>> compare_products([], Path(), Path())
    []
    """
    rows = []
    by_when: dict[str, list[Values]] = {}
    for product in products:
        by_when.setdefault(product["when"], []).append(product)
    views: dict[tuple[str, str], list[View]] = {}
    for when, (first, *others) in by_when.items():
        if not others:
            continue
        frame = read_product(folder / first["path"])
        for other in others:
            names = first["filter"], other["filter"]
            pair = register_products(frame, read_product(folder / other["path"]))
            fit = _unrejected(pair.registration.fit, first, other) or pair.registration.fit
            shown = views.setdefault(names, [])
            view = view_of(pair, center=(shown[0].mark or shown[0].center) if shown else None)
            shown.append(replace(view, fit=fit))
            table = None
            if fit is pair.registration.fit:
                table = f"tables/residuals_{_plain(names[1])}-{_plain(names[0])}_{when}.ecsv"
                _keep(residuals(pair), draft, table)
            rows.append({"a": names[0], "b": names[1], "when": when, **asdict(fit)})
            rows[-1] |= {"star": view.mark, "residuals": table}
    for names, shown in views.items():
        figure = before_after(shown[0], shown[1]) if len(shown) == 2 else side_by_side(shown[0])
        (draft / "figures").mkdir(exist_ok=True)
        save_figure(figure, draft / "figures" / f"{_plain(names[1])}-{_plain(names[0])}")
    return rows


def _unrejected(fit: Fit, *products: Values) -> Fit | None:
    """What is said of products with cosmic rays and hot pixels in them: the same ones are in both."""
    single = [product["filter"] for product in products if product["exposures"] == 1]
    if not single:
        return None
    why = f"{' and '.join(single)} of one exposure each: hot pixels and cosmic rays are not rejected"
    return Fit(n=fit.n, why=why)


def residuals(pair: Pair) -> Residuals:
    """Where the common stars of two products are, and how far they lie off in the second.

    Parameters
    ----------
    pair : Pair

    Returns
    -------
    Residuals

    Examples
    --------
    >>> from trueup.model.cards import Cards
    >>> from trueup.model.chipwcs import ChipWcs
    >>> from trueup.fits.product_read import Product
    >>> wcs = ChipWcs((50, 50), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (100, 100))
    >>> noise = np.random.default_rng(1).normal(0, 1, (100, 100)).astype(np.float32)
    >>> empty = Product("a_drc.fits", noise, None, wcs, Cards(), Cards())
    >>> len(residuals(register_products(empty, empty)).ra_deg)
    0
    """
    used = pair.registration
    first, second = pair.sources_a[used.a], pair.sources_b[used.b]
    center = pair.field.center
    apart = project(second, pair.b.wcs, center=center).xy - project(first, pair.a.wcs, center=center).xy
    ra, dec = pair.a.wcs.pixel_to_sky(first.x, first.y)
    magnitude = -2.5 * np.log10(np.maximum(first.flux, 1e-30))
    return Residuals(np.asarray(ra), np.asarray(dec), apart[:, 0], apart[:, 1], magnitude)


def _plain(name: str) -> str:
    return name.lower().replace(" ", "_").replace(";", "_").replace("+", "_")


def _keep(found: Residuals, draft: Path, name: str) -> None:
    from astropy import units as u
    from astropy.table import QTable

    table = QTable()
    for column, unit in (("ra", u.deg), ("dec", u.deg), ("east", u.mas), ("north", u.mas)):
        table[column] = getattr(found, f"{column}_{unit.to_string()}") * unit
    table["magnitude"] = found.magnitude * u.mag
    path = draft / name
    path.parent.mkdir(parents=True, exist_ok=True)
    table.write(path, format="ascii.ecsv")
    lines = ["# Region file format: DS9", "icrs"]
    for ra, dec, east, north in zip(
        found.ra_deg, found.dec_deg, found.east_mas, found.north_mas, strict=True
    ):
        lines.append(f'circle({ra:.8f},{dec:.8f},0.2") # text={{{east:+.1f},{north:+.1f}}}')
    path.with_suffix(".reg").write_text("\n".join(lines) + "\n", encoding="utf-8")
