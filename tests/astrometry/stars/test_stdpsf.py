"""STDPSF files, read against photutils."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from painting import paint, small_exposure
from psf_library import WIDTH, write_stdpsf

from trueup.astrometry.stars.profile import light_in_pixels, pixel_profile
from trueup.astrometry.stars.starlist import find_stars
from trueup.astrometry.stars.stdpsf import read_stdpsf
from trueup.errors import FormatError
from trueup.model.cards import make_card
from trueup.model.exposure import Exposure

X = [1, 683, 1366, 2048, 2731, 3413, 4096]
Y = [1, 683, 1366, 2048, 2049, 2731, 3413, 4096]


@pytest.fixture(scope="module")
def exposure(tmp_path_factory: pytest.TempPathFactory) -> Exposure:
    return small_exposure(tmp_path_factory.mktemp("exposure"))


def test_nodes_and_tables_are_those_photutils_reads(tmp_path: Path, exposure: Exposure) -> None:
    psf = pytest.importorskip("photutils.psf")
    path = write_stdpsf(tmp_path / "STDPSF_WFC3UV_F336W.fits", X, Y)
    grids = read_stdpsf(path, exposure)
    for extver in (1, 2):
        peer = psf.GriddedPSFModel.read(path, detector_id=extver)
        ours = grids[extver]
        header = exposure.chip(extver).header
        # the exposure is a subarray
        left, bottom = header.number("LTV1") or 0.0, header.number("LTV2") or 0.0
        where = sorted({(float(x) + left, float(y) + bottom) for x, y in peer.meta["grid_xypos"]})
        assert where == sorted((float(x), float(y)) for x in ours.x for y in ours.y)
        at = np.array([10, 310]), np.array([20, 240])
        light = light_in_pixels(ours.at(*at), np.array([0.3, -0.2]), np.array([0.1, 0.4]), half=2)[0]
        span = np.arange(-2, 3)
        for k, (x, y) in enumerate(zip(*at, strict=True)):
            gx, gy = np.meshgrid(x + span, y + span)
            x0, y0 = x + (0.3, -0.2)[k], y + (0.1, 0.4)[k]
            there = peer.evaluate(gx - left, gy - bottom, 1.0, x0 - left, y0 - bottom)
            np.testing.assert_allclose(light[k], there, atol=2e-4)


def test_stars_are_measured_with_it(tmp_path: Path) -> None:
    exposure = small_exposure(tmp_path)
    rng = np.random.default_rng(1)
    x, y = rng.uniform(20, 300, 12), rng.uniform(20, 236, 12)
    rows, columns = np.arange(256), np.arange(320)
    image = 20 + sum(
        2e4 * np.outer(pixel_profile(rows - b, WIDTH), pixel_profile(columns - a, WIDTH))
        for a, b in zip(x, y, strict=True)
    )
    paint(exposure, "SCI", rng.normal(image, np.sqrt(image + 9)))
    psfs = read_stdpsf(write_stdpsf(tmp_path / "psf.fits", [1], [1, 2049]), exposure)
    sources = find_stars(exposure, psfs=psfs).chips[0][1]
    best = sources[sources.tier == 0]
    assert len(best) >= 10
    distance = np.hypot(best.x[:, None] - x, best.y[:, None] - y).min(axis=1)
    assert np.sqrt(np.mean(distance**2) / 2) < 1.4 * np.sqrt(np.mean(best.sigma**2))


def test_other_files_are_refused(tmp_path: Path, exposure: Exposure) -> None:
    plain = tmp_path / "image.fits"
    fits.PrimaryHDU(np.zeros((10, 10), np.float32)).writeto(plain)
    with pytest.raises(FormatError, match="NXPSFS"):
        read_stdpsf(plain, exposure)
    single = write_stdpsf(tmp_path / "ir.fits", [1, 507, 1014], [1, 507, 1014])
    with pytest.raises(FormatError, match="PSFs of 1 chip"):
        read_stdpsf(single, exposure)


def test_values_that_are_no_numbers_are_refused(tmp_path: Path, exposure: Exposure) -> None:
    path = write_stdpsf(tmp_path / "psf.fits", X, Y)
    with fits.open(path, mode="update") as file:
        file[0].data[3, 50, 50] = np.nan
    with pytest.raises(FormatError, match=r"1 of its \d+ PSFs hold"):
        read_stdpsf(path, exposure)


def test_binned_pixels_are_refused(tmp_path: Path, exposure: Exposure) -> None:
    chips = [
        replace(chip, header=chip.header.replace("BINAXIS1", make_card("BINAXIS1", 2)))
        for chip in exposure.chips
    ]
    with pytest.raises(FormatError, match="those of iepw14g6q are binned"):
        read_stdpsf(write_stdpsf(tmp_path / "psf.fits", X, Y), replace(exposure, chips=tuple(chips)))


def test_places_in_one_keyword(tmp_path: Path, exposure: Exposure) -> None:
    path = write_stdpsf(tmp_path / "psf.fits", [1, 4096], [1, 2048, 2049, 4096])
    with fits.open(path, mode="update") as file:
        header = file[0].header
        for word in [word for word in header if word.startswith(("IPSFX", "JPSFY"))]:
            del header[word]
        header["IPSFXA5"], header["JPSFYA5"] = "1 4096", "1 2048 2049 4096"
    assert read_stdpsf(path, exposure)[2].y.tolist() == [0.0, 2047.0]
