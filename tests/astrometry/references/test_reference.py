"""A drizzled image as the reference frame, and which exposures an anchor names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from trueup import drizzle, open_visit
from trueup.astrometry.choosing.anchor import anchored
from trueup.astrometry.measuring.absolute import measure_absolute
from trueup.astrometry.measuring.measurement import Candidate
from trueup.astrometry.pairs.seen import see
from trueup.astrometry.references.reference import read_reference
from trueup.astrometry.stars.starlist import find_stars
from trueup.errors import DataError, SelectionError, UsageError
from trueup.model.visit import Visit
from trueup.simulate import Recipe, Truth, make_visit


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    recipe = Recipe(size=(1024, 800), stars=300, galaxies=20, exposures=2)
    return make_visit(tmp_path_factory.mktemp("visit"), seed=8, recipe=recipe)


@pytest.fixture(scope="module")
def visit(truth: Truth) -> Visit:
    return open_visit([str(path) for path in truth.files])


@pytest.fixture(scope="module")
def mosaic(visit: Visit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first filter, drizzled."""
    path = tmp_path_factory.mktemp("product") / "f336w_drc.fits"
    drizzle([e for e in visit.exposures if e.filter == "F336W"], output=str(path))
    return path


def test_exposures_of_another_filter_against_a_mosaic(truth: Truth, visit: Visit, mosaic: Path) -> None:
    """Of the same visit: no time for stars to move, and the truth is the injected offset."""
    catalog = read_reference(mosaic)
    assert catalog.name == "GAIAeDR3"
    assert catalog.epoch == pytest.approx(visit.exposures[0].epoch, abs=1e-3)
    for exposure in visit.exposures:
        seen = see(exposure, find_stars(exposure))
        _, rows = measure_absolute(
            seen, catalog, candidates=[Candidate(exposure.rootname, 0)], center=truth.centre
        )
        there = truth.exposure(exposure.rootname).errors[exposure.solution.wcsname]
        base = truth.exposure(visit.exposures[0].rootname).errors[visit.exposures[0].solution.wcsname]
        fit, expected = rows[0].fit, there - base
        assert fit.n >= 20
        assert fit.east_mas == pytest.approx(expected.east_mas, abs=3.0)
        assert fit.north_mas == pytest.approx(expected.north_mas, abs=3.0)
        assert fit.verdict == ("fail" if exposure.filter == "F275W" else fit.verdict)


def test_stars_of_an_old_image_have_moved(mosaic: Path) -> None:
    with pytest.raises(DataError, match=r"f336w_drc\.fits: no proper motions, .* pm_dispersion=5"):
        read_reference(mosaic, columns={"epoch": "2012.5"}).at(2022.5)
    stars = read_reference(mosaic, columns={"epoch": "2012.5", "pm_dispersion": "0.3"}).at(2022.5)
    assert stars.common_mas == pytest.approx(3.0)
    assert np.all(stars.sigma_mas > 3.0)
    with pytest.raises(UsageError, match="ra=ALPHA for an image"):
        read_reference(mosaic, columns={"ra": "ALPHA"})


def test_an_exposure_is_no_reference(truth: Truth) -> None:
    with pytest.raises(DataError, match="drizzle the exposure first"):
        read_reference(truth.files[0])


@pytest.mark.parametrize(
    ("anchor", "members"),
    [
        (None, 0),
        ("F336W", 2),
        ("uvis  f275w", 2),
        ("iepw14", 4),
        ("IEPW14030", 2),
        ("some/where/iepw14gaq_flc.fits", 1),
        ("iepw14gaq", 1),
    ],
)
def test_an_anchor(visit: Visit, anchor: str | None, members: int) -> None:
    assert len(anchored(visit, anchor)) == members


def test_an_anchor_that_is_not_there(visit: Visit) -> None:
    with pytest.raises(SelectionError, match=r"anchor 'F814W' names no exposure; use a filter \(UVIS F336W"):
        anchored(visit, "F814W")
