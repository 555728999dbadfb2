"""Sources are found among cosmic rays, and their centres and errors are right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial import KDTree

from trueup.astrometry.stars.sky import measure_sky
from trueup.astrometry.stars.sources import Detection, Sources, find_sources
from trueup.errors import UsageError

# the conftest's scene: positions x, y and fluxes of an image
MakeScene = Callable[..., Any]


def _nearest(found: Sources, scene: Any) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    distance, index = KDTree(np.c_[scene.x, scene.y]).query(np.c_[found.x, found.y])
    return distance, index


@pytest.mark.parametrize("seed", range(3))
def test_best_tier_holds_stars_and_no_cosmic_rays(scene: MakeScene, seed: int) -> None:
    made = scene(seed)
    found = find_sources(made.image, fwhm_pix=2.0, gain=1.0)
    distance, _ = _nearest(found, made)
    best = found.tier == 0
    assert (distance[best] < 0.2).mean() > 0.95
    assert best.sum() > 0.5 * len(made.x)


def test_centres_are_right_although_stars_are_no_gaussians(scene: MakeScene) -> None:
    made = scene(5, count=120, rays=0.0)
    found = find_sources(made.image, fwhm_pix=2.0, gain=1.0)
    distance, index = _nearest(found, made)
    isolated = KDTree(np.c_[made.x, made.y]).query(np.c_[made.x, made.y], k=2)[0][:, 1] > 12
    good = (distance < 0.5) & isolated[index] & (found.snr > 100)
    assert good.sum() > 12
    assert np.sqrt(np.mean((found.x - made.x[index])[good] ** 2)) < 0.015
    assert abs(np.mean((found.y - made.y[index])[good])) < 0.005


def test_errors_of_faint_stars_are_honest(scene: MakeScene) -> None:
    rng = np.random.default_rng(1)
    rows, columns = np.mgrid[20:780:25, 20:780:25]
    x, y = (
        (columns + rng.uniform(-0.5, 0.5, rows.shape)).ravel(),
        (rows + rng.uniform(-0.5, 0.5, rows.shape)).ravel(),
    )
    made = scene(2, shape=(800, 800), stars=(x, y, np.full(x.size, 800.0)), rays=0.0)
    found = find_sources(made.image, fwhm_pix=2.0, gain=1.0)
    distance, index = _nearest(found, made)
    good = distance < 1.0
    assert good.sum() > 0.95 * x.size
    pull = (found.x - x[index])[good] / found.sigma[good]
    assert 0.8 < np.sqrt(np.mean(pull**2)) < 1.25


def test_masked_and_missing_pixels_give_no_source(scene: MakeScene) -> None:
    made = scene(3, rays=0.0)
    image = made.image.copy()
    image[:, :100] = np.nan
    mask = np.zeros(image.shape, bool)
    mask[:200] = True
    found = find_sources(image, fwhm_pix=2.0, mask=mask)
    assert len(found)
    assert found.x.min() > 99
    assert found.y.min() > 199


def test_input_is_left_alone(scene: MakeScene) -> None:
    image = scene(4).image
    before = image.copy()
    find_sources(image, fwhm_pix=2.0, mask=image > 100)
    np.testing.assert_array_equal(image, before)


def test_sky_gradient_and_float32_do_not_matter(scene: MakeScene) -> None:
    made = scene(6, rays=0.0)
    plain = find_sources(made.image, fwhm_pix=2.0)
    sloped = find_sources(
        (made.image + np.linspace(0, 40, made.image.shape[1])).astype(np.float32), fwhm_pix=2.0
    )
    bright = plain[plain.snr > 100]
    distance, _ = KDTree(np.c_[sloped.x, sloped.y]).query(np.c_[bright.x, bright.y])
    assert np.median(distance) < 0.005


def test_brightest_first_and_limited(scene: MakeScene) -> None:
    found = find_sources(scene(7).image, fwhm_pix=2.0, settings=Detection(limit=12))
    assert 0 < len(found) <= 12
    assert (np.diff(found.flux) <= 0).all()


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((80, 80)),
        np.full((80, 80), np.nan),
        np.zeros((3, 3)),
        np.random.default_rng(0).normal(0, 1, (90, 70)),
    ],
    ids=["constant", "no data", "tiny", "noise"],
)
def test_degenerate_images_give_next_to_nothing(image: NDArray[np.float64]) -> None:
    assert len(find_sources(image, fwhm_pix=2.0)) <= 1


def test_impossible_arguments_are_refused() -> None:
    with pytest.raises(UsageError, match="shape"):
        find_sources(np.zeros(5), fwhm_pix=2.0)
    with pytest.raises(UsageError, match="width"):
        find_sources(np.zeros((50, 50)), fwhm_pix=0.0)


def test_sky_is_not_moved_by_cosmic_rays_or_missing_pixels() -> None:
    rng = np.random.default_rng(0)
    image = rng.normal(100, 5, (256, 256))
    image[rng.uniform(size=image.shape) < 0.05] += 1000
    image[:, 200:] = np.nan
    sky = measure_sky(image)
    assert np.allclose(sky.level[:, :3], 100, atol=2)
    assert np.allclose(sky.noise[:, :3], 5, atol=1.5)
