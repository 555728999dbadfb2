"""The public bucket: files by their key, whole or in part, without credentials."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from trueup.archive.extra import extra
from trueup.archive.product import Archive, Product
from trueup.archive.stream import Stream, TransientError
from trueup.archive.transport import Transport, reason
from trueup.config import S3
from trueup.errors import NetworkError

if TYPE_CHECKING:
    from s3fs import S3FileSystem

log = logging.getLogger(__name__)

_PIECE = 4 * 1024 * 1024
_REGION = "us-east-1"


def bucket_part(
    transport: Transport, settings: S3, url: str, *, start: int, stop: int, mark: str = ""
) -> tuple[bytes, int, str]:
    """Read some bytes of an object.

    Parameters
    ----------
    transport : Transport
        Its time-outs hold, and offline.
    settings : S3
    url : str
        ``s3://bucket/key``.
    start, stop : int
        The first byte and the one after the last.
    mark : str, optional
        The ETag it must have.

    Returns
    -------
    data : bytes
    size : int
        Of the whole object.
    mark : str
        Its ETag.

    Raises
    ------
    NetworkError
        Where it is not there, is another version, or the service cannot be reached.

    Examples
    --------
    >>> from trueup.config import Http
    >>> bucket_part(Transport(Http(offline=True)), S3(), "s3://stpubdata/a_flc.fits", start=0, stop=9)
    Traceback (most recent call last):
    trueup.errors.NetworkError: s3://stpubdata/a_flc.fits: trueup is offline and this was wanted
    """
    transport.demand_online(url)
    with extra():
        from fsspec.asyn import sync

    files = _filesystem(transport, settings)
    bucket, key, _ = files.split_path(url)
    pinned = {"IfMatch": mark} if mark else {}
    with _explained(url):
        said = files.call_s3(
            "get_object", Bucket=bucket, Key=key, Range=f"bytes={start}-{stop - 1}", **pinned
        )
        data = sync(files.loop, said["Body"].read, timeout=transport.http.total_s)
    total = said.get("ContentRange", "").rpartition("/")[2]
    if not total.isdigit():
        raise NetworkError("the service cannot send a part of it", file=url)
    return data, int(total), said["ETag"]


@dataclass(frozen=True, slots=True)
class Bucket:
    """Files from the public bucket; lists, and what the bucket lacks, are another archive's.

    Parameters
    ----------
    transport : Transport
    settings : S3
    other : Archive

    Examples
    --------
    >>> from trueup.archive.directory import Directory
    >>> from trueup.config import Http
    >>> from pathlib import Path
    >>> Bucket(Transport(Http()), S3(), Directory(Path("/data"))).name
    's3'
    """

    transport: Transport
    settings: S3
    other: Archive

    @property
    def name(self) -> str:
        """What the manifest calls it."""
        return "s3"

    def products(self, ids: Sequence[str]) -> tuple[Product, ...]:
        """All files of some observations; the URI of each says where it comes from."""
        products = self.other.products(ids)
        try:
            there = self._listed(products)
        except NetworkError as error:
            log.warning("%s; files come from %s", error, self.other.name)
            there = {}
        return tuple(replace(p, uri=there.get(p.filename, p.uri), listed_as=p.uri) for p in products)

    @contextmanager
    def open(self, product: Product, *, start: int, mark: str) -> Iterator[Stream]:
        """The bytes of a file from `start`, or from 0 where it is not the version of `mark`."""
        if product.uri.startswith("s3://"):
            try:
                stream = self._object(product.uri, start=start, mark=mark)
            except NetworkError as error:
                log.warning("%s; it comes from %s", error, self.other.name)
            else:
                yield stream
                return
        listed = replace(product, uri=product.listed_as or product.uri)
        with self.other.open(listed, start=start, mark=mark) as stream:
            yield stream

    def _object(self, url: str, *, start: int, mark: str) -> Stream:
        read = partial(bucket_part, self.transport, self.settings, url)
        _, size, current = read(start=0, stop=1)
        start = start if mark == current and start <= size else 0
        starts = range(start, size, _PIECE)
        pieces = (read(start=at, stop=min(size, at + _PIECE), mark=current)[0] for at in starts)
        return Stream(pieces, start, size, mark=current)

    def _listed(self, products: Sequence[Product]) -> dict[str, str]:
        """Where the files of the visits are that some files are of, by name."""
        self.transport.demand_online(self.settings.bucket)
        files = _filesystem(self.transport, self.settings)
        visits = {p.obs_id[:6] for p in products if not p.obs_id.startswith("hst_")}
        found: dict[str, str] = {}
        for visit in sorted(visits):
            start = f"hst/public/{visit[:4]}/{visit}"
            with _explained(f"s3://{self.settings.bucket}/{start}"):
                keys = files.find(f"{self.settings.bucket}/hst/public/{visit[:4]}", prefix=visit)
            found |= {key.rpartition("/")[2]: f"s3://{key}" for key in keys}
        return found


def _filesystem(transport: Transport, settings: S3) -> S3FileSystem:
    with extra():
        from s3fs import S3FileSystem

    http = transport.http
    waiting: dict[str, Any] = {"connect_timeout": http.connect_s, "read_timeout": http.read_s}
    waiting["retries"] = {"max_attempts": http.retries}
    return S3FileSystem(
        anon=True,
        endpoint_url=settings.endpoint or None,
        client_kwargs={"region_name": _REGION},
        config_kwargs=waiting,
        use_listings_cache=False,
    )


@contextmanager
def _explained(url: str) -> Iterator[None]:
    """Whatever s3fs raises, as an error of the network."""
    from botocore.exceptions import BotoCoreError

    try:
        yield
    except FileNotFoundError as error:
        raise NetworkError("it is not in the bucket", file=url) from error
    except PermissionError as error:
        raise NetworkError("it is not public", file=url) from error
    except (OSError, BotoCoreError) as error:
        raise TransientError(reason(error), file=url) from error
