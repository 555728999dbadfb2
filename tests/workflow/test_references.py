"""`trueup drizzle` under the MDRIZTAB that the exposures name."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from archive.crds import Crds as Service
from archive.crds import mdriztab
from archive.files import Files
from archive.server import Answer, Server

from archive import faults
from trueup.cli import run
from trueup.drizzle.params import DrizzleParams
from trueup.drizzle.settings import settings_of_product
from trueup.simulate import Recipe, Truth, make_visit

NAME = "2ck18260i_mdz.fits"
# values that no default has
TABLE = mdriztab(
    filter=("8A", ["ANY", "ANY"]),
    numimages=("J", [1, 2]),
    combine_type=("8A", ["minmed", "mean"]),
    driz_cr_snr=("8A", ["3.5 3.0", "9.0 8.0"]),
    final_bits=("J", [65535, 16]),
)
OF_TABLE = {"combine": "mean", "cr_snr": (9.0, 8.0), "final_bits": "16"}
OF_TRUEUP = {"combine": "minmed", "cr_snr": (3.5, 3.0), "final_bits": "336"}


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    recipe = Recipe(size=(96, 64), stars=5, galaxies=0)
    return make_visit(tmp_path_factory.mktemp("visit"), recipe=recipe)


@pytest.fixture
def files() -> Files:
    return Files({NAME: TABLE})


@pytest.fixture
def server(files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with Server() as server:
        Service(files).mount(server)
        monkeypatch.setenv("TRUEUP_CONFIG", "")
        monkeypatch.setenv("TRUEUP_HTTP_OFFLINE", "no")
        monkeypatch.setenv("TRUEUP_CRDS_URL", server.url)
        monkeypatch.setenv("TRUEUP_CRDS_CACHE", str(tmp_path / "crds"))
        yield server


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every address that a socket connects to, and every name that is looked up."""
    asked: list[Any] = []
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def connected(self: socket.socket, address: Any) -> None:
        asked.append(address)
        connect(self, address)

    def looked_up(*arguments: Any, **options: Any) -> Any:
        asked.append(arguments)
        return look_up(*arguments, **options)

    monkeypatch.setattr(socket.socket, "connect", connected)
    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    return asked


def _drizzled(truth: Truth, folder: Path, *options: str) -> dict[str, Any]:
    """The settings of the product of the first association."""
    exposures = [str(e.path) for e in truth.exposures if e.filter == "F336W"]
    folder.mkdir(exist_ok=True)
    assert run(["drizzle", *exposures, "-o", str(folder / "a.fits"), "--overwrite", *options]) == 0
    return settings_of_product(str(folder / "a.fits"))


def _used(settings: dict[str, Any]) -> dict[str, Any]:
    found = DrizzleParams(**settings)
    return {name: getattr(found, name) for name in OF_TABLE}


def test_the_table_is_fetched_once_and_then_used_offline(
    truth: Truth, server: Server, tmp_path: Path, connections: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert _used(_drizzled(truth, tmp_path / "a")) == OF_TABLE
    assert (tmp_path / "crds" / "references" / "hst" / "wfc3" / NAME).read_bytes() == TABLE
    assert connections
    connections.clear()
    assert _used(_drizzled(truth, tmp_path / "b")) == OF_TABLE
    assert _used(_drizzled(truth, tmp_path / "c", "--offline")) == OF_TABLE
    assert not connections
    assert len(server.log) == 2
    assert "MDRIZTAB" not in capsys.readouterr().err


def test_what_is_typed_counts_more_than_the_table(truth: Truth, server: Server, tmp_path: Path) -> None:
    used = _used(_drizzled(truth, tmp_path / "a", "--combine", "median", "--params", '{"cr_snr": [7, 6]}'))
    assert used == OF_TABLE | {"combine": "median", "cr_snr": (7, 6)}
    assert server.log


def test_offline_is_a_guarantee(
    truth: Truth, server: Server, tmp_path: Path, connections: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert _used(_drizzled(truth, tmp_path / "a", "--offline")) == OF_TRUEUP
    assert not connections
    assert not server.log
    notes = [line for line in capsys.readouterr().err.splitlines() if "MDRIZTAB" in line]
    assert len(notes) == 1
    assert "trueup is offline" in notes[0]
    assert "the settings that come with trueup" in notes[0]


def test_an_unreachable_server_is_asked_once(
    truth: Truth,
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    server.mount("/json/", lambda request: faults.status(503)(request, Answer(), 0))
    assert run(["drizzle", str(truth.directory), "--solution", "rel", "-o", f"{tmp_path}/"]) == 0
    assert len(server.log) == 1
    assert capsys.readouterr().err.count("answers 503") == 1
    # nobody listens there
    monkeypatch.setenv("TRUEUP_CRDS_URL", "http://127.0.0.1:9")
    assert _used(_drizzled(truth, tmp_path / "b")) == OF_TRUEUP
    assert "Connection refused" in capsys.readouterr().err


@pytest.mark.parametrize(
    "table",
    [
        mdriztab(filter=("8A", ["F999W"]), numimages=("J", [1])),
        mdriztab(filter=("8A", ["ANY"]), numimages=("J", [1]), combine_type=("8A", ["guess"])),
        mdriztab(other=("J", [1])),
    ],
)
def test_a_table_that_does_not_serve_is_named(
    truth: Truth,
    server: Server,
    files: Files,
    tmp_path: Path,
    table: bytes,
    capsys: pytest.CaptureFixture[str],
) -> None:
    files.contents = {NAME: table}
    assert _used(_drizzled(truth, tmp_path / "a")) == OF_TRUEUP
    assert server.log
    assert NAME in capsys.readouterr().err


def test_a_poisoned_cache_is_repaired_or_not_used(
    truth: Truth, server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _drizzled(truth, tmp_path / "a")
    path = tmp_path / "crds" / "references" / "hst" / "wfc3" / NAME
    poisoned = bytearray(TABLE)
    poisoned[-2880] ^= 1
    path.write_bytes(poisoned)
    capsys.readouterr()
    assert _used(_drizzled(truth, tmp_path / "b", "--offline")) == OF_TRUEUP
    assert "no good MDRIZTAB" in capsys.readouterr().err
    assert _used(_drizzled(truth, tmp_path / "c")) == OF_TABLE
    assert path.read_bytes() == TABLE
    assert len(server.log) == 4
