"""Whether the services answer."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from trueup.archive.transport import Transport, explained
from trueup.config import Config
from trueup.errors import NetworkError

_FAILING = 500


@dataclass(frozen=True, slots=True)
class Reached:
    """What a service said.

    Parameters
    ----------
    name : str
    url : str
        That was asked.
    answer : str
        Its status, or why there is none.
    is_there : bool
        Whether it answers at all, with anything but a failure of its own.

    Examples
    --------
    >>> Reached("MAST", "https://mast.stsci.edu", "200 OK", True).is_there
    True
    """

    name: str
    url: str
    answer: str
    is_there: bool


def services(config: Config) -> tuple[tuple[str, str], ...]:
    """Names of all services, and a small question to each.

    Parameters
    ----------
    config : Config

    Returns
    -------
    tuple of (str, str)
        Mirrors have one name.

    Examples
    --------
    >>> [name for name, _ in services(Config())]
    ['MAST', 'CRDS', 'astrometry database', 'S3', 'Gaia', 'Gaia', 'Gaia']
    """
    bucket = f"{config.s3.endpoint or 'https://s3.amazonaws.com'}/{config.s3.bucket}"
    return (
        ("MAST", f"{config.mast.url}/"),
        ("CRDS", f"{config.crds.url}/"),
        ("astrometry database", f"{config.astrometry_db.url}/availability"),
        ("S3", f"{bucket}?list-type=2&max-keys=1"),
        *(("Gaia", f"{url}/availability") for url in config.gaia.urls),
    )


def reach(transport: Transport, asked: Iterable[tuple[str, str]]) -> tuple[Reached, ...]:
    """Ask all services at the same time, each once.

    Parameters
    ----------
    transport : Transport
        Its time-outs hold.
    asked : iterable of (str, str)
        Of :func:`services`.

    Returns
    -------
    tuple of Reached

    Examples
    --------
    >>> from trueup.config import Http
    >>> [found] = reach(Transport(Http(offline=True)), [("MAST", "http://127.0.0.1/")])
    >>> found.is_there, found.answer
    (False, 'trueup is offline and GET was wanted')
    """
    with ThreadPoolExecutor(max_workers=8) as pool:
        return tuple(pool.map(lambda one: _reach(transport, *one), asked))


def _reach(transport: Transport, name: str, url: str) -> Reached:
    try:
        with explained(url), transport.open(url) as response:
            answer = f"{response.status_code} {response.reason}"
            return Reached(name, url, answer, response.status_code < _FAILING)
    except NetworkError as error:
        return Reached(name, url, error.found, False)
