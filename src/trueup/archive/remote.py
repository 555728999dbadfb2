"""A file behind a URL or in a bucket, of which only the bytes that are read are transferred."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from trueup.archive.extra import extra
from trueup.archive.patience import BUSY, Patience, retry_after
from trueup.archive.s3 import bucket_part
from trueup.archive.token import FORBIDDEN, HOW_TO
from trueup.archive.transport import Transport, reason
from trueup.config import S3
from trueup.errors import NetworkError

if TYPE_CHECKING:
    import requests

_FIRST = 64 * 1024  # the primary header and that of the first chip
_JUMP = 24 * 1024  # one header, behind the pixels of another extension
_NEAR = 256 * 1024  # pixels are never as short as this, tables and headerlets are
_AHEAD = 1024 * 1024  # all headerlets of a file
_PART = 206
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


@dataclass(frozen=True, slots=True)
class Part:
    """Some bytes of a file.

    Attributes
    ----------
    data : bytes
    total : int
        Size of the whole file.
    mark : str
        What tells this version of the file from another; empty where the server does not say.
    """

    data: bytes
    total: int
    mark: str


Fetch = Callable[[int, int], Part]


@dataclass(slots=True, eq=False)
class RemoteSource:
    """A ByteSource that fetches what is read, a little ahead, and keeps it.

    Parameters
    ----------
    name : str
    size : int
    mark : str
        Of the version of the file that is read.
    fetch : callable
        From the first byte and the one after the last to a Part.

    Examples
    --------
    >>> source = RemoteSource("memory", 9, "", lambda start, stop: Part(b"SIMPLE  =", 9, ""))
    >>> source.read(0, 6)
    b'SIMPLE'
    """

    name: str
    size: int
    mark: str
    fetch: Fetch
    _parts: list[tuple[int, bytes]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def read(self, start: int, count: int) -> bytes:
        """At most `count` bytes from `start`."""
        pieces = []
        stop = min(start + count, self.size)
        with self._lock:
            while start < stop:
                at, data = self._holding(start) or self._load(start, stop)
                pieces.append(data[start - at : stop - at])
                start += len(pieces[-1])
        return b"".join(pieces)

    def read_into(self, start: int, buffer: memoryview) -> int:
        """Fill a buffer of bytes from `start`; the number of bytes there were."""
        data = self.read(start, len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _holding(self, start: int) -> tuple[int, bytes] | None:
        return next((part for part in self._parts if part[0] <= start < part[0] + len(part[1])), None)

    def _load(self, start: int, stop: int) -> tuple[int, bytes]:
        ends = (at + len(data) for at, data in self._parts)
        is_near = any(0 <= start - end < _NEAR for end in ends)
        stop = min(self.size, max(stop, start + (_AHEAD if is_near else _JUMP if self._parts else _FIRST)))
        part = self.fetch(start, stop)
        if part.mark != self.mark or part.total != self.size:
            raise NetworkError("it was replaced while it was read", file=self.name, todo="read it again")
        if len(part.data) != stop - start:
            raise NetworkError("fewer bytes than it should have", file=self.name, todo="read it again")
        self._parts.append((start, part.data))
        return self._parts[-1]


def open_remote(url: str, transport: Transport, s3: S3) -> RemoteSource:
    """Open a file at a URL for reading by range.

    Parameters
    ----------
    url : str
        ``http://``, ``https://`` or ``s3://``.
    transport : Transport
    s3 : S3
        Settings of the buckets.

    Returns
    -------
    RemoteSource
        Its name is the URL, or the name of the file where that is a query.

    Raises
    ------
    NetworkError
        Where the server cannot be reached, has no such file or cannot send a part of it.

    Examples
    --------
    >>> from trueup.config import Http
    >>> open_remote("https://127.0.0.1/a_flc.fits", Transport(Http(offline=True)), S3())
    Traceback (most recent call last):
    trueup.errors.NetworkError: https://127.0.0.1/a_flc.fits: trueup is offline and GET was wanted
    """

    def fetch(start: int, stop: int) -> Part:
        if url.lower().startswith("s3://"):
            return Part(*bucket_part(transport, s3, url, start=start, stop=stop))
        return _web_part(transport, url, start=start, stop=stop)

    first = fetch(0, _FIRST)
    return RemoteSource(name_of(url), first.total, first.mark, fetch, [(0, first.data)])


def name_of(url: str) -> str:
    """What a file at a URL is called: the URL, or the file that a service is asked for.

    Parameters
    ----------
    url : str

    Returns
    -------
    str

    Examples
    --------
    >>> name_of("https://mast.stsci.edu/api/v0.1/Download/file?uri=mast%3AHST%2Fproduct%2Fa_flc.fits")
    'mast:HST/product/a_flc.fits'
    """
    return parse_qs(urlsplit(url).query).get("uri", [url])[0]


def _web_part(transport: Transport, url: str, *, start: int, stop: int) -> Part:
    with extra():
        import requests
        from urllib3.exceptions import HTTPError

    patience = Patience(transport.http)
    while True:
        wait_s = None
        try:
            with contextlib.closing(transport.open(url, Range=f"bytes={start}-{stop - 1}")) as response:
                if response.status_code not in BUSY:
                    return _received(response, patience, url=url, start=start, stop=stop)
                why = f"answers {response.status_code} {response.reason}"
                wait_s = retry_after(response.headers)
        except (requests.ConnectionError, requests.Timeout, HTTPError) as error:
            why = reason(error)
        except requests.RequestException as error:
            raise NetworkError(reason(error), file=url) from error
        if not patience.another(wait_s):
            raise NetworkError(why, file=url)


def _received(response: requests.Response, patience: Patience, *, url: str, start: int, stop: int) -> Part:
    """The bytes of a partial answer; of any other not one is read."""
    import requests

    from trueup.archive.session import read_body

    code = response.status_code
    if code in FORBIDDEN:
        raise NetworkError(f"answers {code} {response.reason}", file=url, todo=HOW_TO)
    if code >= 400:
        raise NetworkError(f"answers {code} {response.reason}", file=url)
    found = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if code != _PART or not found or int(found[1]) != start or int(found[2]) >= stop:
        raise NetworkError("the server cannot send a part of it", file=url, todo="fetch the whole file")
    data = read_body(response.raw, patience)
    if len(data) != min(stop, int(found[3])) - start:
        raise requests.ConnectionError("the connection broke")
    mark = response.headers.get("ETag") or response.headers.get("Last-Modified", "")
    return Part(data, int(found[3]), mark)
