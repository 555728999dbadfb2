"""One of four files goes wrong on the way, in every way there is."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from archive.faults import Fault
from archive.files import Files
from archive.samples import QUICK, UrlArchive, fits_bytes
from archive.server import Answer, Request, Server
from mortal import Mortal

from archive import client, faults
from trueup.archive.directory import Directory
from trueup.archive.manifest import Manifest, Row, deliver

CONTENTS = {f"iepw14g{i}q_flc.fits": fits_bytes(i) for i in range(4)}
VICTIM = "iepw14g2q_flc.fits"
RIGHT = CONTENTS[VICTIM]
SIZE = len(RIGHT)

Loopback = tuple[Server, Files, UrlArchive]


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    files = Files(CONTENTS)
    with Server() as server:
        server.mount("/", files)
        yield server, files, UrlArchive(server.url, CONTENTS)


def fetch(archive: UrlArchive, folder: Path) -> Manifest:
    return deliver(archive, archive.products(), folder, http=archive.http)


def victim(manifest: Manifest) -> Row:
    return next(row for row in manifest.rows if row.product.filename == VICTIM)


def check_folder(folder: Path, manifest: Manifest) -> None:
    """Every file with a final name is right; a row that says so is the only way to lack one."""
    for row in manifest.rows:
        name = row.product.filename
        if row.status == "failed":
            assert not (folder / name).exists()
            assert name in row.error
        else:
            assert (folder / name).read_bytes() == CONTENTS[name]


SURVIVED = {
    "503 twice": (faults.status(503, times=2), 3),
    "429 with seconds": (faults.status(429, times=1, Retry_After="1"), 2),
    "429 with a date": (
        faults.status(429, times=1, Retry_After=format_datetime(datetime.now(UTC) - timedelta(hours=1))),
        2,
    ),
    "reset before the body": (faults.reset(0), 2),
    "reset inside the body": (faults.reset(0.5), 2),
    "stall": (faults.stall(0.5), 2),
    "stall before the body": (faults.stall(0), 2),
    "truncated with a length": (faults.truncated(0.5, declared=True, times=1), 2),
    "truncated without a length": (faults.truncated(0.5, declared=False, times=1), 2),
    "shorter once": (faults.shorter(0.5, times=1), 2),
    "a web page once": (faults.html(times=1), 2),
    "corrupted once": (faults.corrupted(SIZE // 2, times=1), 2),
    "another version between two attempts": (faults.other_version(fits_bytes(9)), 2),
    "a part of another version": (faults.part_of_other_version(fits_bytes(9), etag='"other"'), 2),
    "a part of who knows what": (faults.part_of_other_version(fits_bytes(9), etag=""), 2),
    "in chunks": (faults.chunked(), 1),
    "in chunks, truncated once": (faults.chunked(0.5, times=1), 2),
    "in chunks, truncated twice": (faults.chunked(0.5, times=2), 3),
    "packed for the way": (faults.packed, 1),
    "range ignored": (faults.without_range(RIGHT), 2),
}


@pytest.mark.parametrize(("fault", "attempts"), SURVIVED.values(), ids=SURVIVED)
def test_a_passing_fault_is_survived(loopback: Loopback, tmp_path: Path, fault: Fault, attempts: int) -> None:
    server, files, archive = loopback
    files.faults[VICTIM] = fault
    manifest = fetch(archive, tmp_path)
    check_folder(tmp_path, manifest)
    assert [row.status for row in manifest.rows] == ["complete"] * 4
    assert victim(manifest).attempts == attempts
    check_second_run(server, archive, tmp_path)


FATAL = {
    "503 for ever": (faults.status(503), "503"),
    "404": (faults.status(404), "404"),
    "asked to wait too long": (faults.status(429, Retry_After="3600"), "429"),
    "reset before the body": (faults.reset(0, times=faults.ALWAYS), "broke|reset|closed"),
    "stall": (faults.stall(0, times=faults.ALWAYS), "in time|timed out"),
    "truncated with a length": (faults.truncated(0.5, declared=True), "connection broke"),
    "truncated without a length": (faults.truncated(0.5, declared=False), "ended at byte"),
    "truncated in chunks": (faults.chunked(0.5), "connection broke"),
    "shorter": (faults.shorter(0.5), "truncated"),
    "shorter by whole extensions": (faults.shorter(1 - 83520 / SIZE), "of 3 extensions"),
    "empty": (faults.shorter(0), "empty|ended at byte 0"),
    "a web page": (faults.html(), "web page instead of the file .Service unavailable"),
    "corrupted data": (faults.corrupted(SIZE // 2), "does not fit its DATASUM"),
    "corrupted header": (faults.corrupted(2880 + 80 * 20 + 40), "does not fit its CHECKSUM"),
}


@pytest.mark.parametrize(("fault", "words"), FATAL.values(), ids=FATAL)
def test_a_lasting_fault_is_reported_and_repaired_later(
    loopback: Loopback, tmp_path: Path, fault: Fault, words: str
) -> None:
    server, files, archive = loopback
    files.faults[VICTIM] = fault
    manifest = fetch(archive, tmp_path)
    check_folder(tmp_path, manifest)
    assert [row.product.filename for row in manifest.failed] == [VICTIM]
    assert re.search(words, manifest.failed[0].error)
    files.faults.clear()
    manifest = fetch(archive, tmp_path)
    check_folder(tmp_path, manifest)
    assert victim(manifest).status == "complete"
    assert [row.status for row in manifest.rows].count("cached") == 3
    check_second_run(server, archive, tmp_path)


def check_second_run(server: Server, archive: UrlArchive, folder: Path) -> None:
    """Nothing is asked for, and nothing but the four files is there."""
    before = len(server.log)
    manifest = fetch(archive, folder)
    assert [(row.status, row.attempts, row.transferred) for row in manifest.rows] == [("cached", 0, 0)] * 4
    assert len(server.log) == before
    assert {path.name for path in folder.iterdir()} == set(CONTENTS)


def test_a_server_that_closes_every_connection(loopback: Loopback, tmp_path: Path) -> None:
    server, files, archive = loopback
    archive.http = replace(QUICK, parallel=2)
    for name in CONTENTS:
        files.faults[name] = lambda _, answer, __: replace(answer, ending="close")
    check_folder(tmp_path, manifest := fetch(archive, tmp_path))
    assert not manifest.failed
    check_second_run(server, archive, tmp_path)


def test_the_newer_internet_protocol(tmp_path: Path) -> None:
    try:
        server = Server(host="::1")
    except OSError as error:
        pytest.skip(f"no IPv6 here: {error}")
    server.mount("/", Files(CONTENTS))
    with server:
        manifest = fetch(UrlArchive(server.url, CONTENTS), tmp_path)
    check_folder(tmp_path, manifest)
    assert not manifest.failed


def test_what_has_come_is_not_asked_for_again(loopback: Loopback, tmp_path: Path) -> None:
    server, files, archive = loopback
    files.faults[VICTIM] = faults.reset(0.5)
    assert victim(fetch(archive, tmp_path)).transferred == SIZE
    resumed = [r for r in server.asked(f"/{VICTIM}") if "range" in r.headers]
    assert [r.headers["range"] for r in resumed] == [f"bytes={SIZE // 2}-"]


def test_the_next_run_continues_the_last_one(loopback: Loopback, tmp_path: Path) -> None:
    server, files, archive = loopback
    files.faults[VICTIM] = faults.reset(0.5)
    archive.http = replace(QUICK, retries=0)
    assert victim(fetch(archive, tmp_path)).status == "failed"
    sent = server.sent
    assert victim(fetch(archive, tmp_path)).status == "complete"
    assert server.sent - sent == SIZE - SIZE // 2


@pytest.mark.parametrize(("mark", "transferred"), [("Last-Modified", SIZE), ("", SIZE + SIZE // 2)])
def test_only_what_is_known_to_be_the_same_is_continued(
    loopback: Loopback, tmp_path: Path, mark: str, transferred: int
) -> None:
    _, files, archive = loopback
    files.mark = mark
    files.faults[VICTIM] = faults.reset(0.5)
    manifest = fetch(archive, tmp_path)
    check_folder(tmp_path, manifest)
    assert victim(manifest).transferred == transferred


def test_a_weak_etag_does_not_tell_versions_apart(loopback: Loopback, tmp_path: Path) -> None:
    server, files, archive = loopback

    def weak(_: Request, answer: Answer, count: int) -> Answer:
        answer = replace(answer, headers={**answer.headers, "ETag": 'W/"1"'})
        return answer if count else replace(answer, stop=SIZE // 2, ending="reset")

    files.faults[VICTIM] = weak
    check_folder(tmp_path, fetch(archive, tmp_path))
    assert not [r for r in server.asked() if "range" in r.headers]


def test_killed_in_the_middle(loopback: Loopback, tmp_path: Path) -> None:
    server, files, archive = loopback
    files.faults[VICTIM] = faults.stall(0.5)
    with client.start(server.url, CONTENTS, tmp_path) as process:
        wait_until(lambda: len(server.log) == 4)
        wait_until(lambda: (tmp_path / f"{VICTIM}.part").stat().st_size == SIZE // 2)
        process.kill()
    assert not (tmp_path / VICTIM).exists()
    manifest = fetch(archive, tmp_path)
    check_folder(tmp_path, manifest)
    assert victim(manifest).transferred == SIZE - SIZE // 2
    check_second_run(server, archive, tmp_path)


@pytest.mark.parametrize("before", [None, faults.HTML], ids=["new", "repaired"])
def test_killed_after_each_call_to_the_system(tmp_path: Path, before: bytes | None) -> None:
    """A part that is complete, or not yet named, or half described, is no trap for the next run."""
    source, name = tmp_path / "archive", "iepw14g2q_flc.fits"
    source.mkdir()
    (source / name).write_bytes(RIGHT)
    archive = Directory(source)
    products = archive.products(["iepw14g2q"])
    for calls in range(1, 99):
        folder = tmp_path / str(calls)
        if before:
            folder.mkdir()
            (folder / name).write_bytes(before)
        lived = Mortal().run(
            lambda folder=folder: deliver(archive, products, folder, http=QUICK), calls=calls
        )
        if (folder / name).exists():
            assert (folder / name).read_bytes() in {RIGHT, before}
        assert not deliver(archive, products, folder, http=QUICK).failed
        assert (folder / name).read_bytes() == RIGHT
        assert {path.name for path in folder.iterdir()} <= {name, f"{name}.bad"}
        if lived:
            break
    assert 4 < calls < 98


def test_two_processes_fetch_the_same_files_once(loopback: Loopback, tmp_path: Path) -> None:
    server, _, archive = loopback
    server.latency = 0.2
    processes = [client.start(server.url, CONTENTS, tmp_path) for _ in range(2)]
    manifests = [json.loads(process.communicate()[0]) for process in processes]
    statuses = Counter(row["status"] for manifest in manifests for row in manifest["files"])
    assert statuses == {"complete": 4, "cached": 4}
    assert server.sent == sum(map(len, CONTENTS.values()))
    check_second_run(server, archive, tmp_path)


def test_no_space_for_one_of_the_files(loopback: Loopback, tmp_path: Path) -> None:
    server, files, archive = loopback
    large = fits_bytes(7, pixels=99_999)
    contents = {**CONTENTS, VICTIM: large}
    files.contents = contents
    with client.start(server.url, contents, tmp_path, limit=SIZE + 99) as process:
        manifest = json.loads(process.communicate()[0])
    rows = {row["filename"]: row for row in manifest["files"]}
    assert (manifest["complete"], manifest["failed"]) == (3, 1)
    assert "File too large; make room" in rows[VICTIM]["error"]
    assert not (tmp_path / VICTIM).exists()
    archive.relist(VICTIM, size=len(large))
    assert not fetch(archive, tmp_path).failed
    assert (tmp_path / VICTIM).read_bytes() == large


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for three of the files and half of another one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = _mount("-t", "tmpfs", "-o", f"size={int(3.5 * SIZE)}", "tmpfs", str(folder))
    if made.returncode:
        pytest.skip(f"no file system can be mounted here: {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def _mount(*arguments: str) -> subprocess.CompletedProcess[str]:
    if shutil.which("mount") is None:
        pytest.skip("there is no mount")
    return subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)


def test_a_disk_that_becomes_full(loopback: Loopback, small_disk: Path) -> None:
    _, _, archive = loopback
    archive.http = replace(QUICK, parallel=1)
    for name in CONTENTS:
        # or it would be said before the first byte
        archive.relist(name, size=None)
    archive.listed[VICTIM] = archive.listed.pop(VICTIM)
    manifest = fetch(archive, small_disk)
    check_folder(small_disk, manifest)
    assert [row.product.filename for row in manifest.failed] == [VICTIM]
    assert "No space left on device; make room and try again" in victim(manifest).error
    have = (small_disk / f"{VICTIM}.part").stat().st_size
    assert have > 0
    _mount("-o", f"remount,size={9 * SIZE}", str(small_disk))
    manifest = fetch(archive, small_disk)
    check_folder(small_disk, manifest)
    assert not manifest.failed
    assert victim(manifest).transferred == SIZE - have


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with contextlib.suppress(FileNotFoundError):
            if condition():
                return
        time.sleep(0.01)
    raise AssertionError("it never came to that")
