"""A derived solution is the similarity that was meant, exactly, with the distortion left alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import CartesianRepresentation, SkyCoord
from astropy.coordinates.matrix_utilities import rotation_matrix
from astropy.io import fits
from astropy.wcs import WCS

from trueup.astrometry.deriving.derive import Record, check_name, corrected, fit_name
from trueup.errors import SolutionError, UsageError
from trueup.fits.exposure import read_exposure
from trueup.fits.headerlet import read_headerlet
from trueup.fits.headerlet_write import headerlet_bytes
from trueup.fits.keywords import distortion_cards
from trueup.fits.walk import BytesSource
from trueup.model.displacement import Displacement
from trueup.model.exposure import Exposure
from trueup.model.soundness import judge
from trueup.simulate import Recipe, make_visit

NAME = "IDC_2731450pi-FIT_REL_GAIADR3"
HISTORY = ("epoch 2022.5711", "own error 0.6 mas")
RECORD = Record(NAME, "GAIADR3", 46, (4.25, 4.5), (0.6, 0.7), HISTORY)
CENTRE = (83.81, -69.27)


@pytest.fixture(scope="module")
def exposure(tmp_path_factory: pytest.TempPathFactory) -> Exposure:
    """F275W of the default visit, full chips without stars."""
    recipe = Recipe(size=(4096, 96), stars=5, galaxies=0, noise=False, exposures=1)
    return read_exposure(make_visit(tmp_path_factory.mktemp("derive"), recipe=recipe).files[1])


def astropy_sky(path: str, extver: int, x: np.ndarray, y: np.ndarray) -> SkyCoord:
    with fits.open(path) as hdus:
        ra, dec = WCS(hdus["SCI", extver].header, hdus).all_pix2world(x, y, 0)
    return SkyCoord(ra, dec, unit="deg")


def meant(sky: SkyCoord, by: Displacement) -> SkyCoord:
    """Turn about the centre, stretch the distance from it, then shift: by astropy's rotations."""
    centre = SkyCoord(*CENTRE, unit="deg")
    away = centre.separation(sky) * (1 + by.scale_ppm * 1e-6)
    stretched = centre.directional_offset_by(centre.position_angle(sky) + by.rotation_deg * u.deg, away)
    turn = rotation_matrix(
        by.east_mas * u.mas, axis=-centre.directional_offset_by(0 * u.deg, 90 * u.deg).cartesian.xyz
    )
    tilt = rotation_matrix(
        by.north_mas * u.mas, axis=centre.directional_offset_by(90 * u.deg, 90 * u.deg).cartesian.xyz
    )
    return SkyCoord(
        CartesianRepresentation(tilt @ turn @ stretched.cartesian.xyz), representation_type="unitspherical"
    )


@pytest.mark.parametrize(
    "by",
    [
        Displacement(60.0, -35.0, 0.004),
        Displacement(-310.0, 240.0, -0.003, 120.0),
        Displacement(0.0, 0.0, 0.02, 0.0),
        Displacement(1500.0, 900.0),
    ],
)
def test_the_sky_moves_as_meant(exposure: Exposure, by: Displacement) -> None:
    new = corrected(exposure.active, exposure, by=by, centre=CENTRE, record=RECORD)
    for part in new.chips:
        ny, nx = part.wcs.shape
        y, x = (a.ravel() for a in np.mgrid[0 : ny - 1 : 5j, 0 : nx - 1 : 7j])
        goal = meant(astropy_sky(exposure.path, part.chip.extver, x, y), by)
        ra, dec = part.wcs.pixel_to_sky(x, y)
        found = SkyCoord(ra, dec, unit="deg")
        assert found.separation(goal).to_value("mas").max() < 1e-4


def test_the_cards_say_the_same_as_the_numbers(exposure: Exposure) -> None:
    new = corrected(
        exposure.active, exposure, by=Displacement(60.0, -35.0, 0.004), centre=CENTRE, record=RECORD
    )
    content = headerlet_bytes(new, exposure)
    back = read_headerlet(BytesSource(content, "memory"), new.origin, exposure.chips)
    x, y = np.array([0.0, 2000.0, 4095.0]), np.array([95.0, 50.0, 0.0])
    for mine, theirs, old in zip(new.chips, back.chips, exposure.active.chips, strict=True):
        assert np.array_equal(mine.wcs.pixel_to_sky(x, y), theirs.wcs.pixel_to_sky(x, y))
        assert distortion_cards(theirs.cards) == distortion_cards(old.cards)
        assert all(theirs.cards.find(f"CRPIX{i}") == old.cards.find(f"CRPIX{i}") for i in (1, 2))
    assert (back.wcsname, back.hdrname, back.destim, back.author) == (
        NAME,
        new.hdrname,
        exposure.rootname,
        "trueup",
    )
    assert back.fit == new.fit


def test_the_keywords_of_the_fit(exposure: Exposure, tmp_path: Path) -> None:
    new = corrected(exposure.active, exposure, by=Displacement(60.0), centre=CENTRE, record=RECORD)
    (tmp_path / "a_hlet.fits").write_bytes(headerlet_bytes(new, exposure))
    with fits.open(tmp_path / "a_hlet.fits") as hdus:
        hdus.verify("exception")
        main, chip = hdus[0].header, hdus["SIPWCS", 2].header
    assert [main[word] for word in ("WCSNAME", "CATALOG", "NMATCH", "FITMETH")] == [
        NAME,
        "GAIADR3",
        46,
        "relative",
    ]
    assert (main["RMS_RA"], main["RMS_DEC"]) == (4.25, 4.5)
    assert main["FIT_RMS"] == pytest.approx(np.hypot(4.25, 4.5))
    assert set(HISTORY) <= set(main["HISTORY"])
    assert (chip["NMATCHES"], chip["FITGEOM"], chip["RMS_DEC"]) == (46, "rscale", 4.5)
    assert chip["CRDER1"] * 3.6e6 == pytest.approx(0.6)
    assert chip["CRDER2"] * 3.6e6 == pytest.approx(0.7)
    assert chip["WCSTYPE"] == "undistorted a posteriori solution relatively aligned to GAIADR3"


def test_it_is_sound_beside_the_others(exposure: Exposure) -> None:
    new = corrected(exposure.active, exposure, by=Displacement(60.0, -35.0), centre=CENTRE, record=RECORD)
    with_it = replace(exposure, solutions=(*exposure.solutions, new))
    verdict = judge(with_it)[-1]
    assert verdict.sound is True
    assert not verdict.flags


def test_every_solution_has_its_own_hdrname(exposure: Exposure) -> None:
    moved = [
        corrected(exposure.active, exposure, by=Displacement(east), centre=CENTRE, record=RECORD).hdrname
        for east in (1.0, 1.0, 2.0)
    ]
    assert moved[0] == moved[1] != moved[2]
    assert all(name.startswith(f"{exposure.rootname}_flc_trueup_") for name in moved)


def test_a_fit_without_stars_of_its_own_claims_none(exposure: Exposure) -> None:
    record = Record(NAME, "NONE", 0, (0.0, 0.0), (5.0, 5.0))
    new = corrected(exposure.active, exposure, by=Displacement(1.0), centre=CENTRE, record=record)
    back = read_headerlet(BytesSource(headerlet_bytes(new, exposure), "memory"), new.origin, exposure.chips)
    assert back.fit.nmatches is None
    assert back.fit.rms_ra_mas is None


def test_a_linear_solution_is_no_start(exposure: Exposure) -> None:
    opus = next(s for s in exposure.solutions if s.wcsname == "OPUS")
    with pytest.raises(SolutionError, match="it has no distortion"):
        corrected(opus, exposure, by=Displacement(1.0), centre=CENTRE, record=RECORD)


def test_names(exposure: Exposure) -> None:
    assert fit_name(exposure.active, exposure, catalog="GAIADR3") == NAME
    assert fit_name(exposure.active, exposure, catalog="my stars.ecsv") == "IDC_2731450pi-FIT_REL_mystarsecsv"
    assert fit_name(exposure.active, exposure, catalog="") == "IDC_2731450pi-FIT_REL_NONE"
    taken = [NAME.lower(), f"{NAME}-2"]
    assert fit_name(exposure.active, exposure, catalog="GAIADR3", taken=taken) == f"{NAME}-3"
    assert check_name("TWEAK") == "TWEAK"
    for bad in ("IDC_2731450pi-FIT_TRUE_GAIADR3", "IDC_2731450pi-GSC240", "OPUS", "two words", ""):
        with pytest.raises(UsageError):
            check_name(bad)
