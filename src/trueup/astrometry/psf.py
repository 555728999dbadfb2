"""Width of a point source, and the fit of a pixel-integrated Gaussian to many stamps at once.

References
----------
WFC3 Instrument Handbook, tables 6.9 and 7.5 (FWHM against wavelength); ACS Instrument Handbook,
section 5.6.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

_FWHM_PER_SIGMA = 2.354820045
_STEPS = 10
_WRONG_HERE = 0.05
_WRONG_ANYWHERE = 0.02
_CLIP = 4.0
_CLIPPED_COST = 25.0
_MAX_SHIFT_PIX = 1.2
_SETTLED_PIX = 0.02
_LEAST_USED = 0.7

_PIXEL_ARCSEC = {"UVIS": 0.0396, "IR": 0.1283, "WFC": 0.05, "HRC": 0.027, "SBC": 0.032, "WFPC2": 0.1}
# for each detector wavelengths in nm, then widths in arcsec
_WIDTHS = {
    "UVIS": (
        (200, 300, 400, 500, 600, 700, 800, 900, 1000),
        (0.083, 0.075, 0.070, 0.067, 0.067, 0.070, 0.074, 0.078, 0.084),
    ),
    "IR": (
        (800, 900, 1000, 1100, 1200, 1300, 1400, 1500, 1600, 1700),
        (0.124, 0.126, 0.128, 0.130, 0.133, 0.137, 0.141, 0.145, 0.151, 0.156),
    ),
    "WFC": ((400, 600, 800, 950), (0.100, 0.095, 0.100, 0.115)),
    "HRC": ((200, 400, 600, 800, 950), (0.060, 0.050, 0.058, 0.075, 0.095)),
    "SBC": ((120, 200), (0.080, 0.080)),
    "WFPC2": ((200, 600, 1000), (0.130, 0.130, 0.150)),
}


def fwhm_arcsec(detector: str, filter_name: str) -> float:
    """Width of a point source on the sky as a detector sees it, before any drizzling.

    Parameters
    ----------
    detector : str
        UVIS, IR, WFC, HRC, SBC; anything else counts as WFPC2.
    filter_name : str
        As F336W; without a wavelength in it the middle of the detector's range is taken.

    Returns
    -------
    float
        Full width at half maximum, arcsec.

    Examples
    --------
    >>> fwhm_arcsec("UVIS", "F300X"), fwhm_arcsec("IR", "F140W")
    (0.075, 0.141)
    """
    wavelengths, widths = _WIDTHS.get(detector.upper(), _WIDTHS["WFPC2"])
    digits = re.search(r"\d{3}", filter_name)
    if digits is None:
        return widths[len(widths) // 2]
    nanometres = float(digits[0]) * (10 if detector.upper() == "IR" else 1)
    return float(np.interp(nanometres, wavelengths, widths))


def detector_fwhm_pix(detector: str, filter_name: str) -> float:
    """Width of a point source on the detector, in its pixels.

    Parameters
    ----------
    detector, filter_name : str
        As for :func:`fwhm_arcsec`.

    Returns
    -------
    float

    Examples
    --------
    >>> round(detector_fwhm_pix("UVIS", "F275W"), 2)
    1.94
    """
    return fwhm_arcsec(detector, filter_name) / _PIXEL_ARCSEC.get(detector.upper(), 0.1)


def drizzled_fwhm_pix(detector: str, filter_name: str, *, scale_arcsec: float) -> float:
    """Width of a point source in a drizzled product, pixels of the product.

    Parameters
    ----------
    detector, filter_name : str
        As for :func:`fwhm_arcsec`.
    scale_arcsec : float
        Pixel of the product, arcsec.

    Returns
    -------
    float
        The width on the detector and that of the dropped pixel, a box of variance 1/12, in quadrature.

    Examples
    --------
    >>> round(drizzled_fwhm_pix("UVIS", "F300X", scale_arcsec=0.0396), 2)
    2.01
    """
    drop = _FWHM_PER_SIGMA**2 / 12 * _PIXEL_ARCSEC.get(detector.upper(), 0.1) ** 2
    return float(np.sqrt(fwhm_arcsec(detector, filter_name) ** 2 + drop) / scale_arcsec)


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
    from scipy.special import erf

    root = np.sqrt(2) * fwhm_pix / _FWHM_PER_SIGMA
    at = np.asarray(offset, float)
    return np.asarray((erf((at + 0.5) / root) - erf((at - 0.5) / root)) / 2)


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


@dataclass(frozen=True, slots=True, eq=False)
class Profiles:
    """Fitted profiles, one element per stamp.

    Parameters
    ----------
    x, y : (n,) float64 arrays
        Centre from the middle of the stamp, pixels.
    flux, snr, sigma, mismatch : (n,) float64 arrays
        As in :class:`trueup.astrometry.sources.Sources`.
    good : (n,) bool array
        Whether the fit converged inside the stamp on a positive flux.

    Examples
    --------
    >>> one = np.ones(1)
    >>> bool(Profiles(one, one, one, one, one, one, one > 0).good[0])
    True
    """

    x: Floats
    y: Floats
    flux: Floats
    snr: Floats
    sigma: Floats
    mismatch: Floats
    good: NDArray[np.bool_]


def fit_profiles(stamps: Floats, *, fwhm_pix: float, noise: Floats, gain: float | None = None) -> Profiles:
    """Fit flux, centre and local sky of a Gaussian of fixed width to many stamps at once.

    Gauss-Newton least squares; pixels far above the profile (a cosmic ray beside the star) are left
    out, pixels below never are. The profile itself is trusted to 5 % of its value and 2 % of its peak,
    so that a bright star with wings that the Gaussian lacks is neither clipped nor pulled.

    Parameters
    ----------
    stamps : (n, k, k) float64 array
        Pixels around each peak, sky subtracted; NaN is no data.
    fwhm_pix : float
        Full width at half maximum, pixels.
    noise : float64 array that broadcasts to `stamps`
        Noise per pixel.
    gain : float, optional
        Electrons per unit of the stamp, for photon noise.

    Returns
    -------
    Profiles

    Examples
    --------
    >>> k = np.arange(-2, 3)
    >>> star = 100 * np.outer(pixel_profile(k + 0.2, 2.0), pixel_profile(k - 0.3, 2.0))
    >>> fit = fit_profiles(star[None], fwhm_pix=2.0, noise=np.ones((1, 1, 1)))
    >>> [round(float(v), 3) for v in (fit.x[0], fit.y[0], fit.flux[0])]
    [0.3, -0.2, 100.0]
    """
    size = stamps.shape[-1]
    state = _Stamps.of(stamps, noise, gain=gain)
    span = np.arange(size) - size // 2
    guess = np.zeros((len(stamps), 4))
    guess[:, 0] = np.maximum(stamps[:, size // 2, size // 2], 0) / pixel_profile(0.2, fwhm_pix) ** 2
    used = state.known
    for step in range(_STEPS):
        model, slopes = _model(guess, span, fwhm_pix)
        variance = state.variance(model - guess[:, 3:])
        residual = state.pixels - model
        if step >= 2:
            used = state.known & (residual < _CLIP * np.sqrt(variance))
        weight = used / variance
        normal = np.einsum("npi,np,npj->nij", slopes, weight, slopes, optimize=True)
        # keeps the matrix regular where all pixels of a stamp are unknown
        normal[:, range(4), range(4)] = normal[:, range(4), range(4)] * (1 + 1e-9) + 1e-300
        gradient = np.einsum("npi,np->ni", slopes, weight * residual)
        change = np.linalg.solve(normal, gradient[..., None])[..., 0]
        change[:, 1:3] = np.clip(change[:, 1:3], -0.5, 0.5)
        guess = guess + change
        guess[:, 0] = np.maximum(guess[:, 0], 1e-30)
        guess[:, 1:3] = np.clip(guess[:, 1:3], -2.0, 2.0)
    shape = slopes[:, :, 0]
    snr = guess[:, 0] * np.sqrt((used * shape**2 / state.noise2(guess[:, :1] * shape)).sum(axis=1))
    error = _errors(slopes, weight, normal=normal, noise2=state.noise2(model - guess[:, 3:]))
    # clipped light counts against the source: beside a cosmic ray it is no clean star
    excess = used * residual**2 / variance + (state.known & ~used) * _CLIPPED_COST
    mismatch = excess.sum(axis=1) / np.maximum(used.sum(axis=1) - 4, 1)
    inside = np.abs(guess[:, 1:3]).max(axis=1) < _MAX_SHIFT_PIX
    settled = np.abs(change[:, 1:3]).max(axis=1) < _SETTLED_PIX
    good = inside & settled & (used.sum(axis=1) >= _LEAST_USED * size**2) & (error[:, 0] > 0)
    return Profiles(
        x=guess[:, 1],
        y=guess[:, 2],
        flux=guess[:, 0],
        snr=snr,
        sigma=np.hypot(error[:, 1], error[:, 2]) * np.sqrt(np.maximum(mismatch, 1) / 2),
        mismatch=mismatch,
        good=good,
    )


def _errors(slopes: Floats, weight: Floats, *, normal: Floats, noise2: Floats) -> Floats:
    """Errors of the parameters by noise alone, through the weights that were used: (n, 4)."""
    inverse = np.linalg.inv(normal)
    spread = np.einsum("npi,np,npj->nij", slopes, weight**2 * noise2, slopes, optimize=True)
    covariance = np.einsum("nij,njk,nki->ni", inverse, spread, inverse, optimize=True)
    return np.asarray(np.sqrt(np.maximum(covariance, 0)))


@dataclass(frozen=True, slots=True, eq=False)
class _Stamps:
    """Stamps as rows of pixels, which of them are known, and their noise."""

    pixels: Floats
    known: NDArray[np.bool_]
    quiet: Floats
    gain: float | None

    @classmethod
    def of(cls, stamps: Floats, noise: Floats, *, gain: float | None) -> _Stamps:
        """Flatten the stamps; unknown pixels get value 0 and noise 1."""
        quiet = np.broadcast_to(noise, stamps.shape) ** 2
        known = np.isfinite(stamps) & np.isfinite(quiet)
        rows = (len(stamps), stamps.shape[1] * stamps.shape[2])
        pixels, quiet = np.where(known, stamps, 0.0), np.where(known, quiet, 1.0)
        return cls(pixels.reshape(rows), known.reshape(rows), quiet.reshape(rows), gain)

    def variance(self, profile: Floats) -> Floats:
        """Noise, photon noise of the profile, and the error of the profile itself."""
        light = np.maximum(profile, 0)
        wrong = _WRONG_HERE * light + _WRONG_ANYWHERE * light.max(axis=1, keepdims=True)
        return np.asarray(self.noise2(profile) + wrong**2)

    def noise2(self, profile: Floats) -> Floats:
        """Noise of the pixels and photon noise of the profile, squared."""
        photons = np.maximum(profile, 0) / self.gain if self.gain else 0.0
        return np.asarray(self.quiet + photons)


def _model(guess: Floats, span: NDArray[np.intp], fwhm_pix: float) -> tuple[Floats, Floats]:
    """Profiles (n, k*k) and their slopes (n, k*k, 4) to flux, x, y and sky."""
    flux, x, y, sky = guess.T
    along_x, slope_x = _axis(span - x[:, None], fwhm_pix)
    along_y, slope_y = _axis(span - y[:, None], fwhm_pix)
    flat = (len(guess), span.size**2)
    shape = (along_y[:, :, None] * along_x[:, None, :]).reshape(flat)
    to_x = (along_y[:, :, None] * slope_x[:, None, :]).reshape(flat)
    to_y = (slope_y[:, :, None] * along_x[:, None, :]).reshape(flat)
    scale = flux[:, None]
    slopes = np.stack([shape, scale * to_x, scale * to_y, np.ones_like(shape)], axis=-1)
    return scale * shape + sky[:, None], slopes


def _axis(offset: Floats, fwhm_pix: float) -> tuple[Floats, Floats]:
    sigma = fwhm_pix / _FWHM_PER_SIGMA
    low, high = offset - 0.5, offset + 0.5
    norm = 1 / (sigma * np.sqrt(2 * np.pi))
    slope = norm * (np.exp(-((low / sigma) ** 2) / 2) - np.exp(-((high / sigma) ** 2) / 2))
    return pixel_profile(offset, fwhm_pix), slope
