"""What is there already, what a list says wrongly, and many files at a time."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from archive.files import Files, ranged
from archive.samples import QUICK, UrlArchive, fits_bytes
from archive.server import Answer, Request, Server

from archive import faults
from trueup.archive.download import Effort, Wanted, download
from trueup.archive.integrity import check_file
from trueup.archive.manifest import deliver
from trueup.archive.stream import open_url
from trueup.errors import FileAccessError, FormatError

NAME = "iepw14g2q_flc.fits"
RIGHT = fits_bytes(2)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture
def files(server: Server) -> Files:
    files = Files({NAME: RIGHT})
    server.mount("/", files)
    return files


@pytest.fixture
def archive(server: Server, files: Files) -> UrlArchive:
    return UrlArchive(server.url, files.contents)


@pytest.mark.parametrize(
    "bad",
    {
        "truncated": RIGHT[: len(RIGHT) // 2],
        "a web page": faults.HTML,
        "empty": b"",
        "changed": RIGHT[:9999] + b"?" + RIGHT[10000:],
    }.values(),
)
def test_a_bad_file_is_repaired_and_kept_aside(archive: UrlArchive, tmp_path: Path, bad: bytes) -> None:
    (tmp_path / NAME).write_bytes(bad)
    (row,) = deliver(archive, archive.products(), tmp_path, http=QUICK).rows
    assert row.status == "repaired"
    assert "was bad" in row.warning
    assert f"{NAME}.bad" in row.warning
    assert (tmp_path / NAME).read_bytes() == RIGHT
    assert (tmp_path / f"{NAME}.bad").read_bytes() == bad
    assert {path.name for path in tmp_path.iterdir()} == {NAME, f"{NAME}.bad"}


def test_extensions_that_were_deleted_are_no_damage(archive: UrlArchive, tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(RIGHT[:-83520])
    (row,) = deliver(archive, archive.products(), tmp_path, http=QUICK).rows
    assert row.status == "cached"
    assert "the archive lists" in row.warning


def test_a_bad_file_stays_until_there_is_a_better_one(
    archive: UrlArchive, files: Files, tmp_path: Path
) -> None:
    (tmp_path / NAME).write_bytes(RIGHT[:9999])
    files.faults[NAME] = faults.status(404)
    assert deliver(archive, archive.products(), tmp_path, http=QUICK).failed
    assert (tmp_path / NAME).read_bytes() == RIGHT[:9999]


@pytest.mark.parametrize("listed", [None, 1, len(RIGHT) + 99])
def test_a_wrong_size_in_the_list_is_a_warning(
    archive: UrlArchive, tmp_path: Path, listed: int | None
) -> None:
    archive.relist(NAME, size=listed)
    manifest = deliver(archive, archive.products(), tmp_path, http=QUICK)
    assert [row.status for row in manifest.rows] == ["complete"]
    assert len(manifest.problems) == (listed is not None)
    assert all(f"{len(RIGHT)} bytes, the archive lists {listed}" in text for text in manifest.problems)


def test_a_part_that_is_complete_is_not_asked_for_again(
    server: Server, archive: UrlArchive, files: Files, tmp_path: Path
) -> None:
    """As a kill between the last byte and the final name leaves it."""
    files.faults[NAME] = faults.reset(0.5)
    deliver(archive, archive.products(), tmp_path, http=replace(QUICK, retries=0))
    (tmp_path / f"{NAME}.part").write_bytes(RIGHT)
    sent = server.sent
    (row,) = deliver(archive, archive.products(), tmp_path, http=QUICK).rows
    assert (row.status, row.transferred) == ("complete", 0)
    assert server.sent - sent < 100
    assert (tmp_path / NAME).read_bytes() == RIGHT


def test_a_part_longer_than_the_file(archive: UrlArchive, files: Files, tmp_path: Path) -> None:
    files.faults[NAME] = faults.reset(0.5)
    deliver(archive, archive.products(), tmp_path, http=replace(QUICK, retries=0))
    (tmp_path / f"{NAME}.part").write_bytes(RIGHT + b"more")
    assert not deliver(archive, archive.products(), tmp_path, http=QUICK).failed
    assert (tmp_path / NAME).read_bytes() == RIGHT


@pytest.mark.parametrize("name", ["../evil_flc.fits", "/tmp/evil_flc.fits", "..", "", "\x1b[2J_flc.fits"])
def test_an_archive_does_not_choose_the_folder(archive: UrlArchive, tmp_path: Path, name: str) -> None:
    good = "iepw14g4q_flc.fits"
    archive.relist(good, filename=good, uri=archive.listed[NAME].uri)
    archive.relist(NAME, filename=name)
    manifest = deliver(archive, archive.products(), tmp_path / "dest", http=QUICK)
    assert ["names a file" in row.error for row in manifest.failed] == [True]
    # the others come, and nothing lies anywhere else
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.fits*")] == [f"dest/{good}"]


def test_a_size_that_was_not_listed_rightly_is_no_truncation(
    archive: UrlArchive, files: Files, tmp_path: Path
) -> None:
    files.faults[NAME] = faults.chunked()
    archive.relist(NAME, size=len(RIGHT) + 99)
    (row,) = deliver(archive, archive.products(), tmp_path, http=QUICK).rows
    assert (row.status, row.attempts) == ("complete", 1)
    assert "the archive lists" in row.warning


def test_a_part_from_elsewhere_is_not_continued(
    server: Server, archive: UrlArchive, files: Files, tmp_path: Path
) -> None:
    """Though both archives mark their version alike."""
    files.mark = "Last-Modified"
    server.mount("/other/", Files({NAME: fits_bytes(5)}, {NAME: _dated_like(RIGHT)}))
    right = archive.listed[NAME].uri
    archive.relist(NAME, uri=f"{server.url}/other/{NAME}")
    assert deliver(archive, archive.products(), tmp_path, http=replace(QUICK, retries=0)).failed
    archive.relist(NAME, uri=right)
    (row,) = deliver(archive, archive.products(), tmp_path, http=QUICK).rows
    assert (row.status, row.transferred) == ("complete", len(RIGHT))
    assert (tmp_path / NAME).read_bytes() == RIGHT


def _dated_like(content: bytes) -> faults.Fault:
    def fault(request: Request, answer: Answer, _: int) -> Answer:
        return replace(
            ranged(request, content, "Last-Modified"), body=answer.body, stop=99_999, ending="reset"
        )

    return fault


def test_no_room_is_said_before_the_first_byte(server: Server, archive: UrlArchive, tmp_path: Path) -> None:
    archive.relist(NAME, size=10**17)
    with pytest.raises(FileAccessError, match=r"need 100000000.0 GB, and .* GB are free"):
        deliver(archive, archive.products(), tmp_path, http=QUICK)
    assert not server.log


def test_a_folder_that_cannot_be_written(archive: UrlArchive, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(FileAccessError, match="is a file, not a folder"):
        deliver(archive, archive.products(), tmp_path / "file", http=QUICK)
    (tmp_path / "sub" / f"{NAME}.part").mkdir(parents=True)
    (row,) = deliver(archive, archive.products(), tmp_path / "sub", http=QUICK).rows
    assert row.status == "failed"
    assert "Is a directory" in row.error


def test_a_part_that_everybody_could_read_becomes_private(archive: UrlArchive, tmp_path: Path) -> None:
    part = tmp_path / f"{NAME}.part"
    part.write_bytes(RIGHT[:9999])
    part.chmod(0o644)
    archive.relist(NAME, proprietary=True)
    (row,) = deliver(archive, archive.products(), tmp_path, http=QUICK).rows
    assert row.status == "complete"
    assert row.path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("suffix", [".part", ".part.mark"])
def test_nothing_is_written_through_a_link(archive: UrlArchive, tmp_path: Path, suffix: str) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    link = tmp_path / f"{NAME}{suffix}"
    link.symlink_to(precious)
    (row,) = deliver(archive, archive.products(), tmp_path, http=QUICK).rows
    assert row.error == f"{link}: is a link; remove it: nothing is written through links"
    assert precious.read_text() == "mine"
    link.unlink()
    (row,) = deliver(archive, archive.products(), tmp_path, http=QUICK).rows
    assert row.status == "complete"
    assert not row.path.is_symlink()


def test_six_at_a_time(server: Server, tmp_path: Path) -> None:
    contents = {f"iepw14g{i:02}_flc.fits": fits_bytes(i, pixels=99) for i in range(32)}
    server.mount("/", Files(contents))
    server.latency = 0.02
    archive = UrlArchive(server.url, contents)
    told: list[int] = []
    manifest = deliver(archive, archive.products(), tmp_path, http=QUICK, tell=told.append)
    assert len(manifest.complete) == 32
    assert server.busiest == 6
    assert len(server.log) == 32
    assert sum(told) == server.sent == sum(map(len, contents.values()))


def test_progress_counts_each_byte_once(archive: UrlArchive, files: Files, tmp_path: Path) -> None:
    files.faults[NAME] = faults.other_version(fits_bytes(9))
    told: list[int] = []
    deliver(archive, archive.products(), tmp_path, http=QUICK, tell=told.append)
    assert sum(told) == len(RIGHT)
    assert min(told) < 0
    deliver(archive, archive.products(), tmp_path, http=QUICK, tell=told.append)
    assert told[-1] == len(RIGHT)


def test_a_trickle_is_given_up(archive: UrlArchive, files: Files, tmp_path: Path) -> None:
    files.faults[NAME] = faults.trickle(0.001)
    archive.relist(NAME, size=99)  # the time that is allowed grows with it
    (row,) = deliver(archive, archive.products(), tmp_path, http=replace(QUICK, total_s=0.3)).rows
    assert "too slow" in row.error
    assert row.status == "failed"


def test_ctrl_c_stops_all_and_keeps_what_has_come(
    server: Server, archive: UrlArchive, files: Files, tmp_path: Path
) -> None:
    files.faults[NAME] = faults.trickle(0.001)

    def tell(count: int) -> None:
        if count:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        deliver(archive, archive.products(), tmp_path, http=QUICK, tell=tell)
    assert {path.name for path in tmp_path.iterdir()} == {f"{NAME}.part", f"{NAME}.part.mark"}
    assert len(server.log) <= 1


def test_a_packed_file_and_one_that_is_no_fits(server: Server, tmp_path: Path) -> None:
    contents = {"a_flt.fits.gz": gzip.compress(RIGHT), "a_trl.txt": b"a trailer\n"}
    contents["b_flt.fits.gz"] = contents["a_flt.fits.gz"][:-999]
    server.mount("/", Files(contents))
    archive = UrlArchive(server.url, contents)
    manifest = deliver(archive, archive.products(), tmp_path, http=QUICK)
    assert [row.status for row in manifest.rows] == ["complete", "complete", "failed"]
    assert "damaged gzip data" in manifest.failed[0].error


def test_a_sha1_decides(server: Server, archive: UrlArchive, tmp_path: Path) -> None:
    assert archive.contents
    wanted = Wanted(tmp_path / NAME, sha1="0" * 40)

    def stream(start: int, mark: str) -> object:
        return open_url(archive.transport, f"{server.url}/{NAME}", start=start, mark=mark)

    with pytest.raises(FormatError, match="its sha1 is not 0000"):
        download(wanted, stream, Effort(QUICK))
    assert not list(tmp_path.iterdir())


def test_integrity_needs_no_checksum_to_find_a_cut(tmp_path: Path) -> None:
    plain = fits_bytes(1, checksum=False)
    path = tmp_path / "a_flc.fits"
    for size in range(1, len(plain), 2880 * 3 - 7):
        path.write_bytes(plain[:size])
        with pytest.raises(FormatError):
            check_file(str(path), size=len(plain))
    path.write_bytes(plain)
    assert check_file(str(path)).size == len(plain)
