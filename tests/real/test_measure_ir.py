"""Four real WFC3/IR frames: judged without their distortion, and measured with it."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from trueup import Measurement, Visit, measure, open_visit
from trueup.astrometry.measuring.measurement import Candidate, Relative
from trueup.astrometry.stars.starlist import StarList, find_stars
from trueup.fits.exposure import read_exposure
from trueup.model.chipwcs import ChipWcs
from trueup.model.exposure import Exposure

NAMES = ("ib6o23rtq", "ib6o23rwq", "ib6o23rzq", "ib6o23s2q")
# SIP belongs to the middle of the detector. The files say CRPIX 557 on frames of 1014 pixels; 507 moves
# all four by the same 50 pixels, which no relative measurement sees.
MIDDLE = (506.0, 506.0)


@pytest.fixture(scope="module")
def visit(real_data: Path) -> Visit:
    return open_visit([real_data / "wfc3-ir-pixels" / f"{name}_flt.fits.gz" for name in NAMES])


@pytest.fixture(scope="module")
def stars(visit: Visit) -> dict[str, StarList]:
    return {exposure.rootname: find_stars(exposure) for exposure in visit.exposures}


@pytest.fixture(scope="module")
def measured(visit: Visit, stars: dict[str, StarList], real_data: Path) -> Measurement:
    """With the SIP of another exposure of the same IDCTAB."""
    donor = read_exposure(real_data / "headers" / "ib4606cpq_flt.fits")
    assert {e.header.text("IDCTAB") for e in (donor, *visit.exposures)} == {"iref$w3m18525i_idc.fits"}
    distortion = donor.active.chips[0].wcs
    distorted = tuple(with_distortion(exposure, distortion) for exposure in visit.exposures)
    return measure(replace(visit, exposures=distorted), centroids=stars)


def with_distortion(exposure: Exposure, donor: ChipWcs) -> Exposure:
    part = exposure.active.chips[0]
    wcs = replace(part.wcs, crpix=MIDDLE, sip_a=donor.sip_a, sip_b=donor.sip_b)
    solution = replace(exposure.active, chips=(replace(part, wcs=wcs),))
    return replace(exposure, solutions=(solution,), solution=solution)


def row(measured: Measurement, a: str, b: str) -> Relative:
    found = measured.between(Candidate(a, 0), Candidate(b, 0))
    assert found is not None
    return found


def test_without_distortion_nothing_passes(visit: Visit, stars: dict[str, StarList]) -> None:
    """0.4 to 0.8 pixel of distortion are missing: no pair may be believed."""
    found = measure(visit, centroids=stars)
    assert len(found.relative) == 6
    for one in found.relative:
        assert one.fit.verdict in {"unmeasurable", "fail"}
        assert "--centroids" in one.fit.why
    scatter = [one.similarity.scatter_mas for one in found.relative if one.similarity is not None]
    assert scatter
    assert all(0.2 < mas / 128.3 < 0.9 for mas in scatter)


def test_with_distortion_all_pairs_are_measured(measured: Measurement) -> None:
    for one in measured.relative:
        assert one.fit.verdict != "unmeasurable", one.fit.why
        assert one.fit.log10_pfalse < -6
        assert one.fit.n >= 5


def test_every_triangle_closes(measured: Measurement) -> None:
    for a, b, c in combinations(NAMES, 3):
        sides = [row(measured, *ends).similarity for ends in ((a, b), (b, c), (a, c))]
        assert all(side is not None for side in sides)
        values = sides[0].values + sides[1].values - sides[2].values
        sigma = np.sqrt(np.diag(sum(side.covariance for side in sides)))
        assert (np.abs(values) < 3 * sigma).all()
