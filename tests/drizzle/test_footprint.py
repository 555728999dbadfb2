"""Overlaps of footprints against every pixel taken through the sky."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scenes import chip_wcs

from trueup.drizzle.footprint import filled, overlap_spans
from trueup.model.chipwcs import ChipWcs


def drawn(spans: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    columns = np.arange(shape[1])
    return (columns >= spans[:, :1]) & (columns < spans[:, 1:])


def turned(wcs: ChipWcs, degrees: float) -> ChipWcs:
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return replace(wcs, cd=turn @ wcs.cd)


@pytest.mark.parametrize("degrees", [0.0, 30.0, 91.0, 180.0])
@pytest.mark.parametrize("shift", [(0.0, 0.0), (0.4, -0.3), (-0.9, 0.1)])
@pytest.mark.parametrize("crval", [(150.0, 2.0), (0.0, 60.0), (120.0, -89.9)])
def test_a_pixel_is_in_the_overlap_where_its_sky_is_on_the_other_chip(
    degrees: float, shift: tuple[float, float], crval: tuple[float, float]
) -> None:
    cd = np.array([[-1.1e-5, 1e-6], [1.5e-6, 1.0e-5]])
    chip = ChipWcs((100.0, 60.0), crval, cd, (120, 200))
    crpix = (100.0 + 200 * shift[0], 60.0 + 120 * shift[1])
    other = turned(replace(chip, crpix=crpix), degrees)
    found = overlap_spans(chip, {"other": other})
    y, x = np.indices(chip.shape)
    over_x, over_y = other.sky_to_pixel(*chip.pixel_to_sky(x, y))
    ny, nx = other.shape

    def within(border: float) -> np.ndarray:
        return (abs(over_x - (nx - 1) / 2) < nx / 2 + border) & (abs(over_y - (ny - 1) / 2) < ny / 2 + border)

    inside = drawn(found.get("other", np.zeros((120, 2))), chip.shape)
    # vertices are rounded to whole pixels
    assert within(-1.5)[~inside].sum() == 0
    assert inside[~within(1.5)].sum() == 0


def test_real_distortion() -> None:
    first, second = chip_wcs(1), chip_wcs(2)
    moved = replace(first, crpix=(first.crpix[0] + 300.0, first.crpix[1] - 200.0))
    found = overlap_spans(first, {"moved": moved, "second": second})
    ny, nx = first.shape
    # to the curvature of an edge, that a great circle cuts off
    assert drawn(found["moved"], first.shape).sum() == pytest.approx((nx - 300) * (ny - 200), rel=3e-3)
    # the chips of an exposure have a gap between them
    assert "second" not in found


def test_far_away_and_behind_are_no_overlap() -> None:
    chip = ChipWcs((50, 50), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (100, 100))
    others = {
        "next": replace(chip, crpix=(-50.0, 50.0)),
        "far": replace(chip, crval=(151.0, 2.0)),
        "antipode": replace(chip, crval=(330.0, -2.0)),
    }
    assert overlap_spans(chip, others) == {}
    assert overlap_spans(chip, {"same": chip})["same"].tolist() == [[0, 100]] * 100


def test_filled_polygons() -> None:
    square = np.array([(1, 1), (3, 1), (3, 3), (1, 3)], float)
    assert filled(square, (5, 6)).tolist() == [[0, 0], [1, 4], [1, 4], [1, 4], [0, 0]]
    assert filled(square[::-1], (5, 6)).tolist() == filled(square, (5, 6)).tolist()
    triangle = np.array([(0, 0), (4, 0), (0, 4)], float)
    assert [stop - start for start, stop in filled(triangle, (5, 5)).tolist()] == [5, 4, 3, 2, 1]
    beyond = np.array([(-3, -2), (9, -2), (9, 9), (-3, 9)], float)
    assert filled(beyond, (3, 4)).tolist() == [[0, 4]] * 3
