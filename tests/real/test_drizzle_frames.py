"""Mapping and output frame of the real distortion models against astropy and stwcs."""

from __future__ import annotations

import importlib.util
import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from frames import astropy_wcs, turned_frame

from trueup.drizzle.canvas import empty_canvas, finished
from trueup.drizzle.grid import enclosing_frame, output_frame
from trueup.drizzle.mapping import pixel_mapping
from trueup.drizzle.params import DrizzleParams
from trueup.drizzle.resample import Pixels, add_chip
from trueup.fits.exposure import read_exposure
from trueup.model.chipwcs import ChipWcs, LookupTable

EXPOSURES = ["ib4606c5q_flc.fits", "ib4606cpq_flt.fits", "j94f05bgq_flt.fits"]

FRAMES = """
import json, sys, warnings
warnings.simplefilter("ignore")
from astropy.io import fits
from drizzlepac.wcs_functions import mergeWCS
from stwcs.distortion.utils import output_wcs
from stwcs.wcsutil import HSTWCS

files, settings = map(json.loads, sys.argv[1:])
nothing = dict.fromkeys("ra dec scale rot outnx outny crpix1 crpix2".split())
answer = {}
for path, shapes in files.items():
    with fits.open(path) as hdus:
        chips = [HSTWCS(hdus, ext=("SCI", n)) for n in range(1, len(shapes) + 1)]
    for chip, (ny, nx) in zip(chips, shapes):
        chip.pixel_shape = (nx, ny)
    frames = [mergeWCS(output_wcs(chips), nothing | setting) for setting in settings]
    answer[path] = [[[*w.wcs.crval], [*w.wcs.crpix], [*w.pixel_shape], w.wcs.cd.tolist()] for w in frames]
print(json.dumps(answer))
"""


def require_mapping(chip: ChipWcs, label: str) -> None:
    """Within 5e-5 pixel, rms 3e-6, of all_pix2world + wcs_world2pix on 2e5 points."""
    frame = turned_frame(chip, rot_deg=20.0, scale_arcsec=chip.scale_arcsec())
    rng = np.random.default_rng(2)
    ny, nx = chip.shape
    x, y = rng.uniform(-0.5, nx - 0.5, 200_000), rng.uniform(-0.5, ny - 0.5, 200_000)
    true = astropy_wcs(frame).wcs_world2pix(*astropy_wcs(chip).all_pix2world(x, y, 0), 0)
    ours = pixel_mapping(chip, frame)(x, y)
    error = np.hypot(ours[0] - true[0], ours[1] - true[1])
    assert error.max() < 5e-5, label
    assert np.sqrt(np.mean(error**2)) < 3e-6, label


@pytest.mark.parametrize("name", EXPOSURES)
def test_mapping_under_every_solution(name: str, real_data: Path) -> None:
    exposure = read_exposure(real_data / "headers" / name)
    for solution in exposure.solutions:
        for part in solution.chips:
            require_mapping(part.wcs, f"{solution.name} {solution.origin} {part.chip}")


def tables_of_acs(path: Path, ccdchip: int) -> tuple[LookupTable, ...]:
    with fits.open(path) as hdus:
        pair = [hdu for hdu in hdus[1:] if hdu.header["CCDCHIP"] == ccdchip]
        zero, step = (0.0, 0.0), (64.0, 64.0)
        return tuple(LookupTable(hdu.data.astype(np.float32), zero, zero, step) for hdu in pair)


def test_mapping_with_the_tables_of_acs(real_data: Path) -> None:
    exposure = read_exposure(real_data / "headers" / "j94f05bgq_flt.fits")
    folder = real_data / "references"
    for chip in exposure.chips:
        wcs, number = exposure.wcs(chip.id), chip.id.ccdchip
        d2im = tables_of_acs(folder / "02c1450oj_d2i.fits.gz", number)
        npol = tables_of_acs(folder / "02c14514j_npl.fits.gz", number)
        older = tables_of_acs(folder / "qbu16424j_npl.fits.gz", number)
        assert len(d2im) == len(npol) == len(older) == 2
        require_mapping(replace(wcs, d2im=d2im, npol=npol), f"NPOL and D2IM {chip.id}")
        require_mapping(replace(wcs, npol=older), f"older NPOL {chip.id}")


# ours and AstroDrizzle's
SETTINGS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    ({"scale": 0.03}, {"scale": 0.03}),
    ({"rot": 0.0}, {"rot": 0.0}),
    ({"rot": 30.0, "scale": 0.1}, {"rot": 30.0, "scale": 0.1}),
    ({"shape": (500, 401), "scale": 0.03}, {"outnx": 500, "outny": 401, "scale": 0.03}),
    ({"shape": (50, 40), "center": (137.8, -64.9)}, {"outnx": 50, "outny": 40, "ra": 137.8, "dec": -64.9}),
]


@pytest.mark.skipif(importlib.util.find_spec("drizzlepac") is None, reason="drizzlepac is not installed")
def test_output_frames_equal_those_of_the_peer(real_data: Path, peer_python: str, tmp_path: Path) -> None:
    exposures = {path: read_exposure(path) for path in (str(real_data / "headers" / n) for n in EXPOSURES)}
    shapes = json.dumps({path: [chip.shape for chip in e.chips] for path, e in exposures.items()})
    settings = json.dumps([theirs for _, theirs in SETTINGS])
    command = [peer_python, "-W", "ignore", "-c", FRAMES, shapes, settings]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    answer = json.loads(done.stdout.strip().splitlines()[-1])
    for path, exposure in exposures.items():
        for (ours, _), (crval, crpix, size, cd) in zip(SETTINGS, answer[path], strict=True):
            frame = output_frame([exposure], DrizzleParams(**ours))
            assert frame.shape == (size[1], size[0]), (path, ours)
            assert [frame.crpix[0] + 1, frame.crpix[1] + 1] == pytest.approx(crpix, abs=1e-8)
            assert frame.crval == pytest.approx(crval, abs=1e-12)
            np.testing.assert_allclose(frame.cd, cd, rtol=1e-12, atol=1e-19)


def test_a_constant_stays_constant_through_real_distortion(real_data: Path) -> None:
    exposure = read_exposure(real_data / "headers" / "ib4606c5q_flc.fits")
    solution = next(s for s in exposure.solutions if "SVM" in s.wcsname)
    chips = [part.wcs for part in solution.chips]
    assert all(wcs.has_tables for wcs in chips)
    frame = enclosing_frame(chips, turned_frame(chips[0]).cd)
    canvas = empty_canvas(frame, chips=2)
    for index, wcs in enumerate(chips):
        ones = np.ones(wcs.shape, np.float32)
        add_chip(canvas, Pixels(40 * ones, 500 * ones), wcs=wcs, index=index)
    sci, wht = finished(canvas)
    assert np.nanmax(np.abs(sci / 40 - 1)) < 1e-5
    assert (wht > 0).mean() > 0.4
