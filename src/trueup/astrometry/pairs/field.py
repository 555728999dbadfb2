"""The part of the sky that two images share."""

from __future__ import annotations

from collections.abc import Sequence
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
    corners : (k, 2) float64 array
        Corners of the common area, a convex polygon, mas east and north of the centre.
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


def outline(chips: Sequence[ChipWcs], center: tuple[float, float]) -> Floats:
    """The convex outline of some chips.

    Parameters
    ----------
    chips : sequence of ChipWcs
        With their shapes.
    center : (float, float)
        Tangent point, degrees.

    Returns
    -------
    (k, 2) float64 array
        Corners, counter-clockwise with east to the right, mas east and north of the centre.

    Examples
    --------
    >>> wcs = ChipWcs((49.5, 49.5), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (100, 100))
    >>> round(area(outline([wcs], (150.0, 2.0)) / 36.0))
    9801
    """
    from scipy.spatial import ConvexHull

    corners = [np.stack(sky_to_plane(*wcs.pixel_to_sky(*wcs.corners()), center), axis=1) for wcs in chips]
    points = np.concatenate(corners) * _DEG_MAS
    return np.asarray(points[ConvexHull(points).vertices])


def intersection(a: Floats, b: Floats) -> Floats:
    """The common part of two convex polygons.

    Parameters
    ----------
    a, b : (k, 2) float64 array
        Corners, counter-clockwise.

    Returns
    -------
    (k, 2) float64 array
        Counter-clockwise; without rows where they have nothing in common.

    Examples
    --------
    >>> square = np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 2.0], [0.0, 2.0]])
    >>> area(intersection(square, square + 1.0))
    1.0
    """
    for start, end in zip(b, np.roll(b, -1, axis=0), strict=True):
        if not len(a):
            break
        side = (end[0] - start[0]) * (a[:, 1] - start[1]) - (end[1] - start[1]) * (a[:, 0] - start[0])
        kept = []
        for k in range(len(a)):
            here, there = side[k - 1], side[k]
            if (here >= 0) != (there >= 0):
                kept.append(a[k - 1] + (a[k] - a[k - 1]) * here / (here - there))
            if there >= 0:
                kept.append(a[k])
        a = np.array(kept).reshape(-1, 2)
    return a


def area(corners: Floats) -> float:
    """Area of a polygon, in the square of the unit of its corners.

    Parameters
    ----------
    corners : (k, 2) float64 array

    Returns
    -------
    float

    Examples
    --------
    >>> area(np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 3.0], [0.0, 3.0]]))
    6.0
    """
    x, y = corners.T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


def grid_inside(corners: Floats, steps: int = 7) -> Floats:
    """Points spread evenly over a convex polygon.

    Parameters
    ----------
    corners : (k, 2) float64 array
        In either sense of rotation.
    steps : int
        Points along each side of the box around it.

    Returns
    -------
    (n, 2) float64 array
        The middle alone where the polygon is too thin to hold any.

    Examples
    --------
    >>> len(grid_inside(np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 3.0], [0.0, 3.0]])))
    49
    """
    (x0, y0), (x1, y1) = corners.min(axis=0), corners.max(axis=0)
    along = (np.arange(steps) + 0.5) / steps
    x, y = (part.ravel() for part in np.meshgrid(x0 + (x1 - x0) * along, y0 + (y1 - y0) * along))
    ahead = np.roll(corners, -1, axis=0) - corners
    side = ahead[:, :1] * (y - corners[:, 1:]) - ahead[:, 1:] * (x - corners[:, :1])
    inside = (side >= 0).all(axis=0) | (side <= 0).all(axis=0)
    return np.stack([x[inside], y[inside]], axis=1) if inside.any() else corners.mean(axis=0, keepdims=True)
