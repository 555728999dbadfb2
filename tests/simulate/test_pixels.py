"""The pixels obey the truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from numpy.typing import NDArray

from trueup.simulate import Recipe, TrueExposure, Truth, make_visit, psf_of
from trueup.simulate.psf import Psf
from trueup.simulate.scene import Scene, Seen, paint_galaxies


def isolated(truth: Truth, exposure: TrueExposure, chip: int) -> NDArray[np.intp]:
    """Bright stars more than 30 px from the edge and 50 px from other stars worth a hundredth of them."""
    x, y = exposure.x[chip], exposure.y[chip]
    flux = truth.scene.flux[:, truth.filters.index(exposure.filter)]
    ny, nx = exposure.chips[chip].shape
    good = []
    for i in np.flatnonzero((x > 30) & (x < nx - 30) & (y > 30) & (y < ny - 30)):
        near = np.hypot(x - x[i], y - y[i]) < 50
        if flux[near].sum() < 1.0002 * flux[i]:
            good.append(i)
    return np.array(good, int)


def cutout(image: NDArray[np.float32], x: float, y: float, half: int) -> NDArray[np.float64]:
    i, j = round(x), round(y)
    return image[j - half : j + half + 1, i - half : i + half + 1].astype(float)


@pytest.fixture(scope="module")
def sparse(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    recipe = Recipe(size=(900, 700), stars=25, galaxies=0, noise=False)
    return make_visit(tmp_path_factory.mktemp("sparse"), seed=8, recipe=recipe)


def test_flux_and_position_of_isolated_stars(sparse: Truth) -> None:
    recipe, checked = Recipe(), 0
    for exposure in sparse.exposures:
        index = sparse.filters.index(exposure.filter)
        sky = recipe.detector.sky_rates[index] * exposure.exptime
        psf = psf_of(recipe, exposure.filter)
        with fits.open(exposure.path) as hdus:
            for chip in (0, 1):
                image = hdus["SCI", chip + 1].data
                for i in isolated(sparse, exposure, chip):
                    x, y = exposure.x[chip, i], exposure.y[chip, i]
                    star = cutout(image, x, y, 20) - sky
                    grid = np.arange(-20, 21)
                    # the profile is symmetric, so its centroid is the position
                    assert (star.sum(0) @ grid) / star.sum() + round(x) == pytest.approx(x, abs=5e-3)
                    assert (star.sum(1) @ grid) / star.sum() + round(y) == pytest.approx(y, abs=5e-3)
                    ra, dec = exposure.chips[chip].pixel_to_sky(
                        [x - 0.5, x + 0.5, x, x], [y, y, y - 0.5, y + 0.5]
                    )
                    dx, dy = ra * np.cos(np.radians(dec)), dec
                    area = abs((dx[1] - dx[0]) * (dy[3] - dy[2]) - (dx[3] - dx[2]) * (dy[1] - dy[0]))
                    area *= (3600 / recipe.detector.idcscale) ** 2
                    injected = sparse.scene.flux[i, index] * exposure.exptime
                    assert star.sum() * area == pytest.approx(injected, rel=1e-3)
                    assert float(psf.encircled(20.0)) == pytest.approx(1.0, abs=2e-4)
                    checked += 1
    assert checked >= 8


def test_encircled_flux_of_the_profile() -> None:
    psf = Psf(0.78, vary=0.0)
    image = np.zeros((101, 101), np.float32)
    psf.stamp(image, (np.array([50.2]), np.array([49.7]), np.array([1e4])))
    y, x = np.mgrid[0:101, 0:101]
    inside = np.hypot(x - 50.2, y - 49.7) <= 12
    assert image.sum() == pytest.approx(1e4, rel=1e-4)
    assert image[inside].sum() / 1e4 == pytest.approx(float(psf.encircled(12.0)), abs=3e-4)
    # undersampled: a quarter of the flux is in the brightest pixel, more than half in 3 x 3
    assert 0.1 < image.max() / 1e4 < 0.3


def test_profile_varies_over_the_field_and_with_the_filter() -> None:
    psf = Psf(0.78)
    image = np.zeros((400, 400), np.float32)
    psf.stamp(image, (np.array([40.0, 200.0]), np.array([40.0, 200.0]), np.array([1e4, 1e4])))
    assert abs(image[40, 40] / image[200, 200] - 1) > 0.02
    assert psf_of(Recipe(), "F275W").core_pix < psf_of(Recipe(), "F336W").core_pix


def test_constant_surface_brightness(tmp_path: Path) -> None:
    truth = make_visit(tmp_path, recipe=Recipe(size=(64, 48), noise=False, constant=0.5, exposures=1))
    with fits.open(truth.files[0]) as hdus:
        assert np.unique(hdus["SCI", 1].data).tolist() == [0.5 * 178]
        assert not hdus["DQ", 1].data.any()


def test_noise_is_what_err_says(small: Truth, tmp_path: Path) -> None:
    quiet = make_visit(tmp_path, seed=3, recipe=Recipe(size=(320, 240), noise=False))
    with fits.open(small.files[1]) as noisy, fits.open(quiet.files[1]) as exact:
        pull = (noisy["SCI", 1].data - exact["SCI", 1].data) / noisy["ERR", 1].data
        good = noisy["DQ", 1].data == 0
    # unflagged cosmic rays and detector sources are in the tails
    low, middle, high = np.percentile(pull[good], [15.87, 50, 84.13])
    assert middle == pytest.approx(0, abs=0.03)
    assert (high - low) / 2 == pytest.approx(1, abs=0.03)


def test_two_to_three_percent_of_the_pixels_are_hit(tmp_path: Path) -> None:
    truth = make_visit(tmp_path, recipe=Recipe(size=(500, 400), stars=0, galaxies=0))
    fractions = []
    for exposure in truth.exposures:
        with fits.open(exposure.path) as hdus:
            flagged = np.mean([(hdus["DQ", i].data & 4096 > 0).mean() for i in (1, 2)])
        fractions.append(flagged / 0.9 * 600 / exposure.exptime)
    assert 0.02 < np.mean(fractions) < 0.03


def test_defects_stay_on_the_detector(tmp_path: Path) -> None:
    truth = make_visit(tmp_path, recipe=Recipe(size=(500, 400), stars=0, galaxies=0, cosmic_rays=0.0))
    images, hot = [], []
    for path in truth.files:
        with fits.open(path) as hdus:
            good = hdus["DQ", 1].data & ~4096 == 0
            images.append(np.where(good, hdus["SCI", 1].data / hdus["ERR", 1].data, 0))
            hot.append(hdus["DQ", 1].data & (4 | 16 | 64 | 512))
    assert all(np.array_equal(hot[0], other) for other in hot[1:])
    assert 0.002 < (hot[0] & 16 > 0).mean() < 0.004
    # sources that are none: at the same pixels in every exposure although the sky moved
    stay = np.logical_and.reduce([image > 8 for image in images])
    assert 5 < stay.sum() < 300
    assert (images[0] > 8).sum() < 1.2 * stay.sum()


def test_star_cores_are_flagged_wrongly(tmp_path: Path) -> None:
    recipe = Recipe(size=(500, 400), stars=400, cosmic_rays=0.0)
    truth = make_visit(tmp_path, recipe=recipe)
    exposure = truth.exposures[1]
    with fits.open(exposure.path) as hdus:
        dq = hdus["DQ", 1].data
    rows, columns = np.nonzero(dq & 4096)
    assert len(rows) > 0
    distance = np.hypot(columns[:, None] - exposure.x[0], rows[:, None] - exposure.y[0])
    assert np.nanmin(distance, axis=1).max() < 1


def test_saturated_pixels_are_clipped_and_flagged(tmp_path: Path) -> None:
    truth = make_visit(
        tmp_path, recipe=Recipe(instrument="ACS/WFC", size=(500, 400), stars=20000, exposures=2)
    )
    with fits.open(truth.files[1]) as hdus:
        image = np.array([hdus["SCI", i].data for i in (1, 2)])
        flagged = np.array([hdus["DQ", i].data & 256 > 0 for i in (1, 2)])
    assert flagged.any()
    assert (image[flagged] == image.max()).all()
    assert (image[~flagged] < image.max()).all()


def test_charge_lags_away_from_the_amplifiers(sparse: Truth, tmp_path: Path) -> None:
    recipe = Recipe(size=(900, 700), stars=25, galaxies=0, noise=False, cte_pix=0.5)
    lagging = make_visit(tmp_path, seed=8, recipe=recipe)
    exposure, checked = sparse.exposures[0], 0
    with fits.open(exposure.path) as before, fits.open(lagging.files[0]) as after:
        for chip in (0, 1):
            for i in isolated(sparse, exposure, chip):
                x, y = exposure.x[chip, i], exposure.y[chip, i]
                rows = [cutout(h["SCI", chip + 1].data, x, y, 20).sum(1) for h in (before, after)]
                start, end = ((r - r.min()) @ np.arange(41) / (r - r.min()).sum() for r in rows)
                # read out at the bottom of the first chip and at the top of the second
                assert (end > start) if chip == 0 else (end < start)
                checked += 1
    assert checked >= 2


def test_infrared_pixels_are_rates(tmp_path: Path) -> None:
    recipe = Recipe(instrument="IR", size=(200, 200), stars=10, galaxies=0, noise=False)
    truth = make_visit(tmp_path, recipe=recipe)
    for exposure, sky in zip(truth.exposures, (0.9, 0.9, 0.7, 0.7), strict=True):
        with fits.open(exposure.path) as hdus:
            assert hdus["SCI", 1].header["BUNIT"] == "ELECTRONS/S"
            assert np.median(hdus["SCI", 1].data) == pytest.approx(sky, rel=0.02)
            assert np.unique(hdus["TIME", 1].data) == pytest.approx(exposure.exptime)


def test_galaxy_has_its_flux_and_shape() -> None:
    def one(value: float) -> NDArray[np.float64]:
        return np.array([value])

    galaxy = Scene(
        *(one(0.0) for _ in range(4)),
        flux=np.array([[30.0]]),
        n_stars=0,
        radius_pix=one(6.0),
        sersic=one(1.0),
        axis_ratio=one(0.5),
        angle=one(np.pi / 6),
    )
    image = np.zeros((121, 121), np.float32)
    paint_galaxies(image, galaxy, seen=Seen(one(60.3), one(59.8), one(3e4)), psf=Psf(0.78))
    assert image.sum() == pytest.approx(3e4, rel=1e-5)
    y, x = np.mgrid[0:121, 0:121]
    dx, dy = x - 60.3, y - 59.8
    assert (image * dx).sum() / image.sum() == pytest.approx(0, abs=0.01)
    c, s = np.cos(np.pi / 6), np.sin(np.pi / 6)
    major, minor = c * dx + s * dy, c * dy - s * dx
    ratio = (image * minor**2).sum() / (image * major**2).sum()
    assert np.sqrt(ratio) == pytest.approx(0.5, abs=0.05)
    # half of the light is within the effective radius, which runs along the major axis
    inside = np.hypot(major, minor / 0.5) < 6
    assert image[inside].sum() / 3e4 == pytest.approx(0.5, abs=0.04)
