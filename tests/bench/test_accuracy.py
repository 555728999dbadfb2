"""Full-size frames with known truth, measured from pixels; `make bench` does the same with many seeds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.astrometry.cases import CASES
from bench.astrometry.frames import Trial, make_frames
from bench.astrometry.pixels import SHAPE, add_cosmic_rays
from bench.astrometry.psf import TelescopePsf
from bench.astrometry.trial import run

CASE = {case.name: case for case in CASES}


@pytest.mark.parametrize(("series", "name"), [("G", "medium"), ("R", "uv"), ("R", "absolute-46")])
def test_offset_is_measured_as_well_as_claimed(series: str, name: str, tmp_path: Path) -> None:
    outcome = run(make_frames(Trial(series, CASE[name], 8800), tmp_path))
    for axis in ("east", "north"):
        assert abs(outcome.errors[axis]) < 2 * CASE[name].bars.axis_mas[series]
        assert abs(outcome.errors[axis]) < 5 * outcome.sigmas[axis]
    assert outcome.fit.verdict == "fail"


def test_light_of_the_telescope() -> None:
    psf = TelescopePsf("F336W", upper=False, focus_nm=12.0)
    # a star on a pixel and stars half a pixel to either side of one
    light = {}
    for offset in (-0.5, 0.0, 0.5):
        image = np.zeros((99, 99), np.float32)
        psf.stamp(image, (np.array([49.0 + offset]), np.array([49.0]), np.array([1e5])))
        light[offset] = image
    assert light[0.0].sum() == pytest.approx(1e5, rel=0.02)
    assert light[0.5][49, 49] == pytest.approx(light[-0.5][49, 49], rel=2e-3)
    assert 0.12 < light[0.0].max() / 1e5 < 0.24


@pytest.mark.parametrize("fraction", [0.03, 0.05])
def test_cosmic_rays_hit_as_many_pixels_as_asked(fraction: float) -> None:
    image = np.zeros(SHAPE, np.float32)
    add_cosmic_rays(image, np.random.default_rng(1), fraction=fraction)
    assert np.mean(image > 10.0) == pytest.approx(fraction, rel=0.1)
