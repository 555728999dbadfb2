"""Peaks of an image that may be point sources."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trueup import _kernels
from trueup.astrometry.stars.sky import BLOCK, Sky

Image = NDArray[np.floating]
Index = NDArray[np.intp]

_NEIGHBOURS = ((0, 1), (0, -1), (1, 0), (-1, 0))
_MOST_UNKNOWN = 1


def find_peaks(image: Image, sky: Sky, *, threshold: float, least: float, margin: int) -> tuple[Index, Index]:
    """Pixels above the sky that no neighbour tops, with four neighbours bright enough for a point source.

    Parameters
    ----------
    image : (ny, nx) float array
        NaN is no data; a peak may have one such pixel among its four neighbours.
    sky : Sky
        Of the image.
    threshold : float
        Least height, in sky noise.
    least : float
        Least height of each of the four neighbours, as a fraction of the peak's.
    margin : int
        Distance from the border.

    Returns
    -------
    y, x : (n,) intp arrays
        In reading order; of two equal neighbours the first.

    Examples
    --------
    >>> image = np.zeros((9, 9))
    >>> image[4, 3:6], image[3:6, 4], image[4, 4], image[2, 7] = 40, 40, 100, 500
    >>> sky = Sky(np.zeros((1, 1)), np.ones((1, 1)))
    >>> [part.tolist() for part in find_peaks(image, sky, threshold=5, least=0.2, margin=1)]
    [[4], [4]]
    """
    level = (sky.level + threshold * sky.noise).astype(np.float32)
    pixels = np.ascontiguousarray(image, np.float32)
    y, x = _kernels.find_peaks(pixels, level, block=BLOCK, margin=margin)
    share, unknown = neighbour_share(image, sky, (y, x))
    kept = (share > least) & (unknown <= _MOST_UNKNOWN)
    return y[kept], x[kept]


def neighbour_share(
    image: Image, sky: Sky, at: tuple[Index, Index]
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Height of the lowest of the four neighbours of pixels over their own.

    Parameters
    ----------
    image : (ny, nx) float array
    sky : Sky
        Of the image.
    at : two (n,) intp arrays
        y and x, off the border.

    Returns
    -------
    share : (n,) float64 array
        NaN neighbours left out.
    unknown : (n,) intp array
        How many of the four are NaN.

    Examples
    --------
    >>> image = np.array([[0.0, 20, 0], [30, 100, np.nan], [0, 40, 0]])
    >>> sky = Sky(np.zeros((1, 1)), np.ones((1, 1)))
    >>> [part.tolist() for part in neighbour_share(image, sky, (np.array([1]), np.array([1])))]
    [[0.2], [1]]
    """
    y, x = at
    base = sky.at(y, x)[0]
    beside = np.stack([image[y + dy, x + dx] for dy, dx in _NEIGHBOURS]) - base
    unknown = np.isnan(beside).sum(axis=0)
    lowest = np.where(np.isnan(beside), np.inf, beside).min(axis=0, initial=np.inf)
    return np.asarray(lowest / (image[y, x] - base)), unknown
