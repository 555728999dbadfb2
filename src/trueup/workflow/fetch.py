"""Find the files of observations in an archive, and bring them here."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueup.archive.astrometry_db import AstrometryDatabase
from trueup.archive.directory import Directory
from trueup.archive.manifest import Manifest, Row, deliver
from trueup.archive.mast import Mast
from trueup.archive.product import Archive, Product
from trueup.archive.s3 import Bucket
from trueup.archive.selection import select
from trueup.archive.transport import Transport
from trueup.config import Config, read_config
from trueup.errors import NetworkError, UsageError

if TYPE_CHECKING:
    from astropy.table import Table

    from trueup.archive.download import Tell

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """Files that an archive has, and that are wanted.

    Attributes
    ----------
    archive : Archive
    products : tuple of Product
    config : Config
    """

    archive: Archive
    products: tuple[Product, ...]
    config: Config

    @property
    def size(self) -> int:
        """Bytes of all files together, as listed."""
        return sum(product.size or 0 for product in self.products)

    def planned(self, folder: Path) -> Manifest:
        """What is going to be fetched; nothing has a status yet."""
        rows = (Row(product, folder / product.filename) for product in self.products)
        return Manifest(self.archive.name, tuple(rows))

    def deliver(self, folder: Path, tell: Tell = lambda _: None) -> Manifest:
        """Fetch them all; see :func:`trueup.archive.manifest.deliver`."""
        return deliver(self.archive, self.products, folder, http=self.config.http, tell=tell)


def find(
    ids: Iterable[str],
    *,
    source: str = "mast",
    kinds: Sequence[str] = (),
    projects: Sequence[str] = (),
    config: Config | None = None,
) -> Found:
    """Find the files of observations.

    Parameters
    ----------
    ids : iterable of str
        Associations, rootnames or visits, in any case.
    source : str
        ``mast``, ``s3``, ``astrometry`` or a folder.
    kinds, projects : sequence of str
        See :func:`trueup.archive.selection.select`.
    config : Config, optional
        Instead of the settings that hold.

    Returns
    -------
    Found

    Raises
    ------
    UsageError
        Where no observation is named, or the source has nothing of that kind.
    NetworkError
        Where it cannot be reached.

    Examples
    --------
    >>> find(["iepw14030"], source="nowhere")
    Traceback (most recent call last):
    trueup.errors.UsageError: no archive is called nowhere; give mast, s3, astrometry or a folder
    """
    names = tuple(ids)
    if not names:
        raise UsageError("no observation is named")
    config = config or read_config()
    archive = open_archive(source, config)
    listed = archive.products(names)
    products = select(listed, kinds=kinds, projects=projects)
    if not products:
        there = ", ".join(sorted({product.kind for product in listed if product.kind}))
        wanted = ", ".join((*kinds, *projects)) or "of the usual kinds"
        raise UsageError(f"no files {wanted}; there are {there}", todo="choose with --kind and --project")
    return Found(archive, products, config)


def open_archive(source: str, config: Config) -> Archive:
    """The archive of that name.

    Parameters
    ----------
    source : str
        ``mast``, ``s3``, ``astrometry`` or a folder.
    config : Config

    Returns
    -------
    Archive

    Raises
    ------
    UsageError
        Where there is none.
    NetworkError
        Where the settings say offline and it is no folder.

    Examples
    --------
    >>> open_archive("mast", Config()).name
    'mast'
    """
    if source not in {"mast", "s3", "astrometry"}:
        if not Path(source).is_dir():
            raise UsageError(f"no archive is called {source}", todo="give mast, s3, astrometry or a folder")
        return Directory(Path(source))
    if config.http.offline:
        todo = "give the folder that has the files as source"
        raise NetworkError("trueup is offline", file=config.mast.url, todo=todo)
    transport = Transport.of(config)
    mast = Mast(transport, config.mast.url)
    if source == "astrometry":
        return AstrometryDatabase(transport, config.astrometry_db.url, mast)
    return mast if source == "mast" else Bucket(transport, config.s3, mast)


def fetch(
    ids: str | Iterable[str],
    *,
    dest: str | os.PathLike[str],
    source: str = "mast",
    kinds: Sequence[str] | None = None,
    projects: Sequence[str] | None = None,
    config: Config | None = None,
) -> Table:
    """Fetch the files of observations: whole and checked, or not at all.

    Parameters
    ----------
    ids : str or iterable of str
        Associations, rootnames or visits, in any case.
    dest : path-like
        The folder they go to; made where it does not exist.
    source : str
        ``mast``, ``s3`` (the public bucket; what it lacks comes from MAST), ``astrometry`` (the
        database of all solutions: headerlets) or a folder.
    kinds : sequence of str, optional
        As FLC, ASN, HLET; by default calibrated exposures, associations, drizzled products and the
        headerlets of the visit.
    projects : sequence of str, optional
        As CALWF3, HAP-SVM.
    config : trueup.config.Config, optional
        Instead of the settings that hold: addresses, token, time-outs.

    Returns
    -------
    astropy.table.Table
        A row per file: obs_id, filename, kind, project, uri, path, size_listed, bytes, transferred,
        sha256, status (``complete``, ``cached``, ``repaired`` or ``failed``), attempts, error. What is
        unknown is masked.

    Raises
    ------
    UsageError
        Where the source has nothing of that kind.
    NetworkError
        Where it cannot be searched. A file that cannot be had is a row with status ``failed``.
    FileAccessError
        Where there is no room for the files, before the first byte.

    Examples
    --------
    >>> fetch(["IEPW14030"], dest="visit", source="nowhere")
    Traceback (most recent call last):
    trueup.errors.UsageError: no archive is called nowhere; give mast, s3, astrometry or a folder
    """
    named = (ids,) if isinstance(ids, str) else ids
    found = find(named, source=source, kinds=kinds or (), projects=projects or (), config=config)
    for product in found.products:
        logger.info("%s, %s bytes", product.filename, product.size)
    return _table([row.as_dict() for row in found.deliver(Path(dest)).rows])


def _table(rows: Sequence[dict[str, Any]]) -> Table:
    from astropy.table import MaskedColumn, Table

    table = Table()
    for name in rows[0]:
        values = [row[name] for row in rows]
        kind = int if name in {"size_listed", "bytes", "transferred", "attempts"} else str
        filled = [kind() if value is None else value for value in values]
        table[name] = MaskedColumn(filled, dtype=kind, mask=[value is None for value in values])
    return table
