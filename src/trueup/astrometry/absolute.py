"""An exposure against a catalogue, under every one of its solutions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from trueup.astrometry.catalog import Catalog, ReferenceStars
from trueup.astrometry.field import Field, outline
from trueup.astrometry.fit import Expectation, Fit
from trueup.astrometry.measurement import Absolute, Candidate
from trueup.astrometry.peak import Search
from trueup.astrometry.plane import Projected
from trueup.astrometry.register import Registration, register
from trueup.astrometry.seen import Seen, see, under, usable
from trueup.astrometry.starlist import StarList
from trueup.model.chipwcs import sky_to_plane
from trueup.model.exposure import Exposure
from trueup.model.offset import field_center
from trueup.model.solution import Solution
from trueup.model.soundness import judge

Floats = NDArray[np.float64]

_DEG_MAS = 3.6e6
# an a-priori solution may be off by that much, a catalogue of the right field never by more
_REACH_MAS = 2000.0


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """The reference stars that an exposure may show, in its tangent plane.

    Parameters
    ----------
    stars : ReferenceStars
        Those within the footprint and a margin.
    projected : Projected
        The same, in the tangent plane of the field.
    field : Field
        The footprint.

    Examples
    --------
    >>> Target.__slots__
    ('stars', 'projected', 'field')
    """

    stars: ReferenceStars
    projected: Projected
    field: Field


def measure_absolute(
    stars: StarList, exposure: Exposure, catalog: Catalog, *, solutions: Sequence[int] | None = None
) -> tuple[Absolute, ...]:
    """Measure solutions of one exposure against a catalogue at the epoch of the exposure.

    Parameters
    ----------
    stars : StarList
        Of the exposure.
    exposure : Exposure
    catalog : Catalog
    solutions : sequence of int, optional
        Places in ``exposure.solutions``; by default the first of each that differs on the sky.

    Returns
    -------
    tuple of Absolute
        Solution minus catalogue; ``unmeasurable`` with the reason where there is no result.

    Raises
    ------
    DataError
        Where the catalogue lacks what is needed to move its stars to the epoch.

    Examples
    --------
    >>> from trueup.model.cards import Cards
    >>> from trueup.model.names import WcsName
    >>> from trueup.model.solution import Origin
    >>> opus = Solution(WcsName.parse("OPUS"), Origin("primary"))
    >>> exposure = Exposure("a_flc.fits", Cards(), (), (opus,), opus)
    >>> one, unknown = np.ones(1), np.full(1, np.nan)
    >>> catalog = Catalog("MINE", "mine.csv", *[one] * 9)
    >>> row = measure_absolute(StarList("", (), 1.8, 0.0), exposure, catalog, solutions=[0])[0]
    >>> row.catalog, row.fit.why
    ('MINE', 'a failed exposure: no exposure time')
    """
    indices = distinct(exposure) if solutions is None else tuple(solutions)
    why = _why_not(exposure)
    if why:
        return tuple(_row(exposure, k, catalog, fit=Fit(n=0, why=why)) for k in indices)
    assert exposure.epoch is not None
    target = aim(exposure, catalog.at(exposure.epoch))
    seen = see(exposure, stars)
    fits = (against(seen, exposure.solutions[k], target).fit for k in indices)
    return tuple(_row(exposure, k, catalog, fit=fit) for k, fit in zip(indices, fits, strict=True))


def distinct(exposure: Exposure) -> tuple[int, ...]:
    """Places of the readable solutions that differ on the sky, the first of each."""
    verdicts = judge(exposure)
    return tuple(
        k
        for k, verdict in enumerate(verdicts)
        if not exposure.solutions[k].broken and k == min((k, *verdict.same_as))
    )


def _why_not(exposure: Exposure) -> str:
    if exposure.mode != "image":
        return f"a {exposure.mode} exposure: {exposure.usable.why}"
    return "" if exposure.epoch is not None else "no epoch: EXPSTART is not in the header"


def _row(exposure: Exposure, index: int, catalog: Catalog, *, fit: Fit) -> Absolute:
    return Absolute(Candidate(exposure.rootname, index), catalog.name, fit)


def aim(exposure: Exposure, stars: ReferenceStars) -> Target:
    """The reference stars within the footprint of an exposure.

    Parameters
    ----------
    exposure : Exposure
        Under the solution that says where to look.
    stars : ReferenceStars

    Returns
    -------
    Target
    """
    chips = [exposure.wcs(chip.id) for chip in exposure.chips]
    center = field_center(chips)
    field = Field(center, outline(chips, center), chips[0].scale_arcsec() * 1000)
    near = _angle(stars, center) < 1.0
    xy = np.full((len(stars), 2), np.inf)
    xy[near] = np.stack(sky_to_plane(stars.ra[near], stars.dec[near], center), axis=1) * _DEG_MAS
    low, high = field.corners.min(axis=0) - _REACH_MAS, field.corners.max(axis=0) + _REACH_MAS
    inside = np.flatnonzero(((xy > low) & (xy < high)).all(axis=1))
    kept = replace(
        stars,
        ra=stars.ra[inside],
        dec=stars.dec[inside],
        sigma_mas=stars.sigma_mas[inside],
        mag=stars.mag[inside],
    )
    flux = 10 ** (-0.4 * np.nan_to_num(kept.mag, nan=99.0))
    projected = Projected(xy[inside], kept.sigma_mas, flux, np.zeros(len(inside), np.int8))
    return Target(kept, projected, field)


def _angle(stars: ReferenceStars, center: tuple[float, float]) -> Floats:
    """Distance from a point of the sky, radians."""
    dec, dec0 = np.radians(stars.dec), np.radians(center[1])
    half_ra = np.radians(stars.ra - center[0]) / 2
    square = np.sin((dec - dec0) / 2) ** 2 + np.cos(dec) * np.cos(dec0) * np.sin(half_ra) ** 2
    return np.asarray(2 * np.arcsin(np.sqrt(np.clip(square, 0, 1))))


def against(seen: Seen, solution: Solution, target: Target) -> Registration:
    """Match the stars of an exposure under one solution to the catalogue, and fit.

    Parameters
    ----------
    seen : Seen
    solution : Solution
    target : Target

    Returns
    -------
    Registration
        Solution minus catalogue; `a` are the reference stars of the target, `b` the stars of `seen`.
    """
    none = np.zeros(0, np.intp)
    if not len(target.stars):
        why = f"no star of {target.stars.name} within the footprint: is it the catalogue of this field?"
        return Registration(Fit(n=0, why=why), none, none)
    pick = np.flatnonzero(usable(seen))
    mine = under(seen, solution, center=target.field.center, pick=pick)
    search = Search(_REACH_MAS, target.field.pixel_mas / 2)
    expect = Expectation(common_mas=target.stars.common_mas)
    found = register(target.projected, mine, field=target.field, search=search, expect=expect)
    return replace(found, b=pick[found.b])
