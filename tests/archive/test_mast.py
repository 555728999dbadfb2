"""Searches and lists of files through the real astroquery, against the loopback portal."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from archive.files import Files
from archive.mast import Mast as Portal
from archive.mast import tutorial
from archive.server import Answer, Request, Server

from archive import faults
from trueup.archive.criteria import Criteria
from trueup.archive.mast import Mast
from trueup.archive.selection import select
from trueup.archive.transport import Transport
from trueup.config import Http
from trueup.errors import NetworkError, UsageError

QUICK = Http(retries=1, backoff_s=0.01)
TUTORIAL = {
    "iepw14030_asn.fits", "iepw14030_drc.fits", "iepw14g4q_flc.fits", "iepw14g6q_flc.fits",
    "iepw14040_asn.fits", "iepw14040_drc.fits", "iepw14gaq_flc.fits", "iepw14geq_flc.fits",
}  # fmt: skip
HEADERLETS = {
    f"hst_16801_14_wfc3_uvis_{end}_hlet.fits"
    for end in ("f336w_iepw14g4", "f336w_iepw14g6", "f275w_iepw14ga", "f275w_iepw14ge")
}


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture
def portal(server: Server) -> Portal:
    portal = tutorial({"iepw14g4q_flc.fits": 168_727_680})
    portal.mount(server, Files({}))
    return portal


@pytest.fixture
def mast(server: Server, portal: Portal) -> Mast:
    assert portal.products
    return Mast(Transport(QUICK), server.url, pause_s=0.01)


def test_the_two_queries_of_the_tutorial(mast: Mast, portal: Portal) -> None:
    rows = [row for rows in portal.products.values() for row in rows]
    assert len(rows) == 102
    files = mast.products(["IEPW14030", "IEPW14040"])
    assert len(files) == len({file.uri for file in files}) == 96
    assert {file.filename for file in select(files)} == TUTORIAL | HEADERLETS
    assert {file.filename for file in select(files, kinds=["hlet"])} == HEADERLETS
    assert len(select(files, kinds=["FLC"])) == 4
    svm = select(files, kinds=["flc"], projects=["hap-svm"])
    assert all(file.project == "HAP-SVM" for file in svm)
    assert len(svm) == 4


def test_what_is_listed_of_a_file(mast: Mast, portal: Portal) -> None:
    for rows in portal.products.values():
        for row in rows:
            row["dataRights"] = "EXCLUSIVE_ACCESS"
            row["size"] = row["size"] if row["productFilename"] == "iepw14g4q_flc.fits" else None
    listed = {file.filename: file for file in mast.products(["iepw14030"])}
    file = listed["iepw14g4q_flc.fits"]
    assert (file.obs_id, file.kind, file.project) == ("iepw14g4q", "FLC", "CALWF3")
    assert file.uri == "mast:HST/product/iepw14g4q_flc.fits"
    assert file.size == 168_727_680
    assert file.proprietary
    assert file.released.startswith("2023-07-17")
    assert listed["iepw14g6q_flc.fits"].size is None


@pytest.mark.parametrize("page", [6, 50])
def test_all_pages_are_read(server: Server, portal: Portal, page: int) -> None:
    mast = Mast(Transport(QUICK), server.url, page=page)
    assert len(portal.products) == 2
    assert len(mast.products(["iepw14030", "iepw14040"])) == 96
    assert len(mast.search(Criteria(program="16801"))) == 2


def test_an_answer_that_is_not_ready_is_asked_for_again_after_a_pause(mast: Mast, portal: Portal) -> None:
    patient = replace(mast, pause_s=0.1)
    portal.executing = 3
    start = time.monotonic()
    assert len(patient.search(Criteria(program="16801"))) == 2
    assert time.monotonic() - start >= 0.3


def test_an_exposure_is_found_in_its_association(mast: Mast) -> None:
    assert list(mast.search(Criteria(("iepw14gaq",)))["obs_id"]) == ["iepw14040"]
    names = {file.filename for file in select(mast.products(["IEPW14GAQ"]))}
    assert names == {"iepw14gaq_flc.fits", "hst_16801_14_wfc3_uvis_f275w_iepw14ga_hlet.fits"}


@pytest.mark.parametrize("name", ["iepw14", "IEPW14*"])
def test_a_visit_is_all_of_its_associations(mast: Mast, name: str) -> None:
    assert {file.filename for file in select(mast.products([name]))} == TUTORIAL | HEADERLETS


@pytest.mark.parametrize(
    ("criteria", "found"),
    [
        (Criteria(("IEPW14030", "ib6o23010")), ["ib6o23010", "iepw14030"]),
        (Criteria(program="16801"), ["iepw14030", "iepw14040"]),
        (Criteria(program="16801", visit="14"), ["iepw14030", "iepw14040"]),
        (Criteria(program="16801", visit="15"), []),
        (Criteria(program="16801", filter="f275w"), ["iepw14040"]),
        (Criteria(program="11359", instrument="IR"), ["ib6o23010"]),
        (Criteria(program="11359", instrument="wfc3"), ["ib6o23010"]),
        (Criteria(program="11359", instrument="ACS/WFC"), []),
        (Criteria(target="Westerlund 2", radius_arcmin=1), ["iepw14030", "iepw14040"]),
        (Criteria(position="10:23:58 -57:45:50", radius_arcmin=1), ["iepw14030", "iepw14040"]),
        (Criteria(position="155.99, -57.76", filter="F336W"), ["iepw14030"]),
        (Criteria(position="155.9 -57.76", radius_arcmin=1), []),
        (Criteria(program="16801", after="2023-01-17"), ["iepw14040"]),
        (Criteria(program="16801", before="2023-01-17"), ["iepw14030"]),
    ],
)
def test_search(mast: Mast, criteria: Criteria, found: list[str]) -> None:
    assert list(mast.search(criteria)["obs_id"]) == found


def test_what_a_search_says(mast: Mast) -> None:
    row = mast.search(Criteria(position="155.99 -57.76"))[0]
    assert (row["instrument"], row["filters"], row["program"]) == ("WFC3/UVIS", "F336W", "16801")
    assert row["start"] == "2023-01-16T12:00:00"
    assert row["distance_arcsec"] == pytest.approx(0, abs=0.01)
    assert mast.search(Criteria(program="16801"))["distance_arcsec"].mask.all()


def test_what_is_unknown_is_named(mast: Mast) -> None:
    with pytest.raises(UsageError, match="has nothing of iezz01010, iepw14zzq"):
        mast.products(["IEPW14030", "iezz01010", "iepw14zzq"])
    with pytest.raises(UsageError, match="does not know where Nowhere is"):
        mast.search(Criteria(target="Nowhere"))


@pytest.mark.parametrize(
    "given",
    [{}, {"visit": "14"}, {"target": "a", "position": "1 2"}, {"position": "somewhere"},
     {"program": "1", "after": "soon"}, {"position": "1 2", "radius_arcmin": 0.0}],
)  # fmt: skip
def test_criteria_that_make_no_sense(given: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        Criteria(**given)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(faults.HTML),
        Answer(b""),
        Answer(b"{}"),
        Answer(b"[1, 2]"),
        Answer(b"gone", 410),
        Answer(json.dumps({"status": "ERROR", "msg": "database is down"}).encode()),
    ],
)
def test_nonsense_is_an_error_of_the_network(server: Server, mast: Mast, answer: Answer) -> None:
    server.mount("/api/v0/invoke", lambda _: answer)
    with pytest.raises(NetworkError, match=server.url):
        mast.products(["IEPW14030"])


def test_a_page_in_between_is_called_one(server: Server, mast: Mast) -> None:
    server.mount("/api/v0/invoke", lambda _: Answer(faults.HTML, headers={"Content-Type": "text/html"}))
    with pytest.raises(NetworkError, match="answers with a web page; try again later, and see"):
        mast.products(["IEPW14030"])


def test_a_busy_portal_is_asked_again(server: Server, mast: Mast, portal: Portal) -> None:
    busy = faults.status(503, times=1)
    asked: list[Request] = []

    def invoke(request: Request) -> Answer:
        asked.append(request)
        return busy(request, portal.invoke(request), len(asked) - 1)

    server.mount("/api/v0/invoke", invoke)
    assert len(mast.products(["iepw14030"])) == 51


def test_nobody_is_there() -> None:
    with pytest.raises(NetworkError, match=r"127\.0\.0\.1:9: Connection refused$"):
        Mast(Transport(QUICK), "http://127.0.0.1:9").products(["IEPW14030"])


def test_an_answer_that_is_never_ready_is_given_up(server: Server, portal: Portal) -> None:
    portal.executing = 10**9
    mast = Mast(Transport(replace(QUICK, total_s=0.3)), server.url, pause_s=0.05)
    with pytest.raises(NetworkError, match="no answer in time"):
        mast.products(["IEPW14030"])


@pytest.mark.parametrize(
    ("code", "words"),
    [(401, "answers 401 Unauthorized; set a token"), (403, "set a token"), (404, "answers 404")],
)
def test_a_portal_that_refuses(server: Server, mast: Mast, code: int, words: str) -> None:
    server.mount("/api/v0/invoke", lambda _: Answer(b"", code))
    with pytest.raises(NetworkError, match=words):
        mast.products(["IEPW14030"])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "is no observation"), ("../x", "is no observation"),
        ("IEPW14030,IEPW14040", "is no observation"),
        ("iepw140?0", "is no observation"), ("*", "fits too much"), ("i*0", "fits too much"),
        ("IEPW14G4Q_flc.fits", "is a file; name its observation: iepw14g4q"),
    ],
)  # fmt: skip
def test_what_is_no_name(server: Server, mast: Mast, name: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        mast.products([name])
    with pytest.raises(UsageError, match=words):
        mast.search(Criteria(ids=(name,)))
    assert not server.log


def test_files_are_found_whatever_number_they_have(mast: Mast, portal: Portal) -> None:
    for rows in portal.products.values():
        for row in rows:
            row |= {"obsID": "77", "parent_obsid": None}
    assert {
        file.filename for file in select(mast.products(["IEPW14030", "IEPW14040"]))
    } == TUTORIAL | HEADERLETS


def test_offline_asks_nobody(server: Server, portal: Portal) -> None:
    assert portal.observations
    with pytest.raises(NetworkError, match="offline"):
        Mast(Transport(Http(offline=True)), server.url).products(["IEPW14030"])
    assert not server.log


def test_the_shared_client_of_astroquery_is_left_alone(mast: Mast) -> None:
    from astroquery.mast import Observations

    before = vars(Observations._portal_api_connection).copy()
    mast.products(["iepw14030"])
    assert vars(Observations._portal_api_connection) == before
    assert "127.0.0.1" not in Observations._portal_api_connection.MAST_REQUEST_URL
