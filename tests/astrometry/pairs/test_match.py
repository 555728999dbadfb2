"""Offsets are found among contaminants, and never where there are none."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray
from scipy.stats import poisson

from trueup.astrometry.pairs.match import detector_fixed, match, pair_up
from trueup.astrometry.pairs.peak import Search, log10_poisson_tail
from trueup.astrometry.pairs.plane import Projected

FIELD = 80_000.0


def projected(xy: ArrayLike, tier: ArrayLike = 0) -> Projected:
    xy = np.asarray(xy, float)
    n = len(xy)
    return Projected(xy, np.ones(n), np.arange(n, 0, -1.0), np.broadcast_to(np.int8(tier), n).copy())


def scatter(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    return rng.uniform(-FIELD, FIELD, (n, 2))


@pytest.mark.parametrize("offset", [(60.0, -35.0), (0.0, 0.0), (-1400.0, 900.0)])
def test_forty_stars_among_thousands_of_cosmic_rays(offset: tuple[float, float]) -> None:
    rng = np.random.default_rng(1)
    stars = scatter(rng, 40)
    a = projected(np.r_[stars, scatter(rng, 4000)])
    b = projected(np.r_[stars + offset + rng.normal(0, 2, (40, 2)), scatter(rng, 4000)])
    found = match(a, b)
    assert found.peak.log10_pfalse < -20
    assert (found.peak.east_mas, found.peak.north_mas) == pytest.approx(offset, abs=2)
    true = (found.a < 40) & (found.a == found.b)
    assert true.sum() >= 38
    assert found.n - true.sum() <= 5


def test_unrelated_lists_never_match() -> None:
    rng = np.random.default_rng(2)
    best = []
    for _ in range(150):
        n, m = rng.integers(5, 600, 2)
        found = match(projected(scatter(rng, n)), projected(scatter(rng, m)))
        assert found.n == 0
        best.append(found.peak.log10_pfalse if found.peak else 0.0)
    # the probability is not too small by more than chance: 150 trials reach 1e-2 or so
    assert min(best) > -4


def test_unrelated_clumps_do_not_match() -> None:
    """Groups of detections (tracks, galaxies) make many equal offsets out of few coincidences."""
    rng = np.random.default_rng(3)
    for _ in range(40):
        a, b = (np.concatenate([at + rng.normal(0, 60, (6, 2)) for at in scatter(rng, 60)]) for _ in range(2))
        assert match(projected(a), projected(b)).n == 0


def test_best_tier_suffices_where_it_can_and_the_rest_helps_where_it_must() -> None:
    rng = np.random.default_rng(4)
    stars = scatter(rng, 20)
    tier = np.r_[np.zeros(10, np.int8), np.full(10, 2, np.int8)]
    a = Projected(stars, np.ones(20), np.ones(20), tier)
    b = Projected(stars + np.array([50, 50]), np.ones(20), np.ones(20), tier)
    assert match(a, b).n == 10
    poor = Projected(stars, np.ones(20), np.ones(20), np.full(20, 2, np.int8))
    assert match(poor, b).n == 20


def test_detector_fixed_sources_are_named_as_the_rival() -> None:
    rng = np.random.default_rng(5)
    stars, fixed = scatter(rng, 20), scatter(rng, 15)
    a = projected(np.r_[stars, fixed])
    b = projected(np.r_[stars + np.array([60, -35]), fixed + np.array([700, 300])])
    found = match(a, b)
    assert found.peak.n == 20
    assert (found.rival.east_mas, found.rival.north_mas) == pytest.approx((700, 300))
    assert found.rival.log10_pfalse < -6


@pytest.mark.parametrize("dither", [(1600.0, 900.0), (-3000.0, 200.0), (400.0, -7000.0)])
def test_detector_fixed_sources_betray_themselves_by_their_copies(dither: tuple[float, float]) -> None:
    """Twenty hot pixels among a few stars and thousands of cosmic rays, in products of two exposures."""
    rng = np.random.default_rng(11)
    stars, hot = scatter(rng, 15), scatter(rng, 20)
    products = []
    for wrong in ((0.0, 0.0), (60.0, -35.0)):
        copies = np.r_[hot, hot + np.array(dither)] + rng.normal(0, 3, (40, 2))
        real = stars + np.array(wrong) + rng.normal(0, 3, (15, 2))
        xy = np.r_[copies, real, scatter(rng, 3000)]
        tier = np.r_[np.zeros(55, np.int8), np.full(3000, 2, np.int8)]
        products.append(Projected(xy, np.full(len(xy), 3.0), np.ones(len(xy)), tier))
    deceived = match(*products)
    assert abs(deceived.peak.east_mas - 60) > 50
    cleaned = []
    for product in products:
        fixed = detector_fixed(product)
        assert fixed[:40].sum() >= 36
        assert fixed[40:].sum() <= 5
        cleaned.append(product[~fixed])
    found = match(*cleaned)
    assert (found.peak.east_mas, found.peak.north_mas) == pytest.approx((60, -35), abs=3)


def test_stars_alone_are_not_fixed_to_the_detector() -> None:
    rng = np.random.default_rng(12)
    assert not any(detector_fixed(projected(scatter(rng, n))).any() for n in (0, 1, 2, 50, 400, 3000))


def test_dense_fields_fall_back_to_the_brightest() -> None:
    rng = np.random.default_rng(6)
    stars = rng.uniform(-20_000, 20_000, (20_000, 2))
    found = match(projected(stars), projected(stars + np.array([60, -35])))
    assert found.n > 19_000


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_sources_are_no_match(count: int) -> None:
    few = projected(np.arange(2.0 * count).reshape(count, 2) * 1e4)
    assert match(few, few).n == 0


def test_nothing_beyond_reach() -> None:
    rng = np.random.default_rng(7)
    stars = scatter(rng, 3)
    found = match(projected(stars), projected(stars + np.array([300, 0])), search=Search(reach_mas=100.0))
    assert found.peak is None
    assert found.n == 0


@pytest.mark.parametrize(("count", "mean"), [(1, 0.3), (5, 0.01), (12, 3.0), (3, 7.0), (40, 39.0)])
def test_poisson_tail(count: int, mean: float) -> None:
    assert log10_poisson_tail(count, mean) == pytest.approx(
        poisson.logsf(count - 1, mean) / np.log(10), rel=1e-9
    )


def test_pairs_are_one_to_one() -> None:
    a = projected([[0, 0], [3, 0], [1000, 0]])
    b = projected([[1, 0], [1001, 0]])
    i, j = pair_up(a, b, shift=np.zeros(2), radius_mas=10)
    assert list(zip(i.tolist(), j.tolist(), strict=True)) == [(0, 0), (2, 1)]
