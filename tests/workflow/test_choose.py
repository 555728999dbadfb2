"""Choosing and applying on files: a small visit as the archive leaves it, through the command line."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

import trueup
from trueup.astrometry.measuring.measurement import Measurement
from trueup.astrometry.stars.starlist import StarList
from trueup.cli import run
from trueup.errors import ChangedError, FileAccessError, FormatError, SelectionError, UsageError
from trueup.fits.splice import sha256_of
from trueup.model.cards import make_card
from trueup.simulate import Recipe, Truth, make_visit
from trueup.workflow.apply import apply
from trueup.workflow.choice_file import read_choice
from trueup.workflow.choose import choose_files

SVM = "IDC_2731450pi-FIT_SVM_GAIAeDR3"
REL = "IDC_2731450pi-FIT_REL_GAIAeDR3"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    recipe = Recipe(size=(800, 560), stars=400, galaxies=0, unsound=("FIT_REL",))
    return make_visit(tmp_path_factory.mktemp("made"), seed=11, recipe=recipe)


@pytest.fixture
def visit(made: Truth, tmp_path: Path) -> Path:
    """A copy that may be edited."""
    return Path(shutil.copytree(made.directory, tmp_path / "visit"))


def headerlets(visit: Path) -> list[str]:
    return sorted(str(path) for path in visit.glob("*_hlet.fits"))


def choice_of(visit: Path, capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, Any]:
    run(["choose", str(visit), *options, "--format", "json"])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def active(visit: Path) -> set[str]:
    return {fits.getheader(path, "SCI", 1)["WCSNAME"] for path in visit.glob("*_flc.fits")}


def test_the_tutorial_visit_from_choice_to_verified_edit(
    visit: Path, made: Truth, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = str(visit / "choice.json")
    assert run(["choose", str(visit), "--hlet", *headerlets(visit), "-o", saved]) == 1
    out, err = capsys.readouterr()
    assert "CHANGE: F275W was " in out
    assert f"{SVM} is common to all four" in out
    assert f"Next: trueup apply --choice {saved}" in err
    before = {path: sha256_of(path) for path in visit.glob("*_flc.fits")}
    assert run(["apply", "--choice", saved, "--dry-run"]) == 0
    assert {path: sha256_of(path) for path in visit.glob("*_flc.fits")} == before
    capsys.readouterr()
    assert run(["apply", "--choice", saved, "--format", "json"]) == 0
    done = json.loads(capsys.readouterr().out)
    assert active(visit) == {SVM}
    assert len(done["verified"]) == 6
    across = [p for p in done["verified"] if p["a"] < "iepw14g7q" < p["b"]]
    assert len(across) == 4
    for pair in across:
        assert pair["before"]["judged_mas"] == pytest.approx(69.5, abs=2.0)
        assert pair["after"]["verdict"] == "pass"
        for axis in ("east", "north"):
            true = getattr(made.offset("F275W", "F336W", solution=SVM), f"{axis}_mas")
            miss = pair["after"][f"{axis}_mas"] - true
            assert abs(miss) < max(1.0, 3 * pair["after"][f"sigma_{axis}_mas"])
    assert run(["undo", *map(str, before)]) == 0
    assert {path: sha256_of(path) for path in before} == before


def test_best_is_choose_and_apply_in_one_go_and_leaves_a_good_visit_alone(
    visit: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [str(visit), *headerlets(visit)]
    assert run(["apply", *files, "--solution", "best", "--dry-run"]) == 0
    assert f"-> {SVM}" in capsys.readouterr().out
    assert run(["apply", *files, "--solution", "best"]) == 0
    out = capsys.readouterr().out
    assert "measured again:" in out
    assert "F275W - F336W: " in out
    assert out.count(": PASS") == 3
    files_now = {path: path.read_bytes() for path in visit.glob("*_flc.fits")}
    assert run(["apply", *files, "--solution", "best"]) == 0
    assert "already good, nothing is changed" in capsys.readouterr().out
    assert {path: path.read_bytes() for path in files_now} == files_now
    assert run(["choose", str(visit)]) == 0


def test_without_the_mosaic_a_fit_is_asked_for(visit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    saved = str(visit / "choice.json")
    assert run(["choose", str(visit), "-o", saved]) == 1
    out, err = capsys.readouterr()
    assert out.startswith("DERIVE: ")
    assert f"Next: trueup fit {visit}" in err
    with pytest.raises(
        SelectionError, match=r"there is nothing to apply: no set of existing .* `trueup fit`"
    ):
        apply([], choice=saved)
    with pytest.raises(SelectionError, match="there is nothing to apply"):
        apply([visit], "best")
    assert active(visit) == {REL, "IDC_2731450pi-GSC240"}


def test_the_unsound_headerlet_is_rejected_and_never_given(
    visit: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = choice_of(visit, capsys)
    torn = [one for one in values["rejected"] if one["reason"].startswith("unsound (chip-geometry)")]
    assert {one["solution"]["wcsname"] for one in torn} == {REL}
    given = {(one["rootname"], one["solution"]["index"]) for one in values["exposures"]}
    assert not given & {(one["rootname"], one["solution"]["index"]) for one in torn}


def test_the_choice_has_the_shape_of_the_contract(visit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = choice_of(visit, capsys, "--hlet", *headerlets(visit))
    assert values["schema"] == "trueup.choose/1"
    assert (values["verdict"], values["common"]) == ("change", SVM)
    wanted = {"file", "rootname", "sha256", "solution", "was_active", "reason"}
    wanted |= {"relative_corner_mas", "absolute_mas", "absolute_sigma_mas"}
    for one in values["exposures"]:
        assert wanted <= one.keys()
        assert one["solution"].keys() == {"index", "wcsname", "hdrname", "origin"}
        assert one["sha256"] == sha256_of(one["file"])
        assert one["absolute_mas"] is None
    assert {(one["file"], one["sha256"]) for one in values["headerlets"]} == {
        (path, sha256_of(path)) for path in headerlets(visit)
    }


def test_a_catalogue_tells_how_far_from_the_sky(
    visit: Path, made: Truth, capsys: pytest.CaptureFixture[str]
) -> None:
    values = choice_of(visit, capsys, "--hlet", *headerlets(visit), "--catalog", str(made.catalog))
    assert values["common"] == SVM
    known = [one for one in values["exposures"] if one["absolute_mas"] is not None]
    assert known
    for one in known:
        true = made.exposure(one["rootname"]).errors[SVM]
        length = (true.east_mas**2 + true.north_mas**2) ** 0.5
        assert abs(one["absolute_mas"] - length) < 4 * max(one["absolute_sigma_mas"], 0.3)


@pytest.mark.parametrize("what", ["exposure", "headerlet"])
def test_a_choice_is_refused_for_files_that_are_not_those(visit: Path, what: str) -> None:
    saved = visit / "choice.json"
    run(["choose", str(visit), "--hlet", *headerlets(visit), "-o", str(saved)])
    victim = sorted(visit.glob("*_flc.fits" if what == "exposure" else "*_hlet.fits"))[1]
    with fits.open(victim, mode="update") as hdus:
        hdus[0].header["OBSERVER"] = "somebody"
    others = {path: path.read_bytes() for path in visit.glob("*.fits")}
    with pytest.raises(ChangedError, match=f"{victim.name}: is not the file that was measured .* again"):
        apply([], choice=saved)
    assert {path: path.read_bytes() for path in others} == others


def test_a_choice_goes_where_the_files_go(visit: Path, tmp_path: Path) -> None:
    """Copies are the same files, a part of them is a part of the choice, others are refused."""
    saved = visit / "choice.json"
    proposal = choose_files([visit, *headerlets(visit)])
    run(["choose", str(visit), *headerlets(visit), "-o", str(saved)])
    elsewhere = Path(shutil.copytree(visit, tmp_path / "elsewhere"))
    part = [elsewhere / name for name in ("iepw14gaq_flc.fits", "iepw14geq_flc.fits")]
    done = apply(part, choice=saved, out=tmp_path / "out")
    assert [file.exposure.rootname for file in done.plan.files] == ["iepw14gaq", "iepw14geq"]
    assert active(tmp_path / "out") == {SVM}
    assert active(elsewhere) == {REL, "IDC_2731450pi-GSC240"}
    assert len(done.verified) == 1
    shutil.rmtree(visit)
    moved = apply([], choice=elsewhere / "choice.json")
    assert len(moved.plan.files) == len(proposal.choice.exposures)
    assert active(elsewhere) == {SVM}


def test_what_is_no_choice_is_refused(visit: Path, tmp_path: Path) -> None:
    for number, text in enumerate(
        ("", "[]", "{}", '{"schema": "trueup.choose/2"}', '{"schema": "trueup.choose/1"}')
    ):
        path = tmp_path / f"{number}.json"
        path.write_text(text)
        with pytest.raises(FormatError, match="is no choice of trueup"):
            read_choice(path)
    with pytest.raises(FileAccessError, match="exists and is no choice"):
        run_choose_onto(visit, tmp_path / "0.json")
    with pytest.raises(UsageError, match="leave out --solution"):
        apply([], "svm", choice=tmp_path / "0.json")


def run_choose_onto(visit: Path, target: Path) -> None:
    from trueup.workflow.choice_file import write_choice

    write_choice(choose_files([visit]).as_dict(), target)


def test_an_exposure_that_the_choice_does_not_know_is_refused(visit: Path) -> None:
    saved = visit / "choice.json"
    run(["choose", str(visit / "iepw14g4q_flc.fits"), str(visit / "iepw14g6q_flc.fits"), "-o", str(saved)])
    with pytest.raises(SelectionError, match=r"iepw14gaq_flc.fits: the choice says nothing of this exposure"):
        apply([visit / "iepw14gaq_flc.fits"], choice=saved)


def test_an_edit_without_pixels_cannot_be_verified_and_says_so(
    visit: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The guide-star solutions stay where nothing can be measured; the SVM choice is applied blind."""
    for path in visit.glob("*_flc.fits"):
        with fits.open(path, mode="update") as hdus:
            for name in ("SCI", "ERR", "DQ"):
                for extver in (1, 2):
                    hdus[name, extver].data = hdus[name, extver].data * 0
    assert run(["apply", str(visit), *headerlets(visit), "--solution", "best"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("UNMEASURABLE: nothing can be measured")
    assert "cannot be verified by measuring again" in out
    assert active(visit) == {SVM}


def few_stars(measured: Measurement, names: set[str], number: int) -> dict[str, StarList]:
    """The star lists; of some exposures a few bright and clean stars of each chip."""
    lists = {}
    for stars in measured.stars:
        chips = [(chip, found[np.flatnonzero(found.tier == 0)[:number]]) for chip, found in stars.chips]
        few = replace(stars, chips=tuple(chips))
        lists[stars.rootname] = few if stars.rootname in names else stars
    return lists


def test_four_stars_are_too_few_and_the_exposure_is_carried(visit: Path) -> None:
    """The third exposure has two stars on each chip: it takes what the F336W beside it needs."""
    names = ("iepw14g4q", "iepw14g6q", "iepw14gaq")
    files = [visit / f"{name}_flc.fits" for name in names]
    opened = trueup.open_visit([*files, *(path for path in headerlets(visit) if "iepw14ge" not in path)])
    lists = few_stars(trueup.measure(opened), {"iepw14gaq"}, 2)
    measured = trueup.measure(opened, centroids=lists)
    choice = trueup.choose(measured)
    carried = choice.exposures[2]
    assert (carried.carried_from, carried.solution.wcsname) == ("iepw14g6q", SVM)
    assert carried.relative_sigma_mas == 5.0
    assert [one.was_active for one in choice.exposures] == [True, True, False]
    gyros = opened.exposures[2].header.replace("FGSLOCK", make_card("FGSLOCK", "GYROS"))
    apart = replace(opened.exposures[2], header=gyros)
    shaky = trueup.measure(replace(opened, exposures=(*opened.exposures[:2], apart)), centroids=lists)
    left = trueup.choose(shaky).exposures[2]
    assert (left.carried_from, left.was_active) == ("", True)
    assert "FGSLOCK is FINE in iepw14g6q and GYROS in iepw14gaq" in left.reason


def test_a_bundle_of_headerlets_does_as_well(visit: Path, tmp_path: Path) -> None:
    bundle, saved = tmp_path / "svm.zip", tmp_path / "choice.json"
    files = [str(visit), *headerlets(visit)]
    assert run(["headerlet", "bundle", *files, "--solution", "svm", "-o", str(bundle)]) == 0
    assert run(["choose", str(visit), "--hlet", str(bundle), "-o", str(saved)]) == 1
    assert run(["apply", "--choice", str(saved)]) == 0
    assert active(visit) == {SVM}


def test_an_anchor_stays_and_its_pairs_are_compared_like_any(visit: Path, tmp_path: Path) -> None:
    """It goes first in the choice, and last in the files."""
    saved = tmp_path / "choice.json"
    assert run(["choose", str(visit), "--anchor", "F275W", "-o", str(saved)]) == 1
    done = apply([], choice=saved)
    assert active(visit) == {"IDC_2731450pi-GSC240"}
    across = [pair for pair in done.verified if pair.filters == ("F336W", "F275W")]
    assert (len(done.verified), len(across)) == (6, 4)
    for pair in across:
        assert pair.before is not None
        assert pair.after is not None
        assert pair.before.east_mas == pytest.approx(60.0, abs=3.0)
        assert pair.after.verdict == "pass"


def test_a_damaged_exposure_of_a_folder_is_told(visit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = visit / "iepw14geq_flc.fits"
    bad.write_bytes(bad.read_bytes()[:20000])
    files = [str(visit), *(path for path in headerlets(visit) if "iepw14ge_" not in path)]
    assert run(["choose", *files]) == 3
    assert f"{bad.name} is left out: truncated" in " ".join(capsys.readouterr().out.split())
    assert run(["apply", *files, "--solution", "best"]) == 3
    assert f"{bad} is left out: truncated" in capsys.readouterr().err


def test_headerlets_that_lie_in_the_folder_are_pointed_out(
    visit: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "4 headerlet files lie there unused" in choice_of(visit, capsys)["findings"][-1]
    used = choice_of(visit, capsys, "--hlet", *headerlets(visit))
    assert not any("unused" in finding for finding in used["findings"])


@pytest.mark.parametrize("style", ["jsonl", "ecsv"])
def test_other_formats_list_the_exposures(
    visit: Path, capsys: pytest.CaptureFixture[str], style: str
) -> None:
    run(["choose", str(visit), "--format", style])
    assert capsys.readouterr().out.count("_flc.fits") == 4


def test_drizzle_says_how_to_get_the_best_solution(visit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["drizzle", str(visit), "--solution", "best"]) == 2
    assert "trueup apply --solution best" in capsys.readouterr().err


def test_the_public_verbs(visit: Path) -> None:
    measurement = trueup.measure(trueup.open_visit([visit, *headerlets(visit)]))
    choice = trueup.choose(measurement)
    assert isinstance(choice, trueup.Choice)
    mapping = {one.exposure.rootname: one.solution for one in choice.exposures}
    plan = trueup.plan(measurement.visit, mapping)
    assert {file.target.wcsname for file in plan.files} == {SVM}
    assert choice == replace(choice)


def test_a_catalogue_decides_for_best_and_verifies(
    visit: Path, made: Truth, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    catalog, new = ["--catalog", str(made.catalog)], ["--out", str(tmp_path / "new")]
    assert run(["apply", str(visit), "--hlet", *headerlets(visit), "--solution", "best", *catalog, *new]) == 0
    told = capsys.readouterr().out
    (line,) = [line for line in told.splitlines() if "F275W - GAIA: " in line]
    before, after = (float(part.split(" +- ")[0]) for part in line.split(": ")[1].split(" before, "))
    # judged over the field, which a rotation of 0.004 degrees adds to
    assert 60 < before < 90
    assert after < 4
    assert line.endswith("PASS")
    assert run(["apply", str(visit), "--solution", "svm", *catalog]) == 2
    assert "is not measured" in capsys.readouterr().err


def test_a_saved_choice_is_verified_against_a_catalogue_that_is_given(
    visit: Path, made: Truth, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved, catalog = str(tmp_path / "choice.json"), ["--catalog", str(made.catalog)]
    run(["choose", str(visit), "--hlet", *headerlets(visit), *catalog, "-o", saved])
    capsys.readouterr()
    assert run(["apply", "--choice", saved, *catalog, "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)["verified"]
    on_sky = {row["b"]: row for row in rows if row["a"] == "GAIA"}
    assert len(on_sky) == 4
    assert on_sky["iepw14gaq"]["before"]["verdict"] == "fail"
    assert all(row["after"]["verdict"] != "fail" for row in on_sky.values())
