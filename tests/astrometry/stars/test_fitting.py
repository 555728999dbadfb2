"""Profile fits against integrals made another way."""

from __future__ import annotations

import numpy as np
import pytest

from trueup.astrometry.stars.fitting import fit_profiles
from trueup.astrometry.stars.profile import Gaussian, pixel_profile


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
