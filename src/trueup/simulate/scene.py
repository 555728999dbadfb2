"""The sky of a simulated visit: stars and galaxies with positions, motions and fluxes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trueup.model.chipwcs import ChipWcs, Floats, Pair, plane_to_sky
from trueup.model.offset import MAS_PER_DEG
from trueup.simulate.psf import Psf, add
from trueup.simulate.recipe import Recipe

GAIA_EPOCH = 2016.0
_SLOPE = 0.8  # N(>f) ~ f**-slope
_FAINTEST, _BRIGHTEST = 0.15, 2500.0  # electrons/s in the first filter
_GALAXY_FLUX = 12.0
_MARGIN_DEG = 4.0 / 3600
_OVERSAMPLE = 3
_BULK_MAS_YR = (1.9, 0.3)
_DISPERSION_MAS_YR = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Sources on the sky; all arrays have one element per source, stars first.

    Parameters
    ----------
    ra, dec : float64 arrays
        Degrees, ICRS, at the epoch of the visit.
    pmra, pmdec : float64 arrays
        Proper motions (with cos delta), mas per year; zero for galaxies.
    flux : (n, number of filters) float64 array
        Electrons per second, of a source at nominal pixel area.
    n_stars : int
        The rest are galaxies.
    radius_pix, sersic, axis_ratio, angle : float64 arrays
        Shape of the galaxies: effective radius, Sersic index, axis ratio, angle of the major axis
        from x to y in radians; zero for stars.
    """

    ra: Floats
    dec: Floats
    pmra: Floats
    pmdec: Floats
    flux: Floats
    n_stars: int
    radius_pix: Floats
    sersic: Floats
    axis_ratio: Floats
    angle: Floats

    @property
    def size(self) -> int:
        """Number of sources."""
        return len(self.ra)


def make_scene(recipe: Recipe, footprint: tuple[Floats, Floats], centre: Pair, *, seed: int) -> Scene:
    """Draw the sources of a visit.

    Parameters
    ----------
    recipe : Recipe
    footprint : pair of float64 arrays
        Corners of all chips in the tangent plane of the centre, degrees.
    centre : (float, float)
        Right ascension and declination, degrees.
    seed : int
    """
    rng = np.random.default_rng([seed, 10])
    n_stars, n_galaxies = recipe.number_of_stars, recipe.number_of_galaxies
    n = n_stars + n_galaxies
    xi = rng.uniform(footprint[0].min() - _MARGIN_DEG, footprint[0].max() + _MARGIN_DEG, n)
    eta = rng.uniform(footprint[1].min() - _MARGIN_DEG, footprint[1].max() + _MARGIN_DEG, n)
    ra, dec = plane_to_sky(xi, eta, centre)
    motion = np.zeros((2, n))
    motion[:, :n_stars] = rng.normal(_BULK_MAS_YR, _DISPERSION_MAS_YR, (n_stars, 2)).T
    shape = np.zeros((4, n))
    shape[:, n_stars:] = [
        rng.uniform(3.0, 9.0, n_galaxies),
        rng.choice([1.0, 1.5, 2.5], n_galaxies),
        rng.uniform(0.35, 1.0, n_galaxies),
        rng.uniform(0.0, np.pi, n_galaxies),
    ]
    flux = _fluxes(recipe, n_stars, n_galaxies=n_galaxies, rng=rng)
    return Scene(ra, dec, motion[0], motion[1], flux, n_stars, shape[0], shape[1], shape[2], shape[3])


def _fluxes(recipe: Recipe, n_stars: int, *, n_galaxies: int, rng: np.random.Generator) -> Floats:
    """A power law cut at the bright end; the other filters by the colour of each star."""
    stars = np.minimum(_FAINTEST * rng.uniform(size=n_stars) ** (-1 / _SLOPE), _BRIGHTEST)
    galaxies = _GALAXY_FLUX * rng.lognormal(0.0, 0.8, n_galaxies)
    first = np.concatenate([stars, galaxies])
    ratios = recipe.detector.flux_ratios
    columns = [first]
    for i in range(1, len(recipe.filter_names)):
        mean, dex = ratios[min(i, len(ratios) - 1)]
        columns.append(first * mean * 10 ** rng.normal(0.0, dex, len(first)))
    return np.stack(columns, axis=1)


def gaia_catalog(scene: Scene, *, epoch: float, limit: int, seed: int) -> dict[str, NDArray[np.float64]]:
    """The brighter stars as the Gaia archive would list them: at 2016.0, with errors.

    Parameters
    ----------
    scene : Scene
    epoch : float
        Julian year of the scene's positions.
    limit : int
        How many stars are bright enough.
    seed : int

    Returns
    -------
    dict
        Columns named as in the Gaia archive: degrees, mas, mas/yr, mag.
    """
    rng = np.random.default_rng([seed, 11])
    flux = scene.flux[: scene.n_stars, 0]
    bright = np.sort(np.argsort(-flux, kind="stable")[:limit])
    magnitude = 22.5 - 2.5 * np.log10(flux[bright])
    error = 0.05 + 0.9 * 10 ** (0.4 * (np.minimum(magnitude, 21.0) - 21.0))
    years = GAIA_EPOCH - epoch
    noise = rng.standard_normal((4, len(bright))) * error
    dec = scene.dec[bright] + (scene.pmdec[bright] * years + noise[1]) / MAS_PER_DEG
    stretch = np.cos(np.radians(dec)) * MAS_PER_DEG
    return {
        "ra": scene.ra[bright] + (scene.pmra[bright] * years + noise[0]) / stretch,
        "dec": dec,
        "ra_error": error,
        "dec_error": error,
        "pmra": scene.pmra[bright] + noise[2],
        "pmdec": scene.pmdec[bright] + noise[3],
        "pmra_error": error,
        "pmdec_error": error,
        "ref_epoch": np.full(len(bright), GAIA_EPOCH),
        "phot_g_mean_mag": magnitude,
    }


def pixel_area(wcs: ChipWcs, x: Floats, y: Floats, *, scale_arcsec: float) -> Floats:
    """Area of pixels on the sky relative to the nominal pixel.

    A flat-fielded point source has its flux divided by this.

    Examples
    --------
    >>> wcs = ChipWcs((0, 0), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (100, 100))
    >>> float(pixel_area(wcs, np.array([5.0]), np.array([5.0]), scale_arcsec=0.036)[0].round(9))
    1.0
    """
    left, right = wcs.pixel_to_plane(x - 0.5, y), wcs.pixel_to_plane(x + 0.5, y)
    low, high = wcs.pixel_to_plane(x, y - 0.5), wcs.pixel_to_plane(x, y + 0.5)
    along_x = right[0] - left[0], right[1] - left[1]
    along_y = high[0] - low[0], high[1] - low[1]
    area = np.abs(along_x[0] * along_y[1] - along_x[1] * along_y[0])
    return np.asarray(area * (3600.0 / scale_arcsec) ** 2)


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """Where the sources of a scene fall on one chip.

    Parameters
    ----------
    x, y : float64 arrays
        0-based pixels, far off the chip for most sources of the other chip.
    electrons : float64 array
        Sum of the pixels of each source, pixel area accounted for.
    """

    x: Floats
    y: Floats
    electrons: Floats


def observe(scene: Scene, wcs: ChipWcs, *, rates: Floats, exptime: float, scale_arcsec: float) -> Seen:
    """Project a scene onto a chip."""
    x, y = wcs.sky_to_pixel(scene.ra, scene.dec)
    ny, nx = wcs.shape
    # sources far off the chip are out of reach of its distortion polynomial
    inside = (x > -100) & (x < nx + 100) & (y > -100) & (y < ny + 100)
    x, y = np.where(inside, x, np.nan), np.where(inside, y, np.nan)
    area = pixel_area(wcs, np.where(inside, x, 0.0), np.where(inside, y, 0.0), scale_arcsec=scale_arcsec)
    return Seen(x, y, rates * exptime / area)


def paint_galaxies(image: NDArray[np.float32], scene: Scene, *, seen: Seen, psf: Psf) -> None:
    """Add the galaxies of a scene to an image of electrons, in place.

    Sersic profiles on a grid three times finer than the pixels, their cusp softened by the width of
    the PSF's core.
    """
    for i in range(scene.n_stars, scene.size):
        if not np.isnan(seen.x[i]):
            stamp, left, bottom = _galaxy(scene, seen, i, soft=psf.core_pix)
            add(image, stamp, left=left, bottom=bottom)


def _galaxy(scene: Scene, seen: Seen, i: int, *, soft: float) -> tuple[NDArray[np.float32], int, int]:
    """The stamp of one galaxy and the pixel of its corner."""
    radius, n = scene.radius_pix[i], scene.sersic[i]
    half = int(np.ceil(5 * radius))
    left, bottom = int(np.rint(seen.x[i])) - half, int(np.rint(seen.y[i])) - half
    fine = (np.arange((2 * half + 1) * _OVERSAMPLE) + 0.5) / _OVERSAMPLE - 0.5
    dx, dy = fine[None, :] + left - seen.x[i], fine[:, None] + bottom - seen.y[i]
    c, s = np.cos(scene.angle[i]), np.sin(scene.angle[i])
    major, minor = c * dx + s * dy, (c * dy - s * dx) / scene.axis_ratio[i]
    r = np.sqrt(major**2 + minor**2 + soft**2) / radius
    b = 2 * n - 1 / 3 + 4 / (405 * n)  # Ciotti & Bertin 1999
    profile = np.exp(-b * (r ** (1 / n) - 1))
    side = 2 * half + 1
    pixels = profile.reshape(side, _OVERSAMPLE, side, _OVERSAMPLE).sum((1, 3))
    stamp = (seen.electrons[i] / pixels.sum() * pixels).astype(np.float32)
    return stamp, left, bottom
