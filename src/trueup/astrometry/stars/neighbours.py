"""Sources that stand too near to brighter ones."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_CORE_PIX = 2.0
_SLOPE = 3
_REACHES_PIX = (_CORE_PIX, 8.0, 16.0, 32.0, 64.0)
_BRIGHTER = 4


def in_wings(x: Floats, y: Floats, flux: Floats) -> NDArray[np.bool_]:
    """Which sources may be bumps in the wings of brighter ones: rings, spikes, or pulled by them.

    Wings fall as the third power of the distance. A source counts as one of them where a neighbour at r
    pixels is more than (r / 2)^3 times brighter.

    Parameters
    ----------
    x, y, flux : (n,) float64 arrays

    Returns
    -------
    (n,) bool array

    Examples
    --------
    >>> at = np.array([0.0, 10.0, 40.0])
    >>> in_wings(at, 0 * at, np.array([1e5, 500.0, 500.0])).tolist()
    [False, True, False]
    """
    from scipy.spatial import KDTree

    found = np.zeros(len(x), bool)
    if len(x) < 2:
        return found
    points, faintest = np.c_[x, y], max(float(flux.min()), 1e-30)
    for inner, reach in pairwise(_REACHES_PIX):
        # only these can matter beyond the reach before
        able = np.nonzero(flux > faintest * (inner / _CORE_PIX) ** _SLOPE)[0]
        if len(able) == 0:
            break
        distance, near = KDTree(points[able]).query(points, k=1 + _BRIGHTER, distance_upper_bound=reach)
        hit = np.isfinite(distance) & (distance > 0)
        ratio = np.where(hit, flux[able[np.where(hit, near, 0)]], 0.0) / flux[:, None]
        found |= (ratio > np.maximum(np.where(hit, distance, np.inf) / _CORE_PIX, 1.0) ** _SLOPE).any(axis=1)
    return found


def isolated(
    x: Floats, y: Floats, flux: Floats, *, reach_pix: float, share: float = 0.05
) -> NDArray[np.bool_]:
    """Which sources have no neighbour brighter than a share of their own flux within reach.

    Parameters
    ----------
    x, y, flux : (n,) float64 arrays
    reach_pix : float
    share : float

    Returns
    -------
    (n,) bool array

    Examples
    --------
    >>> at = np.array([0.0, 3.0, 40.0])
    >>> isolated(at, 0 * at, np.array([1e5, 500.0, 500.0]), reach_pix=8.0).tolist()
    [True, False, True]
    """
    from scipy.spatial import KDTree

    pairs = KDTree(np.c_[x, y]).query_pairs(reach_pix, output_type="ndarray")
    alone = np.ones(len(x), bool)
    for one, other in (pairs.T, pairs.T[::-1]):
        alone[one[flux[other] > share * flux[one]]] = False
    return alone


def repeated(x: Floats, y: Floats, mismatch: Floats, *, reach_pix: float = 1.0) -> NDArray[np.bool_]:
    """Which entries are a second measurement of a source that another entry fits better.

    Parameters
    ----------
    x, y, mismatch : (n,) float64 arrays
    reach_pix : float
        Two peaks this near cannot be told apart.

    Returns
    -------
    (n,) bool array

    Examples
    --------
    >>> repeated(np.array([5.0, 5.3, 9.0]), np.zeros(3), np.array([0.8, 2.0, 1.0])).tolist()
    [False, True, False]
    """
    from scipy.spatial import KDTree

    pairs = KDTree(np.c_[x, y]).query_pairs(reach_pix, output_type="ndarray")
    again = np.zeros(len(x), bool)
    again[np.where(mismatch[pairs[:, 0]] <= mismatch[pairs[:, 1]], pairs[:, 1], pairs[:, 0])] = True
    return again
