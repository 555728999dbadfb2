"""What happens where only the core of trueup is installed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from trueup.cli import run
from trueup.simulate import Recipe, make_visit

TODO = 'is not installed; pip install "trueup[archive]"'


@pytest.fixture(autouse=True)
def core_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(sys.modules):
        if name.partition(".")[0] in {"astroquery", "fsspec", "pyvo", "requests", "s3fs"}:
            monkeypatch.delitem(sys.modules, name)
    for name in ("astroquery", "fsspec", "pyvo", "requests", "s3fs"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "trueup.archive.session", raising=False)
    monkeypatch.setenv("TRUEUP_CONFIG", "")
    monkeypatch.setenv("TRUEUP_CRDS_CACHE", str(tmp_path / "crds"))


@pytest.mark.parametrize(
    "typed",
    [
        "ls http://127.0.0.1:9/a_flc.fits",
        "ls s3://stpubdata/hst/public/iepw/iepw14g4q/iepw14g4q_flc.fits",
        "ls --obs-id IEPW14030",
        "search --program 16801",
        "fetch IEPW14030 --dest VISIT",
        "fetch IEPW14030 --source s3 --dest VISIT",
        "fetch IEPW14030 --source astrometry --dest VISIT",
        "run IEPW14030",
    ],
)
def test_a_service_says_what_to_install(
    typed: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(typed.split()) == 4
    assert TODO in capsys.readouterr().err


@pytest.mark.parametrize("offline", [[], ["--offline"]], ids=["online", "offline"])
def test_drizzle_does_without(offline: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_visit(tmp_path / "visit", recipe=Recipe(size=(96, 64), stars=5, galaxies=0))
    assert (
        run(
            [
                "drizzle",
                str(tmp_path / "visit"),
                "--solution",
                "distortion-only",
                *offline,
                "-o",
                f"{tmp_path}/products/",
            ]
        )
        == 0
    )
    said = capsys.readouterr().err
    assert "the settings that come with trueup for the detector are used" in said
    assert ("trueup is offline" if offline else "requests is not installed") in said
