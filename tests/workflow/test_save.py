"""Files of a measurement: read back by other programs, whole or not at all."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table

from trueup import open_visit
from trueup.astrometry.measuring.measure import measure
from trueup.astrometry.measuring.measurement import Measurement
from trueup.astrometry.references.catalog import read_catalog
from trueup.astrometry.stars.centroids import read_centroids
from trueup.cli import run
from trueup.errors import FileAccessError
from trueup.simulate import Recipe, Truth, make_visit
from trueup.workflow import save
from trueup.workflow.save import save_measurement


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    recipe = Recipe(size=(1024, 700), stars=300, galaxies=10, exposures=1)
    return make_visit(tmp_path_factory.mktemp("visit"), seed=2, recipe=recipe)


@pytest.fixture(scope="module")
def measurement(truth: Truth) -> Measurement:
    return measure(open_visit([str(p) for p in truth.files]), catalog=read_catalog(truth.catalog))


@pytest.fixture(scope="module")
def folder(measurement: Measurement, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved") / "new"
    written = save_measurement(measurement, folder)
    assert sorted(folder.iterdir()) == sorted(written)
    return folder


def test_what_is_written(folder: Path) -> None:
    names = {path.name for path in folder.iterdir()}
    for root in ("iepw14g4q", "iepw14gaq"):
        assert {f"{root}_stars.ecsv", f"{root}_sci1.reg", f"{root}_sci2.reg", f"{root}_sky.reg"} <= names
        assert {f"GAIA_{root}.ecsv", f"{root}-GAIA_matches.ecsv", f"{root}-GAIA_residuals.png"} <= names
    pair = "iepw14gaq-iepw14g4q"
    assert {f"{pair}_matches.ecsv", f"{pair}_residuals.png", "trends.ecsv"} <= names
    assert (folder / f"{pair}_residuals.png").read_bytes().startswith(b"\x89PNG")


def test_stars_count_pixels_from_one_and_lie_where_the_solution_puts_them(
    folder: Path, truth: Truth, measurement: Measurement
) -> None:
    known = truth.exposure("iepw14g4q")
    stars = Table.read(folder / "iepw14g4q_stars.ecsv")
    assert "(1, 1)" in stars.meta["pixels"]
    bright = stars[stars["used"]]
    assert len(bright) > 10
    places = [(known.x[row["extver"] - 1] + 1, known.y[row["extver"] - 1] + 1, row) for row in bright]
    near = [np.nanmin(np.hypot(x - row["x"], y - row["y"])) for x, y, row in places]
    assert np.median(near) < 0.1
    exposure = measurement.exposure("iepw14g4q")
    for row in bright[:20]:
        x, y = exposure.wcs(int(row["extver"])).sky_to_pixel(row["ra"], row["dec"])
        assert (float(x) + 1, float(y) + 1) == pytest.approx((row["x"], row["y"]), abs=2e-3)


def test_matches_are_the_same_stars(folder: Path, truth: Truth) -> None:
    table = Table.read(folder / "iepw14gaq-iepw14g4q_matches.ecsv")
    a, b = truth.exposure("iepw14g4q"), truth.exposure("iepw14gaq")
    same = 0
    for row in table:
        k, j = row["extver_reference"] - 1, row["extver"] - 1
        first = np.nanargmin(np.hypot(a.x[k] + 1 - row["x_reference"], a.y[k] + 1 - row["y_reference"]))
        second = np.nanargmin(np.hypot(b.x[j] + 1 - row["x"], b.y[j] + 1 - row["y"]))
        same += first == second
    assert same >= 0.9 * len(table) > 10
    share = table["weight"] / table["sigma"] ** 2
    assert abs(np.average(table["residual_x"], weights=share)) < 0.01
    assert {"field_x", "magnitude", "pixel_phase_y", "amplifier"} <= set(table.colnames)


def test_reference_stars_are_at_the_epoch(folder: Path, truth: Truth, measurement: Measurement) -> None:
    table = Table.read(folder / "GAIA_iepw14g4q.ecsv")
    assert table.meta["epoch"] == pytest.approx(measurement.exposure("iepw14g4q").epoch)
    scene = truth.scene
    east = (table["ra"][:, None] - scene.ra) * np.cos(np.radians(scene.dec)) * 3.6e6
    north = (table["dec"][:, None] - scene.dec) * 3.6e6
    assert np.median(np.hypot(east, north).min(axis=1) / table["sigma"]) < 1.6


def test_saved_stars_are_read_back_on_the_chip_they_were_found_on(
    folder: Path, measurement: Measurement
) -> None:
    """CCDCHIP 2 of UVIS is SCI,1."""
    for found in measurement.stars:
        exposure = measurement.exposure(found.rootname)
        again = read_centroids(folder / f"{found.rootname}_stars.ecsv", exposure)
        for (chip, before), (same, after) in zip(found.chips, again.chips, strict=True):
            assert chip == same
            assert after.x == pytest.approx(before.x)
            assert after.y == pytest.approx(before.y)
            assert after.tier.tolist() == before.tier.tolist()


def test_regions(folder: Path) -> None:
    stars = Table.read(folder / "iepw14g4q_stars.ecsv")
    text = (folder / "iepw14g4q_sci1.reg").read_text()
    assert text.splitlines()[3] == "image"
    circles = re.findall(r"circle\(([\d.-]+),([\d.-]+),5\.0\) # color=(\w+)", text)
    here = stars[stars["extver"] == 1]
    assert len(circles) == len(here)
    assert float(circles[0][0]) == pytest.approx(here["x"][0], abs=1e-3)
    assert sum(color == "green" for *_, color in circles) == here["used"].sum()
    sky = (folder / "iepw14g4q_sky.reg").read_text()
    assert sky.splitlines()[3] == "icrs"
    assert sky.count("circle(") == len(stars)
    assert sky.count("diamond color") == len(Table.read(folder / "GAIA_iepw14g4q.ecsv"))


def test_nothing_is_overwritten_unasked(measurement: Measurement, folder: Path) -> None:
    before = (folder / "trends.ecsv").stat().st_mtime_ns
    with pytest.raises(FileAccessError, match=r"exists already and \d+ others; use --overwrite"):
        save_measurement(measurement, folder)
    assert (folder / "trends.ecsv").stat().st_mtime_ns == before
    (folder / "trends.ecsv").write_text("mine")
    save_measurement(measurement, folder, overwrite=True)
    assert (folder / "trends.ecsv").read_text() != "mine"


def test_all_or_nothing(measurement: Measurement, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(save, "residuals_page", full)
    with pytest.raises(FileAccessError, match="No space left on device"):
        save_measurement(measurement, tmp_path / "disk")
    assert list((tmp_path / "disk").iterdir()) == []


def test_a_folder_that_is_none(measurement: Measurement, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FileAccessError):
        save_measurement(measurement, tmp_path / "file" / "below")


def test_command(truth: Truth, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [str(path) for path in truth.files]
    options = ["--catalog", str(truth.catalog), "--columns", "epoch=2016.0", "--faintest", "20"]
    command = ["measure", *files, *options, "--save", str(tmp_path / "out"), "--format", "json"]
    assert run(command) == 1
    printed = capsys.readouterr()
    assert len(json.loads(printed.out)["absolute"]) >= 6
    assert f"files in {tmp_path / 'out'}" in printed.err
    assert Table.read(tmp_path / "out" / "GAIA_iepw14g4q.ecsv")["mag"].max() <= 20
    assert run(command) == 3
    assert "use --overwrite to replace it" in capsys.readouterr().err
    assert run([*command, "--overwrite"]) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--faintest", "20"], "columns or limits of magnitude without a catalogue"),
        (["--columns", "epoch=2016"], "columns or limits of magnitude without a catalogue"),
        (["--catalog", "a.ecsv", "--reference", "b.fits"], "both a catalogue and a reference image"),
        (["--catalog", "a.ecsv", "--columns", "colour=B"], "no such quantity: colour"),
    ],
)
def test_options_that_contradict(
    truth: Truth, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert run(["measure", str(truth.files[0]), *options]) == 2
    assert message in capsys.readouterr().err
