"""Sources seen under a solution, in a tangent plane of the sky."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trueup.astrometry.stars.sources import Sources
from trueup.model.chipwcs import ChipWcs, sky_to_plane

Floats = NDArray[np.float64]
Index = NDArray[np.intp]

_DEG_MAS = 3.6e6


@dataclass(frozen=True, slots=True, eq=False)
class Projected:
    """Sources (or catalogue stars) in a tangent plane.

    Parameters
    ----------
    xy : (n, 2) float64 array
        East and north of the tangent point, mas.
    sigma : (n,) float64 array
        Error per axis, mas.
    flux : (n,) float64 array
        Any unit; only the order matters.
    tier : (n,) int8 array
        0 is best.
    trail : (n, 2) float64 array, optional
        Where imperfect charge transfer would move each source if it moved a source of 500 electrons
        that is farthest from the amplifier by one pixel: east and north, mas.

    Examples
    --------
    >>> one = Projected(np.zeros((1, 2)), np.ones(1), np.ones(1), np.zeros(1, np.int8))
    >>> len(one)
    1
    """

    xy: Floats
    sigma: Floats
    flux: Floats
    tier: NDArray[np.int8]
    trail: Floats | None = None

    def __len__(self) -> int:
        return len(self.xy)

    def __getitem__(self, select: NDArray[np.bool_] | Index | slice) -> Projected:
        """The sources of a boolean mask, an index array or a slice."""
        trail = None if self.trail is None else self.trail[select]
        return Projected(self.xy[select], self.sigma[select], self.flux[select], self.tier[select], trail)


def project(sources: Sources, wcs: ChipWcs, *, center: tuple[float, float]) -> Projected:
    """Put the sources of one chip or product onto a tangent plane.

    Parameters
    ----------
    sources : Sources
    wcs : ChipWcs
        The solution under which to see them.
    center : (float, float)
        Tangent point (ra, dec), degrees.

    Returns
    -------
    Projected
        In the order of `sources`.

    Examples
    --------
    >>> one = np.ones(1)
    >>> star = Sources(one, one, one, one, one, one, np.zeros(1, np.int8))
    >>> wcs = ChipWcs((0, 0), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (9, 9))
    >>> project(star, wcs, center=(150.0, 2.0)).xy.round(3).tolist()
    [[-36.0, 36.0]]
    """
    xi, eta = sky_to_plane(*wcs.pixel_to_sky(sources.x, sources.y), center)
    xy = np.stack([xi, eta], axis=1) * _DEG_MAS
    sigma = sources.sigma * wcs.scale_arcsec() * 1000
    return Projected(xy, sigma, sources.flux, sources.tier)
