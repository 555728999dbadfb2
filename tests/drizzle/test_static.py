"""The static mask on values made here; test_sky_peer.py compares it with AstroDrizzle's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from trueup.drizzle.static import Signature, StaticMask, signature_of, static_mask, static_threshold
from trueup.fits.exposure import read_exposure
from trueup.model.exposure import Exposure
from trueup.simulate import Recipe, make_visit


@pytest.fixture
def exposures(tmp_path: Path) -> list[Exposure]:
    recipe = Recipe(size=(200, 160), exposures=2, filters=("F336W",), stars=10, galaxies=0)
    truth = make_visit(tmp_path, seed=2, recipe=recipe)
    for number, exposure in enumerate(truth.exposures):
        with fits.open(exposure.path, mode="update") as hdus:
            noise = np.random.default_rng(number).normal(20, 4, (2, 160, 200)).clip(10, 30)
            for extver in (1, 2):
                hdus["SCI", extver].data[:] = noise[extver - 1]
                hdus["SCI", extver].data[40 + number, 50] = -300
    return [read_exposure(exposure.path) for exposure in truth.exposures]


def test_a_pixel_that_is_low_in_any_exposure_is_masked_in_all(exposures: list[Exposure]) -> None:
    mask = static_mask(exposures)
    for exposure in exposures:
        for chip in exposure.chips:
            good = mask.good(exposure, chip)
            assert np.argwhere(~good).tolist() == [[40, 50], [41, 50]]
    assert (~static_mask(exposures[:1]).good(exposures[1], exposures[1].chips[0])).sum() == 1


def test_threads_change_nothing(exposures: list[Exposure]) -> None:
    one, four = static_mask(exposures, threads=1), static_mask(exposures, threads=4)
    assert {k: v.tobytes() for k, v in one.planes.items()} == {k: v.tobytes() for k, v in four.planes.items()}


def test_sigma_sets_how_low_is_low() -> None:
    image = np.random.default_rng(5).normal(50, 5, (300, 300)).astype(np.float32)
    image[3, 4] = 1e5
    assert static_threshold(image) == pytest.approx(30, abs=1.5)
    assert static_threshold(image, 2.0) == pytest.approx(40, abs=1.5)


def test_subarrays_elsewhere_on_the_detector_do_not_share_a_mask(exposures: list[Exposure]) -> None:
    first, second = (signature_of(exposures[0], chip) for chip in exposures[0].chips)
    assert first.ccdchip != second.ccdchip
    assert first == signature_of(exposures[1], exposures[1].chips[0])


def test_without_spread_nothing_is_masked() -> None:
    mask, signature = StaticMask(), Signature("IR", 1, (3, 3))
    flat = np.zeros((3, 3), np.float32)
    mask.add(signature, flat, threshold=static_threshold(flat))
    assert mask.planes[signature].all()
    assert static_threshold(np.full((3, 3), np.nan, np.float32)) is None


def test_a_pixel_that_is_not_a_number_is_not_low() -> None:
    mask, signature = StaticMask(), Signature("IR", 1, (1, 3))
    mask.add(signature, np.array([[np.nan, 1, -9]], np.float32), threshold=0.0)
    assert mask.planes[signature].tolist() == [[True, True, False]]
