"""Pixels of one UVIS chip: stars, sky, cosmic rays, hot pixels and noise; only known defects are flagged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from trueup.simulate.pixels import BAD, HOT, SATURATED, WARM, Planes

Floats = NDArray[np.float64]
Image = NDArray[np.float32]
Stars = tuple[Floats, Floats, Floats]

SHAPE = (2051, 4096)
READ_VARIANCE = 14.0 + 3.1**2  # post-flash and dark, read noise
FULL_WELL = 65_000.0
_KNOWN_HOT, _KNOWN_WARM = 0.006, 0.004
_NEW_HOT_PER_MPIX = 40.0
_BAD_COLUMNS = 5
# a minimum-ionising particle in the silicon of the CCD, which is one pixel (15 microns) thick
_ELECTRONS_PER_PIXEL = 1200.0
_LONGEST_PIX, _STEP_PIX = 60.0, 0.25
_RAY_DIFFUSION_PIX = 0.33
_HIT_ELECTRONS = 10.0
_PIXELS_PER_RAY = 7.2  # above _HIT_ELECTRONS, on the average


class Psf(Protocol):
    """What can be stamped on a chip."""

    def stamp(self, image: Image, stars: Stars) -> None:
        """Add stars (x, y, electrons), in place."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """Of one chip in one exposure.

    Parameters
    ----------
    sky : float
        Electrons per pixel.
    rays : float
        Fraction of the pixels that cosmic rays hit.
    seed : tuple of int
        Of the exposure and the chip: noise and cosmic rays.
    defects : tuple of int
        Of the chip: hot pixels are the same in all exposures of a trial.
    """

    sky: float
    rays: float
    seed: tuple[int, ...]
    defects: tuple[int, ...]


def expose(psf: Psf, stars: Stars, conditions: Conditions) -> Planes:
    """The SCI, ERR and DQ planes of a chip, electrons."""
    rng = np.random.default_rng(conditions.seed)
    image = np.full(SHAPE, conditions.sky, np.float32)
    dq = np.zeros(SHAPE, np.int16)
    psf.stamp(image, stars)
    _add_defects(image, dq, np.random.default_rng(conditions.defects))
    add_cosmic_rays(image, rng, fraction=conditions.rays)
    err = np.sqrt(np.maximum(image, 0) + np.float32(READ_VARIANCE))
    image += err * rng.standard_normal(SHAPE, dtype=np.float32)
    full = image > FULL_WELL
    image[full], dq[full] = FULL_WELL, dq[full] | SATURATED
    return Planes(image, err, dq)


def _add_defects(image: Image, dq: NDArray[np.int16], rng: np.random.Generator) -> None:
    """Hot and warm pixels that the dark frame knows, hot ones that are new, bad columns."""
    ny, nx = image.shape
    new = _NEW_HOT_PER_MPIX / 1e6
    for flag, fraction, electrons in ((HOT, _KNOWN_HOT, 150.0), (WARM, _KNOWN_WARM, 25.0), (0, new, 600.0)):
        n = round(fraction * image.size)
        at = rng.integers(0, ny, n), rng.integers(0, nx, n)
        charge = rng.exponential(electrons, n)
        image[at] += charge.astype(np.float32)
        dq[at] |= flag
        # a trail of charge that the correction of the transfer left over
        behind = np.minimum(at[0] + 1, ny - 1), at[1]
        image[behind] += (0.05 * charge).astype(np.float32)
    for column in rng.integers(0, nx, _BAD_COLUMNS):
        start = rng.integers(0, ny)
        image[start:, column] *= np.float32(0.6)
        dq[start:, column] |= BAD


def add_cosmic_rays(image: Image, rng: np.random.Generator, *, fraction: float) -> None:
    """Tracks of particles that cross the silicon in all directions, in place.

    Steep ones leave a compact spot that looks like a faint star, grazing ones a long track. The charge
    per length fluctuates and has a long tail, and spreads by diffusion on its way to the surface.
    """
    ny, nx = image.shape
    n = rng.poisson(fraction * image.size / _PIXELS_PER_RAY)
    slant = np.tan(np.arccos(np.sqrt(rng.uniform(1e-4, 1.0, n))))  # a flux through a plane
    length = np.minimum(slant, _LONGEST_PIX)
    angle = rng.uniform(0, 2 * np.pi, n)
    steps = 4 + np.ceil(length / _STEP_PIX).astype(int)
    charge = _ELECTRONS_PER_PIXEL * np.hypot(length, 1.0) * rng.lognormal(-0.3, 0.6, n) / steps
    ray = np.repeat(np.arange(n), steps)
    along = (np.arange(len(ray)) - np.repeat(np.cumsum(steps) - steps, steps)) / steps[ray] * length[ray]
    x = rng.uniform(0, nx, n)[ray] + along * np.cos(angle)[ray]
    y = rng.uniform(0, ny, n)[ray] + along * np.sin(angle)[ray]
    deposit = charge[ray] * rng.gamma(2.0, 0.5, len(ray))
    _spread(image, (x, y), deposit)


def _spread(image: Image, at: tuple[Floats, Floats], charge: Floats) -> None:
    """Add charges to the 3 x 3 pixels around them, shared by diffusion."""
    from scipy.special import erf

    ny, nx = image.shape
    i, j = (np.rint(v).astype(np.intp) for v in at)
    inside = (i > 0) & (i < nx - 1) & (j > 0) & (j < ny - 1)
    i, j, charge = i[inside], j[inside], charge[inside]
    edges = np.array([-1.5, -0.5, 0.5, 1.5])
    share_x, share_y = (
        0.5 * np.diff(erf((edges - (v[inside] - k)[:, None]) / (np.sqrt(2) * _RAY_DIFFUSION_PIX)))
        for v, k in zip(at, (i, j), strict=True)
    )
    corner = (j - 1) * nx + i - 1
    total = np.zeros(image.size)
    for row in range(3):
        for column in range(3):
            part = charge * share_y[:, row] * share_x[:, column]
            total += np.bincount(corner + row * nx + column, part, image.size)
    image += total.reshape(image.shape).astype(np.float32)
