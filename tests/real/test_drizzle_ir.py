"""Four real dithered WFC3/IR exposures become one picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from trueup.drizzle.params import DrizzleParams
from trueup.drizzle.pipeline import drizzle
from trueup.fits.visit import open_visit
from trueup.workflow.drizzle import drizzle_files


@pytest.fixture(scope="module")
def folder(real_data: Path) -> Path:
    return real_data / "wfc3-ir-pixels"


def test_one_picture_that_says_it_is_smeared(folder: Path, tmp_path: Path) -> None:
    run = drizzle_files([folder], output=str(tmp_path))
    (product,) = run.products
    assert Path(product.path).name == "ib6o23020_trueup_drc.fits"
    assert (product.filter, product.exposures, product.chips) == ("F140W", 4, 4)
    assert len(run.warnings) == 1
    assert "smeared" in run.warnings[0]
    with fits.open(product.path) as hdus:
        assert "smeared" in str(hdus[0].header["HISTORY"])
        assert hdus[0].header["EXPTIME"] == pytest.approx(4 * 202.932922)
        sci, wht, context = (hdus[name].data for name in ("SCI", "WHT", "CTX"))
    assert sci.shape == (1044, 1228)
    covered = wht > 0
    assert 0.85 < covered.mean() < 1
    assert set(np.unique(context)) <= set(range(16))
    assert (context == 15).mean() > 0.4
    # as bright as the good pixels of its inputs
    total = 0.0
    for path in folder.glob("*.gz"):
        with fits.open(path) as inputs:
            total += inputs["SCI"].data[(inputs["DQ"].data & ~np.uint8(16)) == 0].sum(dtype=float)
    assert np.nansum(sci * wht, dtype=float) == pytest.approx(202.932922 * total, rel=0.002)


def test_drizzled_sources_lie_where_the_wcs_says(folder: Path) -> None:
    """Between exposures, cores agree within the 0.8 pixel of distortion that a plain WCS leaves."""
    exposures = open_visit([folder]).exposures
    mosaic = drizzle(exposures, params=DrizzleParams(final_bits="none"))
    exposure = exposures[0]
    pixels = fits.getdata(exposure.path, "SCI").astype(float)
    flags = fits.getdata(exposure.path, "DQ")
    inner = np.s_[150:-150, 150:-150]
    quiet = np.where(flags[inner] == 0, pixels[inner], 0)
    y, x = np.unravel_index(np.argsort(quiet, axis=None)[-200:], quiet.shape)
    wcs = exposure.wcs(exposure.chips[0].id)
    at = mosaic.wcs.sky_to_pixel(*wcs.pixel_to_sky(x + 150.0, y + 150.0))
    i, j = (np.rint(a).astype(int) for a in at)
    boxes = [np.nanmax(mosaic.sci[b - 2 : b + 3, a - 2 : a + 3]) for a, b in zip(i, j, strict=True)]
    assert np.median(np.array(boxes) / quiet[y, x]) > 0.4
