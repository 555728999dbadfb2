"""stwcs and AstroDrizzle accept the files and see the same sky."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trueup.simulate import Recipe, Truth, make_visit

LISTING = """
import json, sys, warnings
warnings.simplefilter("ignore")
from astropy.io import fits
from stwcs.wcsutil import HSTWCS, headerlet

exposure, single_visit, points = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
def sky():
    with fits.open(exposure) as hdus:
        return [[list(a) for a in HSTWCS(hdus, ext=("SCI", i)).all_pix2world(*points, 0)] for i in (1, 2)]
answer = {"before": sky(), "names": headerlet.get_headerlet_kw_names(exposure, "WCSNAME")}
headerlet.apply_headerlet_as_primary(exposure, single_visit, attach=True, archive=True)
answer["after"] = sky()
headerlet.restore_from_headerlet(exposure, hdrname=sys.argv[4], archive=False, force=True)
answer["restored"] = sky()
print(json.dumps(answer))
"""

DRIZZLE = """
import json, sys, warnings
warnings.simplefilter("ignore")
from drizzlepac import astrodrizzle
from astropy.io import fits
import numpy as np

astrodrizzle.AstroDrizzle(
    sys.argv[1:], output="product", preserve=False, build=True, context=False, in_memory=True, num_cores=1,
    driz_sep_bits="336", final_bits="336", combine_type="minmed", mdriztab=False, updatewcs=False,
)
with fits.open("product_drc.fits") as hdus:
    header, image = hdus["SCI"].header, hdus["SCI"].data
    print(json.dumps({"wcsname": header["WCSNAME"], "orientat": header["ORIENTAT"],
                      "max": float(np.nanmax(image)), "filled": float(np.isfinite(image).mean())}))
"""


def run(python: str, script: str, *arguments: object, folder: Path) -> dict[str, Any]:
    command = [python, "-c", script, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr[-2000:]
    answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    recipe = Recipe(size=(320, 240), stars=60)
    return make_visit(tmp_path_factory.mktemp("peers"), seed=4, recipe=recipe)


@pytest.mark.parametrize("compress", [False, True])
def test_stwcs_lists_and_applies_the_headerlets(peer_python: str, tmp_path: Path, compress: bool) -> None:
    recipe = Recipe(size=(320, 240), stars=5, gzip_headerlets=compress)
    truth = make_visit(tmp_path, seed=4, recipe=recipe)
    exposure = truth.exposures[2]
    rows, columns = np.mgrid[0:239:5j, 0:319:5j]
    points = [columns.ravel().tolist(), rows.ravel().tolist()]
    wanted = f"{exposure.rootname}_flc_{exposure.active}-hlet.fits"
    found = run(
        peer_python, LISTING, exposure.path, exposure.headerlet, json.dumps(points), wanted, folder=tmp_path
    )
    idc = "IDC_2731450pi"
    assert found["names"] == ["OPUS", idc, f"{idc}-GSC240", f"{idc}-FIT_REL_GAIAeDR3"]

    def off_mas(sky: list[list[list[float]]]) -> np.ndarray:
        """Mean distance from the truth."""
        miss = []
        for chip, (ra, dec) in zip(exposure.chips, sky, strict=True):
            true_ra, true_dec = chip.pixel_to_sky(*points)
            east = (np.array(ra) - true_ra) * np.cos(np.radians(true_dec))
            miss.append(np.hypot(east, np.array(dec) - true_dec) * 3.6e6)
        return np.array(miss)

    assert off_mas(found["before"]).mean() == pytest.approx(np.hypot(60.6, -35.4), abs=2)
    assert off_mas(found["after"]).max() < 1.5
    assert np.abs(np.subtract(found["restored"], found["before"])).max() * 3.6e6 < 0.001


def test_stwcs_projects_as_we_do(peer_python: str, visit: Truth, tmp_path: Path) -> None:
    from trueup.fits.exposure import read_exposure

    script = LISTING.partition("answer =")[0] + "print(json.dumps({'sky': sky()}))"
    points = [[0.0, 319.0, 160.3, 20.0], [0.0, 239.0, 100.7, 200.0]]
    for path in visit.files[1:3]:
        found = run(peer_python, script, path, "", json.dumps(points), folder=tmp_path)
        exposure = read_exposure(path)
        for chip, sky in zip(exposure.chips, found["sky"], strict=True):
            ours = np.array(exposure.wcs(chip.id).pixel_to_sky(*points))
            assert np.abs(ours - sky).max() * 3.6e6 < 0.001


def test_astrodrizzle_completes(peer_python: str, visit: Truth, tmp_path: Path) -> None:
    names = [shutil.copy(path, tmp_path) for path in visit.files[:2]]
    product = run(peer_python, DRIZZLE, *(Path(name).name for name in names), folder=tmp_path)
    assert product["wcsname"] == "IDC_2731450pi-FIT_REL_GAIAeDR3"
    # PA_V3 and the focal-plane figures are those of the pointing: roll at the aperture + 45 degrees
    assert product["orientat"] == pytest.approx(166.7, abs=0.05)
    assert product["max"] > 1
    assert product["filled"] > 0.5
