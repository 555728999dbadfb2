"""What a point source looks like in the pixels: a Gaussian, or an effective PSF as a cubic spline.

The effective PSF is the PSF integrated over a pixel, as a function of the offset between pixel and star
(Anderson & King 2000, PASP 112, 1360). Both kinds answer the same question: the share of the light in each
pixel of a stamp, and its slopes.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import erf
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trueup._kernels import StarProfile, star_light

Floats = NDArray[np.float64]

FWHM_PER_SIGMA = 2.354820045
# for a few numbers at a time, which do not pay for the import of scipy.special
_erf = np.vectorize(erf, otypes=[float])


class Profile(Protocol):
    """The light of a point source over a stamp of pixels."""

    @property
    def kernel(self) -> StarProfile:
        """The same for compiled code."""


def light_in_pixels(profile: Profile, x: Floats, y: Floats, *, half: int) -> tuple[Floats, Floats, Floats]:
    """Share of the light in each pixel of a stamp, and its slopes to x and y.

    Parameters
    ----------
    profile : Profile
    x, y : (n,) float64 arrays
        Centres from the middle of the stamps, pixels.
    half : int
        Half the side of a stamp.

    Returns
    -------
    share, to_x, to_y : (n, k, k) float64 arrays
        With k = 2 half + 1, rows first.

    Examples
    --------
    >>> share, _, _ = light_in_pixels(Gaussian(2.0), np.array([0.2]), np.array([-0.1]), half=8)
    >>> round(float(share.sum()), 6)
    1.0
    """
    x, y = (np.ascontiguousarray(part, np.float64) for part in (x, y))
    out = np.empty((3, len(x), 2 * half + 1, 2 * half + 1))
    star_light(profile.kernel, x, y, out)
    return out[0], out[1], out[2]


@dataclass(frozen=True, slots=True)
class Gaussian:
    """A round Gaussian, integrated over the pixels.

    Parameters
    ----------
    fwhm_pix : float
        Full width at half maximum, pixels.

    Examples
    --------
    >>> round(light_in_pixels(Gaussian(2.0), np.zeros(1), np.zeros(1), half=0)[0].item(), 3)
    0.197
    """

    fwhm_pix: float

    @property
    def kernel(self) -> StarProfile:
        """As in :class:`Profile`."""
        return StarProfile.gaussian(sigma=self.fwhm_pix / FWHM_PER_SIGMA)


@dataclass(frozen=True, slots=True, eq=False)
class Spline:
    """An effective PSF: cubic B-splines on a grid finer than the pixels.

    Parameters
    ----------
    knots : (1 or n, m, m) float64 array
        Coefficients, y first, m odd; one table for all stars or one for each.
    oversample : int
        Knots per pixel.
    center : (float, float)
        The star's x and y from the middle of the table, pixels.

    Examples
    --------
    >>> flat = Spline(np.ones((1, 33, 33)), 4)
    >>> share, to_x, _ = light_in_pixels(flat, np.array([0.3]), np.array([0.1]), half=2)
    >>> bool(np.allclose(share, 1)), bool(np.allclose(to_x, 0))
    (True, True)
    """

    knots: Floats
    oversample: int
    center: tuple[float, float] = (0.0, 0.0)

    @property
    def kernel(self) -> StarProfile:
        """As in :class:`Profile`."""
        x, y = (float(part) for part in self.center)
        knots = np.ascontiguousarray(self.knots)
        return StarProfile.spline(knots, oversample=self.oversample, center_x=x, center_y=y)


def cubic_weights(t: Floats) -> Floats:
    """Weights of the four cubic B-splines around a point.

    Parameters
    ----------
    t : (n,) float64 array
        Distance from the second knot, 0 to 1.

    Returns
    -------
    (n, 4) float64 array

    Examples
    --------
    >>> round(float(cubic_weights(np.array([0.25])).sum()), 9)
    1.0
    """
    s = 1 - t
    return np.stack([s**3, 3 * t**3 - 6 * t**2 + 4, 3 * s**3 - 6 * s**2 + 4, t**3], axis=-1) / 6


def pixel_profile(offset: ArrayLike, fwhm_pix: float) -> Floats:
    """Share of a unit Gaussian that falls into a pixel, along one axis.

    Parameters
    ----------
    offset : array_like
        Pixel centre minus centre of the Gaussian, pixels.
    fwhm_pix : float
        Full width at half maximum, pixels.

    Returns
    -------
    float64 array

    Examples
    --------
    >>> round(float(pixel_profile(np.arange(-9, 10), 2.0).sum()), 6)
    1.0
    """
    root = np.sqrt(2) * fwhm_pix / FWHM_PER_SIGMA
    at = np.asarray(offset, float)
    return np.asarray((_erf((at + 0.5) / root) - _erf((at - 0.5) / root)) / 2)


def neighbour_ratio(fwhm_pix: float) -> float:
    """Lowest neighbour over peak pixel of a point source, at the worst pixel phase.

    Parameters
    ----------
    fwhm_pix : float
        Full width at half maximum, pixels.

    Returns
    -------
    float
        Between 0 and 1.

    Examples
    --------
    >>> round(neighbour_ratio(2.0), 2)
    0.29
    """
    far, near = pixel_profile([1.5, 0.5], fwhm_pix)
    return float(far / near)
