"""``trueup run`` and ``trueup report`` as typed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from runs import TWO, statuses

from trueup.cli import run
from trueup.simulate import Truth, make_visit
from trueup.workflow.run.folder import read_manifest

SHORT = ["--skip", "drizzle", "--skip", "compare", "--skip", "measure", "--offline"]


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    return make_visit(tmp_path_factory.mktemp("visit"), seed=21, recipe=TWO)


@pytest.fixture(scope="module")
def done(truth: Truth, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("done") / "aligned"
    hlets = map(str, truth.headerlets)
    assert run(["run", str(truth.directory), "--hlet", *hlets, "-o", str(folder), "--offline"]) == 0
    return folder


@pytest.fixture
def folder(done: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(done, tmp_path / "aligned"))


def test_what_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["run", "-o", str(folder), "--offline"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("iepw14: CHANGE: ")
    assert "F275W - F336W before: " in said.out
    assert f"Report: {folder}/report.html" in said.out
    assert f"trueup apply --choice {folder}/choice.json" in said.out
    assert "drizzle: as before" in said.err


def test_every_format(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["run", "-o", str(folder), "--offline", "--format", "json"]) == 0
    (visit,) = json.loads(capsys.readouterr().out)["visits"]
    assert visit == read_manifest(folder)
    assert run(["run", "-o", str(folder), "--offline", "--format", "jsonl"]) == 0
    assert json.loads(capsys.readouterr().out) == visit


def test_a_recipe_and_what_is_typed_beside_it(truth: Truth, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('skip = ["report"]\nsolution = "svm"\n[drizzle]\npixfrac = 0.8\n')
    typed = ["run", *map(str, truth.files), "--recipe", str(recipe), "--solution", "*GSC240"]
    assert run([*typed, "-o", str(tmp_path / "run"), *SHORT]) == 0
    kept = read_manifest(tmp_path / "run")["recipe"]
    assert (kept["solution"], kept["drizzle"]) == ("*GSC240", {"pixfrac": 0.8})


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('skip = ["choose"]', "cannot be left out"),
        ("pixfrac = 0.8", "no option pixfrac"),
        ("[drizzle]\npixfrac = 8", "pixfrac is 8"),
        ("in_place = 1", "it can be true or false"),
        ("against = 1", "make it a table"),
        ("[drizzle]\nwrite_dq = true", "cannot do with write-dq"),
        ("=", "is not TOML"),
    ],
)
def test_a_recipe_that_is_wrong(
    tmp_path: Path, truth: Truth, line: str, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(line)
    assert run(["run", str(truth.directory), "--recipe", str(recipe), "-o", str(tmp_path / "run")]) == 2
    assert problem in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_the_page_again(
    folder: Path, truth: Truth, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = tmp_path / "pages" / "visit.html"
    elsewhere.parent.mkdir()
    assert run(["report", str(folder), "-o", str(elsewhere)]) == 0
    assert capsys.readouterr().out == f"{elsewhere}\n"
    assert 'href="../aligned/products/iepw14030_trueup_drc.fits"' in elsewhere.read_text()
    assert 'href="products/iepw14030_trueup_drc.fits"' in (folder / "report.html").read_text()
    # whoever is sent the page learns nothing of folders elsewhere
    assert str(truth.directory) not in (folder / "report.html").read_text()
    large = (folder / "report.html").stat().st_size
    assert run(["report", str(folder), "--private"]) == 0
    page = (folder / "report.html").read_text()
    assert len(page) < large / 2
    # what was asked for last stays until the run is repeated
    assert run(["run", "-o", str(folder), "--offline"]) == 0
    assert statuses(read_manifest(folder))["drizzle"] == "cached"
    assert (folder / "report.html").stat().st_size == large


def test_no_page_without_a_run(tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", str(tmp_path / "nowhere")]) == 3
    manifest = read_manifest(folder)
    del manifest["choice"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert run(["report", str(folder)]) == 2
    assert "did not get to its end" in capsys.readouterr().err


def test_with_a_work_folder_nothing_is_left_at_home(truth: Truth, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    environ = {
        name: value for name, value in os.environ.items() if name not in {"MPLCONFIGDIR", "XDG_CACHE_HOME"}
    }
    typed = ["run", *truth.files, "--skip", "drizzle", "--offline", "-o", tmp_path / "run"]
    command = [sys.executable, "-m", "trueup", *map(str, typed), "--workdir", str(tmp_path / "work")]
    done = subprocess.run(command, env=environ | {"HOME": str(home)}, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "run" / "stars").glob("*.png"))
    assert not list(home.rglob("*"))
