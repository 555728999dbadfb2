"""Reference files: where they are, what makes them good, and that the crds package agrees."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from archive.crds import Crds as Service
from archive.crds import mdriztab
from archive.files import Files
from archive.server import Answer, Server

from archive import faults
from trueup.archive.crds import cached_reference, fetch_reference, reference_path
from trueup.archive.transport import Transport
from trueup.config import Crds, Http
from trueup.errors import DataError, FileAccessError, FormatError, NetworkError

NAME = "2ck18260i_mdz.fits"
HEADER = f"iref${NAME}"
QUICK = Http(retries=1, backoff_s=0.01)
OFFLINE = Transport(Http(offline=True))


TABLE = mdriztab(filter=("8A", ["ANY"]), numimages=("J", [1]))


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture
def files(server: Server) -> Files:
    files = Files({NAME: TABLE, "postsm4_idc.fits": TABLE})
    Service(files).mount(server)
    return files


@pytest.fixture
def crds(server: Server, files: Files, tmp_path: Path) -> Crds:
    assert files.contents
    return Crds(url=server.url, cache=str(tmp_path / "crds"))


def test_a_reference_is_fetched_once(server: Server, crds: Crds) -> None:
    path = fetch_reference(Transport(QUICK), HEADER, crds)
    assert path == Path(crds.cache) / "references" / "hst" / "wfc3" / NAME
    assert path.read_bytes() == TABLE
    before = len(server.log)
    assert before == 2
    assert fetch_reference(Transport(QUICK), HEADER, crds) == path
    assert fetch_reference(OFFLINE, HEADER, crds) == path
    assert cached_reference(HEADER, crds.cache) == path
    assert len(server.log) == before


def test_a_poisoned_cache_is_repaired(crds: Crds) -> None:
    path = fetch_reference(Transport(QUICK), HEADER, crds)
    content = bytearray(TABLE)
    content[-100] ^= 0x55
    path.write_bytes(content)
    with pytest.raises(FormatError, match="sha1"):
        cached_reference(HEADER, crds.cache)
    with pytest.raises(NetworkError):
        fetch_reference(OFFLINE, HEADER, crds)
    assert fetch_reference(Transport(QUICK), HEADER, crds).read_bytes() == TABLE


def test_a_file_that_others_cached_is_checked_when_crds_can_be_asked(server: Server, crds: Crds) -> None:
    path = reference_path(HEADER, crds.cache)
    path.parent.mkdir(parents=True)
    poisoned = bytearray(TABLE)
    poisoned[-100] ^= 0x55
    path.write_bytes(poisoned)
    # nobody can tell offline
    assert fetch_reference(OFFLINE, HEADER, crds) == path
    assert fetch_reference(Transport(QUICK), HEADER, crds).read_bytes() == TABLE
    path.write_bytes(TABLE)
    (Path(crds.cache) / "config" / "hst" / "trueup_sha1.json").write_text("{nonsense")
    before = len(server.log)
    fetch_reference(Transport(QUICK), HEADER, crds)
    assert [r.path for r in server.asked()[before:]] == ["/json/"]


def test_a_truncated_file_in_the_cache_is_not_used_offline(crds: Crds) -> None:
    path = reference_path(HEADER, crds.cache)
    path.parent.mkdir(parents=True)
    path.write_bytes(TABLE[:5000])
    with pytest.raises(FormatError, match="truncated"):
        cached_reference(HEADER, crds.cache)


@pytest.mark.parametrize(
    "fault", [faults.corrupted(6000), faults.html(), faults.status(503), faults.truncated(0.5, declared=True)]
)
def test_a_bad_answer_leaves_nothing_in_the_cache(crds: Crds, files: Files, fault: faults.Fault) -> None:
    files.faults[NAME] = fault
    with pytest.raises((FormatError, NetworkError)):
        fetch_reference(Transport(QUICK), HEADER, crds)
    assert not reference_path(HEADER, crds.cache).exists()
    files.faults.clear()
    assert fetch_reference(Transport(QUICK), HEADER, crds).read_bytes() == TABLE


def test_an_unknown_reference_is_named(crds: Crds) -> None:
    with pytest.raises(DataError, match=r"xyz18260i_mdz\.fits: CRDS does not know it: NOT FOUND"):
        fetch_reference(Transport(QUICK), "iref$xyz18260i_mdz.fits", crds)


@pytest.mark.parametrize("answer", [faults.HTML, b"[]", b'{"result": {"2ck18260i_mdz.fits": {}}}'])
def test_nonsense_is_an_error_of_the_network(server: Server, crds: Crds, answer: bytes) -> None:
    server.mount("/json/", lambda _: Answer(answer))
    with pytest.raises(NetworkError, match="nonsense"):
        fetch_reference(Transport(QUICK), HEADER, crds)


def test_a_cache_that_cannot_be_written(crds: Crds, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(FileAccessError, match="Not a directory"):
        fetch_reference(Transport(QUICK), HEADER, replace(crds, cache=str(tmp_path / "file")))


@pytest.mark.parametrize("header", ["", "N/A", "OMIT", "iref$", "../../../etc/passwd", "iref$../x_mdz.fits"])
def test_what_is_no_reference(header: str, tmp_path: Path) -> None:
    with pytest.raises(DataError):
        reference_path(header, tmp_path)


def test_the_crds_package_accepts_the_cache_without_a_request(
    server: Server, crds: Crds, peer_python: str
) -> None:
    headers = [HEADER, "jref$postsm4_idc.fits"]
    paths = [fetch_reference(Transport(QUICK), header, crds) for header in headers]
    before = len(server.log)
    script = f"""
import json, sys
from crds.client import api
api.set_crds_server({server.url!r})
cacher = api.FileCacher("hst-operational")
found, downloads, _ = cacher.get_local_files([{NAME!r}])
print(json.dumps([found, downloads]))
"""
    environment = {
        "CRDS_PATH": crds.cache,
        "CRDS_SERVER_URL": server.url,
        "CRDS_OBSERVATORY": "hst",
        "HOME": "/",
    }
    run = subprocess.run(
        [peer_python, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    found, downloads = json.loads(run.stdout.splitlines()[-1])
    assert downloads == 0
    assert found == {NAME: str(paths[0])}
    assert len(server.log) == before


def test_places_are_those_of_the_crds_package(tmp_path: Path, peer_python: str) -> None:
    names = [NAME, "37g1550cj_mdz.fits", "3562021pi_mdz.fits", "0461802ej_idc.fits", "ubi1853qi_mdz.fits"]
    script = f"""
import json
from crds.core import config
print(json.dumps([config.locate_file(name, "hst") for name in {names!r}]))
"""
    for mode in ("instrument", "flat"):
        cache = tmp_path / mode
        (cache / "config" / "hst").mkdir(parents=True)
        (cache / "config" / "hst" / "ref_cache_subdir_mode").write_text(mode)
        run = subprocess.run(
            [peer_python, "-c", script],
            env={"CRDS_PATH": str(cache)},
            capture_output=True,
            text=True,
            check=True,
        )
        ours = [str(reference_path(name, cache)) for name in names]
        assert json.loads(run.stdout.splitlines()[-1]) == ours
