"""The bytes of a file on their way, from the beginning or from where they ended last time."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trueup.archive.extra import extra
from trueup.archive.patience import BUSY, retry_after
from trueup.archive.token import FORBIDDEN, HOW_TO
from trueup.archive.transport import Transport, reason
from trueup.errors import NetworkError

if TYPE_CHECKING:
    import requests

_OK, _PART, _NO_SUCH_RANGE = 200, 206, 416
_BOUNDS = "Content-Length", "Transfer-Encoding"
_PIECE = 256 * 1024
_RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+)")


class TransientError(NetworkError):
    """The bytes did not come, or not all of them; another attempt may do.

    Parameters
    ----------
    found : str
    file : object, optional
    wait_s : float, optional
        How long the service asks to wait.
    """

    def __init__(self, found: str, *, file: object = None, wait_s: float | None = None) -> None:
        super().__init__(found, file=file)
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True)
class Stream:
    """Bytes on their way.

    Attributes
    ----------
    pieces : iterator of bytes
        Raises TransientError where they end too early.
    start : int
        Where in the file the first one belongs; 0 where the source does not resume.
    size : int, optional
        Of the whole file; None where the source does not say.
    is_bounded : bool
        Whether an end that comes too early is noticed without knowing the size.
    mark : str
        What tells this version of the file from another; empty where the source does not say.
    """

    pieces: Iterator[bytes]
    start: int = 0
    size: int | None = None
    is_bounded: bool = False
    mark: str = ""


@contextlib.contextmanager
def open_url(
    transport: Transport, url: str, *, start: int = 0, mark: str = "", released: str = ""
) -> Iterator[Stream]:
    """Open a file behind a URL, in one attempt.

    Parameters
    ----------
    transport : Transport
    url : str
    start : int
        The first byte that is wanted.
    mark : str
        Of the version that the bytes before `start` are from; another version comes from byte 0.
    released : str
        The date from which no token is needed, for the message.

    Yields
    ------
    Stream

    Raises
    ------
    TransientError
        Where another attempt may do.
    NetworkError
        Where it will not.

    Examples
    --------
    >>> from trueup.config import Http
    >>> with open_url(Transport(Http(offline=True)), "http://127.0.0.1/a_flc.fits"):
    ...     pass
    Traceback (most recent call last):
    trueup.errors.NetworkError: http://127.0.0.1/a_flc.fits: trueup is offline and GET was wanted
    """
    response = _ask(transport, url, start=start, mark=mark)
    resumed = start > 0 and _continues(response, start, mark)
    if not resumed and response.status_code in {_PART, _NO_SUCH_RANGE}:
        response.close()
        response = _ask(transport, url)
    with contextlib.closing(response):
        if not resumed:
            _demand_all(response, released, has_token=transport.has_token)
        yield Stream(
            _pieces(response),
            start=start if resumed else 0,
            size=_size(response),
            is_bounded=any(name in response.headers for name in _BOUNDS),
            mark=_mark(response) or (mark if resumed else ""),
        )


def _ask(transport: Transport, url: str, *, start: int = 0, mark: str = "") -> requests.Response:
    with extra():
        import requests

    headers = {"Range": f"bytes={start}-", "If_Range": mark} if start else {}
    try:
        return transport.open(url, **headers)
    except (requests.ConnectionError, requests.Timeout) as error:
        raise TransientError(reason(error)) from error
    except requests.RequestException as error:
        raise NetworkError(reason(error)) from error


def _continues(response: requests.Response, start: int, mark: str) -> bool:
    """Whether the answer goes on from `start`, with the same version or nothing left to send."""
    found = _RANGE.match(response.headers.get("Content-Range", ""))
    if not found or _is_packed(response):
        return False
    if response.status_code == _NO_SUCH_RANGE:
        return int(found[2]) == start
    # a part has to repeat the ETag of the whole, and may leave the date out
    same = {mark} if mark.startswith('"') else {mark, ""}
    return response.status_code == _PART and found[1] == str(start) and _mark(response) in same


def _demand_all(response: requests.Response, released: str, *, has_token: bool) -> None:
    code = response.status_code
    if code == _OK:
        return
    answer = f"the archive answers {code} {response.reason}"
    if code in BUSY:
        raise TransientError(answer, wait_s=retry_after(response.headers))
    if code in FORBIDDEN:
        until = f" until {released}" if released else ""
        access = "the token does not open it" if has_token else "no token is set"
        raise NetworkError(f"proprietary{until}, and {access} ({answer})", todo=HOW_TO)
    raise NetworkError(answer)


def _pieces(response: requests.Response) -> Iterator[bytes]:
    from urllib3.exceptions import HTTPError

    if response.status_code == _NO_SUCH_RANGE:
        return
    try:
        # whatever has come, instead of waiting for a full buffer: a trickle must be seen as one
        while piece := response.raw.read1(_PIECE, decode_content=_is_packed(response)):
            yield piece
    except (HTTPError, OSError) as error:
        raise TransientError(f"the connection broke ({reason(error)})") from error


def _is_packed(response: requests.Response) -> bool:
    """Whether the bytes were packed for the way only, though nobody asked for that."""
    coding = response.headers.get("Content-Encoding", "identity")
    # some servers say so of files that are packed for good
    return coding != "identity" and not response.url.endswith(".gz")


def _size(response: requests.Response) -> int | None:
    if _is_packed(response):
        return None
    found = _RANGE.match(response.headers.get("Content-Range", ""))
    if found:
        return int(found[2])
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdigit() else None


def _mark(response: requests.Response) -> str:
    """The strong ETag, else the date of change; If-Range accepts no others."""
    if _is_packed(response):
        return ""
    etag = response.headers.get("ETag", "")
    return etag if etag.startswith('"') else response.headers.get("Last-Modified", "")
