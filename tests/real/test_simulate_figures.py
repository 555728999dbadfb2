"""The figures of the simulation are those of real headers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from trueup.model.displacement import rotated
from trueup.simulate import Recipe, make_visit
from trueup.simulate.detectors import DETECTORS
from trueup.simulate.plan import _chip
from trueup.simulate.sphere import attitude, pa_v3

CASES = [
    ("UVIS", "ib4606c5q_flc.fits", "A"),
    ("IR", "ib4606cpq_flt.fits", "A"),
    ("ACS/WFC", "j94f05bgq_flt.fits", ""),
]


@pytest.mark.parametrize(("instrument", "name", "key"), CASES)
def test_chips_pointed_like_a_real_exposure(real_data: Path, instrument: str, name: str, key: str) -> None:
    recipe = Recipe(instrument=instrument)
    with fits.open(real_data / "headers" / name) as hdus:
        headers = [hdu.header for hdu in hdus if hdu.name == "SCI"]
        pointing = hdus[0].header["PA_V3"]
    first = recipe.detector.chips[0]
    aperture = (first.v2v3_arcsec[0] / 3600, first.v2v3_arcsec[1] / 3600)
    at = (headers[0][f"CRVAL1{key}"], headers[0][f"CRVAL2{key}"])
    # the roll at the aperture that gives the header's PA_V3
    roll = pointing
    for _ in range(5):
        roll += pointing - pa_v3(attitude(at, aperture, roll_deg=roll))
    turn = attitude(at, aperture, roll_deg=roll)
    for figures, header in zip(recipe.detector.chips, headers, strict=True):
        chip = rotated(_chip(figures, recipe, (0.0, 0.0)), turn)
        wanted = [header[f"CRVAL{i}{key}"] for i in (1, 2)]
        assert chip.crval == pytest.approx(wanted, abs=1e-9)
        cd = [[header[f"CD{i}_{j}{key}"] for j in (1, 2)] for i in (1, 2)]
        assert np.allclose(chip.cd, cd, rtol=0, atol=1e-16)
        assert chip.sip_a is not None
        for (p, q), value in np.ndenumerate(chip.sip_a):
            if p + q > 1 and value:
                assert value == header[f"A_{p}_{q}"]


def test_figures_fit_the_detectors() -> None:
    for detector in DETECTORS.values():
        for chip in detector.chips:
            assert len(chip.sip_a) == len(chip.sip_b) == 12
            assert np.hypot(*np.subtract(chip.v2v3_arcsec, chip.idc_v2v3)) < 0.1
        assert len(detector.filters) == len(detector.exptimes) == len(detector.psf_sigma_pix)


@pytest.mark.parametrize(("instrument", "name"), [case[:2] for case in CASES[:2]])
def test_headers_hold_what_the_pipeline_writes(
    real_data: Path, tmp_path: Path, instrument: str, name: str
) -> None:
    truth = make_visit(tmp_path, recipe=Recipe(instrument=instrument, size=(60, 50), stars=3))
    bookkeeping = {
        "CRDER1B", "CRDER2B", "DELTATIM", "ERRCNT", "FILLCNT", "MEANBLEV", "PHOTFNU", "PHTFLAM1", "PHTFLAM2",
        "PHTRATIO", "PODPSFF", "ROUTTIME", "SAMPNUM", "SAMPTIME", "SNRMAX", "SNRMEAN", "SNRMIN", "SOFTERRS",
        "STDCFFF", "STDCFFP", "TDFTRANS", "GOODMAX", "GOODMEAN", "GOODMIN", "NGOODPIX", "SDQFLAGS",
    }  # fmt: skip
    with fits.open(real_data / "headers" / name) as real, fits.open(truth.files[0]) as ours:
        for ext in (("SCI", 1), ("ERR", 1), ("DQ", 1)):
            assert set(real[ext].header) - bookkeeping <= set(ours[ext].header)
        keywords = "IDCTAB NPOLFILE D2IMFILE SIPNAME DISTNAME NEXTEND PA_V3 MDRIZTAB ASN_ID LINENUM FGSLOCK"
        wcs = set(keywords.split())
        assert wcs <= set(real[0].header) & set(ours[0].header)
        headers = [
            next(hdu.header for hdu in hdus if hdu.name == "HDRLET" and "GSC240" in hdu.header["WCSNAME"])
            for hdus in (real, ours)
        ]
        assert list(headers[0]) == list(headers[1])
