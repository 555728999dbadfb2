"""Stars as DS9 regions."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from trueup.astrometry.pairs.seen import Seen
from trueup.astrometry.references.catalog import ReferenceStars

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_HEAD = (
    "# Region file format: DS9 version 4.1\n"
    "# green: used in a fit; cyan: a clean star that was not; grey: anything else;"
    " magenta diamonds: the catalogue at the epoch of the exposure\n"
    "global width=1 select=1 edit=0 move=0\n"
)
_RADIUS_PIX = 5.0
_POOR = 2


def chip_regions(seen: Seen, extver: int, used: Bools) -> str:
    """The stars of one chip in image coordinates: for ``ds9 file.fits[SCI,extver]``.

    Parameters
    ----------
    seen : Seen
    extver : int
        SCI EXTVER of the chip.
    used : (n,) bool array
        Stars of the list that a fit used.

    Returns
    -------
    str
        A region file; DS9 counts pixels from 1.

    Examples
    --------
    >>> from trueup.model.cards import Cards
    >>> from trueup.model.exposure import Exposure
    >>> from trueup.model.names import WcsName
    >>> from trueup.model.solution import Origin, Solution
    >>> from trueup.astrometry.stars.sources import Sources
    >>> opus, one = Solution(WcsName.parse("OPUS"), Origin("primary")), np.full(1, 99.0)
    >>> star = Sources(one, one, one, one, one, one, np.zeros(1, np.int8))
    >>> seen = Seen(Exposure("a_flc.fits", Cards(), (), (opus,), opus), star, np.ones(1, np.intp))
    >>> print(chip_regions(seen, 1, np.array([True])).splitlines()[-1])
    circle(100.000,100.000,5.0) # color=green
    """
    here = np.flatnonzero(seen.chip == extver)
    x, y = seen.sources.x[here] + 1, seen.sources.y[here] + 1
    colors = _colors(seen, used)[here]
    circles = (
        f"circle({a:.3f},{b:.3f},{_RADIUS_PIX}) # color={color}\n"
        for a, b, color in zip(x, y, colors, strict=True)
    )
    return _region_file("image", circles)


def sky_regions(seen: Seen, used: Bools, stars: ReferenceStars | None = None) -> str:
    """The stars of an exposure, and reference stars, on the sky under the solution in force.

    Parameters
    ----------
    seen : Seen
    used : (n,) bool array
        Stars of the list that a fit used.
    stars : ReferenceStars, optional

    Returns
    -------
    str
        A region file in ICRS.
    """
    ra, dec = sky_of(seen)
    radius = _RADIUS_PIX * seen.exposure.solution.chips[0].wcs.scale_arcsec()
    shapes = [
        f'circle({a:.8f},{d:.8f},{radius:.3f}") # color={color}\n'
        for a, d, color in zip(ra, dec, _colors(seen, used), strict=True)
    ]
    if stars is not None:
        shapes += [
            f"point({a:.8f},{d:.8f}) # point=diamond color=magenta\n"
            for a, d in zip(stars.ra, stars.dec, strict=True)
        ]
    return _region_file("icrs", shapes)


def sky_of(seen: Seen) -> tuple[Floats, Floats]:
    """Where the solution in force puts the stars: right ascension and declination, degrees."""
    ra, dec = np.full(len(seen), np.nan), np.full(len(seen), np.nan)
    for chip in seen.exposure.chips:
        here = seen.chip == chip.id.extver
        ra[here], dec[here] = seen.exposure.wcs(chip.id).pixel_to_sky(
            seen.sources.x[here], seen.sources.y[here]
        )
    return ra, dec


def _colors(seen: Seen, used: Bools) -> NDArray[np.str_]:
    return np.where(used, "green", np.where(seen.sources.tier < _POOR, "cyan", "grey"))


def _region_file(system: str, shapes: Iterable[str]) -> str:
    return f"{_HEAD}{system}\n{''.join(shapes)}"
