"""Sources of real infrared exposures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import KDTree

from trueup.astrometry.stars.starlist import StarList, find_stars
from trueup.fits.exposure import read_exposure

# dithers by the pointing of the headers, pixels to the nearest few
PAIRS = {
    ("ib6o23rtq", "ib6o23rwq"): (147, 0),
    ("ib6o23rwq", "ib6o23rzq"): (0, -84),
    ("ib6o23rzq", "ib6o23s2q"): (-147, 0),
    ("ib6o23rtq", "ib6o23rzq"): (147, -84),
}


@pytest.fixture(scope="module")
def lists(real_data: Path) -> dict[str, StarList]:
    paths = sorted((real_data / "wfc3-ir-pixels").glob("*_flt.fits.gz"))
    stars = (find_stars(read_exposure(path)) for path in paths)
    return {found.rootname: found for found in stars}


def test_sources_of_each_exposure(lists: dict[str, StarList]) -> None:
    for stars in lists.values():
        ((_, sources),) = stars.chips
        assert 10 < len(sources) < 100
        assert np.isfinite(sources.sigma).all()
        assert not stars.trailed


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_the_same_sources_are_found_after_a_dither(lists: dict[str, StarList], pair: tuple[str, str]) -> None:
    (_, a), (_, b) = (lists[rootname].chips[0] for rootname in pair)
    offsets = (np.c_[b.x, b.y][None] - np.c_[a.x, a.y][:, None]).reshape(-1, 2)
    near = offsets[np.abs(offsets - PAIRS[pair]).max(axis=1) < 5]
    # distortion is not removed: 0.8 pixel
    assert max(len(together) for together in KDTree(near).query_ball_point(near, 1.0)) >= 4


def test_a_file_cut_short_says_so(real_data: Path) -> None:
    stars = find_stars(read_exposure(real_data / "headers" / "ib4606c5q_flc.fits"))
    assert stars.n == 0
    assert len(stars.notes) == 2
    assert "10 x 10 of its 4096 x 2051 pixels" in stars.notes[0]
