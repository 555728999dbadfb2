"""A second look at the pixels: more stars, the same offset; never at a list that was handed in."""

from __future__ import annotations

import pytest

from trueup.astrometry.measuring.measure import measure
from trueup.astrometry.measuring.measurement import Measurement
from trueup.astrometry.stars.starlist import find_stars
from trueup.fits.visit import open_visit
from trueup.model.visit import Visit
from trueup.simulate import Recipe, make_visit


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory) -> Visit:
    folder = tmp_path_factory.mktemp("again")
    truth = make_visit(folder, recipe=Recipe(size=(900, 700), stars=60, galaxies=0), seed=4)
    return open_visit([str(path) for path in truth.files])


@pytest.fixture(scope="module")
def once(visit: Visit) -> Measurement:
    """Of lists that were handed in: nobody looks again."""
    return measure(visit, centroids={e.rootname: find_stars(e) for e in visit.exposures})


def test_stars_are_gained(visit: Visit, once: Measurement) -> None:
    twice = measure(visit)
    counts = [[row.fit.n for row in found.relative] for found in (once, twice)]
    assert sum(counts[1]) > 1.1 * sum(counts[0])
    assert sum(s.n for s in twice.stars) > sum(s.n for s in once.stars)
    for before, after in zip(once.relative, twice.relative, strict=True):
        if before.fit.east_mas is None or after.fit.east_mas is None:
            continue
        assert before.fit.sigma_east_mas is not None
        assert after.fit.sigma_east_mas is not None
        assert abs(after.fit.east_mas - before.fit.east_mas) < 3 * before.fit.sigma_east_mas
        # the offset is that of before, and so is the chance that it is none
        assert after.fit.log10_pfalse == before.fit.log10_pfalse


def test_what_was_found_is_used_as_it_is(visit: Visit) -> None:
    twice = measure(visit)
    lists = {stars.rootname: stars for stars in twice.stars}
    assert measure(visit, centroids=lists).stars == twice.stars
