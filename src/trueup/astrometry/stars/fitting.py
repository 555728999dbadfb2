"""The fit of flux, centre and local sky of a point source to many stamps at once."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from trueup._kernels import fit_stars
from trueup.astrometry.stars.profile import Profile

Floats = NDArray[np.float64]

# how far profiles are trusted: a Gaussian, and one that was fitted to stars
WRONG, WRONG_EFFECTIVE = 0.05, 0.03
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
    noise : (1 or n, 1, 1) float64 array
        Noise of the pixels of each stamp.
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
    >>> from trueup.astrometry.stars.profile import Gaussian, light_in_pixels
    >>> star = 100 * light_in_pixels(Gaussian(2.0), np.array([0.3]), np.array([-0.2]), half=2)[0]
    >>> fit = fit_profiles(star, profile=Gaussian(2.0), noise=np.ones((1, 1, 1)))
    >>> [round(float(v), 3) for v in (fit.x[0], fit.y[0], fit.flux[0])]
    [0.3, -0.2, 100.0]
    """
    noise = np.ascontiguousarray(np.broadcast_to(noise, (len(stamps), 1, 1)).ravel(), np.float64)
    out = np.empty((8, len(stamps)))
    fit_stars(
        np.ascontiguousarray(stamps, np.float64),
        noise=noise,
        profile=profile.kernel,
        start=None if start is None else start.parameters(),
        gain=gain or 0.0,
        wrong=wrong,
        least_used=least,
        out=out,
    )
    flux, x, y, sky, snr, sigma, mismatch, good = out
    return Fitted(x, y, flux, snr, sigma, mismatch, sky, good > 0)
