"""Figures: the right pixels, files that say who wrote them, no global state."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from trueup.astrometry.pairs.fit import Fit
from trueup.errors import FileAccessError
from trueup.fits.product_read import Product
from trueup.model.cards import Cards
from trueup.model.chipwcs import ChipWcs
from trueup.report.figures import before_after, save_figure, side_by_side
from trueup.report.offset import describe, offset_text
from trueup.report.view import View, cut_out, grid_around

MEASURED = Fit(
    n=40,
    east_mas=60.0,
    north_mas=-35.0,
    sigma_east_mas=0.3,
    sigma_north_mas=0.3,
    rotation_deg=0.004,
    sigma_rotation_deg=0.0001,
    scale_ppm=-3.0,
    corner_mas=77.0,
    corner_sigma_mas=0.4,
    corner_pix=1.9,
    log10_pfalse=-90.0,
    chi2=0.9,
    geometry="rscale",
    coverage=0.9,
    verdict="fail",
    why="69.5 +- 1.0 mas",
)


def product(wcs: ChipWcs, image: NDArray[Any]) -> Product:
    return Product("x_drc.fits", image.astype(np.float32), None, wcs, Cards(), Cards())


def astropy_wcs(wcs: ChipWcs) -> WCS:
    header = fits.Header()
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
    header["CRPIX1"], header["CRPIX2"] = wcs.crpix[0] + 1, wcs.crpix[1] + 1
    header["CRVAL1"], header["CRVAL2"] = wcs.crval
    for i in (0, 1):
        for j in (0, 1):
            header[f"CD{i + 1}_{j + 1}"] = wcs.cd[i, j]
    return WCS(header)


def turned(degrees: float, scale: float = 1.1e-5) -> ChipWcs:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return ChipWcs((70.0, 60.0), (150.0, 2.0), scale * np.array([[-c, s], [s, c]]), (140, 150))


@pytest.fixture
def view() -> View:
    rng = np.random.default_rng(0)
    sky = rng.normal(0, 1, (101, 101)).astype(np.float32)
    sky[:5] = np.nan
    wcs = ChipWcs((50, 50), (150.0, 2.0), 1.1e-5 * np.diag([-1, 1]), (101, 101))
    at = (150.0, 2.0)
    return View(sky, sky + 1, wcs, at, at, ("F336W", "F275W"), ("one", "two"), MEASURED, "ELECTRONS/S")


def test_cut_out_takes_the_same_sky_as_astropy() -> None:
    """A plane in the sky is sampled from a turned grid; astropy says where."""
    first, second = turned(0), turned(33, scale=0.9e-5)
    y, x = np.indices(second.shape)
    image = 3.0 * x - 2.0 * y
    grid = grid_around(first, (150.0001, 2.0001), half=10)
    seen = cut_out(product(second, image), grid)
    rows, columns = np.indices(grid.shape)
    sky = astropy_wcs(grid).all_pix2world(columns.ravel(), rows.ravel(), 0)
    at_x, at_y = astropy_wcs(second).all_world2pix(*sky, 0)
    np.testing.assert_allclose(seen.ravel(), 3 * at_x - 2 * at_y, atol=1e-2)


def test_cut_out_copies_pixels_of_the_same_grid_and_leaves_the_rest_empty() -> None:
    wcs = turned(20)
    image = np.random.default_rng(1).normal(size=wcs.shape).astype(np.float32)
    corner = tuple(float(v) for v in wcs.pixel_to_sky(0.2, 0.1))
    seen = cut_out(product(wcs, image), grid_around(wcs, corner, half=4))
    np.testing.assert_array_equal(seen[4:, 4:], image[:5, :5])
    assert np.isnan(seen[:4]).all()
    far = cut_out(product(wcs, image), grid_around(wcs, (151.0, 2.0), half=4))
    assert np.isnan(far).all()


@pytest.mark.parametrize("stretch", [1.0, 5.0])
def test_one_colour_scale_whose_upper_limit_is_stretched(view: View, stretch: float) -> None:
    figure = side_by_side(view, stretch=stretch)
    limits = {axes.images[0].get_clim() for axes in figure.axes[:1] + figure.axes[2:3]}
    assert len(limits) == 1
    from astropy.visualization import ZScaleInterval

    both = np.concatenate([v[np.isfinite(v)] for v in (view.a, view.b)])
    low, high = ZScaleInterval().get_limits(both)
    assert limits.pop() == pytest.approx((low, stretch * high), rel=1e-5)


def test_a_sky_of_zeros_is_no_colour_scale(view: View) -> None:
    pixels = np.zeros((101, 101), np.float32)
    pixels[40:45, 40:60] = np.linspace(1.0, 9.0, 100).reshape(5, 20)
    flat = replace(view, a=pixels, b=pixels)
    low, high = side_by_side(flat).axes[0].images[0].get_clim()
    assert low == 0.0
    assert high == pytest.approx(5.0, abs=0.1)


def test_figures_are_signed_and_foreign_files_are_kept(view: View, tmp_path: Path) -> None:
    for path in save_figure(side_by_side(view), tmp_path / "sky"):
        assert path.stat().st_size > 10_000
    with Image.open(tmp_path / "sky.png") as picture:
        assert picture.size[0] > 1500
    assert (tmp_path / "sky.pdf").read_bytes().startswith(b"%PDF")
    save_figure(before_after(view, view), tmp_path / "sky")
    (tmp_path / "mine.pdf").write_bytes(b"%PDF by hand")
    with pytest.raises(FileAccessError, match="choose another name"):
        save_figure(Figure(), tmp_path / "mine")
    assert (tmp_path / "mine.pdf").read_bytes() == b"%PDF by hand"
    assert not (tmp_path / "mine.png").exists()


def test_a_missing_folder_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(FileAccessError, match="No such file"):
        save_figure(Figure(), tmp_path / "nowhere" / "sky")


def test_pictures_without_data_or_mark_or_offset_are_drawn(view: View, tmp_path: Path) -> None:
    empty = np.full_like(view.a, np.nan)
    bare = View(empty, empty, view.wcs, view.center, None, view.labels, view.notes, Fit(0))
    save_figure(side_by_side(bare), tmp_path / "a")
    save_figure(before_after(bare, bare), tmp_path / "b")


def test_settings_of_matplotlib_stay(view: View) -> None:
    before = dict(matplotlib.rcParams)
    side_by_side(view)
    before_after(view, view)
    assert dict(matplotlib.rcParams) == before


def test_import_needs_no_matplotlib() -> None:
    script = "import sys, trueup.report.figures; print('matplotlib' in sys.modules, 'astropy' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["False", "False"]


def test_words() -> None:
    labels = ("F336W", "F275W")
    assert offset_text(MEASURED, labels).replace("\N{MINUS SIGN}", "-") == (
        "F275W - F336W:  +60.0 \N{PLUS-MINUS SIGN} 0.3 mas east,  -35.0 \N{PLUS-MINUS SIGN} 0.3 mas north,"
        "  +0.0040\N{DEGREE SIGN}  (40 stars)"
    )
    text = describe(MEASURED, labels)
    assert "FAIL: 69.5 +- 1.0 mas" in text
    assert text.isascii()
