"""Peaks against those of a maximum filter."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import maximum_filter

from trueup.astrometry.stars.detect import find_peaks
from trueup.astrometry.stars.sky import BLOCK, Sky


def test_peaks_are_those_of_a_maximum_filter() -> None:
    rng = np.random.default_rng(5)
    image = rng.normal(0, 1, (150, 331)).astype(np.float32)
    image[rng.uniform(size=image.shape) < 0.02] = np.nan
    level = rng.uniform(-0.5, 1.5, (3, 6))
    sky = Sky(level, np.zeros_like(level))
    y, x = find_peaks(image, sky, threshold=0.0, least=-np.inf, margin=3)
    filled = np.where(np.isnan(image), -np.inf, image)
    each = np.repeat(np.repeat(level, BLOCK, axis=0), BLOCK, axis=1)[:150, :331]
    expected = (filled == maximum_filter(filled, size=3)) & (filled > each)
    unknown = sum(np.isnan(np.roll(image, step, axis)) for step in (1, -1) for axis in (0, 1))
    expected &= unknown <= 1
    inner = np.zeros_like(expected)
    inner[3:-3, 3:-3] = True
    assert len(y) > 1000
    np.testing.assert_array_equal(np.stack([y, x], axis=1), np.argwhere(expected & inner))


def test_of_two_equal_neighbours_the_first_is_the_peak() -> None:
    image = np.zeros((9, 9), np.float32)
    image[4, 4] = image[4, 5] = image[5, 3] = 10
    sky = Sky(np.zeros((1, 1)), np.ones((1, 1)))
    y, x = find_peaks(image, sky, threshold=5, least=-1.0, margin=1)
    assert (y.tolist(), x.tolist()) == ([4], [4])
