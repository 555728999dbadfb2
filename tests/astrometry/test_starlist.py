"""The stars of raw exposures, among cosmic rays and defects, against the simulation's truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import KDTree

from trueup.astrometry.starlist import StarList, find_stars
from trueup.fits.exposure import read_exposure
from trueup.simulate import Recipe, make_visit
from trueup.simulate.truth import TrueExposure

SIZE = (900, 800)


def pulls(stars: StarList, true: TrueExposure, *, tier: int) -> tuple[np.ndarray, float]:
    """Errors in units of the claimed ones of real stars, and the share of sources that are none."""
    found, false, total = [], 0, 0
    for k, (_, sources) in enumerate(stars.chips):
        good = sources[sources.tier <= tier]
        on = ~np.isnan(true.x[k])
        where = np.c_[true.x[k][on], true.y[k][on]]
        distance, index = KDTree(where).query(np.c_[good.x, good.y])
        hit = distance < 1.0
        found.append((np.c_[good.x, good.y] - where[index])[hit] / good.sigma[hit, None])
        false, total = false + int((~hit).sum()), total + len(good)
    return np.concatenate(found), false / max(total, 1)


@pytest.mark.parametrize("instrument", ["UVIS", "ACS/WFC", "IR"])
def test_stars_of_a_raw_exposure(tmp_path: Path, instrument: str) -> None:
    recipe = Recipe(instrument=instrument, size=SIZE, stars=2500, exposures=2, galaxies=5)
    visit = make_visit(tmp_path, seed=21, recipe=recipe)
    exposure = read_exposure(visit.files[1])
    stars = find_stars(exposure)
    assert [chip for chip, _ in stars.chips] == [chip.id for chip in exposure.chips]
    pull, false = pulls(stars, visit.exposures[1], tier=0)
    assert len(pull) > 40
    assert false < 0.1
    assert 0.7 < np.sqrt(np.mean(pull**2)) < 2.0
    assert abs(np.mean(pull)) < 0.3
