"""The whole run against AstroDrizzle, in compat mode, on small frames."""

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

OURS: dict[str, Any] = {
    "compat": "astrodrizzle",
    "grid": "own",
    "sep_bits": "336",
    "final_bits": "336",
    "cr_snr": (3.5, 3.0),
    "cr_scale": (1.5, 1.2),
    "combine": "minmed",
    "sky": "localmin",
}
NO_CR = {"driz_separate": False, "median": False, "blot": False, "driz_cr": False}
# what is told to AstroDrizzle, and the same to trueup
CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "minmed": ({}, {}),
    "median": ({"combine_type": "median"}, {"combine": "median"}),
    "turbo": ({**NO_CR, "final_kernel": "turbo"}, {"cr": False, "kernel": "turbo"}),
    "point": ({**NO_CR, "final_kernel": "point"}, {"cr": False, "kernel": "point"}),
    "gaussian": ({**NO_CR, "final_kernel": "gaussian"}, {"cr": False, "kernel": "gaussian"}),
    "lanczos3": ({**NO_CR, "final_kernel": "lanczos3"}, {"cr": False, "kernel": "lanczos3"}),
    "err": ({**NO_CR, "final_wht_type": "ERR"}, {"cr": False, "weight": "ERR"}),
    "counts": ({**NO_CR, "final_units": "counts"}, {"cr": False, "units": "counts"}),
    "pixfrac": ({**NO_CR, "final_pixfrac": 0.8}, {"cr": False, "pixfrac": 0.8}),
    "rescaled": (
        {"final_wcs": True, "final_scale": 0.05, "final_rot": 20.0},
        {"scale": 0.05, "rot": 20.0},
    ),
    "bits": ({**NO_CR, "final_bits": "~4096,64"}, {"cr": False, "final_bits": "~4096,64"}),
    "no sky": ({**NO_CR, "skysub": False}, {"cr": False, "sky": "none"}),
    "globalmin": ({**NO_CR, "skymethod": "globalmin"}, {"cr": False, "sky": "globalmin"}),
    "match": ({**NO_CR, "skymethod": "match"}, {"cr": False, "sky": "match"}),
    "globalmin+match": (
        {**NO_CR, "skymethod": "globalmin+match"},
        {"cr": False, "sky": "globalmin+match"},
    ),
}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("inputs")
    truth = make_visit(folder, recipe=Recipe(size=(400, 300), stars=200))
    return [str(e.path) for e in truth.exposures if e.filter == "F336W"]


@pytest.fixture(scope="module")
def peer(inputs: list[str], tmp_path_factory: pytest.TempPathFactory, peer_python: str, root: Path) -> Path:
    folder = tmp_path_factory.mktemp("peer")
    jobs = {name: theirs for name, (theirs, _) in CASES.items()}
    listing = folder / "jobs.json"
    listing.write_text(json.dumps({"inputs": inputs, "jobs": jobs}))
    script = root / "tests" / "support" / "run_astrodrizzle.py"
    done = subprocess.run(
        [peer_python, str(script), str(listing)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


@pytest.mark.parametrize("name", CASES)
def test_equal_to_astrodrizzle(name: str, inputs: list[str], peer: Path) -> None:
    params = DrizzleParams(**{**OURS, **CASES[name][1]})
    kept: dict[str, np.ndarray[Any, Any]] = {}
    hooks = Hooks(keep=lambda what, pixels: kept.update({what: pixels}))
    mosaic = drizzle(open_visit(inputs), params=params, hooks=hooks)
    with fits.open(peer / name / "peer_drc.fits") as product:
        sci, wht = product["SCI"].data, product["WHT"].data
    assert mosaic.sci.shape == sci.shape
    good = (wht > 0) & (mosaic.wht > 0)
    sigma = 1.4826 * np.median(np.abs(sci[good] - np.median(sci[good])))
    off = np.abs(mosaic.sci[good] - sci[good]) / sigma
    assert good.mean() > 0.4
    assert np.median(off) <= 1e-6
    assert (off > 1e-3).mean() <= 1e-4
    assert ((wht > 0) != (mosaic.wht > 0)).mean() <= 1e-4
    assert np.median(np.abs(mosaic.wht[good] / wht[good] - 1)) <= 1e-6
    for path in (peer / name).glob("*_crmask.fits"):
        theirs = fits.getdata(path)
        ours = kept[path.name.removesuffix(".fits")]
        inner = np.s_[4:-4, 4:-4]
        assert np.array_equal(ours[inner], theirs[inner]), path.name
        assert 0.9 < theirs.mean() < 0.9999
