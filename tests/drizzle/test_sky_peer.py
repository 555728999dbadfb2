"""Static mask and sky against AstroDrizzle, on small frames of each detector."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import numpy as np
import pytest

from trueup.drizzle.sky import SkySettings, sky_values
from trueup.drizzle.static import static_mask
from trueup.fits.exposure import read_exposure
from trueup.model.exposure import Exposure
from trueup.simulate import Recipe, make_visit

METHODS = ("localmin", "globalmin", "match", "globalmin+match")
RECIPES = {
    "UVIS": Recipe(size=(360, 300), exposures=3, filters=("F336W",), stars=60),
    "IR": Recipe(instrument="IR", size=(300, 260), exposures=3, filters=("F160W",), stars=60),
    "ACS/WFC": Recipe(instrument="ACS/WFC", size=(400, 280), filters=("F814W",), stars=60),
}

# skypac asks for a method that spherical_geometry 1.4 no longer has: AstroDrizzle would then take
# localmin instead of match, and say so in its log only
SCRIPT = """
import contextlib, glob, json, os, shutil, sys, warnings
warnings.simplefilter("ignore")
from spherical_geometry.polygon import SphericalPolygon
if not hasattr(SphericalPolygon, "iter_polygons_flat"):
    SphericalPolygon.iter_polygons_flat = SphericalPolygon.__iter__
import numpy as np
from astropy.io import fits
from drizzlepac.astrodrizzle import AstroDrizzle

top, answer = os.getcwd(), {}
for detector, options in json.loads(sys.argv[1]).items():
    for method in sys.argv[2:]:
        os.makedirs(os.path.join(top, "peer"), exist_ok=True)
        os.chdir(os.path.join(top, "peer"))
        for old in glob.glob("*"):
            os.remove(old)
        for name in options["files"]:
            shutil.copy(name, ".")
        files = sorted(map(os.path.basename, options["files"]))
        AstroDrizzle(
            files, output="product", preserve=False, clean=False, build=True, context=False, num_cores=1,
            mdriztab=False, updatewcs=False, skymethod=method, skystat=options["statistic"],
            sky_bits=options["bits"], driz_separate=False, median=False, blot=False, driz_cr=False,
            driz_combine=False, in_memory=False,
        )
        found = answer.setdefault(detector, {})
        found[method] = []
        for name in files:
            with fits.open(name) as hdus:
                found[method].append([h.header["MDRIZSKY"] for h in hdus if h.name == "SCI"])
        found["masked"] = [
            np.argwhere(fits.getdata(name) == 0).tolist() for name in sorted(glob.glob("*staticMask.fits"))
        ]
        found["reverted"] = "Reverting" in open("astrodrizzle.log").read()
print("\\n" + json.dumps(answer))
"""


@pytest.fixture(scope="module")
def visits(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Exposure]]:
    found = {}
    for seed, (detector, recipe) in enumerate(RECIPES.items()):
        truth = make_visit(tmp_path_factory.mktemp("sky"), seed=seed, recipe=recipe)
        found[detector] = [read_exposure(exposure.path) for exposure in truth.exposures]
    return found


@pytest.fixture(scope="module")
def peer(
    visits: dict[str, list[Exposure]], peer_python: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    statistics = {"UVIS": "median", "IR": "mode", "ACS/WFC": "mean"}
    bits = {"UVIS": 0, "IR": 528, "ACS/WFC": None}
    options = {
        detector: {
            "files": [exposure.path for exposure in exposures],
            "statistic": statistics[detector],
            "bits": bits[detector],
        }
        for detector, exposures in visits.items()
    }
    command = [peer_python, "-c", SCRIPT, json.dumps(options), *METHODS]
    folder = tmp_path_factory.mktemp("peer")
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


def settings_of(detector: str) -> SkySettings:
    everything = 0xFFFFFFFF & ~4096
    return {
        "UVIS": SkySettings(bad_bits=everything),
        "IR": SkySettings(statistic="mode", bad_bits=everything & ~528),
        "ACS/WFC": SkySettings(statistic="mean", bad_bits=0),
    }[detector]


@pytest.mark.parametrize("detector", list(RECIPES))
def test_the_static_mask_is_astrodrizzles(
    visits: dict[str, list[Exposure]], peer: dict[str, Any], detector: str
) -> None:
    exposures = visits[detector]
    mask = static_mask(exposures)
    for chip, masked in zip(exposures[0].chips, peer[detector]["masked"], strict=True):
        good = mask.good(exposures[0], chip)
        assert np.argwhere(~good).tolist() == masked
    assert sum(map(len, peer[detector]["masked"])) > 0


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("detector", list(RECIPES))
def test_the_sky_is_astrodrizzles(
    visits: dict[str, list[Exposure]], peer: dict[str, Any], detector: str, method: str
) -> None:
    exposures = visits[detector]
    assert not peer[detector]["reverted"]
    sky = sky_values(exposures, method, settings=settings_of(detector), static=static_mask(exposures))
    ours = [[sky.of(exposure, chip) for chip in exposure.chips] for exposure in exposures]
    brightest = np.abs(peer[detector]["globalmin+match"]).max()
    # single precision in skypac
    assert np.array(ours) == pytest.approx(np.array(peer[detector][method]), rel=1e-6, abs=5e-7 * brightest)
    assert sky.warnings == ()
