"""A server on 127.0.0.1 whose services are functions from a request to an answer."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Literal, Self
from urllib.parse import parse_qsl, urlsplit

Ending = Literal["keep", "close", "reset", "stall"]

_PIECE = 64 * 1024


@dataclass(frozen=True)
class Request:
    """What a client asked for; header names in lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))


@dataclass(frozen=True)
class Answer:
    """What the client gets, and how the connection ends.

    Attributes
    ----------
    stop : int
        Bytes of the body after which the ending comes; all of it by default.
    ending : str
        ``keep`` the connection, ``close`` it, ``reset`` it, or ``stall`` until the client leaves.
    declared : bool
        Whether there is a Content-Length.
    chunked : bool
        Whether the body comes in chunks instead; without the last one where it is stopped.
    pause : float
        Seconds after each byte; nobody waits that long for the end.
    """

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    stop: int | None = None
    ending: Ending = "keep"
    declared: bool = True
    chunked: bool = False
    pause: float = 0.0


@dataclass
class Exchange:
    """One request and the bytes of body that go out; noted before the client can know."""

    request: Request
    status: int
    sent: int = 0


Service = Callable[[Request], Answer]


class Server:
    """Services by the start of their path; counts requests, those at the same time, and bytes.

    Parameters
    ----------
    latency : float
        Seconds before each answer.
    host : str
        A loopback address.
    """

    def __init__(self, *, latency: float = 0.0, host: str = "127.0.0.1") -> None:
        self.latency = latency
        self._host = f"[{host}]" if ":" in host else host
        self.log: list[Exchange] = []
        self._services: dict[str, Service] = {}
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._busy = self.busiest = 0
        owner = self

        class Handler(_Handler):
            server_of = owner

        self._http = (_QuietSix if ":" in host else _Quiet)((host, 0), Handler)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://{self._host}:{self._http.server_port}"

    @property
    def sent(self) -> int:
        """Bytes of all bodies so far."""
        return sum(exchange.sent for exchange in self.log)

    def mount(self, start: str, service: Service) -> None:
        """Serve all paths that begin like this; the longest beginning wins."""
        self._services[start] = service

    def asked(self, start: str = "/") -> list[Request]:
        """The requests so far whose path begins like this."""
        return [e.request for e in self.log if e.request.path.startswith(start)]

    def answer(self, request: Request) -> Answer:
        """After the latency; counts how many requests are answered at the same time."""
        with self._lock:
            self._busy += 1
            self.busiest = max(self.busiest, self._busy)
        self.wait(self.latency)
        with self._lock:
            self._busy -= 1
        starts = [start for start in self._services if request.path.startswith(start)]
        return self._services[max(starts, key=len)](request) if starts else Answer(b"no such service", 404)

    def wait(self, seconds: float | None = None) -> None:
        """Until then, or until the server stops."""
        if seconds != 0:
            self._over.wait(seconds)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that leaves is part of the tests."""


class _QuietSix(_Quiet):
    address_family = socket.AF_INET6


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_of: Server

    def do_GET(self) -> None:
        self._serve()

    def do_HEAD(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing on stderr."""

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        request = Request(self.command, parts.path, query, headers, body)
        answer = self.server_of.answer(request)
        exchange = Exchange(request, answer.status)
        self.server_of.log.append(exchange)
        self._send(exchange, answer)
        self._end(answer)

    def _send(self, exchange: Exchange, answer: Answer) -> None:
        if answer.ending == "reset" and answer.stop == 0:
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif answer.declared:
            self.send_header("Content-Length", str(len(answer.body)))
        else:
            self.send_header("Connection", "close")
        self.end_headers()
        body = b"" if exchange.request.method == "HEAD" else answer.body[: answer.stop]
        piece = 1 if answer.pause else _PIECE
        for at in range(0, len(body), piece):
            data = body[at : at + piece]
            exchange.sent += len(data)
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data) if answer.chunked else data)
            self.server_of.wait(answer.pause)
        if answer.chunked and answer.stop is None:
            self.wfile.write(b"0\r\n\r\n")

    def _end(self, answer: Answer) -> None:
        self.wfile.flush()
        if answer.ending == "stall":
            self.server_of.wait()
        if answer.ending == "reset":
            # what was sent must arrive first: a reset throws away what is still on its way
            time.sleep(0.05)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        self.close_connection = answer.ending != "keep" or not answer.declared
