"""Attitudes of the telescope on the sphere."""

from __future__ import annotations

import numpy as np

from trueup.model.chipwcs import Floats, Pair
from trueup.model.displacement import frame, lonlat


def attitude(at: Pair, aperture: Pair, *, roll_deg: float) -> Floats:
    """The rotation from the (V1, V2, V3) frame to the sky.

    Parameters
    ----------
    at : (float, float)
        Right ascension and declination that the aperture sees, degrees.
    aperture : (float, float)
        V2 and V3 of the aperture, degrees.
    roll_deg : float
        Position angle of V3 at the aperture.
    """
    c, s = np.cos(np.radians(roll_deg)), np.sin(np.radians(roll_deg))
    roll = np.array([[1.0, 0.0, 0.0], [0.0, c, s], [0.0, -s, c]])
    return np.asarray(frame(*at) @ roll @ frame(*aperture).T)


def pa_v3(rotation: Floats) -> float:
    """Position angle of V3 at V1, degrees, for an attitude."""
    _, east, north = frame(*lonlat(rotation[:, 0])).T
    return float(np.degrees(np.arctan2(rotation[:, 2] @ east, rotation[:, 2] @ north)) % 360.0)
