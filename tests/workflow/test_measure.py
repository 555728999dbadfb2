"""Measuring visits that lie in files, through pixels, and the command."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import trueup
from trueup.astrometry.measuring.measurement import Measurement
from trueup.cli import run
from trueup.errors import DataError, SelectionError, SolutionError, UsageError
from trueup.model.visit import Visit
from trueup.simulate import Recipe, Truth, make_visit
from trueup.workflow.against import Against
from trueup.workflow.measure import active, fails, measure_again, measure_files

RECIPE = Recipe(size=(1024, 800), stars=350, galaxies=5)


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    return make_visit(tmp_path_factory.mktemp("visit") / "v", seed=11, recipe=RECIPE)


@pytest.fixture(scope="module")
def measured(truth: Truth) -> Measurement:
    return measure_files([*truth.files, *truth.headerlets])


def test_active_and_common_solutions_against_the_truth(truth: Truth, measured: Measurement) -> None:
    for one in measured.relative:
        names = [measured.solution(c).wcsname for c in (one.a, one.b)]
        errors = [
            truth.exposure(c.rootname).errors.get(n) for c, n in zip((one.a, one.b), names, strict=True)
        ]
        if None in errors or one.fit.verdict == "unmeasurable":
            continue
        true = errors[1] - errors[0]  # type: ignore[operator]
        assert abs(one.fit.east_mas - true.east_mas) < 4 * np.hypot(one.fit.sigma_east_mas, 0.2)
        assert abs(one.fit.north_mas - true.north_mas) < 4 * np.hypot(one.fit.sigma_north_mas, 0.2)
    common = [
        one.fit.verdict
        for one in measured.relative
        if {measured.solution(c).wcsname for c in (one.a, one.b)} == {truth.svm}
    ]
    assert len(common) == 6
    assert "fail" not in common


def test_absolute_rows_stand_beside_the_relative_ones(truth: Truth) -> None:
    found = measure_files(truth.files, against=Against(catalog=str(truth.catalog)))
    assert {one.candidate.rootname for one in found.absolute} == {e.rootname for e in truth.exposures}
    for one in found.absolute:
        true = truth.exposure(one.candidate.rootname).errors.get(found.solution(one.candidate).wcsname)
        if true is None or one.fit.verdict == "unmeasurable":
            continue
        assert abs(one.fit.east_mas - true.east_mas) < 4 * one.fit.sigma_east_mas + 0.5


def test_a_visit_is_measured_again_after_an_edit(tmp_path: Path) -> None:
    truth = make_visit(tmp_path / "v", seed=12, recipe=RECIPE)
    visit = trueup.open_visit([*truth.files, *truth.headerlets])
    before = trueup.measure(visit)
    assert fails(before)
    trueup.plan(visit, "svm").commit()
    after = measure_again(before)
    assert not fails(after)
    assert after.stars == before.stars
    assert len(active(after)) == len(active(before)) == 6


def test_the_anchor_is_what_others_are_measured_from(truth: Truth) -> None:
    second = {e.rootname for e in truth.exposures if e.filter == "F275W"}
    found = measure_files(truth.files, against=Against(anchor="F275W"), solutions=["distortion-only"])
    across = [one for one in found.relative if (one.a.rootname in second) != (one.b.rootname in second)]
    assert across
    assert all(one.a.rootname in second for one in across)
    with pytest.raises(SelectionError):
        measure_files(truth.files, against=Against(anchor="F999W"))


def test_two_frames_of_reference_are_one_too_many(truth: Truth) -> None:
    with pytest.raises(UsageError):
        measure_files(truth.files, against=Against(catalog="a.csv", reference="b.fits"))
    with pytest.raises(UsageError, match="positions of no exposure"):
        measure_files(truth.files, against=Against(centroids=("elsewhere.xym",)))


def test_the_command_prints_tables(truth: Truth, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["measure", *map(str, truth.files), *map(str, truth.headerlets)]) == 1
    text = capsys.readouterr().out
    for word in ("as they are", truth.svm, "FAIL", "PASS", "+-", " px", "F275W (", "disagree with F336W"):
        assert word in text


def test_the_command_prints_json(truth: Truth, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["measure", *map(str, truth.files), "--format", "json"]) == 1
    values = json.loads(capsys.readouterr().out)
    assert values["schema"] == "trueup.measure/1"
    assert [e["rootname"] for e in values["exposures"]] == [e.rootname for e in truth.exposures]
    assert set(values["exposures"][0]) >= {"file", "filter", "detector", "epoch", "nsources", "fwhm_pix"}
    one = values["relative"][0]
    assert set(one["a_solution"]) == {"index", "wcsname", "hdrname", "origin"}
    assert one["a_solution"]["index"] == 1
    assert {"east_mas", "corner_sigma_mas", "log10_pfalse", "verdict", "why", "route"} <= set(one)
    assert values["absolute"] == []


def test_the_catalogue_has_a_say_in_the_verdict(truth: Truth, capsys: pytest.CaptureFixture[str]) -> None:
    """Under GSC240 both exposures agree, 69 mas away from where the stars are."""
    second = [str(e.path) for e in truth.exposures if e.filter == "F275W"]
    assert run(["measure", *second]) == 0
    capsys.readouterr()
    assert run(["measure", *second, "--catalog", str(truth.catalog)]) == 1
    lines = capsys.readouterr().out.splitlines()
    verdicts = {line.split("  ")[0].strip(): line.split()[-1] for line in lines if " 1 of 1 " in line}
    assert {verdicts[name] for name in ("as they are", "IDC_2731450pi-GSC240", "IDC_2731450pi")} == {"FAIL"}


def test_one_exposure_needs_another_or_a_catalogue(truth: Truth, capsys: pytest.CaptureFixture[str]) -> None:
    alone = str(truth.files[0])
    assert run(["measure", alone]) == 0
    assert "UNMEASURABLE: an exposure is alone; give another one, or --catalog" in capsys.readouterr().out
    assert run(["measure", alone, "--catalog", str(truth.catalog)]) == 0
    out = capsys.readouterr().out
    assert "UNMEASURABLE: " not in out
    assert next(line for line in out.splitlines() if "as they are" in line).split()[-1] == "PASS"


@pytest.mark.parametrize("verb", ["measure", "fit"])
def test_a_damaged_file_is_named_and_fails(
    verb: str, truth: Truth, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in truth.files[:2]:
        shutil.copy(file, tmp_path)
    (tmp_path / truth.files[2].name).write_bytes(truth.files[2].read_bytes()[:100_000])
    assert run([verb, str(tmp_path)]) == 3
    assert f"{truth.files[2].name} is left out: truncated" in " ".join(capsys.readouterr().out.split())


def test_headerlets_of_other_exposures_and_no_exposures_are_errors(truth: Truth, tmp_path: Path) -> None:
    with pytest.raises(SolutionError, match="the headerlet is for iepw14gaq, which was not given"):
        measure_files([*truth.files[:2], truth.headerlets[2]])
    with pytest.raises(DataError, match="there is no exposure among the files given"):
        measure_files([tmp_path])


@pytest.mark.parametrize("style", ["jsonl", "ecsv"])
def test_the_command_lists_pairs(style: str, truth: Truth, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["measure", *map(str, truth.files[:2]), "--solution", "rel", "--format", style]) == 0
    out = capsys.readouterr().out.strip().splitlines()
    assert out[-1].count("iepw14g4q") >= 1


def test_a_field_without_stars_is_unmeasurable(tmp_path: Path) -> None:
    truth = make_visit(tmp_path / "v", seed=13, recipe=Recipe(size=(400, 300), stars=0, galaxies=0))
    found = measure_files(truth.files)
    assert len(found.relative) >= 6
    assert {one.fit.verdict for one in found.relative} == {"unmeasurable"}
    assert all("--centroids" in one.fit.why for one in found.relative)


def test_galaxies_alone_give_nothing_or_the_truth(tmp_path: Path) -> None:
    truth = make_visit(tmp_path / "v", seed=13, recipe=Recipe(size=(700, 500), stars=0, galaxies=60))
    found = measure_files(truth.files)
    assert len(active(found)) == 6
    for one in active(found):
        if one.fit.verdict != "unmeasurable":
            errors = [truth.exposure(c.rootname) for c in (one.a, one.b)]
            true = errors[1].errors[errors[1].active] - errors[0].errors[errors[0].active]
            assert abs(one.fit.east_mas - true.east_mas) < 4 * one.fit.sigma_east_mas + 1
            assert abs(one.fit.north_mas - true.north_mas) < 4 * one.fit.sigma_north_mas + 1


def test_saturated_stars_alone_are_no_stars(truth: Truth, tmp_path: Path) -> None:
    """Every pixel is flagged as saturated."""
    from astropy.io import fits

    paths = []
    for path in truth.files[:2]:
        copy = tmp_path / path.name
        with fits.open(path) as hdus:
            for hdu in hdus:
                if hdu.name == "DQ":
                    hdu.data = np.full_like(hdu.data, 256)
            hdus.writeto(copy)
        paths.append(copy)
    found = measure_files(paths)
    assert {one.fit.verdict for one in found.relative} == {"unmeasurable"}
    assert all("no stars in iepw14g4q and iepw14g6q" in one.fit.why for one in found.relative)


def test_nothing_to_measure() -> None:
    assert active(Measurement(Visit(()))) == []
