"""Solutions of remote files: the same as of local ones, with few bytes and requests."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from archive.disk import Disk, grow
from archive.files import Files
from archive.mast import contents_of, tutorial
from archive.s3 import BUCKET
from archive.server import Answer, Request, Server

from archive import faults
from trueup.archive.remote import Part, RemoteSource, open_remote
from trueup.archive.transport import Transport
from trueup.cli import run
from trueup.config import S3, Http
from trueup.errors import NetworkError
from trueup.fits.exposure import read_exposure
from trueup.report.listing import exposure_values
from trueup.simulate import Recipe, make_visit
from trueup.workflow.listing import list_solutions

FLC = "iepw14g4q_flc.fits"
QUICK = Http(retries=2, backoff_s=0.01)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("remote")
    make_visit(folder, recipe=Recipe(size=(128, 96), stars=5, galaxies=0, unsound=("FIT_REL",)))
    return folder


@pytest.fixture(scope="module")
def large(folder: Path) -> Path:
    (folder / "large").mkdir()
    path = grow(folder / FLC, folder / "large" / FLC)
    assert path.stat().st_size > 168_000_000
    return path


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch, server: Server) -> None:
    monkeypatch.setenv("TRUEUP_CONFIG", "")
    monkeypatch.setenv("TRUEUP_MAST_URL", server.url)
    monkeypatch.setenv("TRUEUP_HTTP_BACKOFF_S", "0.01")


def test_all_solutions_of_a_large_file_take_few_bytes(server: Server, large: Path) -> None:
    server.mount("/data/", Disk(large.parent))
    source = open_remote(f"{server.url}/data/{FLC}", Transport(QUICK), S3())
    assert source.size == large.stat().st_size
    remote, local = exposure_values(read_exposure(source)), exposure_values(read_exposure(large))
    assert len(remote["solutions"]) == 12
    # soundness, offsets and all: but for the name of the file
    assert {sound["sound"] for sound in remote["solutions"]} >= {True, False}
    assert remote | {"file": ""} == local | {"file": ""}
    assert server.sent <= 1_300_000
    assert len(server.log) <= 12
    assert {exchange.status for exchange in server.log} == {206}


def test_a_hundred_large_files_at_once(server: Server, large: Path) -> None:
    names = [f"iepw14{i:02d}q" for i in range(100)]
    disk = Disk(large.parent, names={f"{name}_flc.fits": large for name in names})
    server.mount("/data/", disk)
    urls = [f"{server.url}/data/{name}_flc.fits" for name in names]
    values = list_solutions(urls)
    # one exposure under a hundred names
    assert len(values["items"]) == 1
    assert len(values["left_out"]) == 99
    assert server.sent < 130_000_000
    assert len(server.log) <= 1200
    assert {exchange.request.path.rpartition("/")[2][:9] for exchange in server.log} == set(names)


def test_ls_of_urls_and_local_files(server: Server, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server.mount("/data/", Disk(folder))
    url = f"{server.url}/data/{FLC}"
    local = str(folder / "iepw14g6q_flc.fits")
    assert run(["ls", url, local, "--format", "json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert [item["file"] for item in values["items"]] == [url, local]
    assert values["next"] == "trueup fetch iepw14030"


def test_ls_of_observations_of_mast(server: Server, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    contents = contents_of(folder)
    portal = tutorial({name: len(content) for name, content in contents.items()})
    portal.mount(server, Files(contents))
    assert run(["ls", "--obs-id", "IEPW14030", "--obs-id", "iepw14geq", "--format", "json"]) == 0
    items = json.loads(capsys.readouterr().out)["items"]
    assert [item["rootname"] for item in items] == ["iepw14g4q", "iepw14g6q", "iepw14geq"]
    assert all(item["file"].startswith("mast:HST/product/") for item in items)
    assert all(item["solutions"][-1]["origin"] == "file" for item in items)
    assert all("FIT_SVM" in item["solutions"][-1]["wcsname"] for item in items)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (lambda _: Answer(b"\0" * 10_000_000, 200), "cannot send a part"),
        (lambda _: Answer(faults.HTML, 200), "cannot send a part"),
        (lambda _: Answer(b"", 404), "answers 404"),
        (lambda _: Answer(b"", 401), "set a token"),
        (lambda _: Answer(b"", 503), "answers 503"),
        (lambda _: Answer(b"x" * 99, 206, {"Content-Range": "bytes 5-103/9999"}), "cannot send a part"),
    ],
)
def test_a_server_that_cannot_send_a_part(server: Server, answer: object, why: str) -> None:
    assert callable(answer)
    server.mount("/data/", answer)
    with pytest.raises(NetworkError, match=why):
        open_remote(f"{server.url}/data/{FLC}", Transport(QUICK), S3())
    # what is not wanted is not read, either
    assert len(server.log) <= 3


@pytest.mark.parametrize(
    "fault",
    [
        faults.status(503, times=2), faults.status(429, times=1, Retry_After="0"), faults.reset(0),
        faults.reset(0.5), faults.truncated(0.5, declared=True, times=1),
        faults.truncated(0.5, declared=False, times=1), faults.shorter(0.5, times=1),
    ],
)  # fmt: skip
def test_a_part_that_does_not_arrive_is_asked_for_again(
    server: Server, folder: Path, fault: faults.Fault
) -> None:
    content = (folder / FLC).read_bytes()
    server.mount("/data/", Files({FLC: content}, {FLC: fault}))
    source = open_remote(f"{server.url}/data/{FLC}", Transport(QUICK), S3())
    assert source.read(0, source.size) == content


def test_a_trickle_is_given_up(server: Server, folder: Path) -> None:
    content = (folder / FLC).read_bytes()
    server.mount(f"/{BUCKET}/", Files({FLC: content}, {FLC: faults.trickle(0.001)}))
    settings = S3(endpoint=server.url, bucket=BUCKET)
    for url in (f"{server.url}/{BUCKET}/{FLC}", f"s3://{BUCKET}/{FLC}"):
        began = time.monotonic()
        with pytest.raises(NetworkError, match="in time"):
            open_remote(url, Transport(replace(QUICK, total_s=0.5)), settings)
        # all of it would take a minute
        assert time.monotonic() - began < 20


def test_a_file_that_changes_is_not_mixed(server: Server, folder: Path) -> None:
    disk = Disk(folder)
    server.mount("/data/", disk)
    source = open_remote(f"{server.url}/data/{FLC}", Transport(QUICK), S3())
    disk.version = "2"
    with pytest.raises(NetworkError, match="replaced while it was read"):
        source.read(source.size - 9, 9)


def test_one_file_that_cannot_be_reached(
    server: Server, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.mount("/data/", Disk(folder))
    urls = [f"{server.url}/data/{FLC}", f"{server.url}/data/none_flc.fits"]
    assert run(["ls", *urls]) == 4
    assert "answers 404" in capsys.readouterr().out
    assert run(["ls", urls[1]]) == 4
    assert "answers 404" in capsys.readouterr().err


def test_an_observation_that_nobody_may_read(
    server: Server, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    contents = contents_of(folder)
    portal = tutorial({name: len(content) for name, content in contents.items()})
    portal.mount(server, Files(contents, private={FLC: "right"}))
    assert run(["ls", "--obs-id", "IEPW14030", "--format", "json"]) == 4
    left_out = json.loads(capsys.readouterr().out)["left_out"]
    (why,) = [out["why"] for out in left_out if out["file"] == f"mast:HST/product/{FLC}"]
    assert why.startswith("answers 401 Unauthorized; set a token with --token")
    assert run(["ls", "--obs-id", "IEPW14030", "--token", "wrong"]) == 4
    assert f"! {FLC}: answers 401" in capsys.readouterr().out
    assert run(["ls", "--obs-id", "IEPW14030", "--token", "right"]) == 0


def test_a_scheme_that_nobody_speaks(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["ls", "gopher://127.0.0.1/a_flc.fits"]) == 4
    assert "gopher" in capsys.readouterr().err


def test_offline_asks_nobody(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([f"{server.url}/data/{FLC}"], ["--obs-id", "IEPW14030"], [f"s3://bucket/{FLC}"]):
        assert run(["ls", "--offline", *arguments]) == 4
        assert "offline" in capsys.readouterr().err
    assert not server.log


def test_any_reads_give_the_bytes_of_the_file() -> None:
    content = os.urandom(3_000_000)
    asked: list[tuple[int, int]] = []

    def fetch(start: int, stop: int) -> Part:
        asked.append((start, stop))
        return Part(content[start:stop], len(content), "v")

    source = RemoteSource("memory", len(content), "v", fetch)
    for start, count in ((0, 9), (70_000, 10), (5, 200_000), (2_999_990, 50), (1_500_000, 3), (0, 3_000_000)):
        assert source.read(start, count) == content[start : start + count]
    buffer = bytearray(100)
    assert source.read_into(2_999_950, memoryview(buffer)) == 50
    assert bytes(buffer[:50]) == content[-50:]
    before = len(asked)
    source.read(0, len(content))
    assert len(asked) == before


def test_a_request_names_what_it_wants(server: Server, folder: Path) -> None:
    server.mount("/data/", Disk(folder))
    open_remote(f"{server.url}/data/{FLC}", Transport(QUICK), S3())
    request: Request = server.log[0].request
    assert request.headers["range"] == "bytes=0-65535"
    assert request.headers["accept-encoding"] == "identity"
