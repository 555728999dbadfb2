"""Profile fits against integrals made another way."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import least_squares

from trueup.astrometry.stars.epsf import sampled
from trueup.astrometry.stars.fitting import fit_profiles
from trueup.astrometry.stars.profile import Gaussian, Spline, light_in_pixels, pixel_profile


def test_pixel_profile_is_the_integral_of_a_gaussian() -> None:
    fine = np.linspace(-0.5, 0.5, 20001)
    sigma = 2.1 / 2.354820045
    for offset in (-1.3, 0.0, 0.7):
        direct = (
            np.trapezoid(np.exp(-((fine + offset) ** 2) / 2 / sigma**2), fine) / sigma / np.sqrt(2 * np.pi)
        )
        assert pixel_profile(offset, 2.1) == pytest.approx(direct, rel=1e-6)


def test_a_cosmic_ray_beside_the_star_is_left_out_and_held_against_it() -> None:
    k = np.arange(-2, 3)
    clean = 5000 * np.outer(pixel_profile(k - 0.1, 2.0), pixel_profile(k + 0.25, 2.0))
    hit = clean.copy()
    hit[0, 4] += 3000
    fit = fit_profiles(np.stack([clean, hit]), profile=Gaussian(2.0), noise=np.full((1, 1, 1), 5.0), gain=1.0)
    assert fit.x[1] == pytest.approx(-0.25, abs=0.01)
    assert fit.y[1] == pytest.approx(0.1, abs=0.01)
    assert fit.mismatch[1] > fit.mismatch[0] + 1


def test_stamps_without_data_are_not_good() -> None:
    fit = fit_profiles(np.full((2, 5, 5), np.nan), profile=Gaussian(2.0), noise=np.ones((1, 1, 1)))
    assert not fit.good.any()
    assert len(fit_profiles(np.zeros((0, 5, 5)), profile=Gaussian(2.0), noise=np.ones((1, 1, 1))).x) == 0


def test_fits_are_least_squares_with_the_noise_of_each_pixel() -> None:
    """An optimiser that knows nothing of ours finds the same minimum, and the same error."""
    k = np.arange(-3, 4)

    def model(p: np.ndarray) -> np.ndarray:
        flux, x, y, sky = p
        return flux * np.outer(pixel_profile(k - y, 1.8), pixel_profile(k - x, 1.8)) + sky

    rng, sigma = np.random.default_rng(8), 6.0
    for truth in ([4000.0, 0.31, -0.22, 3.0], [900.0, -0.45, 0.08, -2.0]):
        stamp = model(np.array(truth)) + rng.normal(0, sigma, (7, 7))
        fit = fit_profiles(stamp[None], profile=Gaussian(1.8), noise=np.full((1, 1, 1), sigma), wrong=0.0)
        found = least_squares(
            lambda p, stamp=stamp: (model(p) - stamp).ravel() / sigma, truth, x_scale=np.abs(truth)
        )
        assert [fit.flux[0], fit.x[0], fit.y[0], fit.sky[0]] == pytest.approx(found.x, rel=1e-4, abs=1e-5)
        mismatch = max(2 * found.cost / (49 - 4), 1.0)
        errors = np.sqrt(np.diag(np.linalg.inv(found.jac.T @ found.jac)) * mismatch)
        assert fit.sigma[0] == pytest.approx(np.hypot(errors[1], errors[2]) / np.sqrt(2), rel=1e-3)


def test_each_star_may_have_a_profile_of_its_own() -> None:
    x, y, widths = np.array([0.2, -0.3]), np.array([0.1, 0.4]), (1.7, 2.2)
    tables = [sampled(Gaussian(width), half=6) for width in widths]
    both = Spline(np.concatenate([table.knots for table in tables]), tables[0].oversample)
    stamps = np.concatenate(
        [
            1e4 * light_in_pixels(Gaussian(width), x[k : k + 1], y[k : k + 1], half=2)[0]
            for k, width in enumerate(widths)
        ]
    )
    fit = fit_profiles(stamps, profile=both, noise=np.ones((1, 1, 1)), gain=1.0)
    np.testing.assert_allclose(np.stack([fit.x, fit.y]), [x, y], atol=1e-3)
    with pytest.raises(ValueError, match="profile of each star"):
        fit_profiles(np.concatenate([stamps, stamps]), profile=both, noise=np.ones((1, 1, 1)))
