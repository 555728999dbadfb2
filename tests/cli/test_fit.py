"""``trueup fit`` as it is typed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from trueup.cli import run
from trueup.simulate import Recipe, Truth, make_visit


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    """The tutorial's visit on small subarrays."""
    return make_visit(
        tmp_path_factory.mktemp("visit"), seed=22, recipe=Recipe(size=(700, 600), stars=400, galaxies=0)
    )


def names(truth: Truth) -> list[str]:
    return [str(file) for file in truth.files]


def test_text(truth: Truth, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fit", *names(truth), "-o", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert told.startswith("DERIVED: ")
    assert "IDC_2731450pi-FIT_REL_NONE; frame: IDC_2731450pi-FIT_REL_GAIAeDR3 of iepw14g4q, iepw14g6q" in told
    # what was right already stays where it is
    moves = {words[0]: words[1:3] for line in told.splitlines() if (words := line.split())}
    assert all(abs(float(part)) < 2 for part in moves["iepw14g4q"])
    assert [float(part) for part in moves["iepw14gaq"]] == pytest.approx([-60, 35], abs=3)
    command = next(line for line in told.splitlines() if line.startswith("next: trueup "))
    assert run([*command.removeprefix("next: trueup ").split(), "--out", str(tmp_path / "applied")]) == 0
    capsys.readouterr()
    assert run(["fit", str(tmp_path / "applied"), "-o", str(tmp_path / "again")]) == 0
    assert capsys.readouterr().out.startswith("KEEP: no improvement needed: ")
    assert run(["ls", "--check", str(tmp_path / "applied")]) == 0


def test_json(truth: Truth, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    typed = ["fit", *names(truth), "--catalog", str(truth.catalog), "-o", str(tmp_path), "--format", "json"]
    assert run(typed) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["schema"], told["verdict"], told["frame"]) == ("trueup.fit/1", "derived", "GAIA")
    assert [Path(file).exists() for file in told["files"]] == [True] * 4
    verdicts = {
        when: [r["verdict"] for r in told["relative"] if r["when"] == when] for when in ("before", "after")
    }
    assert verdicts["before"].count("fail") == 4
    assert "fail" not in verdicts["after"]
    assert len(verdicts["after"]) == 6
    after = [row for row in told["absolute"] if row["when"] == "after"]
    assert all(abs(row["east_mas"]) < 5 * row["sigma_east_mas"] for row in after)
    one = told["exposures"][2]
    assert one["start"]["wcsname"] == "IDC_2731450pi"
    assert one["solution"]["wcsname"] == "IDC_2731450pi-FIT_REL_GAIA"
    assert one["east_mas"] == pytest.approx(310, abs=3)
    assert max(one["absolute_sigma_mas"]) < 3


def test_nothing_to_measure_is_no_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blank = make_visit(tmp_path / "blank", recipe=Recipe(size=(320, 240), stars=0, galaxies=0))
    assert run(["fit", str(blank.files[0]), "-o", str(tmp_path / "new")]) == 0
    assert capsys.readouterr().out.startswith("UNMEASURABLE: ")
    assert not (tmp_path / "new").exists()


def test_what_is_refused(truth: Truth, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fit", *names(truth), "--wcsname", "IDC_x-FIT_TRUE_GAIADR3", "-o", str(tmp_path)]) == 2
    assert "use REL, IMG, EVM, SVM" in capsys.readouterr().err
    assert run(["fit", *names(truth), "--anchor", "F999X", "-o", str(tmp_path)]) == 2
    stray = shutil.copy(truth.headerlets[0], tmp_path)
    assert run(["fit", names(truth)[1], str(stray), "-o", str(tmp_path)]) == 3
    assert "which was not given" in capsys.readouterr().err
