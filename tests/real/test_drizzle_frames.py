"""Mapping and output frame of the real distortion models against astropy and stwcs."""

from __future__ import annotations

import importlib.util
import json
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from frames import astropy_wcs, turned_frame

from trueup.drizzle.grid import enclosing_frame, output_frame
from trueup.drizzle.mapping import pixel_mapping
from trueup.drizzle.resample import add_chip, empty_canvas, finished
from trueup.fits.exposure import read_exposure
from trueup.model.chipwcs import ChipWcs, LookupTable

EXPOSURES = ["ib4606c5q_flc.fits", "ib4606cpq_flt.fits", "j94f05bgq_flt.fits"]

FRAME = """
import json, sys, warnings
warnings.simplefilter("ignore")
from astropy.io import fits
from stwcs.distortion.utils import output_wcs
from stwcs.wcsutil import HSTWCS

path, shapes = sys.argv[1], json.loads(sys.argv[2])
with fits.open(path) as hdus:
    chips = [HSTWCS(hdus, ext=("SCI", n)) for n in range(1, len(shapes) + 1)]
for chip, (ny, nx) in zip(chips, shapes):
    chip.pixel_shape = (nx, ny)
wcs = output_wcs(chips)
print(json.dumps([list(wcs.wcs.crval), list(wcs.wcs.crpix), list(wcs.pixel_shape), wcs.wcs.cd.tolist()]))
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


@pytest.mark.skipif(importlib.util.find_spec("stwcs") is None, reason="stwcs is not installed")
@pytest.mark.parametrize("name", EXPOSURES)
def test_output_frame_equals_that_of_the_peer(
    name: str, real_data: Path, peer_python: str, tmp_path: Path
) -> None:
    path = real_data / "headers" / name
    exposure = read_exposure(path)
    shapes = json.dumps([chip.shape for chip in exposure.chips])
    command = [peer_python, "-W", "ignore", "-c", FRAME, str(path), shapes]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    crval, crpix, size, cd = json.loads(done.stdout.strip().splitlines()[-1])
    frame = output_frame([exposure])
    assert frame.shape == (size[1], size[0])
    assert [frame.crpix[0] + 1, frame.crpix[1] + 1] == crpix
    assert frame.crval == pytest.approx(crval, abs=1e-12)
    np.testing.assert_allclose(frame.cd, cd, rtol=1e-12)


def test_a_constant_stays_constant_through_real_distortion(real_data: Path) -> None:
    exposure = read_exposure(real_data / "headers" / "ib4606c5q_flc.fits")
    solution = next(s for s in exposure.solutions if "SVM" in s.wcsname)
    chips = [part.wcs for part in solution.chips]
    assert all(wcs.has_tables for wcs in chips)
    frame = enclosing_frame(chips, turned_frame(chips[0]).cd)
    canvas = empty_canvas(frame, chips=2)
    for index, wcs in enumerate(chips):
        ones = np.ones(wcs.shape, np.float32)
        add_chip(canvas, 40 * ones, weight=500 * ones, wcs=wcs, index=index)
    sci, wht = finished(canvas)
    assert np.nanmax(np.abs(sci / 40 - 1)) < 1e-5
    assert (wht > 0).mean() > 0.4
