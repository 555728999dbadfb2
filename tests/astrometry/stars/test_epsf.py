"""The shape of stars from the stars themselves, on stars that are no Gaussians."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from trueup.astrometry.stars.epsf import best_width, effective_psf, phase_errors, sampled
from trueup.astrometry.stars.fitting import Fitted, fit_profiles
from trueup.astrometry.stars.profile import Gaussian, light_in_pixels

Floats = NDArray[np.float64]


def skewed_stars(count: int, *, core: float, seed: int) -> tuple[Floats, Floats, Floats]:
    """Stamps (n, 7, 7) of stars with a sharp core, a skirt to one side and wings, and their centres."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(-0.5, 0.5, (2, count))
    parts = ((0.75, core, 0.0), (0.17, 1.8 * core, 0.25), (0.08, 5.0, 0.0))
    light = sum(w * light_in_pixels(Gaussian(f), x + shift, y, half=3)[0] for w, f, shift in parts)
    flux = 10 ** rng.uniform(4, 5, count)
    pixels = flux[:, None, None] * light
    return rng.normal(pixels, np.sqrt(pixels + 16)), x, y


def scatter(fit: Fitted, x: Floats, y: Floats) -> float:
    """Of the errors in x and y about their means."""
    return float(np.hypot(np.std(fit.x - x), np.std(fit.y - y)))


@pytest.mark.parametrize(
    ("core", "assumed", "better"), [(1.0, 0.8, 2.0), (1.6, 1.9, 1.0)], ids=["IR", "UVIS"]
)
def test_errors_by_pixel_phase_go_away(core: float, assumed: float, better: float) -> None:
    stamps, x, y = skewed_stars(250, core=core, seed=1)
    noise = np.full((1, 1, 1), 4.0)
    inner = stamps[:, 1:-1, 1:-1]
    width = best_width(inner, fwhm_pix=assumed, noise=noise, gain=1.0)
    psf = effective_psf(stamps, fwhm_pix=width, noise=noise, gain=1.0)
    blind = fit_profiles(inner, profile=Gaussian(assumed), noise=noise, gain=1.0)
    shaped = fit_profiles(inner, profile=psf, noise=noise, gain=1.0, wrong=0.03)
    assert better * scatter(shaped, x, y) < scatter(blind, x, y)
    assert np.median(shaped.mismatch) < 0.5 * np.median(blind.mismatch)


def test_the_list_as_a_whole_does_not_move() -> None:
    stamps, *_ = skewed_stars(250, core=1.6, seed=2)
    noise = np.full((1, 1, 1), 4.0)
    width = best_width(stamps[:, 1:-1, 1:-1], fwhm_pix=1.8, noise=noise, gain=1.0)
    psf = effective_psf(stamps, fwhm_pix=width, noise=noise, gain=1.0)
    for error in phase_errors(Gaussian(width), psf, half=2):
        assert abs(error.mean()) < 1e-3


def test_gaussian_stars_lose_nothing() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.uniform(-0.5, 0.5, (2, 60))
    pixels = 2e4 * light_in_pixels(Gaussian(1.9), x, y, half=3)[0]
    stamps, noise = rng.normal(pixels, np.sqrt(pixels + 16)), np.full((1, 1, 1), 4.0)
    psf = effective_psf(stamps, fwhm_pix=1.9, noise=noise, gain=1.0)
    inner = stamps[:, 1:-1, 1:-1]
    right = fit_profiles(inner, profile=Gaussian(1.9), noise=noise, gain=1.0)
    shaped = fit_profiles(inner, profile=psf, noise=noise, gain=1.0, wrong=0.03)
    assert scatter(shaped, x, y) < 1.15 * scatter(right, x, y)


def test_a_few_cosmic_rays_among_the_stars_do_no_harm() -> None:
    stamps, *_ = skewed_stars(100, core=1.6, seed=4)
    hit = stamps.copy()
    hit[::12, 1, 5] += 2e4
    noise = np.full((1, 1, 1), 4.0)
    at = np.array([0.2]), np.array([-0.3])
    clean, dirty = (
        light_in_pixels(effective_psf(some, fwhm_pix=1.7, noise=noise, gain=1.0), *at, half=2)[0]
        for some in (stamps, hit)
    )
    assert np.abs(clean - dirty).max() < 0.02 * clean.max()


@pytest.mark.parametrize("true", [1.1, 1.3, 2.2])
def test_the_width_is_found_within_its_limits(true: float) -> None:
    rng = np.random.default_rng(5)
    x, y = rng.uniform(-0.5, 0.5, (2, 12))
    stamps = 1e4 * light_in_pixels(Gaussian(true), x, y, half=2)[0]
    found = best_width(stamps, fwhm_pix=1.2, noise=np.ones((1, 1, 1)), gain=1.0)
    assert found == pytest.approx(min(true, 1.2 * 1.4), abs=0.04)


def test_a_sampled_gaussian_has_the_slopes_of_the_gaussian() -> None:
    x, y = np.array([0.31, -0.2]), np.array([0.05, 0.44])
    spline, exact = sampled(Gaussian(1.7), half=5), Gaussian(1.7)
    for ours, true in zip(
        light_in_pixels(spline, x, y, half=2), light_in_pixels(exact, x, y, half=2), strict=True
    ):
        np.testing.assert_allclose(ours, true, atol=2e-3)
