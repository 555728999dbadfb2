"""Whether the stars of an exposure are drawn out in one direction."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trueup.astrometry.stars.sources import Sources

Floats = NDArray[np.float64]

_SNR = 20.0
_MOST = 200
_FEWEST = 5
_HALF = 4
_ELONGATION = 0.15
_SIGNIFICANCE = 6.0


def elongations(image: NDArray[np.floating], sources: Sources, *, fwhm_pix: float) -> Floats:
    """Shapes of the sources that are most like stars, from weighted second moments.

    Parameters
    ----------
    image : (ny, nx) float array
        NaN is no data.
    sources : Sources
        Of the image.
    fwhm_pix : float
        Width of a point source, pixels.

    Returns
    -------
    (n, 2) float64 array
        (xx - yy) / (xx + yy) and 2 xy / (xx + yy) of bright sources with all their pixels, 200 at most.

    Examples
    --------
    >>> y, x = np.mgrid[:40, :40] - 20.0
    >>> one = np.ones(1)
    >>> star = Sources(20 * one, 20 * one, one, 99 * one, one, one, np.zeros(1, np.int8))
    >>> shape = elongations(np.exp(-(x**2) / 8 - y**2 / 2), star, fwhm_pix=2.0)
    >>> bool(shape[0, 0] > 0.2), bool(abs(shape[0, 1]) < 1e-9)
    (True, True)
    """
    bright = np.nonzero(sources.snr > _SNR)[0]
    best = sources[bright[np.argsort(sources.mismatch[bright], kind="stable")[:_MOST]]]
    y, x = np.rint(best.y).astype(int), np.rint(best.x).astype(int)
    ny, nx = image.shape
    inside = (y >= _HALF) & (y < ny - _HALF) & (x >= _HALF) & (x < nx - _HALF)
    best, y, x = best[inside], y[inside], x[inside]
    span = np.arange(-_HALF, _HALF + 1)
    stamps = image[y[:, None, None] + span[:, None], x[:, None, None] + span].astype(np.float64)
    whole = np.isfinite(stamps).all(axis=(1, 2))
    best, y, x, stamps = best[whole], y[whole], x[whole], stamps[whole]
    border = np.concatenate([stamps[:, 0], stamps[:, -1]], axis=1)
    light = stamps - np.median(border, axis=1)[:, None, None]
    dx = (span + (x - best.x)[:, None])[:, None, :]
    dy = (span + (y - best.y)[:, None])[:, :, None]
    light *= np.exp(-(dx**2 + dy**2) / (2 * fwhm_pix**2))
    xx, yy, xy = ((light * part).sum(axis=(1, 2)) for part in (dx**2, dy**2, dx * dy))
    real = xx + yy > 0
    shapes = np.stack([xx - yy, 2 * xy], axis=1)[real]
    return np.asarray(shapes / (xx + yy)[real, None])


def is_trailed(shapes: Floats) -> bool:
    """Whether shapes are long in a common direction, which those of cosmic rays are not.

    Parameters
    ----------
    shapes : (n, 2) float64 array
        As from :func:`elongations`.

    Returns
    -------
    bool

    Examples
    --------
    >>> turned = np.linspace(0, 2 * np.pi, 30)
    >>> is_trailed(np.tile([0.3, -0.2], (9, 1))), is_trailed(0.5 * np.c_[np.cos(turned), np.sin(turned)])
    (True, False)
    """
    if len(shapes) < _FEWEST:
        return False
    typical = np.median(shapes, axis=0)
    spread = 1.4826 * np.median(np.abs(shapes - typical))
    error = 1.25 * spread / np.sqrt(len(shapes))
    length = float(np.hypot(*typical))
    return bool(length > max(_ELONGATION, _SIGNIFICANCE * error))
