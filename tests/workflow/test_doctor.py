"""What a diagnosis finds, on this machine and at the loopback archive."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy
import pytest
from archive.observatory import Observatory, observatory
from astropy.table import Table

from trueup.cli import run
from trueup.simulate import Recipe, make_visit
from trueup.workflow.doctor import Diagnosis, diagnose

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observatory]:
    recipe = Recipe(size=(32, 24), stars=2, galaxies=0, noise=False)
    with observatory(make_visit(tmp_path_factory.mktemp("visit"), recipe=recipe)) as there:
        yield there


def _statuses(found: Diagnosis) -> dict[str, list[str]]:
    statuses: dict[str, list[str]] = {}
    for check in found.checks:
        if check.section == "service":
            statuses.setdefault(check.name, []).append(check.status)
    return statuses


def test_everything_is_there(where: Observatory) -> None:
    found = diagnose(where.settings)
    assert found.sound
    assert found.reachable
    assert set(_statuses(found)) == {"MAST", "CRDS", "Gaia", "astrometry database", "S3"}
    answers = {check.name: check.text for check in found.checks if check.section == "service"}
    assert answers["S3"] == answers["astrometry database"] == "200 OK"


def test_what_is_not_there(where: Observatory) -> None:
    mirrors = f"{NOWHERE}/tap {where.server.url}/tap"
    found = diagnose(where.settings | {"gaia.urls": mirrors, "crds.url": NOWHERE})
    assert _statuses(found)["Gaia"] == ["warning", "ok"]
    assert _statuses(found)["CRDS"] == ["unreachable"]
    assert found.sound
    assert not found.reachable
    [crds] = [check for check in found.checks if check.name == "CRDS"]
    assert crds.text == "Connection refused"


def test_exit_codes(where: Observatory, capsys: pytest.CaptureFixture[str]) -> None:
    typed = [f"--set={name}={value}" for name, value in where.settings.items()]
    assert run(["doctor", *typed]) == 0
    assert "This installation is sound; all services can be reached." in capsys.readouterr().out
    assert run(["doctor", *typed, f"--set=mast.url={NOWHERE}"]) == 4
    assert run(["doctor", *typed, f"--set=mast.url={NOWHERE}", "--offline"]) == 0
    assert "no service was asked" in capsys.readouterr().out


def test_where_settings_come_from(tmp_path: Path) -> None:
    file = tmp_path / "trueup.toml"
    file.write_text('[http]\nparallel = 3\nretries = 9\n[s3]\nendpoint = "https://me:secret@here"\n')
    environ = {"TRUEUP_CONFIG": str(file), "TRUEUP_HTTP_RETRIES": "2", "MAST_API_TOKEN": "secret"}
    found = diagnose({"http.offline": "yes"}, environ=environ)
    told = {check.name: (check.value, check.text) for check in found.checks if check.section == "setting"}
    assert told["file"][0] == str(file)
    assert told["http.parallel"] == (3, str(file))
    assert told["http.retries"] == (2, "TRUEUP_HTTP_RETRIES")
    assert told["http.offline"] == (True, "argument")
    assert told["http.read_s"] == (60.0, "default")
    assert told["mast.token"] == ("set", "MAST_API_TOKEN")
    assert "secret" not in str(found)


def test_sizes_of_caches(tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    for name, size in (("a", 1000), ("deep/b", 200), ("deep/er/c", 30)):
        (tmp_path / name).write_bytes(bytes(size))
    arguments = {"crds.cache": str(tmp_path), "gaia.cache": str(tmp_path / "none"), "http.offline": True}
    sizes = {check.name: check.value for check in diagnose(arguments).checks if check.section == "folder"}
    assert sizes["CRDS cache"] == 1230
    assert sizes["Gaia cache"] is None


def test_formats(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--offline", "--format", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["schema"], said["sound"], said["reachable"]) == ("trueup.doctor/1", True, None)
    versions = {item["name"]: item["value"] for item in said["items"] if item["section"] == "version"}
    assert versions["numpy"] == numpy.__version__
    assert run(["doctor", "--offline", "--format", "jsonl"]) == 0
    names = [json.loads(line)["name"] for line in capsys.readouterr().out.splitlines()]
    assert names == [item["name"] for item in said["items"]]
    assert run(["doctor", "--offline", "--format", "ecsv"]) == 0
    assert list(Table.read(capsys.readouterr().out, format="ascii.ecsv")["name"]) == names
