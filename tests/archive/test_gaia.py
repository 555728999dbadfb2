"""Gaia through the real pyvo, against the loopback TAP service."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from archive.server import Answer, Server
from archive.tap import Tap, gaia_like
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Table

from archive import faults
from trueup.archive.gaia import Cone, cone_around, fetch_gaia
from trueup.archive.transport import Transport
from trueup.astrometry.references.catalog import read_catalog
from trueup.cli import run
from trueup.config import Config, Gaia, Http, Mast
from trueup.errors import DataError, NetworkError
from trueup.fits.visit import open_visit
from trueup.simulate import Recipe, Truth, make_visit
from trueup.workflow.gaia import gaia_catalog

QUICK = Http(retries=1, backoff_s=0.01)
CONE = Cone(150.0, 2.0, 0.05)


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    recipe = Recipe(size=(600, 400), stars=200, galaxies=0, noise=False)
    return make_visit(tmp_path_factory.mktemp("gaia"), recipe=recipe)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture
def tap(server: Server) -> Tap:
    """600 stars on a ring of magnitudes 15 to 21 within the cone, and others outside."""
    rng = np.random.default_rng(1)
    stars = Table()
    offsets = rng.uniform(-0.03, 0.03, (2, 600))
    stars["ra"] = np.append(CONE.ra + offsets[0], [140.0, 150.2])
    stars["dec"] = np.append(CONE.dec + offsets[1], [2.0, 2.0])
    stars["phot_g_mean_mag"] = np.append(np.linspace(15, 21, 600), [10.0, 11.0])
    for name in ("ra_error", "dec_error", "pmra", "pmdec", "pmra_error", "pmdec_error"):
        stars[name] = np.full(602, 0.1)
    stars["ref_epoch"] = np.full(602, 2016.0)
    tap = Tap(gaia_like(stars))
    tap.mount(server)
    return tap


@pytest.fixture
def gaia(server: Server, tmp_path: Path) -> Gaia:
    return Gaia(urls=(f"{server.url}/tap",), cache=str(tmp_path / "gaia"))


def test_a_cone_is_fetched_once(server: Server, tap: Tap, gaia: Gaia) -> None:
    path = fetch_gaia(Transport(QUICK), CONE, gaia)
    table = Table.read(path)
    assert len(table) == 600
    assert table["source_id"].dtype == np.int64
    assert set(table["source_id"]) == set(tap.stars["source_id"][:600])
    assert table.meta["query"] == CONE.query == tap.asked[0]["QUERY"]
    assert table.meta["service"] == f"{server.url}/tap"
    assert datetime.fromisoformat(table.meta["date"]) <= datetime.now(UTC)
    assert "complete_to" not in table.meta
    assert int(tap.asked[0]["MAXREC"]) > 2000
    assert fetch_gaia(Transport(Http(offline=True)), CONE, gaia) == path
    assert len(tap.asked) == 1


def test_the_catalogue_is_readable_with_proper_motions(tap: Tap, gaia: Gaia) -> None:
    assert len(tap.stars) == 602
    catalog = read_catalog(fetch_gaia(Transport(QUICK), CONE, gaia))
    assert catalog.name == "GAIADR3"
    stars = catalog.at(2026.0)
    assert not stars.notes
    # 0.1 mas, and 0.1 mas/yr over ten years
    np.testing.assert_allclose(stars.sigma_mas, np.hypot(0.1, 1.0), rtol=1e-6)


@pytest.mark.parametrize("who", ["client", "service"])
def test_an_answer_that_is_cut_off_is_told(
    tap: Tap, gaia: Gaia, who: str, caplog: pytest.LogCaptureFixture
) -> None:
    if who == "service":
        tap.limit = 300
    most = 300 if who == "client" else 200_000
    with caplog.at_level(logging.WARNING):
        table = Table.read(fetch_gaia(Transport(QUICK), CONE, gaia, most=most))
    limit = np.linspace(15, 21, 600)[299]
    assert table.meta["complete_to"] == pytest.approx(limit)
    # complete: all of them that are brighter
    assert len(table) == 299
    assert table["phot_g_mean_mag"].max() < limit
    assert "only those brighter" in caplog.text


@pytest.mark.parametrize(
    "answer",
    [
        Answer(faults.HTML),
        Answer(b""),
        Answer(b"later", 503),
        Answer(b"no", 404),
        Answer(b"<?xml version='1.0'?><VOTABLE><RESOURCE/></VOTABLE>"),
    ],
)
def test_the_next_service_is_asked(
    server: Server, tap: Tap, gaia: Gaia, tmp_path: Path, answer: Answer
) -> None:
    server.mount("/broken/sync", lambda _: answer)
    urls = ("http://127.0.0.1:9/tap", f"{server.url}/broken", *gaia.urls)
    path = fetch_gaia(Transport(QUICK), CONE, Gaia(urls=urls, cache=str(tmp_path / "other")))
    assert Table.read(path).meta["service"] == gaia.urls[0]
    assert len(tap.asked) == 1


def test_no_service_at_all(server: Server, tap: Tap, gaia: Gaia, tmp_path: Path) -> None:
    urls = ("http://127.0.0.1:9/tap", f"{server.url}/nothing")
    with pytest.raises(NetworkError, match=r"127\.0\.0\.1:9/tap.*nothing"):
        fetch_gaia(Transport(QUICK), CONE, Gaia(urls=urls, cache=str(tmp_path)))
    with pytest.raises(NetworkError, match="offline"):
        fetch_gaia(Transport(Http(offline=True)), CONE, gaia)
    assert not tap.asked
    assert not list(tmp_path.glob("**/*.ecsv*"))


def test_a_field_without_a_star_is_an_error(tap: Tap, gaia: Gaia) -> None:
    with pytest.raises(DataError, match="no star within"):
        fetch_gaia(Transport(QUICK), Cone(10.0, 10.0, 0.01), gaia)
    assert len(tap.asked) == 1


@pytest.mark.parametrize("content", [b"", b"%ECSV nonsense", b"ra,dec\n1,2\n"])
def test_a_damaged_file_is_fetched_again(tap: Tap, gaia: Gaia, content: bytes) -> None:
    path = fetch_gaia(Transport(QUICK), CONE, gaia)
    good = len(Table.read(path))
    path.write_bytes(content)
    assert len(Table.read(fetch_gaia(Transport(QUICK), CONE, gaia))) == good
    assert len(tap.asked) == 2


def test_an_answer_to_another_question_is_not_taken(tap: Tap, gaia: Gaia) -> None:
    path = fetch_gaia(Transport(QUICK), CONE, gaia)
    table = Table.read(path)
    table.meta["query"] = "SELECT ra, dec FROM gaiadr2.gaia_source"
    table.write(path, format="ascii.ecsv", overwrite=True)
    assert Table.read(fetch_gaia(Transport(QUICK), CONE, gaia)).meta["query"] == CONE.query
    assert len(tap.asked) == 2


def test_the_cone_holds_all_chips(truth: Truth) -> None:
    visit = open_visit([truth.directory])
    cone = cone_around(visit.exposures)
    centre = SkyCoord(cone.ra, cone.dec, unit="deg")
    chips = [chip.wcs for exposure in visit.exposures for chip in exposure.solution.chips]
    apart = [SkyCoord(*wcs.pixel_to_sky(*wcs.corners()), unit="deg").separation(centre) for wcs in chips]
    farthest = max(a.max() for a in apart)
    assert farthest + 5 * u.arcsec < cone.radius * u.deg < farthest + 20 * u.arcsec


def test_the_stars_of_a_visit(server: Server, truth: Truth, gaia: Gaia) -> None:
    tap = Tap(gaia_like(Table.read(truth.catalog)))
    tap.mount(server)
    path = gaia_catalog(open_visit([truth.directory]).exposures, Config(gaia=gaia, http=QUICK))
    given, got = read_catalog(truth.catalog), read_catalog(path)
    assert len(got) == len(given)
    at, expected = got.at(truth.epoch), given.at(truth.epoch)
    order, other = np.argsort(at.ra), np.argsort(expected.ra)
    np.testing.assert_allclose(at.ra[order], expected.ra[other], rtol=0, atol=1e-12)
    np.testing.assert_allclose(at.sigma_mas[order], expected.sigma_mas[other])


def test_measure_against_gaia(
    server: Server,
    truth: Truth,
    gaia: Gaia,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tap = Tap(gaia_like(Table.read(truth.catalog)))
    tap.mount(server)
    monkeypatch.setenv("TRUEUP_CONFIG", "")
    monkeypatch.setenv("TRUEUP_GAIA_URLS", gaia.urls[0])
    monkeypatch.setenv("TRUEUP_GAIA_CACHE", gaia.cache)
    files = [str(path) for path in truth.files]
    said = []
    for catalog in (str(truth.catalog), "Gaia"):
        assert run(["measure", *files, "--catalog", catalog, "--format", "json"]) in {0, 1}
        rows = json.loads(capsys.readouterr().out)["absolute"]
        said.append([[row[name] for name in ("n", "east_mas", "north_mas")] for row in rows])
    assert len(tap.asked) == 1
    assert said[0]
    np.testing.assert_allclose(said[1], said[0], rtol=0, atol=1e-3)
    # what is kept is enough
    assert run(["measure", *files, "--catalog", "gaia", "--offline"]) in {0, 1}


@pytest.mark.parametrize("verb", ["measure", "choose", "fit"])
def test_offline_asks_nobody(
    server: Server, truth: Truth, gaia: Gaia, verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    where = [f"--set=gaia.{name}={value}" for name, value in (("urls", gaia.urls[0]), ("cache", gaia.cache))]
    assert run([verb, str(truth.files[0]), "--catalog", "gaia", "--offline", *where]) == 4
    assert "offline" in capsys.readouterr().err
    assert not server.log


def test_a_netrc_that_nobody_understands_is_of_no_concern(
    tap: Tap, truth: Truth, gaia: Gaia, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("nonsense")
    config = Config(gaia=gaia, http=QUICK, mast=Mast(netrc=str(tmp_path / "netrc")))
    with pytest.raises(DataError, match="no star"):
        gaia_catalog(open_visit([truth.files[0]]).exposures, config)
    assert tap.asked
