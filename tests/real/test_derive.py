"""Solutions derived for real headers: sound beside those of the archive, and stwcs sees them alike."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from trueup.astrometry.deriving.baseline import baseline
from trueup.astrometry.deriving.derive import Record, corrected
from trueup.fits.exposure import read_exposure, read_headerlet_file
from trueup.fits.headerlet_write import headerlet_bytes
from trueup.model.displacement import Displacement, displacement
from trueup.model.offset import field_center
from trueup.model.soundness import judge

BY = Displacement(60.0, -35.0, 0.004, -100.0)

STWCS = """
import json, sys, warnings
warnings.simplefilter("ignore")
from astropy.io import fits
from stwcs.wcsutil import HSTWCS, headerlet

exposure, name, points = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
headerlet.apply_headerlet_as_primary(exposure, name, attach=True, archive=True)
with fits.open(exposure) as hdus:
    chips = [hdu.ver for hdu in hdus if hdu.name == "SCI"]
    sky = [[list(a) for a in HSTWCS(hdus, ext=("SCI", i)).all_pix2world(*points, 0)] for i in chips]
    print(json.dumps([hdus["SCI", 1].header["WCSNAME"], sky]))
"""


@pytest.mark.parametrize("name", ["ib4606c5q_flc", "ib4606cpq_flt"])
def test_on_real_headers(real_data: Path, tmp_path: Path, peer_python: str, name: str) -> None:
    exposure = read_exposure(real_data / "headers" / f"{name}.fits")
    start = exposure.solutions[baseline([exposure]).start[exposure.rootname].index]
    assert start.family == "distortion-only"
    old = [part.wcs for part in start.chips]
    wcsname = f"{start.name.base}-FIT_REL_GAIADR3-9"
    record = Record(wcsname, "GAIADR3", 40, (5.0, 5.1), (0.5, 0.5))
    centre = field_center(old)
    new = corrected(start, exposure, by=BY, centre=centre, record=record)
    verdict = judge(replace(exposure, solutions=(*exposure.solutions, new)))[-1]
    assert (verdict.sound, verdict.flags) == (True, ())
    headerlet = tmp_path / f"{name}_trueup_hlet.fits"
    headerlet.write_bytes(headerlet_bytes(new, exposure))
    back = [part.wcs for part in read_headerlet_file(str(headerlet), exposure.chips).chips]
    found = displacement(back, old, centre=centre)
    assert (found.east_mas, found.north_mas) == pytest.approx((60.0, -35.0), abs=1e-3)
    assert (found.rotation_deg, found.scale_ppm) == pytest.approx((0.004, -100.0), abs=0.01)
    copy = shutil.copy(exposure.path, tmp_path)
    points = [[5.0, 900.0, 30.0], [7.0, 20.0, 1000.0]]
    command = [peer_python, "-c", STWCS, copy, str(headerlet), json.dumps(points)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    told, skies = json.loads(done.stdout.strip().splitlines()[-1])
    assert told == wcsname
    for wcs, sky in zip(back, skies, strict=True):
        assert np.abs(np.array(wcs.pixel_to_sky(*points)) - sky).max() * 3.6e6 < 1e-3
