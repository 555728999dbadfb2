"""``trueup fetch``: the tutorial's downloads, through the real astroquery, from a loopback archive."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from archive.files import Files
from archive.mast import contents_of, tutorial
from archive.server import Answer, Request, Server

import trueup
from archive import faults
from trueup.cli import run
from trueup.config import read_config
from trueup.errors import NetworkError, UsageError
from trueup.simulate import Recipe, make_visit

IDS = "IEPW14030", "IEPW14040"
ROOTS = "iepw14g4", "iepw14g6", "iepw14ga", "iepw14ge"
EIGHT = {f"iepw140{n}0_{kind}.fits" for n in "34" for kind in ("asn", "drc")} | {
    f"{r}q_flc.fits" for r in ROOTS
}
DOWNLOAD = "/api/v0.1/Download/file"
VICTIM = "iepw14g6q_flc.fits"
TOKEN = "0123456789abcdef"


@dataclass(frozen=True)
class Mast:
    """A loopback MAST with the visit of the tutorial."""

    server: Server
    files: Files
    folder: Path

    @property
    def options(self) -> list[str]:
        quick = {"read_s": 5, "backoff_s": 0.01, "retries": 1}
        return ["--set", f"mast.url={self.server.url}", *(f"--set=http.{k}={v}" for k, v in quick.items())]

    def downloads(self) -> list[str]:
        return [request.query["uri"].rpartition("/")[2] for request in self.server.asked(DOWNLOAD)]


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("visit")
    make_visit(folder, recipe=Recipe(size=(600, 400), stars=200, galaxies=0))
    for name, content in contents_of(folder).items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def mast(visit: Path) -> Iterator[Mast]:
    with loopback(visit) as mast:
        yield mast


class loopback:  # noqa: N801 - it is used as a function
    """A context in which the archive runs."""

    def __init__(self, visit: Path) -> None:
        contents = contents_of(visit)
        self._server = Server()
        files = Files(contents)
        tutorial({name: len(content) for name, content in contents.items()}).mount(self._server, files)
        self._mast = Mast(self._server, files, visit)

    def __enter__(self) -> Mast:
        self._server.__enter__()
        return self._mast

    def __exit__(self, *error: object) -> None:
        self._server.__exit__(None, None, None)


def test_the_tutorial(mast: Mast, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dest = tmp_path / "VISIT"
    assert run(["fetch", *IDS, "--dest", str(dest), *mast.options]) == 0
    out, err = capsys.readouterr()
    names = {path.name for path in dest.iterdir()}
    headerlets = {name for name in names if name.endswith("_hlet.fits")}
    assert names - headerlets == EIGHT
    assert sorted(name.rpartition("_")[0][-8:] for name in headerlets) == sorted(ROOTS)
    assert all((dest / name).read_bytes() == (mast.folder / name).read_bytes() for name in names)
    assert len(mast.downloads()) == 12
    assert "12 files complete, 0 failed" in out
    assert f"next: trueup ls {dest}" in out
    for name in names:
        assert name in err
    check_that_it_can_be_worked_with(dest, capsys)


def check_that_it_can_be_worked_with(dest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flc = [str(path) for path in sorted(dest.glob("*_flc.fits"))]
    hlet = [str(path) for path in sorted(dest.glob("*_hlet.fits"))]
    assert run(["ls", str(dest)]) == 0
    # exposures disagree as they come, and agree under the headerlets
    assert run(["measure", *flc, *hlet]) == 1
    assert run(["apply", *flc, "--hlet", *hlet]) == 0
    assert run(["measure", *flc]) == 0
    assert run(["drizzle", str(dest / "iepw14030_asn.fits"), "-o", str(dest / "new")]) == 0
    capsys.readouterr()
    assert run(["ls", str(dest), "--check", "--format", "json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert {item["active"] for item in listed["items"]} == {"IDC_2731450pi-FIT_SVM_GAIAeDR3"}


def test_again_fetches_nothing_and_keeps_what_was_edited(
    mast: Mast, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["fetch", *IDS, "--dest", str(tmp_path), "--format", "json", *mast.options]
    assert run(command) == 0
    flc = tmp_path / "iepw14gaq_flc.fits"
    (headerlet,) = tmp_path.glob("*_iepw14ga_hlet.fits")
    assert run(["apply", str(flc), "--hlet", str(headerlet)]) == 0
    edited = flc.read_bytes()
    capsys.readouterr()
    before = len(mast.downloads())
    assert run(command) == 0
    out, err = capsys.readouterr()
    assert {row["status"] for row in json.loads(out)["files"]} == {"cached"}
    assert len(mast.downloads()) == before
    assert flc.read_bytes() == edited
    assert f"warning: {flc}: has {len(edited)} bytes, the archive lists" in err


def test_sizes_first_then_bytes(mast: Mast, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dest = str(tmp_path / "not made")
    assert run(["fetch", *IDS, "--dest", dest, "--dry-run", *mast.options]) == 0
    out, _ = capsys.readouterr()
    assert all(name in out for name in EIGHT)
    assert "12 files, " in out
    assert not mast.downloads()
    assert not os.path.exists(dest)
    assert run(["fetch", *IDS, "--dest", dest, "--dry-run", "--format", "json", *mast.options]) == 0
    listed = json.loads(capsys.readouterr().out)
    sizes = {row["filename"]: row["size_listed"] for row in listed["files"]}
    assert all(sizes[name] == (mast.folder / name).stat().st_size for name in EIGHT)
    assert {row["status"] for row in listed["files"]} == {None}

    shown: list[str] = []

    def listen(request: Request) -> Answer:
        shown.append(capsys.readouterr().err)
        return mast.files(request)

    mast.server.mount(DOWNLOAD, listen)
    assert run(["fetch", "IEPW14030", "--kind", "asn", "--dest", dest, *mast.options]) == 0
    assert "iepw14030_asn.fits" in shown[0]
    assert "1 file, " in shown[0]


@pytest.mark.parametrize(
    ("options", "count"),
    [(["--kind", "HLET"], 4), (["--kind", "flc,asn"], 6), (["--project", "HAP-SVM", "--kind", "hlet"], 4)],
)
def test_by_kind_and_project(mast: Mast, tmp_path: Path, options: list[str], count: int) -> None:
    assert run(["fetch", *IDS, "--dest", str(tmp_path), *options, *mast.options]) == 0
    assert len(list(tmp_path.iterdir())) == count == len(mast.downloads())


def test_what_is_not_there_is_said(mast: Mast, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fetch", *IDS, "--dest", str(tmp_path), "--kind", "FLX", *mast.options]) == 2
    assert "no files FLX; there are ASN, " in capsys.readouterr().err


def test_one_row_per_file_whatever_happens(
    mast: Mast, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mast.files.faults[VICTIM] = faults.html()
    command = ["fetch", *IDS, "--dest", str(tmp_path), *mast.options]
    assert run([*command, "--format", "json"]) == 4
    out, err = capsys.readouterr()
    manifest = json.loads(out)
    assert manifest["schema"] == "trueup.fetch/1"
    assert (manifest["source"], manifest["complete"], manifest["failed"]) == ("mast", 11, 1)
    rows = {row["filename"]: row for row in manifest["files"]}
    assert len(rows) == 12
    bad = rows.pop(VICTIM)
    assert bad == {
        "obs_id": "iepw14g6q",
        "filename": VICTIM,
        "kind": "FLC",
        "project": "CALWF3",
        "uri": f"mast:HST/product/{VICTIM}",
        "path": str(tmp_path / VICTIM),
        "size_listed": (mast.folder / VICTIM).stat().st_size,
        "bytes": None,
        "transferred": 2 * len(faults.HTML),
        "sha256": None,
        "status": "failed",
        "attempts": 2,
        "error": f"{VICTIM}: a web page instead of the file (Service unavailable)",
    }
    assert f"error: {bad['error']}" in err
    for row in rows.values():
        assert (row["status"], row["attempts"]) == ("complete", 1)
        assert row["bytes"] == row["transferred"] == row["size_listed"] == os.path.getsize(row["path"])
    mast.files.faults.clear()
    assert run([*command, "--format", "jsonl"]) == 0
    rows = {row["filename"]: row for row in map(json.loads, capsys.readouterr().out.splitlines())}
    assert rows[VICTIM]["status"] == "complete"
    assert [row["status"] for row in rows.values()].count("cached") == 11


@pytest.mark.parametrize(
    "name", ["x" * 300 + "_flc.fits", "\0_flc.fits", "../x_flc.fits"], ids=["long", "zero", "elsewhere"]
)
def test_a_name_that_no_file_can_have_is_one_row(
    mast: Mast, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    portal = tutorial({})
    for row in (row for rows in portal.products.values() for row in rows):
        row["productFilename"] = name if row["productFilename"] == VICTIM else row["productFilename"]
    portal.mount(mast.server, mast.files)
    command = ["fetch", *IDS, "--dest", str(tmp_path), "--kind", "FLC", "--format", "json", *mast.options]
    assert run(command) == 4
    manifest = json.loads(capsys.readouterr().out)
    assert [row["filename"] for row in manifest["files"] if row["status"] == "failed"] == [name]
    assert manifest["complete"] == 3


def test_in_python(mast: Mast, tmp_path: Path) -> None:
    mast.files.faults[VICTIM] = faults.status(404)
    config = read_config({"mast.url": mast.server.url, "http.retries": 0})
    table = trueup.fetch(IDS[0], dest=tmp_path, kinds=["FLC"], config=config)
    assert dict(zip(table["filename"], table["status"], strict=True)) == {
        "iepw14g4q_flc.fits": "complete",
        VICTIM: "failed",
    }
    assert table["sha256"].mask.tolist() == [status == "failed" for status in table["status"]]
    assert table["bytes"].dtype.kind == "i"


def test_a_folder_is_an_archive(mast: Mast, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody who reads the manifest can tell them apart."""
    manifests: list[set[tuple[tuple[str, object], ...]]] = []
    for source, options in (("mast", mast.options), (str(mast.folder), ["--offline"])):
        dest = tmp_path / str(len(manifests))
        command = ["fetch", *IDS, "--dest", str(dest), "--source", source, "--format", "json", *options]
        assert run(command) == 0
        manifest = json.loads(capsys.readouterr().out)
        assert manifest["source"] == source
        same = {
            "filename",
            "kind",
            "bytes",
            "size_listed",
            "transferred",
            "sha256",
            "status",
            "attempts",
            "error",
        }
        manifests.append({tuple(sorted((k, row[k]) for k in same)) for row in manifest["files"]})
    assert manifests[0] == manifests[1]


def test_offline_is_a_guarantee(mast: Mast, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for source in ("mast", "s3"):
        command = ["fetch", *IDS, "--dest", str(tmp_path), "--source", source, "--offline", *mast.options]
        assert run(command) == 4
        err = capsys.readouterr().err
        assert f"{mast.server.url}: trueup is offline; give the folder that has the files as source" in err
    assert not mast.server.log


def test_the_address_by_environment_file_and_argument(
    mast: Mast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "trueup.toml"
    settings.write_text(f'[mast]\nurl = "{mast.server.url}"\n')
    with loopback(mast.folder) as second, loopback(mast.folder) as third:
        command = ["fetch", "IEPW14030", "--kind", "ASN"]
        monkeypatch.setenv("TRUEUP_CONFIG", str(settings))
        assert run([*command, "--dest", str(tmp_path / "1")]) == 0
        monkeypatch.setenv("TRUEUP_MAST_URL", second.server.url)
        assert run([*command, "--dest", str(tmp_path / "2")]) == 0
        assert run([*command, "--dest", str(tmp_path / "3"), *third.options]) == 0
        assert [len(one.downloads()) for one in (mast, second, third)] == [1, 1, 1]


def proprietary(mast: Mast, name: str) -> None:
    """The file needs a token, and the list says so."""
    portal = tutorial({})
    for row in (row for rows in portal.products.values() for row in rows):
        row["size"] = None
        if row["productFilename"] == name:
            row["dataRights"] = "EXCLUSIVE_ACCESS"
    portal.mount(mast.server, mast.files)
    mast.files.private[name] = TOKEN


def test_proprietary_data(
    mast: Mast, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    proprietary(mast, VICTIM)
    command = ["fetch", *IDS, "--dest", str(tmp_path), "--kind", "FLC", *mast.options]
    assert run(command) == 4
    err = capsys.readouterr().err
    assert f"error: {VICTIM}: proprietary until 2023-07-17" in err
    assert "no token is set" in err
    assert "TRUEUP_MAST_TOKEN" in err
    monkeypatch.setenv("TRUEUP_MAST_TOKEN", "wrong")
    assert run(command) == 4
    assert "the token does not open it" in capsys.readouterr().err
    monkeypatch.setenv("TRUEUP_MAST_TOKEN", TOKEN)
    assert run([*command, "--format", "json"]) == 0
    said = "".join(capsys.readouterr())
    assert "proprietary until" in said
    assert {path.name: path.stat().st_mode & 0o077 for path in tmp_path.iterdir()}[VICTIM] == 0
    assert TOKEN not in said
    assert not any(TOKEN.encode() in path.read_bytes() for path in tmp_path.iterdir())


def test_a_partial_proprietary_file_is_nobody_elses_either(mast: Mast, tmp_path: Path) -> None:
    proprietary(mast, VICTIM)
    mast.files.faults[VICTIM] = faults.reset(0.5, times=9)
    command = ["fetch", *IDS, "--dest", str(tmp_path), "--kind", "FLC", "--token", TOKEN, *mast.options]
    assert run(command) == 4
    assert (tmp_path / f"{VICTIM}.part").stat().st_mode & 0o077 == 0


def test_searching_through_a_token_in_netrc(
    mast: Mast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proprietary(mast, VICTIM)
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login token password {TOKEN}\n")
    monkeypatch.setenv("NETRC", str(netrc))
    assert run(["fetch", *IDS, "--dest", str(tmp_path), "--kind", "FLC", *mast.options]) == 0


def fresh(script: str, *arguments: str) -> str:
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_bytes_and_time_left_on_a_terminal(mast: Mast, tmp_path: Path) -> None:
    total = sum(path.stat().st_size for path in mast.folder.glob("*_flc.fits")) / 1e6
    master, terminal = os.openpty()
    command = ["fetch", *IDS, "--dest", str(tmp_path), "--kind", "FLC", *mast.options]
    script = "import sys; from trueup.cli import run; sys.exit(run(sys.argv[1:]))"
    environ = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "NO_COLOR": "1"}
    with subprocess.Popen(
        [sys.executable, "-c", script, *command], stdout=subprocess.DEVNULL, stderr=terminal, env=environ
    ) as process:
        os.close(terminal)
        shown = "".join(_read(master))
    assert process.returncode == 0
    assert re.search(rf"[\d.]+/{total:.1f} MB\s.*?(\d+:\d\d:\d\d|-:--:--)", shown)


def _read(master: int) -> Iterator[str]:
    # a terminal that nobody writes to any more is an error on Linux, and an end elsewhere
    with contextlib.suppress(OSError), os.fdopen(master, "rb", buffering=0) as file:
        while piece := file.read(4096):
            yield piece.decode(errors="replace")


def test_listing_local_files_loads_no_client(visit: Path) -> None:
    script = """
import sys
from trueup.cli import run
assert run(["ls", sys.argv[1], "--format", "json"]) == 0
clients = {"requests", "urllib3", "astroquery", "pyvo", "fsspec", "s3fs", "botocore", "aiohttp"}
print("loaded:", *clients & {name.partition(".")[0] for name in sys.modules})
"""
    assert fresh(script, str(visit)).splitlines()[-1].strip() == "loaded:"


def test_no_import_touches_the_network() -> None:
    script = """
import importlib, pkgutil, socket, sys
def refuse(*_): raise AssertionError("an import opened a socket")
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
import trueup
for module in pkgutil.walk_packages(trueup.__path__, "trueup."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
import astroquery.mast, pyvo, s3fs
print("quiet")
"""
    assert fresh(script) == "quiet\n"


def test_errors_of_the_caller(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no archive is called nowhere"):
        trueup.fetch(IDS, dest=tmp_path, source="nowhere")
    with pytest.raises(UsageError, match="no observation is named"):
        trueup.fetch([], dest=tmp_path)
    with pytest.raises(NetworkError, match="offline"):
        trueup.fetch(IDS, dest=tmp_path, config=read_config({"http.offline": True}, environ={}))
