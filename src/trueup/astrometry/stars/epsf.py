"""An effective PSF from the clean stars of an exposure itself.

A penalised spline: where stars are few it stays near the Gaussian of the tabulated width, where they are
many it takes the shape they have. Its centre is where that Gaussian would put it on average over all pixel
phases, so that it moves no star list as a whole: it takes away the error that depends on the pixel phase.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trueup.astrometry.stars.fitting import WRONG_EFFECTIVE, Fitted, fit_profiles
from trueup.astrometry.stars.profile import (
    Gaussian,
    Profile,
    Spline,
    cubic_weights,
    light_in_pixels,
    pixel_profile,
)

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Floats = NDArray[np.float64]

_OVERSAMPLE = 4
_ROUNDS = 2
_CLIP = 4.0
_BEND = 0.02
_DEPART = 0.2
_PHASES = 8
_WIDTHS = np.linspace(0.8, 1.4, 9)
_STRICT = 0.02
_PERFECT, _HOPELESS = 1e-2, 1e6
# of SuperLU, three times as fast as what is best for matrices of no symmetry
_SYMMETRIC: dict[str, Any] = {
    "permc_spec": "MMD_AT_PLUS_A",
    "diag_pivot_thresh": 0.0,
    "options": {"SymmetricMode": True},
}


def effective_psf(stamps: Floats, *, fwhm_pix: float, noise: Floats, gain: float | None = None) -> Spline:
    """Fit the effective PSF that a set of stars shares.

    Parameters
    ----------
    stamps : (n, k, k) float64 array
        Pixels around clean, isolated stars, sky subtracted; the inner k - 2 are used for centres.
    fwhm_pix : float
        Width of the Gaussian to start from, pixels.
    noise : (1 or n, 1, 1) float64 array
        Noise of the pixels of each stamp.
    gain : float, optional
        Electrons per unit of the stamp, for photon noise.

    Returns
    -------
    Spline

    Examples
    --------
    >>> phase = np.random.default_rng(1).uniform(-0.5, 0.5, (2, 60))
    >>> stars = 1e4 * light_in_pixels(Gaussian(1.6), *phase, half=3)[0]
    >>> psf = effective_psf(stars, fwhm_pix=2.0, noise=np.ones((1, 1, 1)), gain=1.0)
    >>> share, width = light_in_pixels(psf, np.zeros(1), np.zeros(1), half=0)[0].item(), pixel_profile(0, 1.6)
    >>> bool(abs(share / width**2 - 1) < 0.05)
    True
    """
    start = Gaussian(fwhm_pix)
    half = stamps.shape[-1] // 2
    inner = stamps[:, 1:-1, 1:-1]
    psf = prior = sampled(start, half=half + 1)
    fit = fit_profiles(inner, profile=start, noise=noise, gain=gain)
    for _ in range(_ROUNDS):
        psf = _centred(_refined(prior, psf, stamps=stamps, fit=fit, noise=noise, gain=gain), start, half - 1)
        fit = fit_profiles(inner, profile=psf, noise=noise, gain=gain, wrong=WRONG_EFFECTIVE, start=fit)
    return psf


def best_width(stamps: Floats, *, fwhm_pix: float, noise: Floats, gain: float | None = None) -> float:
    """Width of the Gaussian that suits a set of stars best.

    An undersampled star of the wrong width is drawn to the middle of its pixel or away from it; the width
    of least mismatch is also that of least error.

    Parameters
    ----------
    stamps : (n, k, k) float64 array
        Pixels around clean stars, sky subtracted.
    fwhm_pix : float
        Width to start from; the answer is between 0.8 and 1.4 of it.
    noise : (1 or n, 1, 1) float64 array
        Noise of the pixels of each stamp.
    gain : float, optional
        Electrons per unit of the stamp, for photon noise.

    Returns
    -------
    float
        Full width at half maximum, pixels.

    Examples
    --------
    >>> phase = np.random.default_rng(1).uniform(-0.5, 0.5, (2, 20))
    >>> stars = 1e4 * light_in_pixels(Gaussian(1.2), *phase, half=2)[0]
    >>> round(best_width(stars, fwhm_pix=1.0, noise=np.ones((1, 1, 1)), gain=1.0), 1)
    1.2
    """
    widths = fwhm_pix * _WIDTHS
    costs = []
    fit = None
    for width in widths:
        fit = fit_profiles(stamps, profile=Gaussian(width), noise=noise, gain=gain, wrong=_STRICT, start=fit)
        costs.append(float(np.median(np.where(fit.good, fit.mismatch, _HOPELESS))))
    cost = np.log(np.array(costs) + _PERFECT)
    best = int(np.clip(np.argmin(cost), 1, len(widths) - 2))
    before, here, after = cost[best - 1 : best + 2]
    bend = before + after - 2 * here
    step = (before - after) / (2 * bend) if bend > 0 else float(np.sign(before - after))
    return float(widths[best] + np.clip(step, -1, 1) * (widths[1] - widths[0]))


def sampled(gaussian: Gaussian, *, half: int) -> Spline:
    """A Gaussian as an effective PSF.

    Parameters
    ----------
    gaussian : Gaussian
    half : int
        Reach of the table, pixels.

    Returns
    -------
    Spline

    Examples
    --------
    >>> x, y = np.array([0.3]), np.array([-0.1])
    >>> share = light_in_pixels(sampled(Gaussian(2.0), half=6), x, y, half=2)[0]
    >>> bool(np.abs(share - light_in_pixels(Gaussian(2.0), x, y, half=2)[0]).max() < 1e-4)
    True
    """
    from scipy.ndimage import spline_filter

    along = pixel_profile(
        np.arange(-half * _OVERSAMPLE, half * _OVERSAMPLE + 1) / _OVERSAMPLE, gaussian.fwhm_pix
    )
    return Spline(spline_filter(np.outer(along, along), order=3, mode="mirror")[None], _OVERSAMPLE)


def phase_errors(profile: Profile, psf: Profile, *, half: int) -> tuple[Floats, Floats]:
    """Errors in x and y that a profile makes on bright stars of another shape, at all pixel phases.

    Parameters
    ----------
    profile : Profile
        What is fitted.
    psf : Profile
        What the stars are.
    half : int
        Half the side of the stamps.

    Returns
    -------
    x, y : (64,) float64 arrays
        Fitted minus true, pixels.

    Examples
    --------
    >>> x, y = phase_errors(Gaussian(1.0), Gaussian(1.2), half=2)
    >>> bool(np.abs(x.mean()) < 1e-3), bool(np.abs(x).max() > 0.005)
    (True, True)
    """
    phase = (np.arange(_PHASES) + 0.5) / _PHASES - 0.5
    x, y = (part.ravel() for part in np.meshgrid(phase, phase))
    stamps = light_in_pixels(psf, x, y, half=half)[0]
    fit = fit_profiles(stamps, profile=profile, noise=np.full((1, 1, 1), 1e-3))
    return fit.x - x, fit.y - y


def _centred(psf: Spline, start: Gaussian, half: int) -> Spline:
    """Centred where the Gaussian centres it, on average over all pixel phases."""
    x, y = phase_errors(start, psf, half=half)
    return Spline(psf.knots, psf.oversample, (psf.center[0] + x.mean(), psf.center[1] + y.mean()))


def _refined(
    prior: Spline, psf: Spline, *, stamps: Floats, fit: Fitted, noise: Floats, gain: float | None
) -> Spline:
    """The table that the pixels of all stars ask for, given their centres and fluxes."""
    from scipy.sparse.linalg import splu

    half, side = stamps.shape[-1] // 2, prior.knots.shape[-1]
    flux = fit.flux[:, None, None]
    value = stamps / flux
    share = light_in_pixels(psf, fit.x, fit.y, half=half)[0]
    peak = float(share.max())
    photons = np.maximum(share, 0) / (flux * gain) if gain else 0.0
    variance = (noise / flux) ** 2 + photons + (WRONG_EFFECTIVE * (np.maximum(share, 0) + 0.4 * peak)) ** 2
    kept = fit.good[:, None, None] & (np.abs(value - share) < _CLIP * np.sqrt(variance))
    weight = np.where(kept, 1 / variance, 0.0).ravel()
    design = _design(fit, half=half, side=side)
    missing = np.where(kept, value, 0.0).ravel() - design @ prior.knots.ravel()
    normal = design.T @ design.multiply(weight[:, None]).tocsr() + _stiffness(side) / peak**2
    # not the dense solver: its last digits depend on the number of threads
    factors = splu(normal.tocsc(), **_SYMMETRIC)
    knots = prior.knots.ravel() + factors.solve(design.T @ (weight * missing))
    knots *= _OVERSAMPLE**2 / knots.sum()
    return Spline(knots.reshape(1, side, side), prior.oversample)


def _design(fit: Fitted, *, half: int, side: int) -> csr_array:
    """Weight of each knot in each pixel: sparse, (pixels of all stamps, knots)."""
    from scipy.sparse import csr_array

    span = np.arange(-half, half + 1) * _OVERSAMPLE
    parts = []
    for centre in (fit.y, fit.x):
        at = side // 2 - centre * _OVERSAMPLE
        first = np.floor(at).astype(np.intp)
        reach = np.clip(first[:, None, None] + span[:, None] + np.arange(-1, 3), 0, side - 1)
        parts.append((reach, cubic_weights(at - first)))
    (row, up), (column, across) = parts
    knot = row[:, :, None, :, None] * side + column[:, None, :, None, :]
    weight = np.broadcast_to((up[:, :, None] * across[:, None, :])[:, None, None], knot.shape)
    pixels = knot.size // 16
    shape = (pixels, side * side)
    return csr_array((weight.ravel(), knot.ravel(), np.arange(pixels + 1) * 16), shape=shape)


@cache
def _stiffness(side: int) -> csr_array:
    """What holds the table near the Gaussian and smooth, for a peak of 1: sparse, (knots, knots)."""
    from scipy.sparse import csr_array, kron

    bend = np.diff(np.eye(side), n=2, axis=0)
    rough, one = csr_array(bend.T @ bend), csr_array(np.eye(side))
    smooth = kron(rough, one, format="csr") + kron(one, rough, format="csr")
    return csr_array(smooth / _BEND**2 + kron(one, one, format="csr") / _DEPART**2)
