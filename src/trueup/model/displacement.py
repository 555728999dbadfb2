"""Shift, rotation and scale of chips on the sphere.

A gnomonic projection does not care where on the sphere it is: rotating CRVAL and turning CD by
the change of local north moves a chip exactly, with everything that was true of its distortion.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from trueup.model.chipwcs import ChipWcs, Floats, Pair, sky_to_plane
from trueup.model.offset import MAS_PER_DEG


@dataclass(frozen=True, slots=True)
class Displacement:
    """How one solution differs from another on the sky, at a given point.

    Parameters
    ----------
    east_mas, north_mas : float
        Shift (d_alpha cos delta, d_delta).
    rotation_deg : float
        From north through east about the point.
    scale_ppm : float
        Change of the distances from the point, parts per million.

    Examples
    --------
    >>> Displacement(60.0, -35.0, 0.004) - Displacement(10.0, 5.0)
    Displacement(east_mas=50.0, north_mas=-40.0, rotation_deg=0.004, scale_ppm=0.0)
    """

    east_mas: float = 0.0
    north_mas: float = 0.0
    rotation_deg: float = 0.0
    scale_ppm: float = 0.0

    def __sub__(self, other: Displacement) -> Displacement:
        return Displacement(
            self.east_mas - other.east_mas,
            self.north_mas - other.north_mas,
            self.rotation_deg - other.rotation_deg,
            self.scale_ppm - other.scale_ppm,
        )

    def __add__(self, other: Displacement) -> Displacement:
        return Displacement(
            self.east_mas + other.east_mas,
            self.north_mas + other.north_mas,
            self.rotation_deg + other.rotation_deg,
            self.scale_ppm + other.scale_ppm,
        )


def frame(lon_deg: float, lat_deg: float) -> Floats:
    """Columns: the unit vectors outward, east and north at a point of the sphere."""
    lon, lat = np.radians(lon_deg), np.radians(lat_deg)
    return np.array(
        [
            [np.cos(lat) * np.cos(lon), -np.sin(lon), -np.sin(lat) * np.cos(lon)],
            [np.cos(lat) * np.sin(lon), np.cos(lon), -np.sin(lat) * np.sin(lon)],
            [np.sin(lat), 0.0, np.cos(lat)],
        ]
    )


def lonlat(vector: Floats) -> Pair:
    """Longitude (0 to 360) and latitude of a vector, degrees."""
    lon = np.degrees(np.arctan2(vector[1], vector[0])) % 360.0
    return float(lon), float(np.degrees(np.arctan2(vector[2], np.hypot(vector[0], vector[1]))))


def rotated(wcs: ChipWcs, rotation: Floats) -> ChipWcs:
    """The chip carried along by a rotation of the sphere, exactly."""
    old = frame(*wcs.crval)
    crval = lonlat(rotation @ old[:, 0])
    turn = (frame(*crval).T @ rotation @ old)[1:, 1:]
    return replace(wcs, crval=crval, cd=turn @ wcs.cd)


def displaced(wcs: ChipWcs, by: Displacement, *, centre: Pair) -> ChipWcs:
    """The chip under a solution that differs by a displacement about a point.

    Scale and rotation act about the point, then the shift moves it. Over a field of 3 arcmin chips
    displaced alike are related to what they were by one affine map to 1e-5 mas.

    Examples
    --------
    >>> wcs = ChipWcs((0, 0), (150.0, 0.0), np.diag([-1e-5, 1e-5]), (100, 100))
    >>> moved = displaced(wcs, Displacement(north_mas=3600.0), centre=(150.0, 0.0))
    >>> round(moved.crval[1], 9)
    0.001
    """
    out, east, north = frame(*centre).T
    scale = by.scale_ppm * 1e-6 * np.cross(out, frame(*wcs.crval)[:, 0])
    roll = -np.radians(by.rotation_deg) * out
    shift = np.radians(by.east_mas / MAS_PER_DEG) * north - np.radians(by.north_mas / MAS_PER_DEG) * east
    moved = rotated(wcs, _rotation(shift) @ _rotation(roll) @ _rotation(scale))
    return replace(moved, cd=moved.cd * (1 + by.scale_ppm * 1e-6))


def displacement(chips: Sequence[ChipWcs], reference: Sequence[ChipWcs], *, centre: Pair) -> Displacement:
    """Measure how solutions of the same chips differ, at a point of the sky.

    Parameters
    ----------
    chips, reference : sequences of ChipWcs
        The same chips in the same order.
    centre : (float, float)
        Right ascension and declination, degrees.

    Returns
    -------
    Displacement
        Least squares over a grid of 5 x 5 pixels per chip.

    Examples
    --------
    >>> wcs = ChipWcs((50, 50), (150.0, 60.0), np.diag([-1e-5, 1e-5]), (100, 100))
    >>> moved = displaced(wcs, Displacement(60.0, -35.0, 0.004, -100.0), centre=(150.0, 60.0))
    >>> found = displacement([moved], [wcs], centre=(150.0, 60.0))
    >>> [round(v, 2) for v in (found.east_mas, found.north_mas, found.rotation_deg * 1e3)]
    [60.0, -35.0, 4.0]
    """
    places, moves = [], []
    for chip, other in zip(chips, reference, strict=True):
        ny, nx = chip.shape
        y, x = np.meshgrid(np.linspace(0, ny - 1, 5), np.linspace(0, nx - 1, 5), indexing="ij")
        at = np.array(sky_to_plane(*other.pixel_to_sky(x.ravel(), y.ravel()), centre))
        now = np.array(sky_to_plane(*chip.pixel_to_sky(x.ravel(), y.ravel()), centre))
        places.append(at)
        moves.append(now - at)
    (xi, eta), (d_xi, d_eta) = np.hstack(places), np.hstack(moves)
    one, zero = np.ones_like(xi), np.zeros_like(xi)
    rows = np.vstack([np.stack([one, zero, eta, xi], 1), np.stack([zero, one, -xi, eta], 1)])
    east, north, turn, scale = np.linalg.lstsq(rows, np.hstack([d_xi, d_eta]), rcond=None)[0]
    return Displacement(
        float(east * MAS_PER_DEG),
        float(north * MAS_PER_DEG),
        float(np.degrees(turn)),
        float(scale * 1e6),
    )


def _rotation(vector: Floats) -> Floats:
    """The rotation by the length of a vector about its direction (Rodrigues' formula)."""
    x, y, z = vector
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    angle = float(np.linalg.norm(vector))
    once, twice = np.sinc(angle / np.pi), 0.5 * np.sinc(angle / (2 * np.pi)) ** 2
    return np.asarray(np.eye(3) + once * cross + twice * (cross @ cross))
