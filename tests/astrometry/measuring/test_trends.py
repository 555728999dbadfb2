"""Trends in residuals: found where they are, not where they are not, and what they do to a verdict."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from trueup.astrometry.measuring.residuals import Residuals
from trueup.astrometry.measuring.trends import doubted, trends
from trueup.astrometry.pairs.fit import Fit

Floats = NDArray[np.float64]
AGAINST = ("x", "y", "magnitude", "pixel phase x", "pixel phase y", "amplifier")


def residuals(seed: int, n: int = 60, outliers: int = 0, **slopes: float) -> Residuals:
    """Residuals with Gaussian errors of 0.01 to 0.05 pixel; slopes in y per unit, over a range of 2."""
    rng = np.random.default_rng(seed)
    against = {name: rng.uniform(-1, 1, n) for name in AGAINST}
    sigma = rng.uniform(0.01, 0.05, n)
    x, y = rng.normal(0, 1, (2, n)) * sigma
    for name, slope in slopes.items():
        y += slope * against[name.replace("_", " ")]
    weight = np.ones(n)
    y[:outliers] += 5.0 * against["magnitude"][:outliers]
    weight[:outliers] = 0.0
    return Residuals("named", "other", x, y, sigma, weight, 40.0, against, np.arange(n), np.arange(n))


def test_chance_makes_no_trends() -> None:
    """Three sigma, ten lines tried: one set of residuals in 370 may have one."""
    best = np.array([trends(residuals(seed, n=12 + seed % 60))[0].significance for seed in range(600)])
    assert (best > 3).sum() <= 6
    assert 0.02 < (best > 2).mean() < 0.09


@pytest.mark.parametrize("name", ["x", "y", "magnitude", "pixel_phase_y", "amplifier"])
def test_a_trend_is_found_and_measured(name: str) -> None:
    found = trends(residuals(1, **{name: 0.05}))[0]
    assert (found.along, found.against) == ("y", name.replace("_", " "))
    assert found.slope == pytest.approx(0.05, abs=0.012)
    assert found.effect_pix == pytest.approx(0.05 * 1.8, abs=0.03)
    assert found.significance > 4
    assert found.matters


def test_outliers_make_no_trend() -> None:
    assert not any(trend.matters for trend in trends(residuals(2, outliers=8)))


def test_a_small_effect_does_not_matter_however_certain() -> None:
    found = trends(residuals(3, n=5000, magnitude=0.015))[0]
    assert found.significance > 10
    assert not found.matters


def test_a_pass_is_withdrawn_and_nothing_else_changes() -> None:
    found = trends(residuals(4, magnitude=0.08))
    doubt = doubted(Fit(n=60, verdict="pass", why="0.2 mas"), found)
    assert doubt.verdict == "undecided"
    assert doubt.why.startswith("0.2 mas, but residuals in y follow magnitude: 0.1")
    for verdict in ("fail", "undecided", "unmeasurable"):
        assert doubted(Fit(n=60, verdict=verdict), found).verdict == verdict
    assert doubted(Fit(n=60, verdict="pass"), trends(residuals(4))).verdict == "pass"


def test_few_stars_and_no_range() -> None:
    assert trends(residuals(5, n=7)) == ()
    one = residuals(6)
    flat = Residuals(
        "a", "b", one.x, one.y, one.sigma, one.weight, 40.0, {"y": np.ones(60)}, one.stars, one.partners
    )
    assert [trend.significance for trend in trends(flat)] == [0.0, 0.0]


def test_certainty_beyond_floating_point() -> None:
    rest = residuals(7, n=4000, magnitude=5.0)
    assert 50 < trends(rest)[0].significance < np.inf
