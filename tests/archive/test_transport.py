"""What every service gets: time-outs, retries, a token that stays at home, and offline for sure."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from archive.files import Files
from archive.samples import QUICK
from archive.server import Answer, Request, Server

from archive import faults
from trueup.archive.stream import TransientError, open_url
from trueup.archive.token import find_token
from trueup.archive.transport import Transport
from trueup.config import Config, Http, Mast
from trueup.errors import NetworkError, UsageError

TEXT = b"one answer " * 20
TOKEN = "0123456789abcdef"


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture
def files(server: Server) -> Files:
    files = Files({"x": TEXT})
    server.mount("/", files)
    return files


@pytest.mark.parametrize(
    ("fault", "attempts"),
    [
        (faults.status(503, times=2), 3),
        (faults.status(429, times=1, Retry_After="0"), 2),
        (faults.reset(0), 2),
        (faults.reset(0.5), 2),
        (faults.stall(0.5), 2),
        (faults.truncated(0.5, declared=True, times=1), 2),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_question_is_asked_again(
    server: Server, files: Files, fault: faults.Fault, attempts: int, method: str
) -> None:
    files.faults["x"] = fault
    with Transport(QUICK) as transport:
        assert transport.request(method, f"{server.url}/x", data={"question": "what?"}).content == TEXT
    assert len(server.log) == attempts
    assert {request.form.get("question") for request in server.asked()} == {"what?"}


@pytest.mark.parametrize(
    ("fault", "words", "attempts"),
    [
        (faults.status(503), "answers 503", 4),
        (faults.status(404), "answers 404", 1),
        (faults.status(429, Retry_After="99999"), "answers 429", 1),
        (faults.stall(0, times=faults.ALWAYS), "no answer in time", 4),
        (faults.reset(0.5, times=faults.ALWAYS), "reset by peer|connection broken", 4),
        (faults.trickle(0.01), "no answer in time", 1),
    ],
)
def test_patience_ends(server: Server, files: Files, fault: faults.Fault, words: str, attempts: int) -> None:
    files.faults["x"] = fault
    http = replace(QUICK, read_s=0.2, total_s=1.0)
    with Transport(http) as transport, pytest.raises(NetworkError, match=words) as caught:
        transport.request("GET", f"{server.url}/x")
    assert caught.value.file == f"{server.url}/x"
    assert len(server.asked()) <= attempts


def test_nobody_there() -> None:
    with Server() as gone:
        url = gone.url
    with (
        Transport(replace(QUICK, retries=1)) as transport,
        pytest.raises(NetworkError, match="Connection refused"),
    ):
        transport.request("GET", url)


def test_the_time_for_a_download_grows_with_its_size() -> None:
    from trueup.archive.patience import Patience

    slow = Patience(Http(total_s=1), size=200_000_000)
    assert slow.deadline - Patience(Http(total_s=1)).deadline > 1000


def test_libraries_get_a_session_that_retries(server: Server, files: Files) -> None:
    """As pyvo reads it, from the raw body; packed on the way."""
    files.faults["x"] = faults.status(503, times=1)

    def packed(request: Request) -> Answer:
        return replace(files(request), body=gzip.compress(TEXT), headers={"Content-Encoding": "gzip"})

    server.mount("/packed/", packed)
    with Transport(QUICK) as transport:
        raw = transport.session.get(f"{server.url}/x", stream=True).raw
        assert raw.read(3) + raw.read() == TEXT
        assert transport.session.get(f"{server.url}/packed/x", timeout=600).content == TEXT
        raw = transport.session.get(f"{server.url}/packed/x", stream=True).raw
        assert raw.read(decode_content=True) == TEXT


def test_offline_asks_nobody(server: Server, files: Files) -> None:
    url = f"{server.url}/x"
    with Transport(replace(QUICK, offline=True)) as transport:
        for ask in (
            lambda: transport.request("POST", url),
            lambda: transport.session.get(url),
            lambda: transport.open(url),
            lambda: open_url(transport, url).__enter__(),
            lambda: transport.demand_online(url),
        ):
            with pytest.raises(NetworkError, match="trueup is offline") as caught:
                ask()
            assert not isinstance(caught.value, TransientError)
            assert url in str(caught.value)
    assert files.contents
    assert not server.log


def redirect(to: str) -> Answer:
    return Answer(b"over there", 302, {"Location": to})


def test_the_token_stays_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password not-for-them\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with Server() as home, Server() as abroad:
        for server in (home, abroad):
            server.mount("/", Files({"x": TEXT}))
        home.mount("/abroad", lambda _: redirect(f"{abroad.url}/back"))
        home.mount("/inside", lambda _: redirect("/x"))
        abroad.mount("/back", lambda _: redirect(f"{home.url}/x"))
        with Transport(QUICK, token=TOKEN, home=home.url) as transport:
            for path in ("/x", "/inside", "/abroad"):
                assert transport.request("GET", home.url + path).content == TEXT
                with transport.open(home.url + path) as response:
                    assert response.content == TEXT
            transport.request("GET", f"{abroad.url}/x")
            assert TOKEN not in f"{transport!r} {transport.session!r} {transport.session.auth!r}"
        assert {r.headers.get("authorization") for r in home.asked()} == {f"token {TOKEN}"}
        assert {r.headers.get("authorization") for r in abroad.asked()} == {None}


def test_redirects_end() -> None:
    with Server() as server, Transport(QUICK) as transport:
        server.mount("/", lambda _: redirect("/"))
        with pytest.raises(NetworkError, match="redirects"):
            transport.request("GET", server.url)


def test_where_a_token_is_found(tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(f"default login a password b\nmachine mast.stsci.edu login token password {TOKEN}\n")
    assert find_token(Mast(netrc=str(netrc))) == TOKEN
    assert find_token(Mast(netrc=str(netrc), token="mine")) == "mine"
    assert find_token(Mast(netrc=str(netrc), url="https://elsewhere")) == ""
    assert find_token(Mast(netrc=str(tmp_path / "none"))) == ""
    for broken in (f"{TOKEN}\nX: y", f"{TOKEN} {TOKEN}", f"{TOKEN}\N{EN DASH}"):
        with pytest.raises(UsageError, match="no token has") as caught:
            find_token(Mast(token=broken))
        assert TOKEN not in str(caught.value)
    assert TOKEN not in repr(Config(mast=Mast(token=TOKEN)))
    netrc.write_text(f"machine mast.stsci.edu password {TOKEN} {TOKEN}\n")
    with pytest.raises(UsageError, match=re.escape(str(netrc))) as caught:
        find_token(Mast(netrc=str(netrc)))
    assert TOKEN not in str(caught.value)
