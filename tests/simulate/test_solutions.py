"""The solutions of a visit against the truth, judged by astropy."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS, FITSFixedWarning
from numpy.typing import NDArray

from trueup.model.chipwcs import sky_to_plane
from trueup.model.displacement import Displacement, displaced
from trueup.simulate import Recipe, Truth
from trueup.simulate.plan import plan_visit

MAS = 3.6e6


def astropy_wcs(hdus: fits.HDUList, chip: int) -> WCS:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FITSFixedWarning)
        return WCS(hdus["SCI", chip].header, hdus)


def displacement_field(truth: Truth, index: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Positions (deg, in the plane of the field centre) and displacements (mas) of truth's sources."""
    exposure, at, moved = truth.exposures[index], [], []
    with fits.open(exposure.path) as hdus:
        for chip in (0, 1):
            on = ~np.isnan(exposure.x[chip])
            sky = astropy_wcs(hdus, chip + 1).all_pix2world(exposure.x[chip][on], exposure.y[chip][on], 0)
            true = np.array(sky_to_plane(truth.scene.ra[on], truth.scene.dec[on], truth.centre))
            at.append(true)
            moved.append((np.array(sky_to_plane(*sky, truth.centre)) - true) * MAS)
    return np.hstack(at), np.hstack(moved)


def fitted(truth: Truth, index: int) -> tuple[float, float, float]:
    """East and north (mas) at the field centre and rotation (deg) of the active solution minus truth."""
    (xi, eta), (east, north) = displacement_field(truth, index)
    one, zero = np.ones_like(xi), np.zeros_like(xi)
    rows = np.vstack([np.stack([one, zero, eta, xi], 1), np.stack([zero, one, -xi, eta], 1)])
    found = np.linalg.lstsq(rows, np.hstack([east, north]), rcond=None)[0]
    return found[0], found[1], np.degrees(found[2] / MAS)


def test_wrong_filter_is_off_by_the_injected_offset(clean: Truth) -> None:
    right, wrong = fitted(clean, 0), fitted(clean, 2)
    assert np.subtract(wrong, right)[:2] == pytest.approx([60, -35], abs=0.05)
    assert wrong[2] - right[2] == pytest.approx(0.004, abs=2e-5)
    assert np.hypot(*right[:2]) < 1
    told = clean.offset("F275W", "F336W")
    assert np.subtract(wrong, right)[:2] == pytest.approx([told.east_mas, told.north_mas], abs=0.01)


def test_errors_of_the_other_solutions(small: Truth) -> None:
    for exposure in small.exposures:
        idc = exposure.errors["IDC_2731450pi"]
        assert 300 < np.hypot(idc.east_mas, idc.north_mas) < 500
        assert idc.scale_ppm == pytest.approx(100, abs=0.1)
        svm = exposure.errors[small.svm]
        assert np.hypot(svm.east_mas, svm.north_mas) < 1.2
    after = small.offset("F275W", "F336W", solution=small.svm)
    assert np.hypot(after.east_mas, after.north_mas) < 1


@pytest.mark.parametrize("instrument", ["UVIS", "ACS/WFC"])
def test_one_affine_map_relates_the_chips_of_a_solution(instrument: str) -> None:
    exposure = plan_visit(Recipe(instrument=instrument), seed=0)[2]
    reference = [chip.without_tables() for chip in exposure.candidates["IDC"].chips]
    tangent = reference[0].crval
    for family in ("GSC240", "FIT_REL", "FIT_SVM"):
        chips = [chip.without_tables() for chip in exposure.candidates[family].chips]
        rows, columns = np.mgrid[0 : chips[0].shape[0] - 1 : 9j, 0 : chips[0].shape[1] - 1 : 9j]
        x, y = columns.ravel(), rows.ravel()
        plane = [
            [np.array(sky_to_plane(*chip.pixel_to_sky(x, y), tangent)) for chip in each]
            for each in (reference, chips)
        ]
        design = np.vstack([np.ones_like(x), plane[0][0]]).T
        affine = np.linalg.lstsq(design, plane[1][0].T, rcond=None)[0]
        miss = np.vstack([np.ones_like(x), plane[0][1]]).T @ affine - plane[1][1].T
        assert np.hypot(*miss.T).max() * MAS < 0.001


def test_displaced_moves_the_sky_as_it_says() -> None:
    chip = plan_visit(Recipe(), seed=0)[0].truth[1]
    centre = (83.81, -69.27)
    moved = displaced(chip, Displacement(0.0, 0.0, 0.5), centre=centre)
    x, y = np.array([100.0, 3900.0]), np.array([1900.0, 200.0])
    middle = SkyCoord(*centre, unit="deg")
    before, after = (SkyCoord(*wcs.pixel_to_sky(x, y), unit="deg") for wcs in (chip, moved))
    turned = middle.position_angle(after) - middle.position_angle(before)
    assert turned.wrap_at("180d").deg == pytest.approx(0.5, abs=1e-9)
    assert middle.separation(after).deg == pytest.approx(middle.separation(before).deg, rel=1e-12)


def test_displaced_shifts_the_centre() -> None:
    chip = plan_visit(Recipe(), seed=0)[0].truth[0]
    ra, dec = chip.pixel_to_sky(1000.0, 500.0)
    moved = displaced(chip, Displacement(60.0, -35.0, 0.3, 200.0), centre=(float(ra), float(dec)))
    before, after = (SkyCoord(*wcs.pixel_to_sky(1000.0, 500.0), unit="deg") for wcs in (chip, moved))
    east, north = before.spherical_offsets_to(after)
    assert [east.arcsec * 1e3, north.arcsec * 1e3] == pytest.approx([60.0, -35.0], abs=1e-3)


def test_telemetry_is_linear(small: Truth) -> None:
    with fits.open(small.files[0]) as hdus:
        header = hdus["SCI", 1].header
    assert header["CTYPE1O"] == "RA---TAN"
    assert len(f"{header['CD1_1O']:.12g}".lstrip("-").replace(".", "")) <= 11
