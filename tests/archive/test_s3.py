"""The public bucket through the real s3fs, against the S3 server of moto."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from archive.files import Files
from archive.mast import contents_of, tutorial
from archive.s3 import BUCKET, bucket, key_of
from archive.server import Server

from trueup.archive.mast import Mast
from trueup.archive.remote import open_remote
from trueup.archive.s3 import Bucket
from trueup.archive.transport import Transport
from trueup.cli import run
from trueup.config import S3, Config, Http
from trueup.config import Mast as MastSettings
from trueup.errors import NetworkError
from trueup.fits.exposure import read_exposure
from trueup.report.listing import exposure_values
from trueup.simulate import Recipe, make_visit
from trueup.workflow.fetch import fetch, find
from trueup.workflow.listing import list_solutions

FLC = "iepw14g4q_flc.fits"
KEY = f"s3://{BUCKET}/{key_of(FLC)}"
QUICK = Http(retries=1, backoff_s=0.01, connect_s=1.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("s3")
    make_visit(folder, recipe=Recipe(size=(128, 96), stars=5, galaxies=0))
    return folder


@pytest.fixture(scope="module")
def s3(folder: Path) -> Iterator[S3]:
    """The exposures are in the bucket, everything else is not."""
    contents = contents_of(folder)
    with bucket({key_of(name): c for name, c in contents.items() if name.endswith("_flc.fits")}) as endpoint:
        yield S3(endpoint=endpoint)


@pytest.fixture
def server(folder: Path) -> Iterator[Server]:
    contents = contents_of(folder)
    with Server() as server:
        tutorial({name: len(content) for name, content in contents.items()}).mount(server, Files(contents))
        yield server


@pytest.fixture
def config(server: Server, s3: S3, monkeypatch: pytest.MonkeyPatch) -> Config:
    # anonymous: whatever credentials there are must not be used
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "wrong")
    return Config(mast=MastSettings(url=server.url), s3=s3, http=QUICK)


def test_solutions_are_read_from_the_bucket(folder: Path, s3: S3) -> None:
    source = open_remote(KEY, Transport(QUICK), s3)
    assert source.size == (folder / FLC).stat().st_size
    remote, local = exposure_values(read_exposure(source)), exposure_values(read_exposure(folder / FLC))
    assert remote | {"file": ""} == local | {"file": ""}
    assert source.read(0, source.size) == (folder / FLC).read_bytes()


def test_ls_of_the_bucket(config: Config) -> None:
    assert [item["file"] for item in list_solutions([KEY], config=config)["items"]] == [KEY]


def test_fetch_takes_from_the_bucket_what_it_has(
    config: Config, server: Server, tmp_path: Path, folder: Path
) -> None:
    table = fetch(["IEPW14030"], dest=tmp_path, source="s3", config=config)
    assert set(table["status"]) == {"complete"}
    came = {row["filename"]: row["uri"].partition(":")[0] for row in table}
    assert {name for name, scheme in came.items() if scheme == "s3"} == {FLC, "iepw14g6q_flc.fits"}
    assert sum(scheme == "mast" for scheme in came.values()) == 4
    assert not [r for r in server.asked("/api/v0.1/Download") if "flc" in r.query["uri"]]
    assert (tmp_path / FLC).read_bytes() == (folder / FLC).read_bytes()


def test_which_source_was_used_is_told(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRUEUP_CONFIG", "")
    settings = [f"--set=mast.url={config.mast.url}", f"--set=s3.endpoint={config.s3.endpoint}"]
    assert run(["fetch", "IEPW14030", "--source", "s3", "--dest", str(tmp_path), *settings]) == 0
    assert "from s3 (4 of them from mast)" in capsys.readouterr().err


def test_a_half_download_is_continued(config: Config, s3: S3, folder: Path) -> None:
    transport = Transport(QUICK)
    archive = Bucket(transport, s3, Mast(transport, config.mast.url))
    product = next(
        p for p in archive.products(["iepw14030"]) if p.filename == FLC and p.uri.startswith("s3:")
    )
    content = (folder / FLC).read_bytes()
    with archive.open(product, start=0, mark="") as whole:
        assert b"".join(whole.pieces) == content
        assert whole.size == len(content)
    with archive.open(product, start=1000, mark=whole.mark) as rest:
        assert rest.start == 1000
        assert b"".join(rest.pieces) == content[1000:]
    with archive.open(product, start=len(content), mark=whole.mark) as nothing:
        assert b"".join(nothing.pieces) == b""
    with archive.open(product, start=1000, mark="other") as again:
        assert again.start == 0


def test_without_the_bucket_everything_comes_from_mast(
    config: Config, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = Config(mast=config.mast, s3=S3(endpoint="http://127.0.0.1:9"), http=QUICK)
    with caplog.at_level(logging.WARNING):
        table = fetch(["IEPW14030"], dest=tmp_path, source="s3", config=nowhere)
    assert set(table["status"]) == {"complete"}
    assert {uri.partition(":")[0] for uri in table["uri"]} == {"mast"}
    assert "files come from mast" in caplog.text


def test_an_object_that_cannot_be_read_comes_from_mast(
    config: Config, server: Server, tmp_path: Path, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    found = find(["IEPW14030"], source="s3", kinds=["FLC"], config=config)
    gone = [replace(p, uri=p.uri.replace(FLC, "gone.fits")) for p in found.products]
    with caplog.at_level(logging.WARNING):
        manifest = replace(found, products=tuple(gone)).deliver(tmp_path)
    assert [row.status for row in manifest.rows] == ["complete"] * 2
    assert [r.query["uri"] for r in server.asked("/api/v0.1/Download")] == [f"mast:HST/product/{FLC}"]
    assert "gone.fits: it is not in the bucket; it comes from mast" in caplog.text
    assert (tmp_path / FLC).read_bytes() == (folder / FLC).read_bytes()


@pytest.mark.parametrize(
    ("url", "why"), [(f"s3://{BUCKET}/hst/none.fits", "not in the bucket"), ("s3://other/x.fits", "bucket")]
)
def test_what_is_not_there(s3: S3, url: str, why: str) -> None:
    with pytest.raises(NetworkError, match=why):
        open_remote(url, Transport(QUICK), s3)


def test_offline_asks_nobody(config: Config, server: Server) -> None:
    offline = Transport(Http(offline=True))
    with pytest.raises(NetworkError, match="offline"):
        open_remote(KEY, offline, config.s3)
    with pytest.raises(NetworkError, match="offline"):
        Bucket(offline, config.s3, Mast(offline, config.mast.url)).products(["IEPW14030"])
    assert not server.log
