"""One way to ask a service for something: time-outs, retries, the token, and offline for sure."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

from trueup.archive.extra import extra
from trueup.archive.token import find_token
from trueup.config import Config, Http
from trueup.errors import NetworkError

if TYPE_CHECKING:
    import requests

    from trueup.archive.session import Session

_GONE = 400


class Transport:
    """Connections to services, made when first used.

    Parameters
    ----------
    http : Http
        Time-outs, retries, parallel downloads, offline.
    token : str
        For proprietary data; empty: none. It is sent to `home` only.
    home : str
        The URL of the service the token is for.

    Examples
    --------
    >>> with Transport(Http(offline=True)) as transport:
    ...     transport.request("GET", "http://127.0.0.1/a_flc.fits")
    Traceback (most recent call last):
    trueup.errors.NetworkError: http://127.0.0.1/a_flc.fits: trueup is offline and GET was wanted
    """

    def __init__(self, http: Http, *, token: str = "", home: str = "") -> None:
        self.http = http
        self.has_token = bool(token)
        self._access = {"token": token, "home": home}
        self._sessions: dict[bool, Session] = {}
        self._lock = threading.Lock()

    @classmethod
    def of(cls, config: Config) -> Transport:
        """The transport of a configuration, with the token for its MAST."""
        return cls(config.http, token=find_token(config.mast), home=config.mast.url)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def session(self) -> Session:
        """A requests session for libraries: it retries, and answers are read into memory."""
        return self._session(direct=False)

    def request(self, method: str, url: str, **options: Any) -> requests.Response:
        """Ask, as often as it takes, and read the answer.

        Parameters
        ----------
        method, url : str
        **options
            As of `requests.Session.request`.

        Returns
        -------
        requests.Response

        Raises
        ------
        NetworkError
            Where there is no answer, or it has a status of 400 or above.
        """
        with explained(url):
            response = self.session.request(method, url, **options)
        if response.status_code >= _GONE:
            raise NetworkError(f"answers {response.status_code} {response.reason}", file=url)
        return response

    def open(self, url: str, **headers: str) -> requests.Response:
        """Ask once for a body that is read piece by piece, as it is stored; any status.

        Parameters
        ----------
        url : str
        **headers : str
            Underscores stand for dashes: ``If_Range=...``.

        Raises
        ------
        requests.RequestException
            Where there is no answer.
        """
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._session(direct=True).get(
            url, headers={"Accept-Encoding": "identity", **named}, stream=True
        )

    def demand_online(self, what: str) -> None:
        """For services that are not reached through this session.

        Raises
        ------
        NetworkError
            Where the settings say offline.
        """
        if self.http.offline:
            raise NetworkError("trueup is offline and this was wanted", file=what)

    def close(self) -> None:
        """Close all connections; a later use opens new ones."""
        while self._sessions:
            self._sessions.popitem()[1].close()

    def _session(self, *, direct: bool) -> Session:
        from trueup.archive.session import Session

        with self._lock:
            if direct not in self._sessions:
                self._sessions[direct] = Session(self.http, direct=direct, **self._access)
            return self._sessions[direct]


@contextlib.contextmanager
def explained(url: str) -> Iterator[None]:
    """Turn what requests raises into a NetworkError that says in a few words why.

    Parameters
    ----------
    url : str
        Or the name of what was asked.

    Examples
    --------
    >>> import requests
    >>> with explained("http://127.0.0.1/x"):
    ...     raise requests.ReadTimeout()
    Traceback (most recent call last):
    trueup.errors.NetworkError: http://127.0.0.1/x: no answer in time
    """
    with extra():
        import requests

    try:
        yield
    except requests.RequestException as error:
        raise NetworkError(reason(error), file=url) from error


def reason(error: BaseException) -> str:
    """Why a request failed, without the wrapping of the libraries.

    Parameters
    ----------
    error : exception

    Examples
    --------
    >>> reason(OSError(OSError(111, "Connection refused")))
    'Connection refused'
    """
    import requests

    if isinstance(error, requests.ConnectTimeout):
        return "no connection in time"
    if isinstance(error, requests.Timeout | TimeoutError):
        return "no answer in time"
    inner = getattr(error, "reason", None)
    causes = [inner, *error.args, error.__cause__]
    for cause in causes:
        if isinstance(cause, BaseException):
            return reason(cause)
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
