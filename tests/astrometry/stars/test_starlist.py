"""The stars of raw exposures, among cosmic rays and defects, against the simulation's truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from painting import paint, painted, small_exposure
from scipy.spatial import KDTree

from trueup.astrometry.stars.sources import Detection
from trueup.astrometry.stars.starlist import StarList, find_stars
from trueup.fits.exposure import read_exposure
from trueup.model.exposure import Exposure
from trueup.simulate import Recipe, make_visit
from trueup.simulate.truth import TrueExposure

MakeScene = Callable[..., Any]
SIZE = (320, 256)


def errors(stars: StarList, true: TrueExposure, *, tier: int) -> tuple[NDArray[np.float64], float]:
    """Errors of real stars in units of the claimed ones, and the share of sources that are none."""
    found, false, total = [], 0, 0
    for k, (_, sources) in enumerate(stars.chips):
        good = sources[sources.tier <= tier]
        on = ~np.isnan(true.x[k])
        where = np.c_[true.x[k][on], true.y[k][on]]
        distance, index = KDTree(where).query(np.c_[good.x, good.y])
        hit = distance < 1.0
        found.append((np.c_[good.x, good.y] - where[index])[hit] / good.sigma[hit, None])
        false, total = false + int((~hit).sum()), total + len(good)
    return np.concatenate(found), false / max(total, 1)


@pytest.mark.parametrize("instrument", ["UVIS", "ACS/WFC", "IR"])
def test_errors_are_honest_among_cosmic_rays_and_defects(tmp_path: Path, instrument: str) -> None:
    recipe = Recipe(instrument=instrument, size=(900, 800), stars=2500, galaxies=5)
    visit = make_visit(tmp_path, seed=21, recipe=recipe)
    exposure = read_exposure(visit.files[1])
    stars = find_stars(exposure)
    assert [chip for chip, _ in stars.chips] == [chip.id for chip in exposure.chips]
    pull, false = errors(stars, visit.exposures[1], tier=0)
    assert len(pull) > 40
    assert false < 0.1
    assert 0.7 < np.sqrt(np.mean(pull**2)) < 1.4
    assert abs(np.mean(pull)) < 0.3
    assert not stars.trailed


def test_noise_is_in_the_units_of_the_detector(tmp_path: Path) -> None:
    recipe = Recipe(instrument="IR", size=(500, 500), stars=900, galaxies=0)
    visit = make_visit(tmp_path, seed=3, recipe=recipe)
    exposure = read_exposure(visit.files[1])
    rate = find_stars(exposure).chips[0][1]
    # the same pixels as electrons
    paint(exposure, "SCI", painted(exposure, "SCI") * exposure.exptime)
    text = Path(exposure.path).read_bytes().replace(b"'ELECTRONS/S'", b"'ELECTRONS'  ")
    Path(exposure.path).write_bytes(text)
    whole = find_stars(read_exposure(exposure.path)).chips[0][1]
    np.testing.assert_allclose(whole.x, rate.x, atol=1e-3)
    np.testing.assert_allclose(whole.sigma, rate.sigma, rtol=1e-2)
    np.testing.assert_allclose(whole.flux, rate.flux * exposure.exptime, rtol=1e-3)


def test_cosmic_ray_flags_are_not_believed(tmp_path: Path) -> None:
    visit = make_visit(tmp_path, seed=4, recipe=Recipe(size=(500, 400), stars=300))
    exposure = read_exposure(visit.files[1])
    before = find_stars(exposure)
    for chip in exposure.chips:
        flags = painted(exposure, "DQ", extver=chip.id.extver) | 4096 | 8192
        paint(exposure, "DQ", flags, extver=chip.id.extver)
    after = find_stars(exposure)
    for (_, a), (_, b) in zip(before.chips, after.chips, strict=True):
        np.testing.assert_array_equal(a.x, b.x)


def on_sky(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float64]:
    return 20.0 + rng.normal(0, 4, shape)


def scene_exposure(folder: Path, image: NDArray[np.float64]) -> Exposure:
    """An exposure with one image in its first chip and sky in the second."""
    exposure = small_exposure(folder, size=(image.shape[1], image.shape[0]))
    paint(exposure, "SCI", image)
    paint(exposure, "SCI", on_sky(image.shape, np.random.default_rng(9)), extver=2)
    return exposure


def test_nothing_is_found_around_a_saturated_star(tmp_path: Path, scene: MakeScene) -> None:
    rng = np.random.default_rng(1)
    at = np.array([160.0, 40.0, 280.0]), np.array([120.0, 200.0, 60.0])
    made = scene(1, shape=SIZE[::-1], stars=(*at, np.array([3e6, 4e3, 4e3])), rays=0.0)
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    away = np.hypot(x - 160, y - 120)
    # spikes and a ring, as telescopes have them
    spikes = (np.abs(np.abs(x - 160) - np.abs(y - 120)) < 1) & (away < 22)
    image = made.image + np.where(spikes | (np.abs(away - 9) < 1), rng.exponential(300, away.shape), 0)
    full = image > 65_000
    exposure = scene_exposure(tmp_path, np.where(full, 65_000, image))
    paint(exposure, "DQ", np.where(full, 256, 0))
    sources = find_stars(exposure).chips[0][1]
    clean = sources[sources.tier < 2]
    assert len(clean) == 2
    assert np.hypot(clean.x - 160, clean.y - 120).min() > 50


def test_bumps_in_the_wings_of_a_bright_star_are_no_clean_stars(tmp_path: Path, scene: MakeScene) -> None:
    at = np.array([160.0, 166.0, 160.0, 40.0]), np.array([120.0, 120.0, 131.0, 200.0])
    made = scene(2, shape=SIZE[::-1], stars=(*at, np.array([2e5, 1500.0, 600.0, 1500.0])), rays=0.0)
    sources = find_stars(scene_exposure(tmp_path, made.image)).chips[0][1]
    clean = sources[sources.tier < 2]
    assert sorted(np.rint(clean.x).tolist()) == [40, 160]


def test_a_trailed_exposure_is_flagged(tmp_path: Path, scene: MakeScene) -> None:
    rng = np.random.default_rng(3)
    x, y, flux = rng.uniform(20, 300, 25), rng.uniform(20, 236, 25), rng.uniform(5e3, 3e4, 25)
    steps = np.linspace(-1.5, 1.5, 7)
    smeared = [np.concatenate([part + k * s for s in steps]) for part, k in ((x, 0.8), (y, 0.6))]
    trailed = scene(4, shape=SIZE[::-1], stars=(*smeared, np.tile(flux / 7, 7)), rays=0.02)
    sharp = scene(4, shape=SIZE[::-1], stars=(x, y, flux), rays=0.02)
    moved = find_stars(scene_exposure(tmp_path / "trailed", trailed.image))
    assert moved.trailed
    assert any("moved" in note for note in moved.notes)
    assert not find_stars(scene_exposure(tmp_path / "sharp", sharp.image)).trailed


def test_two_stars(tmp_path: Path, scene: MakeScene) -> None:
    stars = np.array([60.3, 200.7]), np.array([80.1, 150.6]), np.array([9e3, 5e3])
    made = scene(5, shape=SIZE[::-1], stars=stars, rays=0.0)
    sources = find_stars(scene_exposure(tmp_path, made.image)).chips[0][1]
    np.testing.assert_allclose(sources.x[:2], stars[0], atol=0.05)
    np.testing.assert_allclose(sources.y[:2], stars[1], atol=0.05)


def test_galaxies_alone_give_no_clean_star(tmp_path: Path) -> None:
    recipe = Recipe(size=(500, 400), stars=0, galaxies=40, cosmic_rays=0.0)
    visit = make_visit(tmp_path, seed=6, recipe=recipe)
    stars = find_stars(read_exposure(visit.files[1]))
    truth = visit.exposures[1]
    for k, (_, sources) in enumerate(stars.chips):
        on = ~np.isnan(truth.x[k])
        there = KDTree(np.c_[truth.x[k][on], truth.y[k][on]])
        galaxies = sources[there.query(np.c_[sources.x, sources.y])[0] < 3]
        assert (galaxies.tier > 0).all()
        assert (galaxies.tier == 2).sum() >= 3


@pytest.mark.parametrize("filled", [0.0, 100.0, np.nan, np.inf], ids=["zero", "constant", "NaN", "infinity"])
def test_pixels_that_say_nothing_give_an_empty_list_with_a_note(tmp_path: Path, filled: float) -> None:
    exposure = small_exposure(tmp_path)
    for chip in exposure.chips:
        paint(exposure, "SCI", filled, extver=chip.id.extver)
    stars = find_stars(exposure)
    assert stars.n == 0
    assert stars.notes == ("no source stands out of the sky",)


def test_all_pixels_bad_or_saturated(tmp_path: Path, scene: MakeScene) -> None:
    exposure = scene_exposure(tmp_path, scene(6, shape=SIZE[::-1]).image)
    for flag in (4, 256):
        for chip in exposure.chips:
            paint(exposure, "DQ", flag, extver=chip.id.extver)
        assert find_stars(exposure).n == 0


def test_an_empty_field_gives_next_to_nothing(tmp_path: Path) -> None:
    shape = SIZE[::-1]
    stars = find_stars(scene_exposure(tmp_path, on_sky(shape, np.random.default_rng(2))))
    assert stars.n <= 2


def test_cosmic_rays_alone_give_a_note(tmp_path: Path, scene: MakeScene) -> None:
    none = np.zeros(0), np.zeros(0), np.zeros(0)
    image = scene(8, shape=SIZE[::-1], stars=none, rays=0.05).image
    stars = find_stars(scene_exposure(tmp_path, image))
    best = sum((sources.tier == 0).sum() for _, sources in stars.chips)
    assert best <= 2


def test_a_chip_cut_short_or_without_pixels_is_named(tmp_path: Path) -> None:
    exposure = small_exposure(tmp_path)
    first, second = exposure.chips
    cut = replace(first, shape=(2051, 4096))
    hollow = replace(second, planes={**second.planes, "SCI": replace(second.planes["SCI"], start=-1)})
    stars = find_stars(replace(exposure, chips=(cut, hollow)))
    assert stars.chips == ()
    assert "320 x 256 of its 4096 x 2051 pixels" in stars.notes[0]
    assert "no pixels" in stars.notes[1]


def test_without_a_quality_plane_all_pixels_count(tmp_path: Path, scene: MakeScene) -> None:
    exposure = scene_exposure(tmp_path, scene(7, shape=SIZE[::-1], rays=0.0).image)
    with_plane = find_stars(exposure)
    bare = tuple(replace(chip, planes={"SCI": chip.planes["SCI"]}) for chip in exposure.chips)
    assert find_stars(replace(exposure, chips=bare)).n == with_plane.n > 10


def test_too_many_peaks_are_limited_and_said(tmp_path: Path, scene: MakeScene) -> None:
    exposure = scene_exposure(tmp_path, scene(9, shape=SIZE[::-1], rays=0.0).image)
    stars = find_stars(exposure, settings=Detection(limit=10))
    assert len(stars.chips[0][1]) <= 10
    assert any("brightest 10 peaks" in note for note in stars.notes)
