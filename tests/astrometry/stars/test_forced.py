"""Stars at known places: what is found, how well, and that empty places stay empty."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from trueup.astrometry.stars.forced import measure_at
from trueup.astrometry.stars.profile import Gaussian, light_in_pixels
from trueup.astrometry.stars.sources import Sources

Floats = NDArray[np.float64]

_FWHM, _NOISE = 1.9, 5.0
_RAY = 3000.0


@pytest.fixture(scope="module")
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def _image(rng: np.random.Generator, x: Floats, y: Floats, flux: float) -> NDArray[np.float32]:
    image = rng.normal(2.0, _NOISE, (700, 700))
    profile = Gaussian(_FWHM)
    for at_x, at_y in zip(x, y, strict=True):
        i, j = round(at_x), round(at_y)
        share = light_in_pixels(profile, np.array([at_x - i]), np.array([at_y - j]), half=4)[0][0]
        light = flux * share
        image[j - 4 : j + 5, i - 4 : i + 5] += light + rng.normal(0, 1, light.shape) * np.sqrt(light)
    return image.astype(np.float32)


def _grid(rng: np.random.Generator) -> tuple[Floats, Floats]:
    x, y = (part.ravel() for part in np.meshgrid(np.arange(20.0, 680, 22), np.arange(20.0, 680, 22)))
    return x + rng.uniform(-0.5, 0.5, len(x)), y + rng.uniform(-0.5, 0.5, len(y))


def _look(image: NDArray[np.float32], rng: np.random.Generator, x: Floats, y: Floats) -> Sources:
    near = x + rng.normal(0, 0.1, len(x)), y + rng.normal(0, 0.1, len(y))
    return measure_at(image, near, fwhm_pix=_FWHM, gain=1.0, psf=Gaussian(_FWHM))


def _errors(found: Sources, x: Floats, y: Floats) -> Floats:
    """Errors of x and y over what is claimed."""
    nearest = np.argmin(np.hypot(found.x[:, None] - x, found.y[:, None] - y), axis=1)
    return np.concatenate([found.x - x[nearest], found.y - y[nearest]]) / np.tile(found.sigma, 2)


@pytest.mark.parametrize(("flux", "least"), [(120.0, 0.8), (250.0, 0.97), (1000.0, 0.97)])
def test_faint_stars_are_found_and_their_errors_are_honest(
    rng: np.random.Generator, flux: float, least: float
) -> None:
    x, y = _grid(rng)
    found = _look(_image(rng, x, y, flux), rng, x, y)
    assert len(found) > least * len(x)
    assert 0.8 < np.sqrt(np.mean(_errors(found, x, y) ** 2)) < 1.3


def test_a_star_beside_a_ray_is_measured_on_the_other_pixels(rng: np.random.Generator) -> None:
    x, y = _grid(rng)
    image = _image(rng, x, y, 1000.0)
    for at_x, at_y in zip(np.rint(x).astype(int), np.rint(y).astype(int), strict=True):
        image[at_y + 1 : at_y + 3, at_x - 1 : at_x + 2] += np.float32(_RAY)
    found = _look(image, rng, x, y)
    assert len(found) > 0.7 * len(x)
    assert np.median(np.abs(_errors(found, x, y))) < 1.0


def test_places_without_a_star_stay_empty(rng: np.random.Generator) -> None:
    x, y = _grid(rng)
    assert len(_look(_image(rng, x[:0], y[:0], 0.0), rng, x, y)) < 0.01 * len(x)


def test_unknown_pixels_and_borders_are_no_stars() -> None:
    blank = np.full((60, 60), np.nan, np.float32)
    places = np.array([-3.0, 30.0, 59.0]), np.array([30.0, 30.0, 30.0])
    assert len(measure_at(blank, places, fwhm_pix=_FWHM, gain=1.0, psf=Gaussian(_FWHM))) == 0
