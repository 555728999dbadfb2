"""The interpolated mapping against astropy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from frames import astropy_wcs, turned_frame
from scenes import chip_wcs

from trueup.drizzle.mapping import homography, pixel_mapping
from trueup.errors import DataError, UsageError
from trueup.model.chipwcs import ChipWcs, LookupTable, plane_to_sky


def differences(chip: ChipWcs, frame: ChipWcs, points: int = 200_000) -> np.ndarray:
    rng = np.random.default_rng(11)
    ny, nx = chip.shape
    x, y = rng.uniform(-0.5, nx - 0.5, points), rng.uniform(-0.5, ny - 0.5, points)
    x[:4], y[:4] = [-0.5, nx - 0.5, -0.5, nx - 0.5], [-0.5, -0.5, ny - 0.5, ny - 0.5]
    true = astropy_wcs(frame).wcs_world2pix(*astropy_wcs(chip).all_pix2world(x, y, 0), 0)
    ours = pixel_mapping(chip, frame)(x, y)
    return np.hypot(ours[0] - true[0], ours[1] - true[1])


def smooth_table(seed: int) -> LookupTable:
    """As smooth as the real ones: 0.01 pixel steps between nodes."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:32, 0:64] / 32
    data = 0.05 * np.sin(3 * x + rng.uniform(0, 6)) * np.cos(4 * y) + rng.normal(0, 0.002, x.shape)
    return LookupTable(data.astype(np.float32), (0, 0), (0, 0), (64, 64))


@pytest.mark.parametrize("rot_deg", [0.0, 75.0, 200.0])
def test_without_tables_the_mapping_is_exact(rot_deg: float) -> None:
    chip = chip_wcs(1, tables=False)
    assert differences(chip, turned_frame(chip, rot_deg=rot_deg)).max() < 1e-6


def test_with_tables_the_mapping_keeps_its_bar() -> None:
    tables = {"npol": (smooth_table(1), smooth_table(2)), "d2im": (smooth_table(3), smooth_table(4))}
    chip = replace(chip_wcs(2, tables=False), **tables)
    found = differences(chip, turned_frame(chip))
    assert found.max() < 5e-5
    assert np.sqrt(np.mean(found**2)) < 3e-6


def test_one_table_on_another_grid() -> None:
    """A detector correction per column, and polynomial-free chips."""
    columns = np.random.default_rng(0).normal(0, 0.01, (1, 4096)).astype(np.float32)
    chip = replace(
        chip_wcs(1, tables=False).linear(), d2im=(LookupTable(columns, (1, 1), (1, 1), (1, 1)), None)
    )
    assert differences(chip, turned_frame(chip), 20_000).max() < 1e-8


@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (64, 64), (65, 129)])
def test_chips_of_any_size(shape: tuple[int, int]) -> None:
    chip = replace(chip_wcs(1), shape=shape)
    chip = replace(chip, npol=(smooth_table(1), None), d2im=(None, smooth_table(2)))
    assert differences(chip, turned_frame(chip), 1000).max() < 5e-5


def test_homography_joins_distant_tangent_points() -> None:
    near_pole = ChipWcs((500, 500), (10.0, 89.9), np.diag([-1e-4, 1e-4]), (1000, 1000))
    other = ChipWcs((100, 900), (200.0, 89.95), np.array([[0, 1e-4], [1e-4, 0]]), (1000, 1000))
    xi, eta = np.array([0.02, -0.01]), np.array([0.03, 0.0])
    x, y, w = homography(near_pole, other) @ np.stack([xi, eta, np.ones(2)])
    ra, dec = plane_to_sky(xi, eta, near_pole.crval)
    np.testing.assert_allclose([x / w, y / w], astropy_wcs(other).wcs_world2pix(ra, dec, 0), atol=1e-8)


def test_a_frame_on_the_other_side_of_the_sky_is_an_error() -> None:
    chip = chip_wcs(1)
    with pytest.raises(DataError, match="does not project"):
        pixel_mapping(chip, replace(turned_frame(chip), crval=(chip.crval[0] + 180, -chip.crval[1])))


def test_a_distorted_frame_is_an_error() -> None:
    with pytest.raises(UsageError, match="distortion"):
        pixel_mapping(chip_wcs(1), chip_wcs(2))
