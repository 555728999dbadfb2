"""Stars that stand beside brighter ones."""

from __future__ import annotations

import numpy as np
import pytest

from trueup.astrometry.stars.neighbours import in_wings, isolated, repeated


@pytest.mark.parametrize("distance", [3.0, 7.0, 15.0, 30.0, 60.0])
@pytest.mark.parametrize(("share", "hidden"), [(0.5, True), (2.0, False)])
def test_wings_fall_with_the_third_power_of_the_distance(distance: float, share: float, hidden: bool) -> None:
    faint = 100.0
    bright = faint * (distance / 2) ** 3 / share
    x = np.array([0.0, distance, 500.0])
    found = in_wings(x, np.zeros(3), np.array([bright, faint, faint]))
    assert found.tolist() == [False, hidden, False]


def test_a_crowd_hides_no_equal_stars() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.uniform(0, 300, (2, 800))
    assert not in_wings(x, y, np.full(800, 50.0)).any()


@pytest.mark.parametrize("count", [0, 1])
def test_lists_too_short_for_neighbours(count: int) -> None:
    one = np.ones(count)
    assert not in_wings(one, one, one).any()
    assert isolated(one, one, one, reach_pix=5.0).all()
    assert not repeated(one, one, one).any()
