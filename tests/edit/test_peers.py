"""AstroDrizzle works on what apply wrote, and sees the solution that was put in force."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from astropy.io import fits

from trueup.edit.apply import apply
from trueup.fits.exposure import read_exposure
from trueup.simulate import Recipe, make_visit

SUPPORT = Path(__file__).parents[1] / "support"


def test_astrodrizzle(tmp_path: Path) -> None:
    folder = tmp_path / "visit"
    make_visit(folder, recipe=Recipe(size=(160, 120), stars=10, galaxies=0))
    files = sorted(folder.glob("iepw14g[ae]q_flc.fits"))
    apply(files, headerlets=sorted(folder.glob("*f275w*_hlet.fits")))
    jobs = tmp_path / "jobs.json"
    jobs.write_text(json.dumps({"inputs": [str(file) for file in files], "jobs": {"svm": {"static": False}}}))
    command = [sys.executable, SUPPORT / "run_astrodrizzle.py", jobs]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    active = read_exposure(files[0]).active
    with fits.open(tmp_path / "svm" / "peer_drc.fits") as hdus:
        assert hdus["SCI"].header["WCSNAME"] == active.wcsname
        assert hdus["SCI"].header["WCSTYPE"].endswith("aligned by visit to GAIAEDR3")
        rows = hdus["HDRTAB"].data
        for row, chip in zip(rows[:2], active.chips, strict=True):
            assert np.allclose((row["CRVAL1"], row["CRVAL2"]), chip.wcs.crval, atol=1e-12)
