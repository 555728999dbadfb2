"""Output frames made of values alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from frames import astropy_wcs
from scenes import chip_wcs, distortion_only, exposure, fit

from trueup.drizzle.grid import adjusted_frame, enclosing_frame, output_frame
from trueup.drizzle.params import DrizzleParams
from trueup.fits.product import write_product
from trueup.model.chipwcs import ChipWcs
from trueup.model.mosaic import Mosaic


def corners(chip: ChipWcs) -> tuple[np.ndarray, np.ndarray]:
    ny, nx = chip.shape
    return astropy_wcs(chip).all_pix2world([0, nx - 1, nx - 1, 0], [0, 0, ny - 1, ny - 1], 0)


@pytest.mark.parametrize("crval", [(150.0, 2.0), (0.0, 45.0), (359.999, -80.0)])
def test_the_frame_holds_all_corners_and_starts_at_the_lowest(crval: tuple[float, float]) -> None:
    cd = np.array([[-1.1e-5, 2e-6], [2e-6, 1.1e-5]])
    chips = [ChipWcs((500 + d, 400), crval, cd, (900, 1100)) for d in (0, 37.25, -12.5)]
    frame = enclosing_frame(chips, 1.1e-5 * np.array([[-0.8, 0.6], [0.6, 0.8]]))
    x, y = np.concatenate([astropy_wcs(frame).wcs_world2pix(*corners(chip), 0) for chip in chips], axis=1)
    assert [x.min(), y.min()] == pytest.approx([0, 0], abs=5e-3)
    ny, nx = frame.shape
    assert nx - 1 <= x.max() <= nx + 5e-3
    assert ny - 1 <= y.max() <= ny + 5e-3
    assert frame.crpix == (nx / 2 - 1, ny / 2 - 1)


def test_without_idc_keywords_scale_and_angle_are_those_of_cd() -> None:
    plain = exposure(distortion_only())
    chips = tuple(replace(chip, header=chip.header.without(["IDCSCALE"])) for chip in plain.chips)
    cd = plain.wcs(1).cd
    frame = output_frame([replace(plain, chips=chips)])
    assert frame.scale_arcsec() == pytest.approx(3600 * np.sqrt(abs(np.linalg.det(cd))), rel=1e-12)
    assert np.arctan2(frame.cd[0, 1], frame.cd[1, 1]) == pytest.approx(np.arctan2(cd[0, 1], cd[1, 1]))
    assert np.linalg.det(frame.cd) < 0
    assert frame.cd[0] @ frame.cd[1] == pytest.approx(0, abs=1e-20)
    assert output_frame([plain]).scale_arcsec() == pytest.approx(0.0396, rel=1e-12)


def test_the_finest_detector_sets_the_scale() -> None:
    fine, coarse = exposure(distortion_only()), exposure(fit(10, 20))
    chips = tuple(replace(chip, header=chip.header.replace("IDCSCALE")) for chip in coarse.chips)
    wide = replace(coarse, chips=chips, solution=coarse.solution)
    wcss = [replace(chip_wcs(n), cd=3.2 * chip_wcs(n).cd) for n in (1, 2)]
    parts = tuple(replace(p, wcs=w) for p, w in zip(wide.solution.chips, wcss, strict=True))
    wide = replace(wide, solution=replace(wide.solution, chips=parts))
    assert output_frame([wide, fine]).scale_arcsec() == pytest.approx(0.0396)
    assert output_frame([wide]).scale_arcsec() > 0.1


FRAME = ChipWcs((1023.0, 700.0), (150.0, 2.0), 1.1e-5 * np.array([[-0.8, 0.6], [0.6, 0.8]]), (1402, 2048))


def middle(frame: ChipWcs) -> tuple[float, float]:
    ny, nx = frame.shape
    ra, dec = astropy_wcs(frame).wcs_pix2world((nx - 1) / 2, (ny - 1) / 2, 0)
    return float(ra), float(dec)


def test_scale_keeps_the_sky() -> None:
    frame = adjusted_frame(FRAME, DrizzleParams(scale=0.02))
    assert frame.scale_arcsec() == pytest.approx(0.02, rel=1e-12)
    assert frame.shape == (int(np.ceil(1402 * 1.98)), int(np.ceil(2048 * 1.98)))
    assert middle(frame) == pytest.approx(middle(FRAME), abs=1.1e-5)


@pytest.mark.parametrize("rot", [0.0, 45.0, -120.0])
def test_rotation_keeps_everything_in_the_frame(rot: float) -> None:
    frame = adjusted_frame(FRAME, DrizzleParams(rot=rot))
    assert np.degrees(np.arctan2(frame.cd[0, 1], frame.cd[1, 1])) == pytest.approx(rot)
    assert frame.scale_arcsec() == pytest.approx(FRAME.scale_arcsec())
    x, y = astropy_wcs(frame).wcs_world2pix(*corners(FRAME), 0)
    assert min(x.min(), y.min()) >= -1e-3
    assert x.max() <= frame.shape[1] - 1 + 1e-3
    assert y.max() <= frame.shape[0] - 1 + 1e-3


def test_shape_and_center() -> None:
    frame = adjusted_frame(FRAME, DrizzleParams(shape=(300, 200), center=(150.01, 2.02)))
    assert frame.shape == (200, 300)
    assert middle(frame) == pytest.approx((150.01, 2.02), abs=1e-9)
    assert np.array_equal(frame.cd, FRAME.cd)


def test_the_grid_of_a_file(tmp_path: Path) -> None:
    small = replace(FRAME, shape=(20, 30))
    plane = np.ones(small.shape, np.float32)
    mosaic = Mosaic(plane, plane, None, small, (), "ELECTRONS/S", "{}")
    written = write_product(mosaic, tmp_path / "a_trueup_drc.fits", rootname="a")
    frame = output_frame([exposure(distortion_only())], DrizzleParams(grid=str(written.path)))
    assert (frame.shape, frame.crpix, frame.crval) == (small.shape, small.crpix, small.crval)
    assert np.array_equal(frame.cd, small.cd)
