"""Which stars of an exposure are those of a catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from trueup.astrometry.pairs.field import Field, outline
from trueup.astrometry.pairs.fit import Fit
from trueup.astrometry.pairs.match import Match
from trueup.astrometry.pairs.peak import Search
from trueup.astrometry.pairs.plane import Projected
from trueup.astrometry.pairs.register import Registration, register
from trueup.astrometry.pairs.seen import Seen, under
from trueup.astrometry.pairs.similarity import Expectation
from trueup.astrometry.references.catalog import ReferenceStars
from trueup.model.chipwcs import sky_to_plane
from trueup.model.exposure import Exposure
from trueup.model.offset import MAS_PER_DEG, field_center
from trueup.model.solution import Solution

Floats = NDArray[np.float64]

# an a-priori solution may be off by that much
_REACH_MAS = 2000.0
# of stars this bright, the mismatch that noise makes, and by how much centres are off per root of the
# rest; towards the middle of the field such errors cancel
_BRIGHT = 100.0
_FEWEST = 5
_NOISE_MISMATCH = 0.1
_PIX_PER_ROOT = 0.075
_MIDDLE = 0.25


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


def aim(exposure: Exposure, stars: ReferenceStars, *, center: tuple[float, float] | None = None) -> Target:
    """The reference stars within the footprint of an exposure.

    Parameters
    ----------
    exposure : Exposure
        Under the solution that says where to look.
    stars : ReferenceStars
    center : (float, float), optional
        Tangent point, degrees; by default the mean of the chip centres.

    Returns
    -------
    Target
    """
    chips = [exposure.wcs(chip.id) for chip in exposure.chips]
    center = center or field_center(chips)
    field = Field(center, outline(chips, center), chips[0].scale_arcsec() * 1000)
    near = _angle(stars, center) < 1.0
    xy = np.full((len(stars), 2), np.inf)
    xy[near] = np.stack(sky_to_plane(stars.ra[near], stars.dec[near], center), axis=1) * MAS_PER_DEG
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
    tier = np.zeros(len(inside), np.int8)
    # stars of a catalogue are where they are: no charge lags behind
    projected = Projected(xy[inside], kept.sigma_mas, flux, tier, np.zeros((len(inside), 2)))
    return Target(kept, projected, field)


def _angle(stars: ReferenceStars, center: tuple[float, float]) -> Floats:
    """Distance from a point of the sky, radians."""
    dec, dec0 = np.radians(stars.dec), np.radians(center[1])
    half_ra = np.radians(stars.ra - center[0]) / 2
    square = np.sin((dec - dec0) / 2) ** 2 + np.cos(dec) * np.cos(dec0) * np.sin(half_ra) ** 2
    return np.asarray(2 * np.arcsin(np.sqrt(np.clip(square, 0, 1))))


@dataclass(frozen=True, slots=True, eq=False)
class CatalogTie:
    """An exposure and the reference stars that it shows.

    Parameters
    ----------
    seen : Seen
    target : Target
    solution : Solution
        Under which they were matched: the most trustworthy one that works.
    registration : Registration
        Solution minus catalogue; `a` are stars of the target, `b` those of the exposure.

    Examples
    --------
    >>> CatalogTie.__slots__
    ('seen', 'target', 'solution', 'registration')
    """

    seen: Seen
    target: Target
    solution: Solution
    registration: Registration

    @property
    def counts(self) -> bool:
        """Whether the exposure could be measured."""
        return self.registration.fit.verdict != "unmeasurable"


def tie_to_catalog(seen: Seen, target: Target, *, solutions: Sequence[Solution]) -> CatalogTie:
    """Match an exposure to a catalogue under the first of its solutions that works.

    Parameters
    ----------
    seen : Seen
    target : Target
    solutions : sequence of Solution
        The most trustworthy first.

    Returns
    -------
    CatalogTie
        That of the first solution where none works.
    """
    ties = (CatalogTie(seen, target, solution, _register(seen, target, solution)) for solution in solutions)
    first = next(ties)
    return first if first.counts else next((tie for tie in ties if tie.counts), first)


def _register(seen: Seen, target: Target, solution: Solution) -> Registration:
    if not len(target.stars):
        none = np.zeros(0, np.intp)
        why = f"no star of {target.stars.name} within the footprint: is it the catalogue of this field?"
        return Registration(Fit(n=0, why=why), none, none, Match(none, none, None, None, 0))
    pick = seen.placed
    found = register(
        target.projected,
        under(seen, solution, center=target.field.center, pick=pick),
        field=target.field,
        search=Search(_REACH_MAS, target.field.pixel_mas / 2),
        expect=expectation(seen, target),
    )
    return replace(found, b=pick[found.b])


def expectation(seen: Seen, target: Target) -> Expectation:
    """What is known of an exposure and a catalogue before they are measured: the scale is free.

    Parameters
    ----------
    seen : Seen
    target : Target

    Returns
    -------
    Expectation
        With the errors that all stars share: of the catalogue, and of a profile that does not fit.
    """
    edge = profile_error_pix(seen) * target.field.pixel_mas
    middle = np.hypot(target.stars.common_mas, _MIDDLE * edge)
    reach = float(np.hypot(*target.field.corners.T).mean())
    return Expectation(common_mas=float(middle), common_slope=edge / reach)


def profile_error_pix(seen: Seen) -> float:
    """How far a profile that does not fit may move the stars at the edge of the field, pixels.

    Where the profile is lopsided in a way that changes over the field, so are the centres: between
    exposures this cancels, against a catalogue it looks like a scale or a rotation. No number of stars
    tells. The size is that found on simulated frames with coma and astigmatism as large as those of UVIS.

    Parameters
    ----------
    seen : Seen

    Returns
    -------
    float
        0 where bright stars fit as well as their noise allows, or there are none.
    """
    s = seen.sources
    bright = (s.snr > _BRIGHT) & (s.tier == 0) & np.isfinite(s.mismatch)
    if bright.sum() < _FEWEST:
        return 0.0
    excess = float(np.median(s.mismatch[bright])) - _NOISE_MISMATCH
    return _PIX_PER_ROOT * float(np.sqrt(max(excess, 0.0)))
