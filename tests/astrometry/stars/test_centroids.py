"""Centroids that users bring, in the formats they have them in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table
from painting import small_exposure

from trueup.astrometry.stars.centroids import read_centroids
from trueup.errors import DataError, FileAccessError, FormatError
from trueup.model.exposure import Exposure


@pytest.fixture(scope="module")
def uvis(tmp_path_factory: pytest.TempPathFactory) -> Exposure:
    return small_exposure(tmp_path_factory.mktemp("uvis"))


@pytest.fixture(scope="module")
def infrared(tmp_path_factory: pytest.TempPathFactory) -> Exposure:
    return small_exposure(tmp_path_factory.mktemp("ir"), instrument="IR")


@pytest.mark.parametrize(("suffix", "kind"), [("ecsv", "ascii.ecsv"), ("csv", "ascii.csv"), ("fits", "fits")])
def test_named_columns_of_any_table(tmp_path: Path, infrared: Exposure, suffix: str, kind: str) -> None:
    path = tmp_path / f"stars.{suffix}"
    table = Table(
        {"Y": [20.0, 30.5], "X": [1.0, 300.25], "flux": [5.0, 9.0], "sigma": [0.01, 0.02], "id": ["a", "b"]}
    )
    table.write(path, format=kind)
    stars = read_centroids(path, infrared)
    assert stars.rootname == infrared.rootname
    ((_, sources),) = stars.chips
    # the brightest first, and 0-based
    assert sources.x.tolist() == [299.25, 0.0]
    assert sources.y.tolist() == [29.5, 19.0]
    assert sources.sigma.tolist() == [0.02, 0.01]
    assert sources.tier.tolist() == [0, 0]


def test_chips_are_told_apart_by_ccdchip_or_extver(tmp_path: Path, uvis: Exposure) -> None:
    by_detector, by_file = tmp_path / "detector.csv", tmp_path / "file.csv"
    by_detector.write_text("x,y,chip,mag\n5,6,2,20\n7,8,1,20\n")
    by_file.write_text("x,y,extver,mag\n5,6,1,20\n7,8,2,20\n")
    for path in (by_detector, by_file):
        lower, upper = (sources for _, sources in read_centroids(path, uvis).chips)
        assert (lower.x.tolist(), upper.x.tolist()) == ([4.0], [6.0])


def test_plain_columns_go_on_in_y_over_both_chips(tmp_path: Path, uvis: Exposure) -> None:
    path = tmp_path / "stars.xyms"
    path.write_text("# x y m sigma\n  10.00 20.00 -12.0 0.02\n 30.00 2148.00 -13.5 0.01\n")
    stars = read_centroids(path, uvis)
    lower, upper = (sources for _, sources in stars.chips)
    assert (lower.x.tolist(), lower.y.tolist()) == ([9.0], [19.0])
    assert (upper.x.tolist(), upper.y.tolist()) == ([29.0], [99.0])
    assert upper.flux[0] > lower.flux[0]
    assert upper.sigma.tolist() == [0.01]


def test_without_errors_some_are_assumed_and_said(tmp_path: Path, infrared: Exposure) -> None:
    path = tmp_path / "stars.xym"
    path.write_text("10 20 -12.0\n30 40 -13.5\n")
    stars = read_centroids(path, infrared)
    assert any("without errors" in note for note in stars.notes)
    assert (stars.chips[0][1].sigma > 0).all()


def test_quality_becomes_tiers(tmp_path: Path, infrared: Exposure) -> None:
    path = tmp_path / "stars.csv"
    path.write_text("x,y,flux,quality\n10,20,3,0\n30,40,2,1\n50,60,1,7\n")
    assert read_centroids(path, infrared).chips[0][1].tier.tolist() == [0, 1, 2]


def test_rows_without_a_position_are_left_out(tmp_path: Path, infrared: Exposure) -> None:
    path = tmp_path / "stars.csv"
    path.write_text("x,y,flux,sigma\n10,20,3,0.02\n,40,2,0.02\n50,60,,0.02\n70,80,1,0\n90,90,1,-1\n")
    stars = read_centroids(path, infrared)
    assert stars.n == 1
    assert "4 of 5 centroids are left out: no number, or no error above 0" in stars.notes


def test_positions_off_the_chip_are_refused_with_the_rule(tmp_path: Path, uvis: Exposure) -> None:
    path = tmp_path / "stars.xym"
    path.write_text("10 1500 -12.0\n30 40 -13.5\n")
    with pytest.raises(DataError, match=r"1 of 2 positions.*y = 1500.*upper of two chips has y from 2048"):
        read_centroids(path, uvis)


def test_strange_chips_are_named(tmp_path: Path, uvis: Exposure) -> None:
    path = tmp_path / "stars.csv"
    path.write_text("x,y,chip\n10,20,3\n")
    with pytest.raises(DataError, match=r"ccdchip 3; the exposure has \[2, 1\]"):
        read_centroids(path, uvis)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ("ra,dec\n1,2\n", "columns ra, dec; name two of them x and y"),
        ("x,y\none,two\n", "column x is not of numbers"),
        ("1 2\n3 4\n", "x and y"),
        ("", "table"),
    ],
)
def test_other_content_is_refused(tmp_path: Path, infrared: Exposure, content: str, match: str) -> None:
    path = tmp_path / "stars.txt"
    path.write_text(content)
    with pytest.raises(FormatError, match=match):
        read_centroids(path, infrared)


def test_a_missing_file_is_named(infrared: Exposure) -> None:
    with pytest.raises(FileAccessError, match=r"nowhere\.csv"):
        read_centroids("nowhere.csv", infrared)


def test_input_order_and_numpy_types_do_not_matter(tmp_path: Path, infrared: Exposure) -> None:
    path = tmp_path / "stars.fits"
    Table({"x": np.array([5, 9], np.int16), "y": np.array([5, 9], np.float32), "mag": [21.0, 19.0]}).write(
        path
    )
    assert read_centroids(path, infrared).chips[0][1].x.tolist() == [8.0, 4.0]
