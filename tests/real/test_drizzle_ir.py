"""Four real dithered WFC3/IR exposures become one picture."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from trueup.drizzle.params import DrizzleParams
from trueup.drizzle.pipeline import drizzle
from trueup.drizzle.run import Hooks
from trueup.fits.visit import open_visit
from trueup.workflow.drizzle import drizzle_files


@pytest.fixture(scope="module")
def folder(real_data: Path) -> Path:
    return real_data / "wfc3-ir-pixels"


def test_one_picture_that_says_it_is_smeared(folder: Path, tmp_path: Path) -> None:
    every_pixel = DrizzleParams(cr=False, final_bits="16")
    run = drizzle_files([folder], params=every_pixel, output=str(tmp_path))
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


NO_CR = {"driz_separate": False, "median": False, "blot": False, "driz_cr": False}
IR_BITS = {"driz_sep_bits": "528", "final_bits": "528"}
REJECTION = {"combine_type": "median", "driz_cr_snr": "5.0 4.0", "driz_cr_scale": "3.0 2.4"}
# what is told to AstroDrizzle, and the same to trueup; the rest of IR is the default of four exposures
CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "all pixels": ({**IR_BITS, **NO_CR}, {"cr": False, "sky": "localmin"}),
    "rejection": ({**IR_BITS, **REJECTION}, {"sky": "localmin"}),
    "match": ({**IR_BITS, **REJECTION, "skymethod": "match"}, {}),
}


@pytest.fixture(scope="module")
def cast(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The exposures with the types of pixels that AstroDrizzle takes."""
    types = {"SCI": np.float32, "ERR": np.float32, "DQ": np.int16}
    copies = tmp_path_factory.mktemp("cast")
    for path in folder.glob("*.gz"):
        with fits.open(path) as hdus:
            for name, dtype in types.items():
                hdus[name].data = hdus[name].data.astype(dtype)
            hdus.writeto(copies / path.stem)
    return [str(path) for path in sorted(copies.iterdir())]


@pytest.fixture(scope="module")
def peer(cast: list[str], tmp_path_factory: pytest.TempPathFactory, peer_python: str, root: Path) -> Path:
    folder = tmp_path_factory.mktemp("peer")
    listing = folder / "jobs.json"
    jobs = {name: theirs for name, (theirs, _) in CASES.items()}
    listing.write_text(json.dumps({"inputs": cast, "jobs": jobs}))
    script = root / "tests" / "support" / "run_astrodrizzle.py"
    done = subprocess.run(
        [peer_python, str(script), str(listing)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


@pytest.mark.parametrize("name", CASES)
def test_equal_to_astrodrizzle(name: str, cast: list[str], folder: Path, peer: Path) -> None:
    params = DrizzleParams(**{"compat": "astrodrizzle", "grid": "own", **CASES[name][1]})
    kept: dict[str, np.ndarray[Any, Any]] = {}
    hooks = Hooks(keep=lambda what, pixels: kept.update({what: pixels}))
    mosaic = drizzle(open_visit(cast), params=params, hooks=hooks)
    with fits.open(peer / name / "peer_drz.fits") as product:
        sci, wht, context = (product[extname].data for extname in ("SCI", "WHT", "CTX"))
    assert mosaic.context is not None
    assert np.array_equal(mosaic.context[0], context)
    assert np.array_equal(mosaic.wht > 0, wht > 0)
    np.testing.assert_allclose(mosaic.wht, wht, rtol=3e-5)
    good = wht > 0
    level = np.percentile(sci[good], 99.9)
    off = np.abs(mosaic.sci[good] - sci[good])
    # the brightest pixels lie so far above that level that float32 has no finer steps
    assert (off / np.maximum(level, np.abs(sci[good]))).max() <= 1e-6
    assert (off <= 1e-6 * level).mean() > 0.9999
    masks = {path.stem: fits.getdata(path) for path in (peer / name).glob("*_crmask.fits")}
    assert len(masks) == (0 if name == "all pixels" else 4)
    for stem, theirs in masks.items():
        assert np.array_equal(kept[stem], theirs), stem
        assert 0.98 < theirs.mean() < 0.995
    # the bytes of the files make no difference
    assert np.array_equal(drizzle(open_visit([folder]), params=params).sci, mosaic.sci, equal_nan=True)
