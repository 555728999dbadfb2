"""The whole run against AstroDrizzle with more exposures, and of other detectors."""

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
from trueup.simulate import Recipe, make_visit

VISITS = {
    "UVIS": Recipe(size=(300, 200), stars=100, filters=("F336W",), exposures=4),
    "ACS/WFC": Recipe(instrument="ACS/WFC", size=(240, 160), stars=60, filters=("F606W",), exposures=3),
    "IR": Recipe(instrument="IR", size=(240, 240), stars=60, filters=("F160W",), exposures=4),
}
IR = {"driz_sep_bits": "528", "final_bits": "528", "driz_cr_snr": "5.0 4.0", "driz_cr_scale": "3.0 2.4"}
# the visit, what is told to AstroDrizzle, and to trueup beside the default of the detector
CASES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "four, minmed": ("UVIS", {}, {}),
    "four, median, grown": (
        "UVIS",
        {"combine_type": "median", "combine_nhigh": 1, "driz_cr_grow": 3, "driz_cr_ctegrow": 5},
        {"combine": "median", "nhigh": 1, "cr_grow": 3, "cte_grow": 5},
    ),
    "ACS": ("ACS/WFC", {}, {}),
    "IR": ("IR", {**IR, "combine_type": "median"}, {}),
}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    return {
        name: [str(path) for path in make_visit(tmp_path_factory.mktemp("visit"), recipe=recipe).files]
        for name, recipe in VISITS.items()
    }


@pytest.fixture(scope="module")
def peer(
    inputs: dict[str, list[str]], tmp_path_factory: pytest.TempPathFactory, peer_python: str, root: Path
) -> Path:
    folder = tmp_path_factory.mktemp("peer")
    jobs = {name: {**theirs, "inputs": inputs[visit]} for name, (visit, theirs, _) in CASES.items()}
    listing = folder / "jobs.json"
    listing.write_text(json.dumps({"jobs": jobs}))
    script = root / "tests" / "support" / "run_astrodrizzle.py"
    done = subprocess.run(
        [peer_python, str(script), str(listing)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


@pytest.mark.parametrize("name", CASES)
def test_equal_to_astrodrizzle(name: str, inputs: dict[str, list[str]], peer: Path) -> None:
    visit, _, ours = CASES[name]
    params = DrizzleParams(**{"compat": "astrodrizzle", "grid": "own", "sky": "localmin", **ours})
    kept: dict[str, np.ndarray[Any, Any]] = {}
    hooks = Hooks(keep=lambda what, pixels: kept.update({what: pixels}))
    mosaic = drizzle(open_visit(inputs[visit]), params=params, hooks=hooks)
    (path,) = (peer / name).glob("peer_dr?.fits")
    with fits.open(path) as product:
        sci, wht, context = (product[extname].data for extname in ("SCI", "WHT", "CTX"))
    assert mosaic.context is not None
    assert np.array_equal(mosaic.context[0], context)
    np.testing.assert_allclose(mosaic.wht, wht, rtol=1e-5, atol=1e-6)
    good = wht > 0
    sigma = 1.4826 * np.median(np.abs(sci[good] - np.median(sci[good])))
    off = np.abs(mosaic.sci - sci)[good] / sigma
    assert np.median(off) <= 1e-6
    assert off.max() <= 1e-3
    masks = {path.stem: fits.getdata(path) for path in (peer / name).glob("*_crmask.fits")}
    assert set(masks) == {stem for stem in kept if stem.endswith("_crmask")}
    for stem, theirs in masks.items():
        assert np.array_equal(kept[stem], theirs), stem
        assert 0.8 < theirs.mean() < 1
