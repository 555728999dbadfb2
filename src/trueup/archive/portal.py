"""The portal of MAST through astroquery: a private client, under the time-outs of the transport."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from trueup.archive.extra import extra
from trueup.archive.token import FORBIDDEN, HOW_TO
from trueup.archive.transport import Transport, reason
from trueup.errors import NetworkError, TrueupError

if TYPE_CHECKING:
    import requests
    from astropy.table import Table
    from astroquery.mast import ObservationsClass

_LONGEST_POLL = 10_000


def open_portal(transport: Transport, server: str, *, page: int, pause_s: float) -> ObservationsClass:
    """A client of astroquery for one server; the client that all programs share is left alone.

    Parameters
    ----------
    transport : Transport
    server : str
    page : int
        Rows of one answer.
    pause_s : float
        Seconds between two questions whether an answer is ready.

    Returns
    -------
    astroquery.mast.ObservationsClass

    Examples
    --------
    >>> from trueup.config import Http
    >>> portal = open_portal(Transport(Http()), "http://127.0.0.1", page=9, pause_s=1.0)
    >>> portal._portal_api_connection.MAST_REQUEST_URL
    'http://127.0.0.1/api/v0/invoke'
    """
    with extra():
        from astroquery.mast import ObservationsClass

    client = ObservationsClass()
    client.disable_cloud_dataset()
    portal = client._portal_api_connection
    portal.MAST_REQUEST_URL = f"{server}/api/v0/invoke"
    portal.COLUMNS_CONFIG_URL = f"{server}/portal/Mashup/Mashup.asmx/columnsconfig"
    portal.MAST_DOWNLOAD_URL = f"{server}/api/v0.1/Download/file"
    portal.MAST_BUNDLE_URL = f"{server}/api/v0.1/Download/bundle"
    # the class shares it between servers
    portal._column_configs = {}
    portal.PAGESIZE = page
    portal.TIMEOUT = transport.http.total_s
    portal._session = client._session = _Patient(transport.session, pause_s)
    return client


class _Patient:
    """What astroquery needs of a session; it waits before astroquery asks again for an answer."""

    def __init__(self, session: requests.Session, pause_s: float) -> None:
        self._session = session
        self._pause_s = pause_s
        self.headers = session.headers

    def request(self, method: str, url: str, **kwargs: Any) -> requests.Response:
        """Send a request under the time-outs of the session, not those of astroquery."""
        kwargs.pop("timeout", None)
        response = self._session.request(method, url, **kwargs)
        if not response.ok:
            todo = HOW_TO if response.status_code in FORBIDDEN else "try again later"
            raise NetworkError(f"answers {response.status_code} {response.reason}", file=url, todo=todo)
        if response.content.lstrip().startswith(b"<"):
            todo = "try again later, and see whether this network wants a login"
            raise NetworkError("answers with a web page", file=url, todo=todo)
        if len(response.content) < _LONGEST_POLL and b'"EXECUTING"' in response.content:
            time.sleep(self._pause_s)
        return response


@contextmanager
def explained(server: str) -> Iterator[None]:
    """Whatever astroquery raises, as an error of the service.

    Parameters
    ----------
    server : str

    Raises
    ------
    NetworkError

    Examples
    --------
    >>> with explained("http://127.0.0.1"):
    ...     {}["data"]
    Traceback (most recent call last):
    trueup.errors.NetworkError: http://127.0.0.1: answers with nonsense ('data'); try again later
    """
    with extra():
        import requests

    try:
        yield
    except TrueupError:
        raise
    except (requests.ConnectionError, requests.Timeout) as error:
        raise NetworkError(reason(error), file=server) from error
    except TimeoutError as error:
        raise NetworkError("no answer in time", file=server, todo="try again later") from error
    except Exception as error:
        what = " ".join(str(error).split()) or type(error).__name__
        raise NetworkError(f"answers with nonsense ({what})", file=server, todo="try again later") from error


def ask(query: Callable[..., Table], *arguments: Any, **criteria: Any) -> list[dict[str, Any]]:
    """The rows of an answer of astroquery, None where a value is masked or not a number.

    Parameters
    ----------
    query : callable
        A method of the client.
    *arguments, **criteria
        Of the method.

    Returns
    -------
    list of dict

    Examples
    --------
    >>> from astropy.table import Table
    >>> ask(lambda: Table({"obs_id": ["iepw14030"], "distance": [float("nan")]}))
    [{'obs_id': 'iepw14030', 'distance': None}]
    """
    from astroquery.exceptions import NoResultsWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NoResultsWarning)
        table = query(*arguments, **criteria)
    columns = [table[name].tolist() for name in table.colnames]
    # not a number differs from itself
    rows = ([v if v == v else None for v in values] for values in zip(*columns, strict=True))
    return [dict(zip(table.colnames, row, strict=True)) for row in rows]
