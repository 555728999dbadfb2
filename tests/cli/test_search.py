"""``trueup search`` as typed."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from archive.files import Files
from archive.mast import tutorial
from archive.server import Server
from astropy.table import Table

from trueup.cli import run


@pytest.fixture(autouse=True)
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with Server() as server:
        portal = tutorial({})
        portal.observations[1] |= {"dataRights": "EXCLUSIVE_ACCESS", "t_exptime": None}
        portal.mount(server, Files({}))
        monkeypatch.setenv("TRUEUP_CONFIG", "")
        monkeypatch.setenv("TRUEUP_MAST_URL", server.url)
        yield server


def test_a_visit_as_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["search", "--program", "16801", "--visit", "14"]) == 0
    out = capsys.readouterr().out
    assert "iepw14030" in out
    assert "WFC3/UVIS" in out
    assert "proprietary until 2023-07-17" in out
    assert "Next: trueup fetch iepw14030 iepw14040" in out


def test_every_format(capsys: pytest.CaptureFixture[str]) -> None:
    typed = ["search", "IEPW14*", "ib6o23010", "--format"]
    assert run([*typed, "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["schema"] == "trueup.search/1"
    assert [item["obs_id"] for item in said["items"]] == ["ib6o23010", "iepw14030", "iepw14040"]
    assert said["items"][2]["exptime"] is None
    assert said["items"][2]["rights"] == "EXCLUSIVE_ACCESS"
    assert run([*typed, "jsonl"]) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == said["items"]
    assert run([*typed, "ecsv"]) == 0
    table = Table.read(capsys.readouterr().out, format="ascii.ecsv")
    assert list(table["start"]) == [item["start"] for item in said["items"]]
    assert list(table["exptime"].mask) == [False, False, True]


def test_a_position(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["search", "--position", "10:23:58 -57:45:49", "--radius", "0.5", "--filter", "F275W"]) == 0
    assert "Next: trueup fetch iepw14040\n" in capsys.readouterr().out
    assert run(["search", "--position", "12.5 41", "--radius", "0.5"]) == 0
    assert "no such observation" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("typed", "code"),
    [([], 2), (["--visit", "14"], 2), (["--target", "Nowhere"], 2), (["iepw14030", "--offline"], 4)],
)
def test_what_cannot_be_searched(typed: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["search", *typed]) == code
    assert len(capsys.readouterr().err.splitlines()) == 1
