"""Injected offsets, rotations and scales come back, with honest errors and verdicts."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord

from trueup.astrometry.pairs.field import Field, common_field
from trueup.astrometry.pairs.plane import Projected, project
from trueup.astrometry.pairs.register import register
from trueup.astrometry.pairs.similarity import Expectation, solve
from trueup.astrometry.stars.sources import Sources
from trueup.model.chipwcs import ChipWcs

SIZE = 80_000.0
FIELD = Field((150.0, 2.0), SIZE * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]), 40.0)


def lists(
    rng: np.random.Generator,
    n: int,
    *,
    shift: tuple[float, float] = (60.0, -35.0),
    rotation_deg: float = 0.004,
    scale: float = 0.0,
    sigma: float = 2.0,
    outliers: int = 0,
) -> tuple[Projected, Projected]:
    """Two lists; the second is moved, turned from north through east and scaled."""
    xy = rng.uniform(-SIZE, SIZE, (n, 2))
    turn = np.radians(rotation_deg)
    east, north = xy.T
    moved = np.stack(
        [
            (1 + scale) * (east * np.cos(turn) + north * np.sin(turn)),
            (1 + scale) * (north * np.cos(turn) - east * np.sin(turn)),
        ],
        axis=1,
    )
    a = xy + rng.normal(0, sigma, (n, 2))
    b = moved + shift + rng.normal(0, sigma, (n, 2))
    b[:outliers] += rng.uniform(-18, 18, (outliers, 2))
    error, flux, tier = np.full(n, sigma), np.ones(n), np.zeros(n, np.int8)
    return Projected(a, error, flux, tier), Projected(b, error, flux, tier)


EXACT = Expectation(floor_pix=0.0)


def test_shift_rotation_and_scale_are_recovered_with_honest_errors() -> None:
    rng = np.random.default_rng(1)
    pulls = []
    for _ in range(60):
        a, b = lists(rng, 80, scale=2e-5, outliers=6)
        fit = register(a, b, field=FIELD, expect=EXACT).fit
        pulls.append(
            [
                (fit.east_mas - 60) / fit.sigma_east_mas,
                (fit.north_mas + 35) / fit.sigma_north_mas,
                (fit.rotation_deg - 0.004) / fit.sigma_rotation_deg,
            ]
        )
        assert fit.scale_ppm == pytest.approx(20, abs=25)
        assert fit.verdict == "fail"
    rms = np.sqrt(np.mean(np.square(pulls), axis=0))
    assert (rms > 0.75).all()
    assert (rms < 1.3).all()


def test_worst_corner_error_is_honest_with_few_stars() -> None:
    rng = np.random.default_rng(2)
    misses, errors = [], []
    for _ in range(80):
        turn, scale = rng.normal(0, 0.005), rng.normal(0, 1.5e-4)
        a, b = lists(rng, 7, shift=(0, 0), rotation_deg=turn, scale=scale)
        fit = register(a, b, field=FIELD, expect=EXACT).fit
        if fit.east_mas is None:
            continue
        corner = np.hypot(np.radians(turn), scale) * SIZE * np.sqrt(2)
        misses.append(fit.corner_mas - corner)
        errors.append(fit.corner_sigma_mas)
    assert len(misses) > 60
    assert 0.5 < np.sqrt(np.mean(np.square(misses) / np.square(errors))) < 1.5


def test_directions_are_those_of_astropy() -> None:
    """A list moved and turned on the sphere by astropy, seen through two tangent-plane WCS."""
    rng = np.random.default_rng(3)
    center = SkyCoord(210.3, -54.7, unit="deg")
    stars = center.directional_offset_by(rng.uniform(0, 360, 50) * u.deg, rng.uniform(5, 80, 50) * u.arcsec)
    angle, distance = center.position_angle(stars), center.separation(stars)
    turned = center.directional_offset_by(angle + 0.004 * u.deg, distance)
    moved = turned.spherical_offsets_by(60 * u.mas, -35 * u.mas)
    pixel = 39.6 / 3.6e6
    wcs = ChipWcs((2000, 2100), (210.31, -54.69), pixel * np.array([[-0.6, 0.8], [0.8, 0.6]]), (4200, 4000))
    projections = []
    for sky in (stars, moved):
        x, y = wcs.sky_to_pixel(sky.ra.deg, sky.dec.deg)
        ones = np.ones(50)
        sources = Sources(x, y, ones, ones, 0.01 * ones, ones, np.zeros(50, np.int8))
        projections.append(project(sources, wcs, center=(210.3, -54.7)))
    field = Field((210.3, -54.7), FIELD.corners, 39.6)
    fit = register(*projections, field=field).fit
    assert (fit.east_mas, fit.north_mas) == pytest.approx((60, -35), abs=0.02)
    assert fit.rotation_deg == pytest.approx(0.004, abs=2e-5)


def test_swapping_the_lists_changes_the_signs() -> None:
    a, b = lists(np.random.default_rng(4), 50)
    there, back = register(a, b, field=FIELD).fit, register(b, a, field=FIELD).fit
    assert back.east_mas == pytest.approx(-there.east_mas, abs=0.01)
    assert back.rotation_deg == pytest.approx(-there.rotation_deg, abs=1e-5)


@pytest.mark.parametrize(
    ("shift", "count", "verdict"),
    [((0.5, 0.5), 200, "pass"), ((60, -35), 200, "fail"), ((3.9, 0), 30, "undecided")],
)
def test_verdicts(shift: tuple[float, float], count: int, verdict: str) -> None:
    a, b = lists(np.random.default_rng(5), count, shift=shift, rotation_deg=0.0)
    assert register(a, b, field=FIELD).fit.verdict == verdict


def test_scale_between_filters_is_not_judged() -> None:
    a, b = lists(np.random.default_rng(6), 300, shift=(0, 0), rotation_deg=0.0, scale=1e-4)
    assert register(a, b, field=FIELD).fit.verdict == "fail"
    across = register(a, b, field=FIELD, expect=Expectation(same_filter=False)).fit
    assert across.verdict == "pass"
    assert across.scale_ppm == pytest.approx(100, abs=10)


def test_no_common_stars_is_unmeasurable() -> None:
    rng = np.random.default_rng(7)
    fit = register(lists(rng, 100)[0], lists(rng, 100)[0], field=FIELD).fit
    assert fit.verdict == "unmeasurable"
    assert fit.east_mas is None
    assert "no common stars" in fit.why


def test_two_offsets_that_fit_equally_well_are_unmeasurable() -> None:
    rng = np.random.default_rng(8)
    a, b = lists(rng, 30, rotation_deg=0.0)
    fixed = a.xy[:25] * 0.9
    error, flux, tier = np.full(55, 2.0), np.ones(55), np.zeros(55, np.int8)
    both = Projected(np.r_[a.xy, fixed], error, flux, tier)
    twice = Projected(np.r_[b.xy, fixed + np.array([800, 0])], error, flux, tier)
    fit = register(both, twice, field=FIELD).fit
    assert fit.verdict == "unmeasurable"
    assert "two offsets" in fit.why


def test_residuals_beyond_the_errors_are_unmeasurable() -> None:
    a, b = lists(np.random.default_rng(9), 60, rotation_deg=0.0, sigma=6.0)
    tiny = np.full(60, 0.1)
    fit = register(
        Projected(a.xy, tiny, a.flux, a.tier), Projected(b.xy, tiny, b.flux, b.tier), field=FIELD
    ).fit
    assert fit.verdict == "unmeasurable"
    assert "chi2" in fit.why


def test_common_field_of_turned_frames() -> None:
    pixel = 1e-5
    a = ChipWcs((99.5, 99.5), (359.9999, 10.0), np.diag([-pixel, pixel]), (200, 200))
    b = ChipWcs((149.5, 149.5), (0.0001, 10.0), np.diag([pixel, -2 * pixel]), (300, 300))
    field = common_field(a, b)
    assert field.center[0] % 360 == pytest.approx(0.0, abs=1e-9)
    assert field.pixel_mas == pytest.approx(np.sqrt(2) * pixel * 3.6e6)
    assert np.abs(field.corners).max() < 150 * pixel * 3.6e6


@pytest.mark.parametrize("n", [13, 100])
def test_errors_of_gaussian_lists_are_neither_too_large_nor_too_small(n: int) -> None:
    """Outlier rejection costs a little of what the stars say, not what it takes away from the residuals."""
    rng = np.random.default_rng(n)
    pulls = []
    for _ in range(400):
        xy, sigma = rng.uniform(-SIZE, SIZE, (n, 2)), 10 ** rng.uniform(-0.5, 0.5, n)
        tier = np.zeros(n, np.int8)
        a = Projected(xy, np.full(n, 1e-6), np.ones(n), tier)
        b = Projected(xy + rng.normal(0, 1, (n, 2)) * sigma[:, None], sigma, np.ones(n), tier)
        fit = solve(a, b, expect=Expectation(floor_pix=0.0), pixel_mas=40.0)
        pulls.append(fit.values[:3] / np.sqrt(np.diag(fit.covariance))[:3])
    assert 0.92 < np.sqrt(np.mean(np.square(pulls))) < 1.06
