"""The fit of flux, centre and local sky of a point source to many stamps at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from trueup.astrometry.stars.profile import Profile

Floats = NDArray[np.float64]

# how far profiles are trusted: a Gaussian, and one that was fitted to stars
WRONG, WRONG_EFFECTIVE = 0.05, 0.03
_WRONG_ANYWHERE = 0.4
_STEPS = 10
_CLIP = 4.0
_CLIPPED_COST = 25.0
_MAX_SHIFT_PIX = 1.2
_SETTLED_PIX = 0.02
_LEAST_USED = 0.7


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """Fitted profiles, one element per stamp.

    Parameters
    ----------
    x, y : (n,) float64 arrays
        Centre from the middle of the stamp, pixels.
    flux, snr, sigma, mismatch : (n,) float64 arrays
        As in :class:`trueup.astrometry.stars.sources.Sources`.
    sky : (n,) float64 array
        Of the stamp, above what was subtracted.
    good : (n,) bool array
        Whether the fit converged inside the stamp on a positive flux.

    Examples
    --------
    >>> one = np.ones(1)
    >>> bool(Fitted(one, one, one, one, one, one, one, one > 0).good[0])
    True
    """

    x: Floats
    y: Floats
    flux: Floats
    snr: Floats
    sigma: Floats
    mismatch: Floats
    sky: Floats
    good: NDArray[np.bool_]

    def __getitem__(self, select: NDArray[np.bool_] | slice) -> Fitted:
        """The stamps of a boolean mask or a slice."""
        return Fitted(*(getattr(self, item.name)[select] for item in fields(self)))

    def parameters(self) -> Floats:
        """Flux, x, y and sky: (n, 4)."""
        return np.stack([self.flux, self.x, self.y, self.sky], axis=1)

    @classmethod
    def guess(cls, flux: Floats, *, x: Floats, y: Floats) -> Fitted:
        """Where to start from, on no sky, nothing known of the errors."""
        none = np.zeros(len(flux))
        return cls(x, y, flux, none, none, none, none, none > 0)

    @classmethod
    def joined(cls, parts: Sequence[Fitted]) -> Fitted:
        """Several one after the other."""
        return cls(*(np.concatenate([getattr(part, item.name) for part in parts]) for item in fields(cls)))


def fit_profiles(
    stamps: Floats,
    *,
    profile: Profile,
    noise: Floats,
    gain: float | None = None,
    wrong: float = WRONG,
    start: Fitted | None = None,
    least: float = _LEAST_USED,
) -> Fitted:
    """Fit flux, centre and local sky of a profile to many stamps at once.

    Gauss-Newton least squares; pixels far above the profile (a cosmic ray beside the star) are left
    out, pixels below never are. The profile is trusted to a fraction of its value, and less of its peak,
    so that a bright star with wings that the profile lacks is neither clipped nor pulled.

    Parameters
    ----------
    stamps : (n, k, k) float64 array
        Pixels around each peak, sky subtracted; NaN is no data.
    profile : Profile
    noise : float64 array that broadcasts to `stamps`
        Noise per pixel.
    gain : float, optional
        Electrons per unit of the stamp, for photon noise.
    wrong : float
        Error of the profile as a fraction of its value; 0.4 of that is the error anywhere as a fraction
        of the peak.
    start : Fitted, optional
        An earlier fit of the same stamps.
    least : float
        Share of the pixels that a good fit uses at least.

    Returns
    -------
    Fitted

    Examples
    --------
    >>> from trueup.astrometry.stars.profile import Gaussian
    >>> star = 100 * Gaussian(2.0).light(np.array([0.3]), np.array([-0.2]), half=2)[0]
    >>> fit = fit_profiles(star, profile=Gaussian(2.0), noise=np.ones((1, 1, 1)))
    >>> [round(float(v), 3) for v in (fit.x[0], fit.y[0], fit.flux[0])]
    [0.3, -0.2, 100.0]
    """
    size = stamps.shape[-1]
    state = _Stamps.of(stamps, noise, gain=gain, wrong=wrong)
    guess = _first_guess(stamps, profile) if start is None else start.parameters()
    used = state.known
    for step in range(_STEPS if start is None else _STEPS // 2):
        model, slopes = _model(guess, profile, size // 2)
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
    good = inside & settled & (used.sum(axis=1) >= least * size**2) & (error[:, 0] > 0)
    return Fitted(
        x=guess[:, 1],
        y=guess[:, 2],
        flux=guess[:, 0],
        snr=snr,
        sigma=np.hypot(error[:, 1], error[:, 2]) * np.sqrt(np.maximum(mismatch, 1) / 2),
        mismatch=mismatch,
        sky=guess[:, 3],
        good=good,
    )


def _first_guess(stamps: Floats, profile: Profile) -> Floats:
    """A star in the middle of each stamp, on no sky: (n, 4)."""
    guess = np.zeros((len(stamps), 4))
    middle = stamps.shape[-1] // 2
    peak = profile.light(guess[:, 1], guess[:, 2], half=0)[0][:, 0, 0]
    guess[:, 0] = np.maximum(stamps[:, middle, middle], 0) / peak
    return guess


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
    wrong: float

    @classmethod
    def of(cls, stamps: Floats, noise: Floats, *, gain: float | None, wrong: float) -> _Stamps:
        """Flatten the stamps; unknown pixels get value 0 and noise 1."""
        quiet = np.broadcast_to(noise, stamps.shape) ** 2
        known = np.isfinite(stamps) & np.isfinite(quiet)
        rows = (len(stamps), stamps.shape[1] * stamps.shape[2])
        pixels, quiet = np.where(known, stamps, 0.0), np.where(known, quiet, 1.0)
        return cls(pixels.reshape(rows), known.reshape(rows), quiet.reshape(rows), gain, wrong)

    def variance(self, profile: Floats) -> Floats:
        """Noise, photon noise of the profile, and the error of the profile itself."""
        light = np.maximum(profile, 0)
        wrong = self.wrong * (light + _WRONG_ANYWHERE * light.max(axis=1, keepdims=True))
        return np.asarray(self.noise2(profile) + wrong**2)

    def noise2(self, profile: Floats) -> Floats:
        """Noise of the pixels and photon noise of the profile, squared."""
        photons = np.maximum(profile, 0) / self.gain if self.gain else 0.0
        return np.asarray(self.quiet + photons)


def _model(guess: Floats, profile: Profile, half: int) -> tuple[Floats, Floats]:
    """Profiles (n, k*k) and their slopes (n, k*k, 4) to flux, x, y and sky."""
    flux, x, y, sky = guess.T
    flat = (len(guess), (2 * half + 1) ** 2)
    shape, to_x, to_y = (part.reshape(flat) for part in profile.light(x, y, half=half))
    scale = flux[:, None]
    slopes = np.stack([shape, scale * to_x, scale * to_y, np.ones_like(shape)], axis=-1)
    return scale * shape + sky[:, None], slopes
