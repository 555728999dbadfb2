"""Compare two drizzled products: the same sky side by side, and the offset between them."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trueup.astrometry.pairs.field import Field, common_field
from trueup.astrometry.pairs.fit import Fit
from trueup.astrometry.pairs.plane import Projected, project
from trueup.astrometry.pairs.register import Registration, register
from trueup.astrometry.pairs.similarity import Expectation
from trueup.astrometry.references.reference import product_sources
from trueup.astrometry.stars.sources import Sources
from trueup.errors import UsageError
from trueup.fits.product_read import Product, read_product
from trueup.report.figures import save_figure, side_by_side
from trueup.report.notebook import picture_html
from trueup.report.offset import describe
from trueup.report.view import Pixels, Sky, View, cut_out, grid_around

if TYPE_CHECKING:
    from astropy.units import Quantity

Floats = NDArray[np.float64]
Path = str | os.PathLike[str]

_SNAP_ARCSEC = 0.3
_HALF_PIX = (3, 1000)
_CANDIDATES = 60
_SURROUNDINGS_PIX = 10
_CORE_PIX = 4.5
_FAR = 6.0
_POOR = 2


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Two products and what lies between them.

    Parameters
    ----------
    a, b : str
        Paths of the products.
    fit : Fit
        `b` minus `a` at the common centre.
    view : View
        The same sky in both.
    figures : tuple of str
        Paths of the pictures written.

    Examples
    --------
    >>> Comparison.__slots__
    ('a', 'b', 'fit', 'view', 'figures')
    """

    a: str
    b: str
    fit: Fit
    view: View
    figures: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """The comparison as in the JSON contract."""
        return {"a": self.a, "b": self.b, **asdict(self.fit), "figures": list(self.figures)}

    @property
    def offset(self) -> Quantity | None:
        """East and north of `b` minus `a`, of shape (2,); None where it could not be measured."""
        from astropy.units import Quantity

        pair = self.fit.east_mas, self.fit.north_mas
        return None if None in pair else Quantity(pair, "mas")

    def _repr_html_(self) -> str:
        """The picture with the numbers in it, and as text for who cannot see it."""
        return picture_html(side_by_side(self.view), describe(self.fit, self.view.labels))


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Two products, their sources, and the offset.

    Parameters
    ----------
    a, b : Product
    sources_a, sources_b : Sources
    field : Field
    registration : Registration
        Its indices point into the two source lists.

    Examples
    --------
    >>> Pair.__slots__[:2]
    ('a', 'b')
    """

    a: Product
    b: Product
    sources_a: Sources
    sources_b: Sources
    field: Field
    registration: Registration


def compare(
    a: Path,
    b: Path,
    *,
    center: Sky | None = None,
    half: int = 50,
    stretch: float = 1.0,
    output: Path | None = None,
) -> Comparison:
    """Measure the offset between two drizzled products and draw the same sky of both.

    Parameters
    ----------
    a, b : path
        Drizzled products, ours or the archive's, on any grids.
    center : (float, float), optional
        Right ascension and declination of the picture, degrees; by default those of a bright
        compact source seen in both.
    half : int
        Half the side of the picture, pixels of `a`.
    stretch : float
        Multiplies the upper limit of the colour scale.
    output : path, optional
        Where to write the picture, without suffix; nothing is written by default.

    Returns
    -------
    Comparison

    Raises
    ------
    FormatError, DataError, FileAccessError
        Where a product cannot be read, or a picture not be written.
    UsageError
        Where the position is not on the first product, or half or stretch are out of range.

    Examples
    --------
    >>> compare("nowhere_drc.fits", "nowhere_drc.fits")
    Traceback (most recent call last):
    trueup.errors.FileAccessError: nowhere_drc.fits: No such file or directory
    """
    if not stretch > 0:
        raise UsageError(f"a stretch of {stretch}", todo="give a positive number")
    pair = register_products(read_product(a), read_product(b))
    view = view_of(pair, center=center, half=half)
    figures: tuple[str, ...] = ()
    if output is not None:
        figures = tuple(str(path) for path in save_figure(side_by_side(view, stretch=stretch), output))
    return Comparison(os.fspath(a), os.fspath(b), pair.registration.fit, view, figures)


def register_products(a: Product, b: Product) -> Pair:
    """Find the sources of two products and measure the second minus the first.

    Parameters
    ----------
    a, b : Product

    Returns
    -------
    Pair

    Examples
    --------
    >>> from trueup.model.cards import Cards
    >>> from trueup.model.chipwcs import ChipWcs
    >>> wcs = ChipWcs((50, 50), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (100, 100))
    >>> noise = np.random.default_rng(1).normal(0, 1, (100, 100)).astype(np.float32)
    >>> empty = Product("a_drc.fits", noise, None, wcs, Cards(), Cards())
    >>> register_products(empty, empty).registration.fit.verdict
    'unmeasurable'
    """
    field = common_field(a.wcs, b.wcs)
    sources_a, seen_a = _find(a, field)
    sources_b, seen_b = _find(b, field)
    expect = Expectation(same_filter=a.filter == b.filter)
    registration = register(seen_a, seen_b, field=field, expect=expect)
    return Pair(a, b, sources_a, sources_b, field, registration)


def _find(product: Product, field: Field) -> tuple[Sources, Projected]:
    """The sources of a product, and where they are in the field."""
    sources = product_sources(product)
    return sources, project(sources, product.wcs, center=field.center)


def view_of(pair: Pair, *, center: Sky | None = None, half: int = 50) -> View:
    """The same sky of both products around a position or a bright compact source.

    Parameters
    ----------
    pair : Pair
    center : (float, float), optional
        Degrees; a source of the first product within 0.3 arcsec of it is marked.
    half : int
        Pixels on each side.

    Returns
    -------
    View

    Raises
    ------
    UsageError
        Where the position is not on the first product, or half is out of range.

    Examples
    --------
    >>> from trueup.model.cards import Cards
    >>> from trueup.model.chipwcs import ChipWcs
    >>> wcs = ChipWcs((50, 50), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (100, 100))
    >>> noise = np.random.default_rng(1).normal(0, 1, (100, 100)).astype(np.float32)
    >>> empty = Product("a_drc.fits", noise, None, wcs, Cards(), Cards())
    >>> view_of(register_products(empty, empty), half=20).a.shape
    (41, 41)
    """
    _require_on_product(pair.a, center, half)
    mark = _showcase(pair, half) if center is None else _nearest(pair, center)
    middle = center or mark or pair.field.center
    grid = grid_around(pair.a.wcs, middle, half=half)
    return View(
        a=cut_out(pair.a, grid),
        b=cut_out(pair.b, grid),
        wcs=grid,
        center=middle,
        mark=mark,
        labels=_labels(pair),
        notes=(pair.a.wcsname, pair.b.wcsname),
        fit=pair.registration.fit,
        unit=pair.a.header.text("BUNIT"),
    )


def _require_on_product(product: Product, center: Sky | None, half: int) -> None:
    if not _HALF_PIX[0] <= half <= _HALF_PIX[1]:
        raise UsageError(f"half a picture of {half} pixels", todo="give {} to {}".format(*_HALF_PIX))
    if center is None:
        return
    ny, nx = product.wcs.shape
    x, y = product.wcs.sky_to_pixel(*center)
    if not (-0.5 <= x < nx - 0.5 and -0.5 <= y < ny - 0.5):
        raise UsageError(
            f"RA {center[0]}, Dec {center[1]} is not on it",
            file=product.path,
            todo="give degrees, or no position",
        )


def _labels(pair: Pair) -> tuple[str, str]:
    """The filters; the file names where these do not tell the products apart."""
    if pair.a.filter and pair.b.filter and pair.a.filter != pair.b.filter:
        return pair.a.filter, pair.b.filter
    return os.path.basename(pair.a.path), os.path.basename(pair.b.path)


def _showcase(pair: Pair, half: int) -> Sky | None:
    """The source that is bright in both products and has the cleanest surroundings."""
    i, j = pair.registration.a, pair.registration.b
    a, b = pair.sources_a, pair.sources_b
    ny, nx = pair.a.wcs.shape
    border = np.minimum.reduce([a.x[i], nx - 1 - a.x[i], a.y[i], ny - 1 - a.y[i]])
    tidy = (border > half) & (a.tier[i] < _POOR) & (b.tier[j] < _POOR)
    inside = np.flatnonzero(tidy) if tidy.any() else np.arange(len(i))
    if not len(inside):
        bright = np.flatnonzero(a.tier == 0)
        return _sky(pair, int(bright[0])) if len(bright) else None
    i, j = i[inside], j[inside]
    rank = np.maximum(_rank(-a.flux[i]), _rank(-b.flux[j]))
    best = np.argsort(rank, kind="stable")[:_CANDIDATES]
    clutter = [
        _clutter(pair.a.sci, a.x[i[k]], a.y[i[k]]) + _clutter(pair.b.sci, b.x[j[k]], b.y[j[k]]) for k in best
    ]
    return _sky(pair, int(i[best[int(np.argmin(clutter))]]))


def _rank(values: Floats) -> Floats:
    return np.argsort(np.argsort(values, kind="stable"), kind="stable").astype(float)


def _clutter(image: Pixels, x: float, y: float) -> int:
    """Pixels around a source, its core apart, that are far from the sky or not there."""
    span = np.arange(-_SURROUNDINGS_PIX, _SURROUNDINGS_PIX + 1)
    ring = np.hypot(*np.meshgrid(span, span)) > _CORE_PIX
    top, left = round(y) - _SURROUNDINGS_PIX, round(x) - _SURROUNDINGS_PIX
    around = image[max(top, 0) : top + len(span), max(left, 0) : left + len(span)]
    if around.shape != ring.shape:
        return ring.size
    known = around[np.isfinite(around)]
    sky = np.median(known)
    noise = 1.4826 * np.median(np.abs(known - sky))
    with np.errstate(invalid="ignore"):
        return int((ring & ~(np.abs(around - sky) < _FAR * noise)).sum())


def _nearest(pair: Pair, center: Sky) -> Sky | None:
    x, y = pair.a.wcs.sky_to_pixel(*center)
    clean = np.flatnonzero(pair.sources_a.tier < _POOR)
    distance = np.hypot(pair.sources_a.x[clean] - x, pair.sources_a.y[clean] - y)
    if not len(clean) or distance.min() * pair.a.wcs.scale_arcsec() > _SNAP_ARCSEC:
        return None
    return _sky(pair, int(clean[np.argmin(distance)]))


def _sky(pair: Pair, index: int) -> Sky:
    ra, dec = pair.a.wcs.pixel_to_sky(pair.sources_a.x[index], pair.sources_a.y[index])
    return float(ra), float(dec)
