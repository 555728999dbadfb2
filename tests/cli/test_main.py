"""The command line as a whole: exit codes, one line per error, JSON by contract."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import trueup.cli
from trueup import __version__
from trueup.cli import run
from trueup.simulate import Recipe, make_visit


@pytest.mark.parametrize("arguments", [["ls", "--bogus"], ["bogus"], ["undo", "--format"]])
def test_usage_errors_exit_2_with_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("trueup: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["apply", "--solution", "svm"],
        ["undo"],
        ["headerlet", "extract"],
        ["headerlet", "attach", "--hlet", "a_hlet.fits"],
        ["headerlet", "delete", "--solution", "svm"],
        ["headerlet", "bundle", "-o", "a.zip"],
    ],
)
def test_verbs_that_write_want_files(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    assert "FILES" in capsys.readouterr().err


def test_the_verb_run_does_not_hide_the_function_of_that_name() -> None:
    assert run(["run", "--help"]) == 0
    assert trueup.cli.run is run


def test_ctrl_c_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("trueup.workflow.listing.open_visit", interrupt)
    assert run(["ls", "a_flc.fits"]) == 130
    assert capsys.readouterr().err == "trueup: interrupted\n"


def test_bad_data_exits_3_and_the_batch_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "a_flc.fits"
    bad.write_bytes(b"<html>")
    assert run(["ls", str(bad), str(tmp_path / "b_flc.fits"), "--format", "json"]) == 3
    listed = json.loads(capsys.readouterr().out)
    assert (listed["schema"], listed["version"]) == ("trueup.ls/1", __version__)
    assert [out["why"] for out in listed["left_out"]] == [
        "not a FITS file",
        "No such file or directory",
    ]
    assert len(listed["findings"]) == 2


def test_an_empty_folder_is_fine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["ls", str(tmp_path)]) == 0
    assert capsys.readouterr().err == ""


def test_help_names_every_verb_without_loading_astropy() -> None:
    code = "import sys; from trueup.cli import run; run(['--help']); print([m for m in sys.modules if m in "
    code += "('astropy', 'scipy', 'matplotlib')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for verb in ("ls", "apply", "undo", "headerlet", "drizzle", "compare", "demo"):
        assert f"│ {verb} " in done.stdout
    assert done.stdout.rstrip().endswith("[]")


def test_a_damaged_exposure_of_a_folder_is_told_by_the_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_visit(tmp_path, recipe=Recipe(size=(32, 24), stars=2, galaxies=0, noise=False, exposures=1))
    bad = tmp_path / "iepw14gaq_flc.fits"
    bad.write_bytes(bad.read_bytes()[:20000])
    assert run(["apply", str(tmp_path), "--solution", "distortion-only"]) == 3
    out, err = capsys.readouterr()
    assert out.count("-> IDC_2731450pi") == 1
    assert f"{bad} is left out: truncated" in err


def test_files_left_out_for_one_reason_have_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_visit(tmp_path, recipe=Recipe(size=(32, 24), stars=2, galaxies=0, noise=False, exposures=1))
    for name in "abcd":
        (tmp_path / f"{name}_raw.fits").touch()
    assert run(["apply", str(tmp_path), "--solution", "distortion-only", "--dry-run"]) == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if "left out" in line]
    assert len(lines) == 3
    assert lines[0].startswith("warning: 4 files are left out: raw data (a_raw.fits, ")
    assert lines[0].endswith(" and 1 more)")


def test_a_full_disk_is_no_internal_error(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "trueup", "ls", str(tmp_path), "--format", "json"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.stderr.startswith("trueup: [Errno 28]")
    assert done.returncode == 3


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    command = f"{sys.executable} -m trueup ls {tmp_path} --format json | true"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr
