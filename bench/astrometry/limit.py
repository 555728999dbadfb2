"""How well a trial could be measured by somebody who finds every star and knows its profile.

The Cramer-Rao bound: round Gaussians on pixels, with photon and read noise, no cosmic rays; saturated stars
are left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.astrometry.frames import SKY_ELECTRONS, Frames
from bench.astrometry.pixels import FULL_WELL, READ_VARIANCE
from bench.astrometry.psf import FWHM_PIX
from bench.astrometry.sky import OUTLIERS, WITHOUT_MOTION, YEARS, gaia_error
from trueup.model.chipwcs import ChipWcs, sky_to_plane
from trueup.model.offset import MAS_PER_DEG

Floats = NDArray[np.float64]

_HALF = 4
# what is known beforehand of rotation and scale between two solutions
_ROTATION_DEG, _SCALE = 0.005, 1.5e-4


@dataclass(frozen=True, slots=True)
class Limit:
    """The smallest errors that there can be: of an axis, and of rotation."""

    axis_mas: float
    rotation_deg: float


def photon_limit(frames: Frames) -> Limit:
    """The bound for the stars that both exposures show, or the exposure and the catalogue."""
    variances = [_variance_mas2(frames, number) for number in range(len(frames.truth))]
    sky = frames.sky
    ra, dec = sky.ra, sky.dec
    if frames.catalog:
        known = len(sky.magnitude)
        ra, dec = ra[:known], dec[:known]
        motion = gaia_error(sky.magnitude) ** 2 * (1 + YEARS**2)
        variances = [variances[0][:known], motion / (1 - OUTLIERS - WITHOUT_MOTION)]
    weight = 1 / np.sum(variances, axis=0)
    east, north = (part * MAS_PER_DEG for part in sky_to_plane(ra, dec, frames.centre))
    zero, one = np.zeros_like(east), np.ones_like(east)
    # slopes of both axes to shift, rotation and scale
    slopes = np.array([[one, zero, north, east], [zero, one, -east, north]])
    prior = np.diag([0.0, 0.0, np.radians(_ROTATION_DEG) ** -2, _SCALE**-2])
    covariance = np.linalg.inv(np.einsum("ain,n,ajn->ij", slopes, weight, slopes) + prior)
    sigma = np.sqrt(np.diag(covariance))
    return Limit(float(np.hypot(*sigma[:2]) / np.sqrt(2)), float(np.degrees(sigma[2])))


def _variance_mas2(frames: Frames, number: int) -> Floats:
    """Variance of the positions in one exposure; infinite for a star that it does not show."""
    electrons = frames.sky.electrons[number]
    name = frames.trial.case.filters[number]
    variance = np.full(len(electrons), np.inf)
    for wcs in frames.truth[number]:
        x, y, shown = _on(wcs, frames)
        mas = wcs.scale_arcsec() * 1e3
        noise = READ_VARIANCE + SKY_ELECTRONS[name]
        variance[shown] = _bound_pix2(x, y, electrons[shown], fwhm=FWHM_PIX[name], noise=noise) * mas**2
    return variance


def _on(wcs: ChipWcs, frames: Frames) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Pixels of the stars that a chip shows, and which they are."""
    x, y = wcs.sky_to_pixel(frames.sky.ra, frames.sky.dec)
    shown = (x > 0) & (x < wcs.shape[1]) & (y > 0) & (y < wcs.shape[0])
    return x[shown], y[shown], shown


def _bound_pix2(x: Floats, y: Floats, electrons: Floats, *, fwhm: float, noise: float) -> Floats:
    """Smallest variance of a centre, mean of x and y."""
    share_x, slope_x = _axis(x - np.rint(x), fwhm)
    share_y, slope_y = _axis(y - np.rint(y), fwhm)
    light = electrons[:, None, None] * share_y[:, :, None] * share_x[:, None, :]
    along_x = electrons[:, None, None] * share_y[:, :, None] * slope_x[:, None, :]
    along_y = electrons[:, None, None] * slope_y[:, :, None] * share_x[:, None, :]
    told = [(along**2 / (light + noise)).sum(axis=(1, 2)) for along in (along_x, along_y)]
    variance = (1 / told[0] + 1 / told[1]) / 2
    return np.where(light.max(axis=(1, 2)) > FULL_WELL, np.inf, variance)


def _axis(offset: Floats, fwhm: float) -> tuple[Floats, Floats]:
    """Share of a Gaussian in the pixels along one axis, and its slope."""
    from scipy.stats import norm

    edges = (np.arange(-_HALF, _HALF + 2) - 0.5 - offset[:, None]) / (fwhm / 2.3548)
    return np.diff(norm.cdf(edges)), -np.diff(norm.pdf(edges)) / (fwhm / 2.3548)
