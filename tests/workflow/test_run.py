"""A whole run: what it leaves, what it repeats, and that nothing can interrupt it for good."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from archive.observatory import observatory
from astropy.io import fits
from astropy.table import Table
from mortal import Mortal
from runs import TWO, contents, statuses

from trueup.cli import run as command
from trueup.config import Config, Http
from trueup.errors import FileAccessError, UsageError
from trueup.fits.visit import open_visit
from trueup.simulate import Recipe, Truth, make_visit
from trueup.workflow.against import Against
from trueup.workflow.run import Run, RunRecipe
from trueup.workflow.run import run as run_online
from trueup.workflow.run import visit as stages_of
from trueup.workflow.run.folder import RunFolder, claimed, read_manifest

# no reference file is looked for
OFFLINE = replace(Config(), http=Http(offline=True))
BRIEF = ("drizzle", "compare", "report")


def run(targets: Iterable[str | Path], **options: Any) -> tuple[Run, ...]:
    return run_online(targets, **{"config": OFFLINE, **options})


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    return make_visit(tmp_path_factory.mktemp("visit"), seed=21, recipe=TWO)


@pytest.fixture(scope="module")
def recipe(truth: Truth) -> RunRecipe:
    return RunRecipe(headerlets=tuple(map(str, truth.headerlets)))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs") / "run"


@pytest.fixture(scope="module")
def whole(truth: Truth, recipe: RunRecipe, place: Path) -> Run:
    """A run that nothing interrupted."""
    (done,) = run(truth.files, out=place, recipe=recipe)
    shutil.copytree(place, place.with_name("kept"))
    return done


@pytest.fixture
def again(whole: Run, tmp_path: Path) -> Path:
    """A copy of its folder."""
    return Path(shutil.copytree(whole.folder.with_name("kept"), tmp_path / "run"))


def test_the_manifest_is_that_of_the_contract(whole: Run, truth: Truth) -> None:
    manifest = read_manifest(whole.folder)
    assert manifest == whole.manifest
    assert set(manifest) >= {"python", "platform", "recipe", "inputs", "stages", "choice", "offsets"}
    assert {one["path"] for one in manifest["inputs"]} == {str(p) for p in (*truth.files, *truth.headerlets)}
    assert all(len(one["sha256"]) == 64 for one in manifest["inputs"])
    assert set(statuses(manifest).values()) == {"done", "skipped"}
    assert {"name", "status", "key", "seconds", "outputs"} <= set(manifest["stages"][0])
    assert [one["when"] for one in manifest["offsets"]] == ["before", "after"]
    assert {"a", "b", "n", "east_mas", "verdict", "why"} <= set(manifest["offsets"][0])
    assert {"path", "sha256", "filter", "wcsname", "when"} <= set(manifest["products"][0])
    assert (manifest["report"], manifest["exit_code"]) == ("report.html", 0)
    assert manifest["choice"]["verdict"] == "change"


def test_products_of_one_exposure_are_not_measured(whole: Run) -> None:
    """The hot pixels of both are the same, and line up where no star does."""
    for offset in whole.manifest["offsets"]:
        assert (offset["verdict"], offset["east_mas"]) == ("unmeasurable", None)
        assert "hot pixels" in offset["why"]


def test_every_table_is_there_for_machines_and_for_people(whole: Run) -> None:
    tables = {path.name for path in (whole.folder / "tables").iterdir()}
    assert {"solutions.json", "solutions.ecsv", "measurement.json", "relative.ecsv", "choice.ecsv"} <= tables
    listed = json.loads((whole.folder / "tables" / "solutions.json").read_bytes())
    table = Table.read(whole.folder / "tables" / "solutions.ecsv")
    assert len(table) == sum(len(item["solutions"]) for item in listed["items"])
    chosen = Table.read(whole.folder / "tables" / "choice.ecsv")
    assert set(chosen["solution"]) == {whole.manifest["choice"]["common"]}


def test_headerlets_hold_the_choice(whole: Run, truth: Truth) -> None:
    files = sorted((whole.folder / "headerlets").iterdir())
    for exposure in open_visit([*truth.files, *files]).exposures:
        (mine,) = (s for s in exposure.solutions if s.origin.kind == "file")
        assert mine.wcsname == whole.manifest["choice"]["common"]


def test_a_second_run_does_nothing(again: Path) -> None:
    before = {p: p.stat().st_mtime_ns for p in again.rglob("*") if p.is_file() and p.name != "manifest.json"}
    (done,) = run([], out=again)
    assert set(statuses(done.manifest).values()) == {"cached", "skipped"}
    assert {p: p.stat().st_mtime_ns for p in before} == before


@pytest.mark.parametrize(
    ("change", "redone"),
    [
        ({"drizzle": {"pixfrac": 0.9}}, {"drizzle", "compare", "report"}),
        ({"private": True}, {"report"}),
        ({"skip": ("compare",)}, {"report"}),
    ],
)
def test_options_redo_what_depends_on_them(
    again: Path, recipe: RunRecipe, truth: Truth, change: dict[str, object], redone: set[str]
) -> None:
    changed = RunRecipe(headerlets=recipe.headerlets, **change)  # type: ignore[arg-type]
    (done,) = run(truth.files, out=again, recipe=changed)
    assert {name for name, status in statuses(done.manifest).items() if status == "done"} == redone


def test_a_catalogue_is_measured_against_but_moves_no_pixel(
    again: Path, recipe: RunRecipe, truth: Truth
) -> None:
    wanted = RunRecipe(against=Against(catalog=str(truth.catalog)), headerlets=recipe.headerlets)
    (done,) = run(truth.files, out=again, recipe=wanted)
    assert done.manifest["choice"]["common"] == truth.svm
    redone = {name for name, status in statuses(done.manifest).items() if status == "done"}
    assert redone == {"measure", "fit", "choose", "report"}
    assert (again / "tables" / "absolute.ecsv").is_file()


def test_another_version_redoes_everything(
    again: Path, recipe: RunRecipe, truth: Truth, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trueup.workflow.run.folder.__version__", "99")
    brief = RunRecipe(headerlets=recipe.headerlets, skip=BRIEF)
    (done,) = run(truth.files, out=again, recipe=brief)
    assert "cached" not in statuses(done.manifest).values()


def test_a_moved_folder_still_puts_the_choice_in_force(
    again: Path, tmp_path: Path, truth: Truth, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(again)
    assert command(["apply", "--choice", "choice.json", "--out", str(tmp_path / "copies")]) == 0
    names = {fits.getval(path, "WCSNAME", ("SCI", 1)) for path in (tmp_path / "copies").glob("*.fits")}
    assert names == {truth.svm}


def test_killed_in_every_stage(truth: Truth, recipe: RunRecipe, whole: Run) -> None:
    """The process dies with the work of a stage done and its files not in their places."""
    expected = contents(whole.folder.with_name("kept"))
    shutil.rmtree(whole.folder)

    def dies_in(name: str) -> Callable[[], object]:
        def action() -> object:
            commit = RunFolder._commit

            def fatal(self: RunFolder, stage: str, draft: Path) -> object:
                if stage == name:
                    os.kill(os.getpid(), signal.SIGKILL)
                return commit(self, stage, draft)

            RunFolder._commit = fatal  # type: ignore[method-assign, assignment]
            return run(truth.files, out=whole.folder, recipe=recipe)

        return action

    names = [name for name in stages_of._STAGES if name != "apply"]
    for name in names:
        assert not Mortal().run(dies_in(name)), name
    run(truth.files, out=whole.folder, recipe=recipe)
    assert contents(whole.folder) == expected


def test_control_c_in_every_stage(
    truth: Truth, recipe: RunRecipe, whole: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = contents(whole.folder.with_name("kept"))
    shutil.rmtree(whole.folder)
    commit = RunFolder._commit
    for name in stages_of._STAGES:

        def interrupted(self: RunFolder, stage: str, draft: Path, name: str = name) -> object:
            if stage == name:
                raise KeyboardInterrupt
            return commit(self, stage, draft)

        monkeypatch.setattr(RunFolder, "_commit", interrupted)
        if name == "apply":
            continue
        with pytest.raises(KeyboardInterrupt):
            run(truth.files, out=whole.folder, recipe=recipe)
        assert statuses(read_manifest(whole.folder))[name] == "failed"
        assert "exit_code" not in read_manifest(whole.folder)
    monkeypatch.undo()
    run(truth.files, out=whole.folder, recipe=recipe)
    assert contents(whole.folder) == expected


def test_control_c_on_the_command_line(truth: Truth, tmp_path: Path) -> None:
    out = tmp_path / "run"
    typed = [sys.executable, "-m", "trueup", "run", *map(str, truth.files), "-o", str(out)]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(typed, stderr=subprocess.PIPE, stdout=quiet, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.endswith("list\n"):
                process.send_signal(signal.SIGINT)
                break
        assert process.stderr.read().splitlines()[-1] == "trueup: interrupted"
    assert process.returncode == 130
    assert {path.name for path in out.iterdir()} == {"manifest.json", "tables"}


def test_in_place_is_one_edit_that_can_be_taken_back(truth: Truth, recipe: RunRecipe, tmp_path: Path) -> None:
    files = [Path(shutil.copy(file, tmp_path)) for file in truth.files]
    before = [file.read_bytes() for file in files]
    wanted = RunRecipe(headerlets=recipe.headerlets, in_place=True, skip=BRIEF)
    (done,) = run(files, out=tmp_path / "run", recipe=wanted)
    edited = [file.read_bytes() for file in files]
    assert edited != before
    assert statuses(done.manifest)["apply"] == "done"
    applied = json.loads((tmp_path / "run" / "tables" / "applied.json").read_bytes())
    assert [pair["after"]["verdict"] for pair in applied["verified"]] == ["pass"]
    (done,) = run([], out=tmp_path / "run")
    assert set(statuses(done.manifest).values()) == {"cached", "skipped"}
    assert done.manifest["choice"]["verdict"] == "change"
    assert [file.read_bytes() for file in files] == edited
    assert command(["undo", *map(str, files)]) == 0
    assert [file.read_bytes() for file in files] == before
    (done,) = run([], out=tmp_path / "run")
    assert statuses(done.manifest)["measure"] == "cached"
    assert statuses(done.manifest)["apply"] == "done"
    assert {fits.getval(file, "WCSNAME", ("SCI", 1)) for file in files} == {truth.svm}
    # killed between the edit and the manifest
    with claimed(tmp_path / "run"):
        from trueup.workflow.run.folder import open_folder

        open_folder(tmp_path / "run").forget("apply")
    (done,) = run([], out=tmp_path / "run")
    assert done.manifest["choice"]["verdict"] == "change"
    assert statuses(done.manifest)["measure"] == "cached"
    assert {fits.getval(file, "WCSNAME", ("SCI", 1)) for file in files} == {truth.svm}


def test_corrected_copies(truth: Truth, recipe: RunRecipe, tmp_path: Path) -> None:
    before = [file.read_bytes() for file in truth.files]
    wanted = RunRecipe(headerlets=recipe.headerlets, write_exposures=True, skip=BRIEF)
    (done,) = run(truth.files, out=tmp_path / "run", recipe=wanted)
    copies = sorted((done.folder / "exposures").glob("*.fits"))
    assert [path.name for path in copies] == [path.name for path in truth.files]
    assert {fits.getval(path, "WCSNAME", ("SCI", 1)) for path in copies} == {truth.svm}
    assert [file.read_bytes() for file in truth.files] == before
    assert not list(truth.directory.glob(".trueup*"))


def test_without_good_headerlets_a_solution_is_derived(truth: Truth, tmp_path: Path) -> None:
    (done,) = run(truth.files, out=tmp_path / "run", recipe=RunRecipe(skip=("report",)))
    assert done.manifest["choice"]["verdict"] == "change"
    assert "FIT_REL" in done.manifest["choice"]["common"]
    assert all(one["relative_corner_mas"] < 3 for one in done.manifest["choice"]["exposures"])
    names = {path.name for path in (done.folder / "headerlets").iterdir()}
    assert names == {f"{e.rootname}_flc_trueup_hlet.fits" for e in truth.exposures}


def test_a_solution_that_was_asked_for(truth: Truth, tmp_path: Path) -> None:
    wanted = RunRecipe(solution="*GSC240", skip=BRIEF)
    (done,) = run(truth.files, out=tmp_path / "run", recipe=wanted)
    assert done.manifest["choice"]["common"].endswith("GSC240")
    assert done.manifest["choice"]["reason"] == "*GSC240 was asked for"


def test_what_is_well_stays(truth: Truth, tmp_path: Path) -> None:
    (done,) = run(truth.files[:1], out=tmp_path / "run", recipe=RunRecipe())
    assert done.manifest["choice"]["verdict"] in {"keep", "unmeasurable"}
    assert [one["when"] for one in done.manifest["products"]] == ["now"]
    assert not (done.folder / "before").exists()
    assert done.exit_code == 0


def test_spectra_make_a_page_and_no_product(truth: Truth, tmp_path: Path) -> None:
    files = [Path(shutil.copy(file, tmp_path)) for file in truth.files]
    for file in files:
        fits.setval(file, "FILTER", value="G280")
    (done,) = run(files, out=tmp_path / "run")
    assert (done.exit_code, done.manifest["choice"]["verdict"]) == (0, "unmeasurable")
    assert (done.manifest["products"], done.manifest["offsets"]) == ([], [])
    assert any("not drizzled: spectroscopic" in line for line in done.manifest["findings"])
    assert "spectroscopic" in (done.folder / "report.html").read_text()


def planes(path: Path) -> list[np.ndarray[Any, Any]]:
    with fits.open(path) as hdus:
        return [hdu.data.copy() for hdu in hdus if hdu.is_image and hdu.data is not None]


def test_by_observation_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the services in their own protocols and from a folder: the same files, the same products."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("MPLCONFIGDIR", str(tmp_path / "matplotlib"))
    kept = {}
    truth = make_visit(tmp_path / "visit", recipe=Recipe(size=(400, 300), stars=150, galaxies=0))
    with observatory(truth) as services:
        for name, value in services.settings.items():
            monkeypatch.setenv(f"TRUEUP_{name.replace('.', '_').upper()}", value)
        for source in ("mast", str(truth.directory)):
            out = tmp_path / ("mast" if source == "mast" else "folder")
            typed = ["run", "IEPW14030", "iepw14040", "-o", str(out), "--source", source]
            for stage in ("measure", "fit", "headerlets", "compare", "report"):
                typed += ["--skip", stage]
            assert command([*typed, "--workdir", str(tmp_path / "work")]) == 0
            kept[source] = {path.name: planes(path) for path in (out / "products").iterdir()}
            assert command(["run", "-o", str(out), "--workdir", str(tmp_path / "work")]) == 0
            assert "done" not in statuses(read_manifest(out)).values()
        asked = len(services.server.log)
        again = ["run", "-o", str(tmp_path / "mast"), "--workdir", str(tmp_path / "work"), "--offline"]
        assert command(again) == 0
        assert read_manifest(tmp_path / "mast")["recipe"]["source"] == "mast"
        assert command(["run", "IEPW14040", "IEPW14060", *again[1:]]) == 4
        (tmp_path / "mast" / "archive" / "iepw14geq_flc.fits").unlink()
        assert command(again) == 4
        assert len(services.server.log) == asked
    assert not list(home.rglob("*"))
    one, other = kept.values()
    assert one.keys() == other.keys()
    assert all(
        np.array_equal(a, b, equal_nan=True) for n in one for a, b in zip(one[n], other[n], strict=True)
    )


def test_several_visits(truth: Truth, tmp_path: Path) -> None:
    others = []
    for file in truth.files:
        other = tmp_path / file.name.replace("iepw14", "iepw15")
        other.write_bytes(file.read_bytes())
        for keyword in ("ROOTNAME", "ASN_ID"):
            value = fits.getval(other, keyword)
            fits.setval(other, keyword, value=value.replace("iepw14", "iepw15").replace("IEPW14", "IEPW15"))
        others.append(other)
    broken = tmp_path / "iepw16a1q_flc.fits"
    broken.write_bytes(others[0].read_bytes()[:20000])
    brief = RunRecipe(skip=BRIEF)
    done = run([*truth.files, broken, *others], out=tmp_path / "all", recipe=brief)
    assert [(one.manifest["visit"], one.exit_code) for one in done] == [
        ("iepw14", 0),
        ("iepw15", 0),
        ("iepw16", 3),
    ]
    batch = (tmp_path / "all" / "batch.jsonl").read_text()
    assert [json.loads(line)["visit"] for line in batch.splitlines()] == ["iepw14", "iepw15", "iepw16"]
    assert "IEPW16" in (tmp_path / "all" / "index.html").read_text()
    repeated = run([], out=tmp_path / "all")
    assert (tmp_path / "all" / "batch.jsonl").read_text() == batch
    assert [one.exit_code for one in repeated] == [0, 0, 3]
    assert "done" not in statuses(repeated[0].manifest).values()
    # one visit more goes beside the others
    run(others, out=tmp_path / "all", recipe=brief)
    assert (tmp_path / "all" / "batch.jsonl").read_text().count("\n") == 3
    with pytest.raises(UsageError, match="of one visit"):
        run([*truth.files, *others], out=tmp_path / "all" / "iepw14", recipe=brief)


def test_what_cannot_be_run(tmp_path: Path) -> None:
    with pytest.raises(FileAccessError, match="No such file"):
        run(["nowhere_flc.fits"], out=tmp_path / "run")
    with pytest.raises(UsageError, match="nothing to do"):
        run([])
    with pytest.raises(FileAccessError, match=r"manifest.json"):
        run([], out=tmp_path / "nothing")
    assert not list(tmp_path.iterdir())
