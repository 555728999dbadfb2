"""The part of the sky that two images share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trueup.model.chipwcs import ChipWcs, sky_to_plane

Floats = NDArray[np.float64]

_DEG_MAS = 3.6e6


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """The part of the sky two lists share.

    Parameters
    ----------
    center : (float, float)
        Tangent point (ra, dec), degrees: offsets are given there, rotation is about it.
    corners : (4, 2) float64 array
        Corners of the common area, mas east and north of the centre.
    pixel_mas : float
        Pixel by which displacements are judged.

    Examples
    --------
    >>> Field((150.0, 2.0), 8e4 * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]), 40.0).pixel_mas
    40.0
    """

    center: tuple[float, float]
    corners: Floats
    pixel_mas: float


def common_field(a: ChipWcs, b: ChipWcs) -> Field:
    """The field two images share, seen from the point midway between their centres.

    Parameters
    ----------
    a, b : ChipWcs
        With their shapes.

    Returns
    -------
    Field
        With the corners of `a` moved to the nearest pixel of `b`, and the coarser pixel of the two.

    Examples
    --------
    >>> wcs = ChipWcs((49.5, 49.5), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (100, 100))
    >>> field = common_field(wcs, wcs)
    >>> [round(v, 6) for v in field.center], field.corners.round().tolist()[0]
    ([150.0, 2.0], [1782.0, -1782.0])
    """
    middles = []
    for wcs in (a, b):
        ny, nx = wcs.shape
        middles.append(wcs.pixel_to_sky((nx - 1) / 2, (ny - 1) / 2))
    ra_a, ra_b = float(middles[0][0]), float(middles[1][0])
    half_turn = (ra_b - ra_a + 180.0) % 360.0 - 180.0
    center = (ra_a + half_turn / 2) % 360.0, (float(middles[0][1]) + float(middles[1][1])) / 2
    ny, nx = b.shape
    x, y = b.sky_to_pixel(*a.pixel_to_sky(*a.corners()))
    x, y = np.clip(np.nan_to_num(x), 0, nx - 1), np.clip(np.nan_to_num(y), 0, ny - 1)
    corners = np.stack(sky_to_plane(*b.pixel_to_sky(x, y), center), axis=1) * _DEG_MAS
    return Field(center, corners, max(a.scale_arcsec(), b.scale_arcsec()) * 1000)
