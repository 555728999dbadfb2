"""Files of archives as sources of bytes, so that solutions are read without a download."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from trueup.archive.mast import Mast
from trueup.archive.product import Product
from trueup.archive.remote import RemoteSource, name_of, open_remote
from trueup.archive.selection import select
from trueup.archive.transport import Transport
from trueup.config import Config
from trueup.errors import DataError, NetworkError
from trueup.fits.walk import walk
from trueup.model.visit import LeftOut

_USEFUL = {"FLC", "FLT", "C0M", "HLET"}
_PIXELS = {"SCI", "ERR", "DQ", "SAMP", "TIME", "WHT", "CTX"}


def open_sources(
    urls: Sequence[str], ids: Sequence[str], config: Config
) -> tuple[list[RemoteSource], list[LeftOut]]:
    """Open remote files, and read of them all that is no pixel.

    Parameters
    ----------
    urls : sequence of str
        ``http://``, ``https://`` or ``s3://``.
    ids : sequence of str
        Associations, rootnames or visits of MAST: their exposures, and the headerlets of the visit.
    config : Config

    Returns
    -------
    sources : list of RemoteSource
    left_out : list of LeftOut
        What could not be read.

    Raises
    ------
    NetworkError
        Where nothing could be read, or MAST cannot be reached.
    UsageError
        Where MAST does not know an id.

    Examples
    --------
    >>> open_sources([], [], Config())
    ([], [])
    """
    with Transport.of(config) as transport:
        places = [*urls, *(_listed(transport, ids, config) if ids else ())]

        def opened(url: str) -> RemoteSource | NetworkError:
            try:
                return _warmed(open_remote(url, transport, config.s3))
            except NetworkError as error:
                return error

        with ThreadPoolExecutor(config.http.parallel) as pool:
            found = list(pool.map(opened, places))
    sources = [source for source in found if isinstance(source, RemoteSource)]
    errors = [error for error in found if isinstance(error, NetworkError)]
    if errors and not sources:
        raise errors[0]
    return sources, [_left_out(error) for error in errors]


def _left_out(error: NetworkError) -> LeftOut:
    why = f"{error.found}; {error.todo}" if error.todo else error.found
    return LeftOut(name_of(str(error.file)), why, is_error=True, is_remote=True)


def _listed(transport: Transport, ids: Sequence[str], config: Config) -> list[str]:
    mast = Mast(transport, config.mast.url)
    wanted: list[Product] = [p for p in select(mast.products(ids)) if p.kind in _USEFUL]
    return [mast.url(product.uri) for product in wanted]


def _warmed(source: RemoteSource) -> RemoteSource:
    """Read headers, tables and headerlets, while other files are read beside it."""
    try:
        for hdu in walk(source):
            if hdu.extname not in _PIXELS:
                hdu.read(source)
    except DataError:
        # whoever reads it next tells what is wrong
        pass
    return source
