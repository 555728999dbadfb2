"""``trueup headerlet`` as typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from astropy.io import fits
from astropy.table import Table

from trueup.cli import run
from trueup.simulate import Recipe, make_visit

REL = "IDC_2731450pi-FIT_REL_GAIAeDR3"
SVM = "IDC_2731450pi-FIT_SVM_GAIAeDR3"


@pytest.fixture
def visit(tmp_path: Path) -> Path:
    recipe = Recipe(size=(32, 24), stars=2, galaxies=0, noise=False, exposures=1, unsound=("FIT_REL",))
    return make_visit(tmp_path / "visit", recipe=recipe).directory


def _names(path: Path) -> list[str]:
    with fits.open(path) as hdus:
        return [hdu.header["WCSNAME"] for hdu in hdus if hdu.name == "HDRLET"]


def test_a_bundle_is_attached_like_its_files(visit: Path, tmp_path: Path) -> None:
    one, other = sorted(visit.glob("*_flc.fits"))
    hlets = [str(path) for path in sorted(visit.glob("*_hlet.fits"))]
    corrected = tmp_path / "corrected"
    assert run(["apply", str(visit), "--hlet", *hlets, "--out", str(corrected), "--allow", "unsound"]) == 0
    zipped = str(tmp_path / "svm.zip")
    assert run(["headerlet", "bundle", str(corrected), "-o", zipped]) == 0
    # of a bundle, what is for other exposures is left in it
    assert run(["headerlet", "attach", str(one), "--hlet", zipped]) == 0
    assert SVM in _names(one)
    assert SVM not in _names(other)
    assert run(["headerlet", "attach", str(visit), "--hlet", zipped]) == 0
    assert _names(one).count(SVM) == _names(other).count(SVM) == 1


def test_an_unsound_solution_is_handed_on_with_a_warning(
    visit: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sound = ["headerlet", "extract", str(visit), "--solution", "distortion-only", "--out", f"{tmp_path}/a"]
    assert run(sound) == 0
    assert not caplog.records
    path = visit / "iepw14gaq_flc.fits"
    assert run(["headerlet", "bundle", str(path), "--solution", "rel", "-o", f"{tmp_path}/a.zip"]) == 0
    [record] = caplog.records
    assert record.getMessage().startswith(f"{path}, {REL}: unsound: ")


def test_every_format(visit: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(visit / "iepw14gaq_flc.fits")
    extract = ["headerlet", "extract", path, "--out", str(tmp_path), "--overwrite", "--format"]
    assert run([*extract, "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["schema"] == "trueup.headerlet/1"
    files = [item["file"] for item in said["items"]]
    assert all(Path(file).is_file() for file in files)
    assert run([*extract, "ecsv"]) == 0
    assert list(Table.read(capsys.readouterr().out, format="ascii.ecsv")["file"]) == files
    assert run(["headerlet", "delete", path, "--solution", "rel", "--format", "jsonl"]) == 0
    [line] = capsys.readouterr().out.splitlines()
    gone = json.loads(line)
    assert (gone["file"], gone["action"], gone["extname"]) == (path, "remove", "HDRLET")
    rel = next(file for file in files if "FIT_REL" in file)
    assert run(["headerlet", "attach", path, "--hlet", rel, "--format", "json"]) == 0
    [put] = json.loads(capsys.readouterr().out)["items"]
    assert (put["action"], put["hdrname"]) == ("add", gone["hdrname"])
