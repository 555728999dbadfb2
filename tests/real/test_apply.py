"""The commands on real files: apply, undo, headerlet, and what ls says of an interrupted edit."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mortal import Mortal, folder_in_memory

from trueup.cli import run
from trueup.edit.journal import pending
from trueup.edit.plan import plan
from trueup.fits.visit import open_visit

UVIS, IR = "ib4606c5q_flc.fits", "ib4606cpq_flt.fits"


@pytest.fixture
def visit(real_data: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with folder_in_memory() as folder:
        for name in (UVIS, IR):
            shutil.copyfile(real_data / "headers" / name, folder / name)
        with monkeypatch.context() as context:
            context.chdir(folder)
            yield folder


def say(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code and what a command prints on stdout and stderr."""
    code = run(arguments)
    out = capsys.readouterr()
    return code, out.out, out.err


def listed(capsys: pytest.CaptureFixture[str], *files: str) -> Any:
    return json.loads(say(capsys, "ls", *files, "--format", "json")[1])


def test_apply_list_undo(visit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = [(visit / name).read_bytes() for name in (UVIS, IR)]
    code, out, err = say(capsys, "apply", ".", "--solution", "*FIT_SVM*")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        f"{UVIS}: IDC_2731450pi-FIT_REL_GAIAeDR3 -> IDC_2731450pi-FIT_SVM_GAIADR2",
        f"{IR}: IDC_w3m18525i-FIT_REL_GAIAeDR3 -> IDC_w3m18525i-FIT_SVM_GAIADR2",
    ]
    values = listed(capsys, ".")
    assert values["consistent"]
    assert {item["active"].partition("-")[2] for item in values["items"]} == {"FIT_SVM_GAIADR2"}
    assert all(item["solutions"][0]["sound"] for item in values["items"])
    code, out, _ = say(capsys, "undo", ".", "--list", "--format", "json")
    assert [item["what"] for item in json.loads(out)["items"]] == [
        "apply IDC_2731450pi-FIT_SVM_GAIADR2",
        "apply IDC_w3m18525i-FIT_SVM_GAIADR2",
    ]
    assert say(capsys, "undo", UVIS, IR)[0] == 0
    assert [(visit / name).read_bytes() for name in (UVIS, IR)] == before
    assert say(capsys, "undo", UVIS)[0] == 3


def test_dry_run_as_json(visit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (visit / IR).read_bytes()
    code, out, _ = say(capsys, "apply", IR, "--solution", "#7", "--dry-run", "--format", "json")
    assert code == 0
    content = json.loads(out)
    assert content["schema"] == "trueup.apply/1"
    (item,) = content["files"]
    assert item["from"]["index"] == 1
    assert item["to"]["index"] == 7
    changed = {(c["extname"], c["keyword"]): c["new"] for c in item["changes"]}
    assert changed["SCI", "WCSTYPE"] == "undistorted a priori solution based on GSC240"
    assert changed["SCI", "RMS_RA"] is None
    assert changed["TIME", "WCSNAME"] == "IDC_w3m18525i-GSC240"
    assert item["hdus"] == []
    assert (visit / IR).read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (["apply", UVIS, "--solution", "#12"], 3, "chip-geometry"),
        (["apply", UVIS, "--solution", "rel"], 2, "differ on the sky"),
        (["apply", UVIS, "--solution", "OPUS"], 3, "--allow distortion"),
        (["apply", UVIS], 2, "--solution"),
        (["apply", "nowhere_flc.fits", "--solution", "rel"], 3, "nowhere_flc.fits"),
        (["apply", UVIS, "--solution", "svm", "--no-archive"], 3, "kept nowhere else"),
    ],
)
def test_refusals_are_one_line(
    visit: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, word: str
) -> None:
    before = (visit / UVIS).read_bytes()
    found, out, err = say(capsys, *arguments)
    assert (found, out) == (code, "")
    assert word in err
    assert len(err.splitlines()) == 1
    assert (visit / UVIS).read_bytes() == before
    assert not (visit / ".trueup").exists()


def test_headerlet_commands(visit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = say(capsys, "headerlet", "extract", UVIS, "--solution", "#10", "--out", "hlets")
    assert (code, out) == (0, "hlets/ib4606c5q_IDC_2731450pi-FIT_SVM_GAIADR2_hlet.fits\n")
    assert say(capsys, "headerlet", "delete", UVIS, "--solution", "#10")[0] == 0
    code, out, _ = say(capsys, "headerlet", "attach", UVIS, "--hlet", out.strip())
    assert "add HDRLET,8" in out
    assert (visit / "hlets").is_dir()
    assert say(capsys, "headerlet", "bundle", UVIS, IR, "--solution", "svm", "-o", "b.zip")[0] == 0
    code, out, _ = say(capsys, "apply", UVIS, IR, "--hlet", "b.zip")
    assert code == 0
    assert out.count("FIT_SVM_GAIADR2") == 2


def test_ls_names_an_interrupted_visit(visit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Killed between two renames: ls says so, and the next command finishes the step."""
    made = plan(open_visit([visit]), "*FIT_SVM*")
    calls, before = 0, [(visit / name).read_bytes() for name in (UVIS, IR)]
    changed: list[bool] = []
    while not any(changed):
        calls += 1
        shutil.rmtree(visit / ".trueup", ignore_errors=True)
        assert not Mortal().run(made.commit, calls=calls)
        changed = [(visit / name).read_bytes() != old for name, old in zip((UVIS, IR), before, strict=True)]
    assert changed == [True, False]
    findings = listed(capsys, ".")["findings"]
    assert any("interrupted" in text and UVIS in text for text in findings)
    assert say(capsys, "undo", ".")[0] == 0
    assert not pending(visit)
    assert {item["active"].partition("-")[2] for item in listed(capsys, ".")["items"]} == {"FIT_REL_GAIAeDR3"}


def test_extracted_headerlets_are_good_for_stwcs(
    visit: Path, peer_python: str, capsys: pytest.CaptureFixture[str]
) -> None:
    say(capsys, "headerlet", "extract", IR, "--out", "hlets")
    say(capsys, "apply", IR, "--solution", "distortion-only")
    code = """
import glob
from astropy.io import fits
from stwcs.wcsutil import headerlet
names = sorted(glob.glob("hlets/*_hlet.fits"))
for name in names:
    hlet = headerlet.Headerlet.fromfile(name)
    hlet.hverify()
    fits.open(name).verify("exception")
good = [n for n in names if "FIT_REL_GAIAeDR3" in n][0]
headerlet.apply_headerlet_as_primary("ib4606cpq_flt.fits", good, attach=False)
print(fits.getval("ib4606cpq_flt.fits", "WCSNAME", ("SCI", 1)))
"""
    done = subprocess.run([peer_python, "-c", code], capture_output=True, text=True, cwd=visit)
    assert done.stdout.splitlines()[-1:] == ["IDC_w3m18525i-FIT_REL_GAIAeDR3"], done.stderr
