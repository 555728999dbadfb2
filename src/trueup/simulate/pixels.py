"""From sources to the SCI, ERR and DQ planes of one chip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trueup.model.chipwcs import Floats
from trueup.simulate.detectors import Detector
from trueup.simulate.psf import Psf
from trueup.simulate.recipe import Recipe
from trueup.simulate.scene import Scene, Seen, paint_galaxies

BAD, HOT, WARM, SATURATED, FLAT, COSMIC = 4, 16, 64, 256, 512, 4096

_HOT_FRACTION, _WARM_FRACTION = 0.003, 0.004
_SPOTS_PER_MPIX, _UNFLAGGED_PER_MPIX = 1.0, 5.0
_BAD_COLUMNS_PER_CHIP = 6
_RAY_REFERENCE_S = 600.0
_RAY_MEAN_PIXELS = 9.3
_RAY_LONGEST_PIX = 40.0
_RAY_FLAGGED = 0.9
_CORE_PEAK = 2000.0  # electrons; star cores above are wrongly flagged now and then
_CORE_FLAGGED = 0.3

Image = NDArray[np.float32]
Mask = NDArray[np.int16]


@dataclass(frozen=True, slots=True, eq=False)
class Planes:
    """The planes of one chip: SCI and ERR float32 in the units of the detector, DQ int16."""

    sci: Image
    err: Image
    dq: Mask


@dataclass(frozen=True, slots=True)
class Readout:
    """The circumstances of one chip of one exposure.

    Parameters
    ----------
    chip, exposure : int
        Index of the chip in the detector and of the exposure in the visit.
    exptime : float
        Seconds.
    sky : float
        Electrons per second and pixel.
    psf : Psf
    seed : int
    """

    chip: int
    exposure: int
    exptime: float
    sky: float
    psf: Psf
    seed: int

    def rng(self, *tags: int) -> np.random.Generator:
        """A generator of this readout, or of the chip alone with tag 0."""
        exposure = 0 if tags == (0,) else 1 + self.exposure
        return np.random.default_rng([self.seed, exposure, self.chip, *tags])


def expose(recipe: Recipe, scene: Scene, *, seen: Seen, readout: Readout) -> Planes:
    """Make the planes of one chip.

    Parameters
    ----------
    recipe : Recipe
    scene : Scene
    seen : Seen
        The scene on this chip.
    readout : Readout
    """
    detector = recipe.detector
    level = readout.sky if recipe.constant is None else recipe.constant
    image = np.full(recipe.shape, level * readout.exptime, np.float32)
    stars = slice(0, scene.n_stars)
    x, y, electrons = seen.x[stars], seen.y[stars], seen.electrons[stars]
    y = y + _cte_shift(y, electrons, recipe=recipe, chip=readout.chip)
    readout.psf.stamp(image, (x, y, electrons))
    paint_galaxies(image, scene, seen=seen, psf=readout.psf)
    dq = np.zeros(recipe.shape, np.int16)
    read_noise = detector.read_noise[2 if readout.chip == 0 else 0]
    clean = image.copy() if recipe.noise else image
    if recipe.noise:
        _add_defects(image, dq, readout)
        _add_cosmic_rays(image, dq, readout=readout, fraction=_ray_fraction(recipe, readout.exptime))
    variance = np.maximum(image, 0) + np.float32(detector.background + read_noise**2)
    err = np.sqrt(variance, out=variance)
    if recipe.noise:
        image += err * readout.rng(1).standard_normal(recipe.shape, dtype=np.float32)
        _saturate(image, dq, detector)
        _flag_star_cores(clean, dq, x=x, y=y, readout=readout)
    if detector.counts_per_second:
        image /= np.float32(readout.exptime)
        err /= np.float32(readout.exptime)
    return Planes(image, err, dq)


def _ray_fraction(recipe: Recipe, exptime: float) -> float:
    # up-the-ramp sampling removes nearly all of them from infrared frames
    survivors = 0.02 if recipe.detector.is_ir else 1.0
    return recipe.cosmic_rays * survivors * exptime / _RAY_REFERENCE_S


def _cte_shift(y: Floats, electrons: Floats, *, recipe: Recipe, chip: int) -> Floats:
    """Charge lags behind on its way to the amplifier: below the first chip, above the second."""
    rows = recipe.detector.shape[0]
    below = chip == 0
    travelled = (y if below else recipe.shape[0] - 1 - y) / rows
    faint = (500.0 / np.maximum(electrons, 50.0)) ** 0.4
    return (1.0 if below else -1.0) * recipe.cte_pix * travelled * faint


def _add_defects(image: Image, dq: Mask, readout: Readout) -> None:
    """Defects that stay where they are on the detector: flagged ones, and sources that are none."""
    rng = readout.rng(0)
    ny, nx = image.shape
    mpix = image.size / 1e6
    for flag, fraction, rate in ((HOT, _HOT_FRACTION, 0.25), (WARM, _WARM_FRACTION, 0.04)):
        n = round(fraction * image.size)
        at = rng.integers(0, ny, n), rng.integers(0, nx, n)
        image[at] += (rate * readout.exptime * rng.exponential(1.0, n)).astype(np.float32)
        dq[at] |= flag
    n = max(4, round(_UNFLAGGED_PER_MPIX * mpix))
    at = rng.integers(0, ny, n), rng.integers(0, nx, n)
    image[at] += rng.uniform(300.0, 4000.0, n).astype(np.float32)
    n = max(4, round(_SPOTS_PER_MPIX * mpix))
    spots = rng.uniform(0, nx, n), rng.uniform(0, ny, n), rng.uniform(300.0, 4000.0, n)
    readout.psf.stamp(image, spots)
    for column in rng.integers(0, nx, _BAD_COLUMNS_PER_CHIP):
        start = rng.integers(0, ny)
        image[start:, column] *= np.float32(0.6)
        dq[start:, column] |= BAD
    for _ in range(max(1, round(mpix / 2))):
        _flag_disk(dq, rng.uniform(0, nx), y=rng.uniform(0, ny), radius=rng.uniform(4, 9))


def _flag_disk(dq: Mask, x: float, *, y: float, radius: float) -> None:
    ny, nx = dq.shape
    rows = np.arange(max(0, int(y - radius)), min(ny, int(y + radius) + 2))
    columns = np.arange(max(0, int(x - radius)), min(nx, int(x + radius) + 2))
    inside = (rows[:, None] - y) ** 2 + (columns - x) ** 2 <= radius**2
    dq[np.ix_(rows, columns)] |= np.where(inside, FLAT, 0).astype(np.int16)


def _add_cosmic_rays(image: Image, dq: Mask, *, readout: Readout, fraction: float) -> None:
    """Tracks of random length and direction; most are flagged as the archive's run would."""
    rng = readout.rng(2)
    ny, nx = image.shape
    n = rng.poisson(fraction * image.size / _RAY_MEAN_PIXELS)
    length = np.minimum(1.0 + rng.exponential(5.0, n), _RAY_LONGEST_PIX)
    angle = rng.uniform(0, 2 * np.pi, n)
    steps = np.maximum(1, np.rint(2 * length)).astype(int)
    ray = np.repeat(np.arange(n), steps)
    along = 0.5 * (np.arange(len(ray)) - np.repeat(np.cumsum(steps) - steps, steps))
    spread = rng.normal(0.0, 0.45, (2, len(ray)))
    x = rng.uniform(0, nx, n)[ray] + along * np.cos(angle)[ray] + spread[0]
    y = rng.uniform(0, ny, n)[ray] + along * np.sin(angle)[ray] + spread[1]
    charge = rng.lognormal(4.6, 0.9, n)[ray] * rng.uniform(0.3, 1.7, len(ray))
    i, j = np.rint(x).astype(np.intp), np.rint(y).astype(np.intp)
    inside = (i >= 0) & (i < nx) & (j >= 0) & (j < ny)
    hit = (j * nx + i)[inside]
    np.add.at(image.reshape(-1), hit, charge[inside].astype(np.float32))
    flagged = (rng.uniform(size=n) < _RAY_FLAGGED)[ray][inside]
    dq.reshape(-1)[hit[flagged]] |= COSMIC


def _saturate(image: Image, dq: Mask, detector: Detector) -> None:
    full = image > detector.full_well
    image[full] = detector.full_well
    dq[full] |= SATURATED


def _flag_star_cores(clean: Image, dq: Mask, *, x: Floats, y: Floats, readout: Readout) -> None:
    """The archive's cosmic-ray rejection ran with misaligned exposures: it took cores for hits."""
    ny, nx = clean.shape
    on = ~np.isnan(x)
    i, j = np.rint(x[on]).astype(int), np.rint(y[on]).astype(int)
    inside = (i >= 1) & (i < nx - 1) & (j >= 1) & (j < ny - 1)
    i, j = i[inside], j[inside]
    chosen = (clean[j, i] > _CORE_PEAK) & (readout.rng(3).uniform(size=len(i)) < _CORE_FLAGGED)
    dq[j[chosen], i[chosen]] |= COSMIC
