"""The requests session behind every service; loaded only when something is asked of one.

Time-outs, retries and the offline guarantee are in the adapter, so that libraries that are handed
the session (astroquery, pyvo) have them, too.
"""

from __future__ import annotations

import contextlib
import io
import logging
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3 import BaseHTTPResponse, HTTPResponse
from urllib3.exceptions import HTTPError

from trueup import __version__
from trueup.archive.patience import BUSY, Patience, retry_after
from trueup.config import Http
from trueup.errors import NetworkError

_PIECE = 256 * 1024
_MOST_REDIRECTS = 10
_PORTS = {"http": 80, "https": 443}

logger = logging.getLogger(__name__)


class Session(requests.Session):
    """A session whose token stays with the host it belongs to.

    Parameters
    ----------
    http : Http
    token : str
        Empty: none.
    home : str
        The URL of the service the token is for.
    direct : bool
        One attempt, and the body is left to be read; else all attempts, and the body is in memory.
    """

    def __init__(self, http: Http, *, token: str = "", home: str = "", direct: bool = False) -> None:
        super().__init__()
        self.max_redirects = _MOST_REDIRECTS
        self.headers["User-Agent"] = f"trueup/{__version__} {self.headers['User-Agent']}"
        # always there, or requests would send what the netrc file has for a host
        self.auth = self._token = _TokenFor(home, token)
        adapter = _Adapter(http, direct=direct)
        self.mount("https://", adapter)
        self.mount("http://", adapter)

    def rebuild_auth(
        self,
        prepared_request: requests.PreparedRequest,
        response: requests.Response,  # noqa: ARG002 - the signature is that of requests
    ) -> None:
        """Take the token off a redirect to anywhere else."""
        prepared_request.headers.pop("Authorization", None)
        self._token(prepared_request)


class _TokenFor(AuthBase):
    def __init__(self, home: str, token: str) -> None:
        self._origin = _origin(home)
        self._value = token

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._value and _origin(r.url or "") == self._origin:
            r.headers["Authorization"] = f"token {self._value}"
        return r


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)


class _Adapter(HTTPAdapter):
    def __init__(self, http: Http, *, direct: bool) -> None:
        super().__init__(pool_maxsize=max(10, http.parallel))
        self._http = http
        self._direct = direct

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Send a request, again where that may help."""
        if self._http.offline:
            raise NetworkError(f"trueup is offline and {request.method} was wanted", file=request.url)
        kwargs["timeout"] = self._http.connect_s, self._http.read_s
        if self._direct:
            return super().send(request, *args, **kwargs)
        patience = Patience(self._http)
        while True:
            try:
                response = super().send(request, *args, **kwargs)
                response.raw = _in_memory(response.raw, patience)
            except (requests.ConnectionError, requests.Timeout, HTTPError) as error:
                if patience.another():
                    continue
                if isinstance(error, HTTPError):
                    raise requests.ConnectionError(error, request=request) from error
                raise
            if response.status_code not in BUSY or not patience.another(retry_after(response.headers)):
                return response
            logger.info("attempt %d at %s", patience.attempts, request.url)


def read_body(raw: BaseHTTPResponse, patience: Patience) -> bytes:
    """The rest of an answer, as it came; a trickle is not read for ever.

    Parameters
    ----------
    raw : urllib3.BaseHTTPResponse
    patience : Patience

    Returns
    -------
    bytes

    Raises
    ------
    requests.Timeout
        Where the time is up.

    Examples
    --------
    >>> read_body(HTTPResponse(io.BytesIO(b"SIMPLE"), preload_content=False), Patience(Http()))
    b'SIMPLE'
    """
    pieces = []
    while piece := raw.read1(_PIECE, decode_content=False):
        pieces.append(piece)
        if patience.is_over:
            raise requests.Timeout("the answer takes too long")
    return b"".join(pieces)


def _in_memory(raw: BaseHTTPResponse, patience: Patience) -> HTTPResponse:
    """The same answer with its body read, still encoded as it came."""
    # a connection whose answer has been read to its end goes back to the pool and stays open
    with contextlib.closing(raw):
        body = read_body(raw, patience)
        raw.release_conn()
    return HTTPResponse(
        body=io.BytesIO(body),
        headers={name: value for name, value in raw.headers.items() if name.lower() != "transfer-encoding"},
        status=raw.status,
        reason=raw.reason,
        version=raw.version,
        preload_content=False,
        # where requests looks for cookies
        original_response=getattr(raw, "_original_response", None),
    )
