"""Two families of point spread functions, neither of which is taken from the product.

`GaussianPsf` is what the name says. `TelescopePsf` is computed from the instrument: the pupil of a 2.4 m
telescope with its obstruction and spiders, aberrations that vary over the field and with focus, light of
several wavelengths, scattered light, charge diffusion and the pixel.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from trueup.simulate.psf import add

Floats = NDArray[np.float64]
Image = NDArray[np.float32]
Stars = tuple[Floats, Floats, Floats]

# FWHM of a star on UVIS, WFC3 Instrument Handbook table 6.7
FWHM_PIX = {"F275W": 1.91, "F336W": 1.82}
_PIVOT_NM = {"F275W": 270.4, "F336W": 335.4}
_BANDWIDTH = 0.12
_PIXEL_ARCSEC = 0.0396
_DIAMETER_M, _OBSTRUCTION, _SPIDER = 2.4, 0.33, 0.011
_GRID, _OVERSAMPLE = 256, 4
_NODES = (3, 4)  # rows and columns of the nodes on a chip
_HALO, _HALO_PIX = 0.05, 5.0
# charge diffusion that makes the stars as wide as the handbook says, pixels
_DIFFUSION_PIX = {"F275W": 0.65, "F336W": 0.58}
_FAINT_ELECTRONS = 3000.0
_REACH, _FAINT_REACH = 22, 10


@dataclass(frozen=True, slots=True)
class GaussianPsf:
    """A round Gaussian integrated over the pixels, the same everywhere."""

    filter: str

    def stamp(self, image: Image, stars: Stars) -> None:
        """Add stars (x, y, electrons) to a chip, in place."""
        from scipy.special import erf

        sigma = FWHM_PIX[self.filter] / 2.3548
        edges = np.arange(-_FAINT_REACH, _FAINT_REACH + 2) - 0.5
        for x, y, electrons in zip(*stars, strict=True):
            i, j = round(x), round(y)
            along_x, along_y = (
                0.5 * np.diff(erf((edges - offset) / (np.sqrt(2) * sigma))) for offset in (x - i, y - j)
            )
            stamp = np.outer(electrons * along_y, along_x).astype(np.float32)
            add(image, stamp, left=i - _FAINT_REACH, bottom=j - _FAINT_REACH)


@dataclass(frozen=True)
class TelescopePsf:
    """The telescope's profile in one filter, on one chip, at one moment.

    Parameters
    ----------
    filter : str
    upper : bool
        Whether the chip is the upper one in the focal plane.
    focus_nm : float
        Where the secondary mirror happens to be: wavefront error of defocus, rms.
    """

    filter: str
    upper: bool
    focus_nm: float

    def stamp(self, image: Image, stars: Stars) -> None:
        """Add stars (x, y, electrons) to a chip, in place."""
        ny, nx = image.shape
        for x, y, electrons in zip(*stars, strict=True):
            reach = _REACH if electrons > _FAINT_ELECTRONS else _FAINT_REACH
            i, j = round(x), round(y)
            rows, columns = _spline(y - j, reach), _spline(x - i, reach)
            total = np.zeros((2 * reach + 1, 2 * reach + 1))
            for weight, coefficients in self._around(x / (nx - 1), y / (ny - 1)):
                total += weight * sum(a * b * coefficients[r, c] for a, r in rows for b, c in columns)
            add(image, (electrons * total).astype(np.float32), left=i - reach, bottom=j - reach)

    def _around(self, u: float, v: float) -> list[tuple[float, Floats]]:
        """The profiles of the four nodes around a place of the chip, with their weights."""
        rows, columns = _NODES
        row, column = min(max(v, 0.0), 1.0) * (rows - 1), min(max(u, 0.0), 1.0) * (columns - 1)
        r, c = min(int(row), rows - 2), min(int(column), columns - 2)
        fr, fc = row - r, column - c
        parts = ((0, 0, (1 - fr) * (1 - fc)), (0, 1, (1 - fr) * fc), (1, 0, fr * (1 - fc)), (1, 1, fr * fc))
        return [(weight, self._profiles[r + dr][c + dc]) for dr, dc, weight in parts if weight > 0]

    @cached_property
    def _profiles(self) -> list[list[Floats]]:
        """Spline coefficients of the profile at each node, four samples a pixel."""
        from scipy.ndimage import spline_filter

        rows, columns = _NODES
        places = [[_focal_plane(r, c, upper=self.upper) for c in range(columns)] for r in range(rows)]
        return [
            [spline_filter(self._profile(*at), order=3, mode="nearest") for at in line] for line in places
        ]

    def _profile(self, u: float, v: float) -> Floats:
        """Light per pixel around a star at (u, v) of the focal plane, -1 to 1, its core centred."""
        pivot = _PIVOT_NM[self.filter]
        # glass of another thickness: what is measured in one filter is not true in another
        glass = pivot / 335.4 - 1
        waves = pivot * (1 + _BANDWIDTH * np.array([-0.4, 0.0, 0.4]))
        light = np.sum([_diffraction(wave, self._aberrations(u, v, glass)) for wave in waves], axis=0)
        transfer = np.fft.fft2(light / light.sum()) * _detector(_DIFFUSION_PIX[self.filter])
        profile = np.fft.ifft2(transfer).real
        ramp = _ramp(*_core_offset(profile))
        return np.asarray(np.fft.fftshift(np.fft.ifft2(transfer * ramp).real) * _OVERSAMPLE**2)

    def _aberrations(self, u: float, v: float, glass: float) -> tuple[float, ...]:
        """Defocus, two astigmatisms, two comas: wavefront errors in nm rms.

        Focus and astigmatism are of the size they have on UVIS. Coma is larger there, but displaces the
        stars with which its distortion was measured, too: what is left here is what changes afterwards.
        """
        return (
            self.focus_nm + 9 * u - 7 * v + 30 * glass,
            12 * u + 5 * v + 10 * glass,
            8 * u * v - 6,
            1 + 5 * u - 3 * v + 3 * glass,
            -1 + 4 * v + 3 * u - 2 * glass,
        )


def _focal_plane(row: int, column: int, *, upper: bool) -> tuple[float, float]:
    rows, columns = _NODES
    v = row / (rows - 1)
    return 2 * column / (columns - 1) - 1, v if upper else v - 1


def _spline(offset: float, reach: int) -> list[tuple[float, slice]]:
    """Cubic B-spline weights and the samples they belong to, for pixels offset from a star."""
    start = _GRID // 2 - _OVERSAMPLE * (reach + offset)
    k = int(np.floor(start))
    t = start - k
    weights = ((1 - t) ** 3, 4 - 6 * t**2 + 3 * t**3, 4 - 6 * (1 - t) ** 2 + 3 * (1 - t) ** 3, t**3)
    length = 2 * reach * _OVERSAMPLE + 1
    return [(w / 6, slice(k - 1 + n, k - 1 + n + length, _OVERSAMPLE)) for n, w in enumerate(weights)]


def _diffraction(wave_nm: float, aberrations: tuple[float, ...]) -> Floats:
    """The image of a point in monochromatic light, in samples of a quarter of a pixel."""
    sample_rad = np.radians(_PIXEL_ARCSEC / 3600) / _OVERSAMPLE
    step = wave_nm * 1e-9 / (_GRID * sample_rad) / (_DIAMETER_M / 2)
    x = (np.arange(_GRID) - _GRID // 2) * step
    x, y = x[None, :], x[:, None]
    r2 = x**2 + y**2
    # spiders at 45 degrees to the detector
    spider = np.minimum(np.abs(x + y), np.abs(x - y)) < np.sqrt(2) * _SPIDER
    open_ = (r2 < 1) & (r2 > _OBSTRUCTION**2) & ~spider
    defocus, astigmatism, astigmatism45, coma_x, coma_y = aberrations
    error = defocus * np.sqrt(3) * (2 * r2 - 1)
    error = error + np.sqrt(6) * (astigmatism * (x**2 - y**2) + astigmatism45 * 2 * x * y)
    error = error + np.sqrt(8) * (3 * r2 - 2) * (coma_x * x + coma_y * y)
    field = np.fft.fft2(np.where(open_, np.exp(2j * np.pi * error / wave_nm), 0))
    return np.asarray(np.abs(field) ** 2 / open_.sum())


def _detector(diffusion_pix: float) -> Floats:
    """Transfer of the pixel and of charge diffusion, with scattered light."""
    f = np.fft.fftfreq(_GRID, 1 / _OVERSAMPLE)
    f2 = f[:, None] ** 2 + f**2
    pixel = np.sinc(f)[:, None] * np.sinc(f)
    halo = (1 - _HALO) + _HALO * np.exp(-2 * (np.pi * _HALO_PIX) ** 2 * f2)
    return np.asarray(pixel * halo * np.exp(-2 * (np.pi * diffusion_pix) ** 2 * f2))


def _core_offset(profile: Floats) -> tuple[float, float]:
    """Where the core is: half a pixel to either side of it the profile is the same (pixels, x and y).

    This is how the profiles are centred that the distortion of the camera was measured with
    (Anderson & King 2000, PASP 112, 1360).
    """
    from scipy.interpolate import RectBivariateSpline
    from scipy.optimize import brentq

    near = np.arange(-10, 11)
    core = RectBivariateSpline(near / _OVERSAMPLE, near / _OVERSAMPLE, profile[np.ix_(near, near)])
    x = y = 0.0
    for _ in range(4):
        x = brentq(lambda c, y=y: core(y, c + 0.5).item() - core(y, c - 0.5).item(), -1.5, 1.5)
        y = brentq(lambda c, x=x: core(c + 0.5, x).item() - core(c - 0.5, x).item(), -1.5, 1.5)
    return x, y


def _ramp(x: float, y: float) -> NDArray[np.complex128]:
    """Phases that bring a place (pixels) to the origin."""
    f = np.fft.fftfreq(_GRID, 1 / _OVERSAMPLE)
    return np.asarray(np.exp(2j * np.pi * (f * x + f[:, None] * y)))
