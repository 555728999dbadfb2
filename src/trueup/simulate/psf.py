"""The point spread function: pixel-integrated, undersampled, with wings, varying over the field.

A sum of concentric Gaussians, so that the flux in a pixel and in an aperture are known in closed form.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trueup.model.chipwcs import Floats

RADIUS_PIX = 22
_CHUNK = 400


@dataclass(frozen=True, slots=True)
class Psf:
    """The profile of a point source in one filter of one detector.

    Parameters
    ----------
    core_pix : float
        Gaussian width of the core at the centre of the field, pixels.
    vary : float
        Relative change of the width of the core from the centre of a chip to its edge.

    Examples
    --------
    >>> psf = Psf(0.78)
    >>> bool(0.995 < psf.encircled(12.0) < 1.0)
    True
    """

    core_pix: float
    vary: float = 0.05

    @property
    def weights(self) -> Floats:
        """Fractions of the flux in core, skirt, halo and wings."""
        return np.array([0.70, 0.20, 0.07, 0.03])

    @property
    def sigmas_pix(self) -> Floats:
        """Widths at the centre of the field, pixels."""
        return np.array([self.core_pix, 1.9 * self.core_pix, 3.0, 6.0])

    def encircled(self, radius_pix: ArrayLike) -> Floats:
        """Fraction of the flux within a radius, at the centre of the field.

        Parameters
        ----------
        radius_pix : array_like
            Pixels of the detector.

        Returns
        -------
        float64 array
        """
        r2 = np.asarray(radius_pix, float)[..., None] ** 2
        return np.asarray((self.weights * -np.expm1(-0.5 * r2 / self.sigmas_pix**2)).sum(-1))

    def widths(self, x: Floats, y: Floats, *, shape: tuple[int, ...]) -> tuple[Floats, Floats]:
        """Widths of the components along x and y at pixels of a chip: two (n, 4) arrays."""
        ny, nx = shape
        u, v = 2 * x / (nx - 1) - 1, 2 * y / (ny - 1) - 1
        along_x = np.outer(1 + self.vary * (u**2 - v / 3), self.sigmas_pix)
        along_y = np.outer(1 + self.vary * (v**2 + u / 3), self.sigmas_pix)
        # the wings are those of the telescope, the same everywhere
        along_x[:, 2:] = along_y[:, 2:] = self.sigmas_pix[2:]
        return along_x, along_y

    def stamp(self, image: NDArray[np.float32], sources: tuple[Floats, Floats, Floats]) -> None:
        """Add point sources to an image of electrons.

        Parameters
        ----------
        image : (ny, nx) float32 array
            The whole chip, over which the profile varies; changed in place.
        sources : three float64 arrays
            0-based pixels x and y, and the electrons of each source; NaN where there is none.
        """
        x, y, flux = sources
        ny, nx = image.shape
        near = (x > -RADIUS_PIX) & (x < nx + RADIUS_PIX) & (y > -RADIUS_PIX) & (y < ny + RADIUS_PIX)
        x, y, flux = x[near], y[near], flux[near]
        for start in range(0, len(x), _CHUNK):
            part = slice(start, start + _CHUNK)
            self._stamp_chunk(image, (x[part], y[part], flux[part]))

    def _stamp_chunk(self, image: NDArray[np.float32], sources: tuple[Floats, Floats, Floats]) -> None:
        x, y, flux = sources
        sigma_x, sigma_y = self.widths(x, y, shape=image.shape)
        left, bottom = np.rint(x).astype(int) - RADIUS_PIX, np.rint(y).astype(int) - RADIUS_PIX
        along_x = _integrals(x - left, sigma_x)
        along_y = _integrals(y - bottom, sigma_y) * (flux[:, None] * self.weights)[..., None]
        stamps = np.einsum("nci,ncj->nij", along_y, along_x, optimize=True).astype(np.float32)
        for stamp, i, j in zip(stamps, left.tolist(), bottom.tolist(), strict=True):
            add(image, stamp, left=i, bottom=j)


def _integrals(centre: Floats, sigma: Floats) -> Floats:
    """Gaussians integrated over the pixels of a stamp along one axis: (n, components, pixels)."""
    from scipy.special import erf

    edges = np.arange(2 * RADIUS_PIX + 2) - 0.5
    steps = (edges - centre[:, None, None]) / (np.sqrt(2) * sigma[..., None])
    return np.asarray(0.5 * np.diff(erf(steps)))


def add(image: NDArray[np.float32], stamp: NDArray[np.float32], *, left: int, bottom: int) -> None:
    """Add a stamp to an image at a corner pixel; what is off the image is lost."""
    ny, nx = image.shape
    x0, y0 = max(left, 0), max(bottom, 0)
    x1, y1 = min(left + stamp.shape[1], nx), min(bottom + stamp.shape[0], ny)
    if x0 < x1 and y0 < y1:
        image[y0:y1, x0:x1] += stamp[y0 - bottom : y1 - bottom, x0 - left : x1 - left]
