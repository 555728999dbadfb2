"""``trueup drizzle`` as typed."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from archive.crds import mdriztab
from astropy.io import fits

from trueup.cli import run
from trueup.drizzle.params import DrizzleParams
from trueup.simulate import Recipe, Truth, make_visit


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRUEUP_CONFIG", "")
    monkeypatch.setenv("TRUEUP_HTTP_OFFLINE", "yes")
    monkeypatch.setenv("TRUEUP_CRDS_CACHE", str(tmp_path / "crds"))
    # a table that sets nothing
    path = tmp_path / "crds" / "references" / "hst" / "wfc3" / "2ck18260i_mdz.fits"
    path.parent.mkdir(parents=True)
    path.write_bytes(mdriztab(filter=("8A", ["ANY"]), numimages=("J", [1])))


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    return make_visit(tmp_path_factory.mktemp("visit"), recipe=Recipe(size=(160, 90), stars=15))


def test_products_are_named_on_stdout(
    truth: Truth, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(truth.exposures[0].path.parent)
    code = run(
        [
            "drizzle",
            folder,
            "--solution",
            "rel",
            "-o",
            f"{tmp_path}/",
            "--pixfrac",
            "0.8",
            "--shape",
            "300",
            "200",
        ]
    )
    out = capsys.readouterr().out.splitlines()
    assert code == 0
    assert [line.split()[0] for line in out] == [
        f"{tmp_path}/iepw140{n}_trueup_drc.fits" for n in ("30", "40")
    ]
    assert fits.getdata(out[0].split()[0], "SCI").shape == (200, 300)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--kernel", "cubic"], 2, "kernel"),
        (["--pixfrac", "2"], 2, "pixfrac is 2.0"),
        (["--planes", "err,dq"], 2, "any of err, coverage"),
        (["--params", '{"pixfrack": 1}'], 2, "no setting is called pixfrack"),
        (["--params", "nowhere.json"], 3, "nowhere.json"),
        (["--mdriztab", "nowhere_mdz.fits", "--solution", "rel"], 3, "nowhere_mdz.fits"),
        (["--final-bits", "3,5"], 2, "single bit"),
        ([], 3, "--allow-mixed"),
        (["--solution", "nonsense"], 2, "no solution matches"),
        (["--grid", "nowhere.fits", "--solution", "rel"], 3, "nowhere.fits"),
    ],
)
def test_errors_are_one_line(
    arguments: list[str], code: int, message: str, truth: Truth, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [str(e.path) for e in truth.exposures]
    assert run(["drizzle", *files, *arguments]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert captured.err.count("\n") == 1


def settings(path: str) -> dict[str, Any]:
    return json.loads(fits.getval(path, "DRIZPARS"))


def test_every_setting_is_an_option(truth: Truth, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    typed = (
        "--grid own --scale 0.05 --rot -20 --kernel turbo --pixfrac 0.9 --weight ERR --units counts --fill 0"
        " --sep-bits ~64 --final-bits 256,64,16 --reset-bits none --sky localmin --sky-bits 96"
        " --combine median --nlow 0 --nhigh 1 --lthresh -9 --hthresh 5e4 --minmed-nsigma 5 2 --minmed-grow 2"
        " --blot linear --cr --cr-snr 4 2 --cr-scale 2 1 --cr-grow 3 --cte-grow 2"
        " --no-static --static-sigma 5 --compat astrodrizzle --threads 1 --no-context"
    )
    files = [str(e.path) for e in truth.exposures[:2]]
    assert run(["drizzle", *files, *typed.split(), "-o", f"{tmp_path}/a.fits"]) == 0
    assert capsys.readouterr().err == ""
    assert settings(f"{tmp_path}/a.fits") == json.loads(
        DrizzleParams(
            grid="own",
            scale=0.05,
            rot=-20.0,
            kernel="turbo",
            pixfrac=0.9,
            weight="ERR",
            units="counts",
            fill=0.0,
            sep_bits="~64",
            final_bits="256,64,16",
            reset_bits="none",
            sky="localmin",
            sky_bits="96",
            combine="median",
            nhigh=1,
            lthresh=-9.0,
            hthresh=5e4,
            minmed_nsigma=(5.0, 2.0),
            minmed_grow=2,
            blot="linear",
            cr=True,
            cr_snr=(4.0, 2.0),
            cr_scale=(2.0, 1.0),
            cr_grow=3,
            cte_grow=2,
            static=False,
            static_sigma=5.0,
            compat="astrodrizzle",
            context=False,
        ).to_json()
    )
    with fits.open(tmp_path / "a.fits") as hdus:
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "SCI", "WHT", "HDRTAB"]
        assert hdus["SCI"].header["BUNIT"] == "ELECTRONS"


def test_planes_and_settings_of_a_product(truth: Truth, tmp_path: Path) -> None:
    files = [str(e.path) for e in truth.exposures[:2]]
    first, second = f"{tmp_path}/a.fits", f"{tmp_path}/b.fits"
    assert run(["drizzle", *files, "--planes", "err,coverage", "--pixfrac", "0.8", "-o", first]) == 0
    with fits.open(tmp_path / "a_trueup_err.fits") as hdus:
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "ERR", "COVERAGE"]
    assert (
        run(["drizzle", *files, "--params", first, "--kernel", "square", "--planes", "err", "-o", second])
        == 0
    )
    assert settings(second)["pixfrac"] == 0.8
    assert settings(second)["planes"] == ["err"]
    assert np.array_equal(fits.getdata(first, "SCI"), fits.getdata(second, "SCI"), equal_nan=True)


def test_help_lists_choices_and_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    run(["drizzle", "--help"])
    text = " ".join(capsys.readouterr().out.replace("│", " ").split())
    for field in fields(DrizzleParams):
        assert f"--{field.name.replace('_', '-')}" in text
    assert "[choices: poly5, linear, nearest, poly3, lanczos3] [default: poly5]" in text
    assert "``" not in text


def test_progress_is_shown_on_a_terminal_only(truth: Truth, tmp_path: Path) -> None:
    files = [str(e.path) for e in truth.exposures[:2]]
    command = [sys.executable, "-m", "trueup", "drizzle", *files, "-o", f"{tmp_path}/"]
    leader, follower = pty.openpty()
    with subprocess.Popen(command, stderr=follower, stdout=subprocess.PIPE) as process:
        os.close(follower)
        shown = b""
        while chunk := _read(leader):
            shown += chunk
    os.close(leader)
    assert process.returncode == 0
    assert b"iepw14030: " in shown
    quiet = subprocess.run(command, capture_output=True, check=True)
    assert quiet.stderr == b""


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # Linux says so where the other end is closed
        return b""
