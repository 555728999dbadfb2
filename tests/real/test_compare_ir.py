"""Real WFC3/IR pixels: quantised, undersampled, full of galaxies, under a WCS without distortion."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from trueup.fits.product_read import Product, read_product
from trueup.workflow.compare import register_products, view_of

NAMES = ("ib6o23rtq", "ib6o23rwq", "ib6o23rzq", "ib6o23s2q")


@pytest.fixture(scope="module")
def frames(real_data: Path) -> list[Product]:
    """The four dithered frames, read as if they were products: one image with a plain TAN."""
    return [read_product(real_data / "wfc3-ir-pixels" / f"{name}_flt.fits.gz") for name in NAMES]


def test_frames_are_read(frames: list[Product]) -> None:
    for frame in frames:
        assert (frame.filter, frame.detector, frame.wht) == ("F140W", "IR", None)
        assert frame.sci.shape == frame.wcs.shape
        assert frame.wcs.scale_arcsec() == pytest.approx(0.1283, abs=0.002)


def test_sources_are_found_and_verdicts_are_modest(frames: list[Product]) -> None:
    """Under a plain TAN the frames cannot agree to a tenth of a pixel: none may pass."""
    for a, b in itertools.combinations(frames, 2):
        pair = register_products(a, b)
        assert 10 < len(pair.sources_a) < 2000
        assert pair.registration.fit.verdict != "pass"
        assert np.isfinite(view_of(pair, half=20).a).any()


def test_a_frame_agrees_with_itself(frames: list[Product]) -> None:
    fit = register_products(frames[0], frames[0]).registration.fit
    assert fit.east_mas == pytest.approx(0, abs=1e-6)
    assert fit.rotation_deg == pytest.approx(0, abs=1e-9)
