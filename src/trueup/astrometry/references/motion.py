"""Where a star was at another epoch: proper motion and parallax."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_MAS = np.pi / 180 / 3.6e6


def at_epoch(
    ra: Floats,
    dec: Floats,
    *,
    motion: tuple[Floats, Floats],
    years: Floats,
    parallax: Floats,
    epoch: float,
) -> tuple[Floats, Floats]:
    """Move stars along straight lines, then by the parallax, as seen from the Earth.

    Parameters
    ----------
    ra, dec : (n,) float64 arrays
        Barycentric, degrees.
    motion : pair of (n,) float64 arrays
        Proper motions, that of right ascension with cos delta, mas per year.
    years : (n,) float64 array
        How long.
    parallax : (n,) float64 array
        mas.
    epoch : float
        The year they arrive at, for the place of the Earth.

    Returns
    -------
    ra, dec : (n,) float64 arrays
        Degrees, 0 to 360.

    Examples
    --------
    >>> one, still = np.ones(1), np.zeros(1)
    >>> ra, dec = at_epoch(
    ...     0 * one, 60 * one, motion=(-500 * one, still), years=4 * one, parallax=still, epoch=2020.0
    ... )
    >>> ((360.0 - ra) * 3.6e6 / 2).round(3).tolist(), dec.round(6).tolist()
    ([2000.0], [60.0])
    """
    a, d = np.radians(ra), np.radians(dec)
    out = np.stack([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)])
    east = np.stack([-np.sin(a), np.cos(a), np.zeros_like(a)])
    north = np.stack([-np.sin(d) * np.cos(a), -np.sin(d) * np.sin(a), np.cos(d)])
    moved = out + (motion[0] * east + motion[1] * north) * years * _MAS
    if parallax.any():
        moved = moved - parallax * _MAS * _earth(epoch)[:, None]
    x, y, z = moved
    return np.degrees(np.arctan2(y, x)) % 360.0, np.degrees(np.arctan2(z, np.hypot(x, y)))


def _earth(epoch: float) -> Floats:
    """The Earth from the barycentre of the solar system, au, along the axes of the ICRS."""
    from astropy import units as u
    from astropy.coordinates import get_body_barycentric
    from astropy.time import Time

    place = get_body_barycentric("earth", Time(epoch, format="jyear", scale="tdb"), ephemeris="builtin")
    return np.asarray(place.xyz.to_value(u.au))
