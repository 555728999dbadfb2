"""Solutions from the astrometry database: listed, applied, and the same that stwcs gets."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from archive.astrometry_db import AstrometryDb
from archive.files import Files
from archive.mast import tutorial
from archive.server import Answer, Server

from archive import faults
from trueup.archive.astrometry_db import AstrometryDatabase
from trueup.archive.directory import Directory
from trueup.archive.transport import Transport
from trueup.cli import run
from trueup.config import Http
from trueup.errors import NetworkError, UsageError
from trueup.fits.exposure import read_exposure, read_headerlet_file
from trueup.simulate import Recipe, Truth, make_visit

SVM = "IDC_2731450pi-FIT_SVM_GAIAeDR3"
QUICK = Http(retries=1, backoff_s=0.01)


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    recipe = Recipe(size=(96, 64), stars=5, galaxies=0)
    return make_visit(tmp_path_factory.mktemp("visit"), recipe=recipe)


@pytest.fixture
def server(truth: Truth, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    headerlets = {e.rootname: {SVM: e.headerlet.read_bytes()} for e in truth.exposures}
    headerlets["iepw14g4q"]["a name/with ../ odd & letters"] = b"<html>"
    with Server() as server:
        AstrometryDb(headerlets).mount(server)
        tutorial({}).mount(server, Files({}))
        monkeypatch.setenv("TRUEUP_CONFIG", "")
        monkeypatch.setenv("TRUEUP_MAST_URL", server.url)
        monkeypatch.setenv("TRUEUP_ASTROMETRY_DB_URL", f"{server.url}/astrometryDB")
        yield server


def _database(server: Server) -> AstrometryDatabase:
    return AstrometryDatabase(Transport(QUICK), f"{server.url}/astrometryDB", Directory(Path()))


def test_the_solutions_of_an_exposure(server: Server, truth: Truth) -> None:
    database = _database(server)
    first, odd = database.products(["IEPW14G4Q"])
    assert first.filename == f"iepw14g4q_{SVM}_hlet.fits"
    assert odd.filename == "iepw14g4q_a_name_with_.._odd_letters_hlet.fits"
    with database.open(first, start=0, mark="") as stream:
        assert b"".join(stream.pieces) == truth.exposure("iepw14g4q").headerlet.read_bytes()


def test_a_solution_that_the_file_lacks_is_fetched_listed_and_applied(
    server: Server, truth: Truth, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(truth.exposure("iepw14gaq").path, tmp_path)
    flc = str(tmp_path / "iepw14gaq_flc.fits")
    assert SVM not in {s.wcsname for s in read_exposure(flc).solutions}
    assert run(["fetch", "IEPW14GAQ", "--source", "astrometry", "--dest", str(tmp_path)]) == 0
    headerlet = str(tmp_path / f"iepw14gaq_{SVM}_hlet.fits")
    capsys.readouterr()
    assert run(["ls", flc, headerlet, "--format", "json"]) == 0
    listed = json.loads(capsys.readouterr().out)["items"][0]["solutions"]
    assert [s["wcsname"] for s in listed if s["origin"] == "file"] == [SVM]
    assert run(["apply", flc, "--hlet", headerlet]) == 0
    assert read_exposure(flc).solution.wcsname == SVM
    assert server.log


def test_the_exposures_of_an_association(server: Server, tmp_path: Path) -> None:
    assert run(["fetch", "IEPW14040", "--source", "astrometry", "--dest", str(tmp_path)]) == 0
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {f"iepw14{end}_{SVM}_hlet.fits" for end in ("gaq", "geq")}
    assert server.asked("/api/v0/invoke")


def test_a_page_is_no_headerlet(server: Server, tmp_path: Path) -> None:
    assert run(["fetch", "iepw14g4q", "--source", "astrometry", "--dest", str(tmp_path)]) == 4
    assert [path.name for path in tmp_path.glob("*.fits")] == [f"iepw14g4q_{SVM}_hlet.fits"]
    assert server.log


def test_stwcs_gets_the_same(server: Server, truth: Truth, peer_python: str, tmp_path: Path) -> None:
    script = f"""
import json
from stwcs.updatewcs.astrometry_utils import AstrometryDB
database = AstrometryDB(url={server.url + "/astrometryDB/"!r}, raise_errors=True)
found, best = database.getObservation("iepw14geq")
print(json.dumps([[h[0].header["WCSNAME"] for h in found.values()], best]))
"""
    done = subprocess.run(
        [peer_python, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    names, best = json.loads(done.stdout.splitlines()[-1])
    ours = [read_headerlet_file(str(truth.exposure("iepw14geq").headerlet)).wcsname]
    assert names == ours == [best]
    assert [p.uri.rpartition("=")[2] for p in _database(server).products(["iepw14geq"])] == names


def test_what_is_unknown_and_what_is_nonsense(server: Server) -> None:
    with pytest.raises(UsageError, match="no solution of iezz01abq"):
        _database(server).products(["iezz01abq"])
    for answer in (Answer(faults.HTML), Answer(b"<html/>"), Answer(b""), Answer(b"x", 500)):
        server.mount("/astrometryDB/observation/read/", lambda _, answer=answer: answer)
        with pytest.raises(NetworkError):
            _database(server).products(["iepw14geq"])
    offline = AstrometryDatabase(Transport(Http(offline=True)), server.url, Directory(Path()))
    before = len(server.log)
    with pytest.raises(NetworkError, match="offline"):
        offline.products(["iepw14geq"])
    assert len(server.log) == before
