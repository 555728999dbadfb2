"""Every WCS of every real header against astropy, every real card against astropy."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from trueup.fits.exposure import read_exposure
from trueup.fits.walk import open_source, walk
from trueup.model.exposure import Exposure
from trueup.model.solution import Solution

EXPOSURES = ["ib4606c5q_flc.fits", "ib4606cpq_flt.fits", "j94f05bgq_flt.fits"]
HEADERS = [*EXPOSURES, "ia1d23dmq_flt_hlet.fits", "jbz504010_asn.fits"]


def peers(path: Path, exposure: Exposure, solution: Solution) -> list[WCS]:
    """The same solution read by astropy, chip by chip, with keyword `peer_linear` set."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with fits.open(path) as hdus:
            if solution.origin.kind == "hdrlet":
                hdu = hdus[solution.origin.hdu]
                data = path.read_bytes()[hdu._data_offset :][: hdu._data_size]
                with fits.open(io.BytesIO(data)) as inner:
                    return [WCS(inner["SIPWCS", p.chip.extver].header, inner) for p in solution.chips]
            key = solution.origin.key or " "
            return [WCS(hdus["SCI", chip.id.extver].header, hdus, key=key) for chip in exposure.chips]


@pytest.mark.parametrize("name", EXPOSURES)
def test_every_solution_equals_astropy(name: str, real_data: Path) -> None:
    path = real_data / "headers" / name
    exposure = read_exposure(path)
    rng = np.random.default_rng(5)
    for solution in exposure.solutions:
        for part, peer in zip(solution.chips, peers(path, exposure, solution), strict=True):
            ny, nx = part.wcs.shape
            assert (ny, nx) in {(2051, 4096), (2048, 4096), (1014, 1014)}
            x, y = rng.uniform(-0.5, nx - 0.5, 20000), rng.uniform(-0.5, ny - 0.5, 20000)
            project = peer.all_pix2world if part.claims_sip else peer.wcs_pix2world
            ra0, dec0 = project(x, y, 0)
            ra, dec = part.wcs.pixel_to_sky(x, y)
            error = np.hypot((ra - ra0) * np.cos(np.radians(dec0)), dec - dec0) * 3.6e6
            assert error.max() <= 1e-3, f"{solution.name} {solution.origin} {part.chip}"
            back = part.wcs.sky_to_pixel(ra, dec)
            assert np.hypot(back[0] - x, back[1] - y).max() <= 1e-6


@pytest.mark.parametrize("name", HEADERS)
def test_every_card_parses_as_in_astropy(name: str, real_data: Path) -> None:
    source = open_source(real_data / "headers" / name)
    for hdu in walk(source):
        for card in hdu.header:
            theirs = fits.Card.fromstring(card.text)
            if theirs.keyword in {"", "COMMENT", "HISTORY"}:
                continue
            if "." in theirs.keyword:
                field = theirs.keyword.partition(".")[2]
                assert hdu.header.record(card.keyword)[field] == theirs.value
            elif isinstance(theirs.value, fits.card.Undefined):
                assert card.value is None
            else:
                assert card.value == theirs.value, card.text
        assert hdu.header.to_bytes() == source.read(hdu.header_start, len(hdu.header.to_bytes()))
