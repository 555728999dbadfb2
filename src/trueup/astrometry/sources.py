"""Find the point-like sources of an image and measure their centres.

Cosmic rays outnumber stars by a hundred to one in an ultraviolet frame, so every step is built to
refuse them: a local maximum must have four bright neighbours, as a point source of the known width
has, the fit of the fixed-width profile leaves positive outliers out, and what fits badly goes to a
lower tier. Width is never estimated from the image: the estimate would lock on cosmic rays.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from trueup.astrometry.psf import Profiles, fit_profiles, neighbour_ratio
from trueup.errors import UsageError

Floats = NDArray[np.float64]
Image = NDArray[np.floating]
Index = NDArray[np.intp]

_BLOCK = 64
_STRIDE = 4
_MIN_SAMPLES = 32
_NEIGHBOURS = ((0, 1), (0, -1), (1, 0), (-1, 0))
_DIAGONALS = ((1, 1), (1, -1), (-1, 1), (-1, -1))


@dataclass(frozen=True, slots=True)
class Detection:
    """How sources are found.

    Parameters
    ----------
    threshold : float
        Least height of a peak above the sky, in sky noise.
    shape : float
        Least height of the lowest of the four neighbours of a peak, as a fraction of what a point
        source at the worst pixel phase has.
    bright, clean : float
        Signal-to-noise above which, and mismatch of the profile below which, a source is tier 0.
    limit : int
        At most so many sources, the brightest are kept.

    Examples
    --------
    >>> Detection(threshold=8.0).threshold
    8.0
    """

    threshold: float = 5.0
    shape: float = 0.45
    bright: float = 20.0
    clean: float = 1.5
    limit: int = 50_000


@dataclass(frozen=True, slots=True, eq=False)
class Sources:
    """Point-like sources of one image, brightest first.

    Parameters
    ----------
    x, y : (n,) float64 arrays
        Centres, 0-based pixels.
    flux : (n,) float64 array
        Flux of the fitted profile, in units of the image.
    snr : (n,) float64 array
        Flux over its error.
    sigma : (n,) float64 array
        Error of x and of y, pixels; larger by the root of the mismatch where that exceeds 1.
    mismatch : (n,) float64 array
        Reduced chi-square of the profile fit, an error of the profile itself allowed for.
    tier : (n,) int8 array
        0 bright and clean, 1 clean, 2 the rest.

    Examples
    --------
    >>> one = np.ones(1)
    >>> sources = Sources(one, one, one, one, one, one, np.zeros(1, np.int8))
    >>> len(sources), len(sources[sources.tier > 0])
    (1, 0)
    """

    x: Floats
    y: Floats
    flux: Floats
    snr: Floats
    sigma: Floats
    mismatch: Floats
    tier: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, select: NDArray[np.bool_] | Index | slice) -> Sources:
        """The sources of a boolean mask, an index array or a slice."""
        return Sources(*(getattr(self, item.name)[select] for item in fields(self)))


def find_sources(
    image: Image,
    *,
    fwhm_pix: float,
    mask: NDArray[np.bool_] | None = None,
    err: Image | None = None,
    gain: float | None = None,
    settings: Detection | None = None,
) -> Sources:
    """Find point-like sources and fit their centres.

    Parameters
    ----------
    image : (ny, nx) float array
        An exposure's chip or a drizzled product; the sky need not be subtracted; NaN is no data.
    fwhm_pix : float
        Width of a point source in this image, pixels.
    mask : (ny, nx) bool array, optional
        True where a pixel must not be used.
    err : (ny, nx) float array, optional
        Noise per pixel in image units; by default the noise of the sky around, from the image.
    gain : float, optional
        Electrons per image unit, for the photon noise of the source when `err` is not given;
        the exposure time for an image in electrons/s.
    settings : Detection, optional

    Returns
    -------
    Sources
        Brightest first.

    Raises
    ------
    UsageError
        If the image is not two-dimensional or the width is not positive.

    Examples
    --------
    >>> y, x = np.mgrid[:64, :64]
    >>> noise = np.random.default_rng(1).normal(0, 1, (64, 64))
    >>> star = 500 * np.exp(-((x - 30.3) ** 2 + (y - 20.8) ** 2) / (2 * 0.85**2))
    >>> found = find_sources(star + noise, fwhm_pix=2.1)
    >>> round(float(found.x[0]), 1), round(float(found.y[0]), 1)
    (30.3, 20.8)
    """
    settings = settings or Detection()
    if image.ndim != 2 or not fwhm_pix > 0:
        raise UsageError(f"an image of shape {image.shape} and a width of {fwhm_pix} pixels")
    half = max(2, round(fwhm_pix))
    if mask is not None:
        image = np.where(mask, np.nan, image)
    sky, noise = sky_map(image)
    y, x = _peaks(image, sky + settings.threshold * noise, half)
    height = image[y, x] - _at(sky, y, x)
    y, x = _point_like(image, (y, x), height=height, least=settings.shape * neighbour_ratio(fwhm_pix))
    if len(x) > settings.limit:
        keep = np.argsort(-image[y, x], kind="stable")[: settings.limit]
        y, x = y[keep], x[keep]
    span = np.arange(-half, half + 1)
    cells = (y[:, None, None] + span[:, None], x[:, None, None] + span)
    stamps = image[cells].astype(np.float64) - _at(sky, y, x)[:, None, None]
    sigma = _at(noise, y, x)[:, None, None] if err is None else err[cells].astype(np.float64)
    photons = gain if err is None else None
    fit = fit_profiles(stamps, fwhm_pix=fwhm_pix, noise=sigma, gain=photons)
    found = Sources(x + fit.x, y + fit.y, fit.flux, fit.snr, fit.sigma, fit.mismatch, _tier(fit, settings))
    found = found[fit.good & (fit.snr > settings.threshold)]
    return found[np.argsort(-found.flux, kind="stable")]


def sky_map(image: Image) -> tuple[Floats, Floats]:
    """Sky level and noise of each 64 x 64 block, from every fourth pixel of each row and column.

    Parameters
    ----------
    image : (ny, nx) float array
        NaN is no data.

    Returns
    -------
    sky, noise : (ceil(ny/64), ceil(nx/64)) float64 arrays
        Median and 1.4826 times the median absolute deviation; NaN where a block has too few
        pixels. Blocks are smoothed by the median of their neighbourhood, so that a block filled by
        a galaxy or a saturated star does not count alone.

    Examples
    --------
    >>> sky, noise = sky_map(np.random.default_rng(1).normal(7, 2, (128, 128)))
    >>> sky.shape, bool(abs(sky[0, 0] - 7) < 0.5)
    ((2, 2), True)
    """
    ny, nx = image.shape
    rows, columns = -(-ny // _BLOCK), -(-nx // _BLOCK)
    samples = _BLOCK // _STRIDE
    padded = np.full((rows * samples, columns * samples), np.nan)
    strided = image[_STRIDE // 2 :: _STRIDE, _STRIDE // 2 :: _STRIDE]
    padded[: strided.shape[0], : strided.shape[1]] = strided
    blocks = padded.reshape(rows, samples, columns, samples).swapaxes(1, 2).reshape(rows, columns, -1)
    sky = _quantile(blocks, 0.5)
    away = np.abs(blocks - sky[..., None])
    noise = 1.4826 * _quantile(away, 0.5)
    # where most pixels have one value (coarsely quantised data) the median deviation says nothing
    noise = np.where(noise > 0, noise, _quantile(away, 0.95) / 1.96)
    noise[~(noise > 0)] = np.nan
    few = np.isfinite(blocks).sum(axis=2) < _MIN_SAMPLES
    sky[few] = noise[few] = np.nan
    return _smooth(sky), _smooth(noise)


def _quantile(values: Floats, share: float) -> Floats:
    """Quantile along the last axis without NaN, and without a warning where all are NaN."""
    ordered = np.sort(values, axis=-1)
    last = np.maximum(np.isfinite(values).sum(axis=-1, keepdims=True) - 1, 0)
    low = np.take_along_axis(ordered, np.floor(share * last).astype(int), axis=-1)
    high = np.take_along_axis(ordered, np.ceil(share * last).astype(int), axis=-1)
    return np.asarray((low + high)[..., 0] / 2)


def _smooth(blocks: Floats) -> Floats:
    rows, columns = blocks.shape
    padded = np.full((rows + 2, columns + 2), np.nan)
    padded[1:-1, 1:-1] = blocks
    around = [padded[j : j + rows, i : i + columns] for j in range(3) for i in range(3)]
    return np.where(np.isfinite(blocks), _quantile(np.stack(around, axis=-1), 0.5), blocks)


def _at(blocks: Floats, y: Index, x: Index) -> Floats:
    return blocks[y // _BLOCK, x // _BLOCK]


def _peaks(image: Image, level: Floats, margin: int) -> tuple[Index, Index]:
    """Pixels above the level of their block that are not lower than their eight neighbours."""
    ny, nx = image.shape
    found = []
    for row, block in enumerate(level):
        start = row * _BLOCK
        strip = image[start : start + _BLOCK]
        y, x = np.nonzero(strip > np.repeat(block, _BLOCK)[:nx].astype(image.dtype))
        found.append((y + start, x))
    y, x = (np.concatenate(part) for part in zip(*found, strict=True))
    inside = (y >= margin) & (y < ny - margin) & (x >= margin) & (x < nx - margin)
    y, x = y[inside], x[inside]
    for dy, dx in _NEIGHBOURS + _DIAGONALS:
        here, there = image[y, x], image[y + dy, x + dx]
        # of two equal neighbours the first in reading order is the peak
        top = here > there if (dy, dx) < (0, 0) else here >= there
        y, x = y[top], x[top]
    return y, x


def _point_like(
    image: Image, at: tuple[Index, Index], *, height: Floats, least: float
) -> tuple[Index, Index]:
    """Refuse peaks that are sharper than a point source in any of the four directions."""
    y, x = at
    base = image[y, x] - height
    for dy, dx in _NEIGHBOURS:
        kept = image[y + dy, x + dx] - base > least * height
        y, x, base, height = y[kept], x[kept], base[kept], height[kept]
    return y, x


def _tier(fit: Profiles, settings: Detection) -> NDArray[np.int8]:
    clean = fit.mismatch < settings.clean
    return np.where(clean, np.where(fit.snr > settings.bright, 0, 1), 2).astype(np.int8)
