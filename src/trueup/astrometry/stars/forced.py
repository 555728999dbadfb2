"""Stars at known places: a far lower threshold, and cosmic rays beside them are left out.

Detection must doubt every bump. Where another exposure says that there is a star, four times its error is
enough, and a star of which a cosmic ray hit some pixels is measured on the others.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trueup.astrometry.stars.fitting import WRONG, WRONG_EFFECTIVE, Fitted, fit_profiles
from trueup.astrometry.stars.profile import Gaussian, Profile, light_in_pixels
from trueup.astrometry.stars.psfgrid import PsfGrid
from trueup.astrometry.stars.sky import measure_sky
from trueup.astrometry.stars.sources import Sources, phase_error
from trueup.astrometry.stars.stamps import Frame

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_THRESHOLD = 4.0
_BRIGHT = 20.0
_MISMATCH = 2.0
_LEAST_USED = 0.48
# a ray only adds: the flux to start from is that of the darker pixels of the core
_CORE, _DARKER = 0.35, 35
_HIT, _HARD_HIT = 4.0, 15.0
_DOUBT_PIX = (0.3, 0.3, 0.0)


def measure_at(
    image: NDArray[np.floating],
    places: tuple[Floats, Floats],
    *,
    fwhm_pix: float,
    gain: float | None,
    psf: PsfGrid | Profile,
) -> Sources:
    """Measure the stars at some places of an image.

    The centres are free: the places only say where to look.

    Parameters
    ----------
    image : (ny, nx) float array
        The sky need not be subtracted; NaN is no data.
    places : two (n,) float64 arrays
        x and y, 0-based pixels, right to a fraction of a pixel.
    fwhm_pix : float
        Width of a point source, pixels.
    gain : float or None
        Electrons per image unit.
    psf : PsfGrid or Profile

    Returns
    -------
    Sources
        Those that stand out of the noise.

    Examples
    --------
    >>> y, x = np.mgrid[:64, :64]
    >>> image = np.random.default_rng(1).normal(0, 1, (64, 64))
    >>> image += 20 * np.exp(-((x - 30.3) ** 2 + (y - 20.8) ** 2) / (2 * 0.85**2))
    >>> image[22, 31:40] += 500
    >>> places = np.array([30.2, 50.0]), np.array([20.9, 50.0])
    >>> found = measure_at(image, places, fwhm_pix=2.0, gain=None, psf=Gaussian(2.0))
    >>> len(found), abs(found.x[0] - 30.3) < 0.2
    (1, np.True_)
    """
    half = max(2, round(fwhm_pix))
    ny, nx = image.shape
    x, y = places
    inside = (x >= half + 1) & (x <= nx - half - 2) & (y >= half + 1) & (y <= ny - half - 2)
    x, y = x[inside], y[inside]
    at_x, at_y = np.rint(x).astype(np.intp), np.rint(y).astype(np.intp)
    profile = psf.at(at_x, at_y) if isinstance(psf, PsfGrid) else psf
    frame = Frame(image, measure_sky(image), gain)
    stamps, noise = frame.stamps((at_y, at_x), half)
    fit = _fit(stamps, (x - at_x, y - at_y), profile=profile, noise=noise, gain=gain)
    floor = phase_error(fwhm_pix, known=not isinstance(psf, Gaussian) or psf.fwhm_pix != fwhm_pix)
    tier = np.where(fit.snr > _BRIGHT, 0, 1).astype(np.int8)
    found = Sources(
        at_x + fit.x, at_y + fit.y, fit.flux, fit.snr, np.hypot(fit.sigma, floor), fit.mismatch, tier
    )
    return found[fit.good & (fit.snr > _THRESHOLD) & (fit.mismatch < _MISMATCH)]


def _fit(
    stamps: Floats, places: tuple[Floats, Floats], *, profile: Profile, noise: Floats, gain: float | None
) -> Fitted:
    """Fit all pixels that no ray hit, which the fit itself tells, round after round."""
    wrong = WRONG if isinstance(profile, Gaussian) else WRONG_EFFECTIVE
    half = stamps.shape[-1] // 2
    share = light_in_pixels(profile, *places, half=half)[0]
    core = (share > _CORE * share.max(axis=(1, 2), keepdims=True)) & np.isfinite(stamps)
    seen = core.any(axis=(1, 2))
    ratio = np.where(core, stamps / share, np.nan).reshape(len(stamps), stamps.shape[1] ** 2)
    flux = np.zeros(len(stamps))
    flux[seen] = np.nanpercentile(ratio[seen], _DARKER, axis=1)
    fit = Fitted.guess(np.maximum(flux, 0.0), x=places[0], y=places[1])
    for doubt in _DOUBT_PIX:
        share, to_x, to_y = light_in_pixels(profile, fit.x, fit.y, half=half)
        scale = fit.flux[:, None, None]
        photons = scale * np.maximum(share, 0) / gain if gain else 0.0
        error = (wrong * scale * share) ** 2 + (doubt * scale) ** 2 * (to_x**2 + to_y**2)
        excess = (stamps - scale * share - fit.sky[:, None, None]) / np.sqrt(noise**2 + photons + error)
        clean = np.where((excess > _HIT) | _grown(excess > _HARD_HIT), np.nan, stamps)
        fit = fit_profiles(
            clean, profile=profile, noise=noise, gain=gain, wrong=wrong, start=fit, least=_LEAST_USED
        )
    return fit


def _grown(hit: Flags) -> Flags:
    """Pixels and their four neighbours: charge of a ray spreads."""
    grown = hit.copy()
    grown[:, 1:] |= hit[:, :-1]
    grown[:, :-1] |= hit[:, 1:]
    grown[:, :, 1:] |= hit[:, :, :-1]
    grown[:, :, :-1] |= hit[:, :, 1:]
    return grown
