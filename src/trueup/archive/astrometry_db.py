"""Headerlets from the astrometry database: solutions that a file may lack.

Source: the requests of `stwcs.updatewcs.astrometry_utils`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote
from xml.etree import ElementTree

from trueup.archive.criteria import observation_names
from trueup.archive.product import Archive, Product
from trueup.archive.selection import root_of, select
from trueup.archive.stream import Stream
from trueup.archive.transport import Transport, explained
from trueup.errors import NetworkError, UsageError

_ROOTNAME = re.compile(r"[a-z][a-z0-9]{7}[a-z]")
_EXPOSURES = ("FLC", "FLT", "C0M")
_UNSAFE = re.compile(r"[^\w.-]+")
_NOT_THERE = 404
_PROJECT = "ASTROMETRYDB"


@dataclass(frozen=True, slots=True)
class AstrometryDatabase:
    """The service that keeps the solutions of every exposure.

    Parameters
    ----------
    transport : Transport
    server : str
    other : Archive
        Knows the exposures of associations and visits.

    Examples
    --------
    >>> from pathlib import Path
    >>> from trueup.archive.directory import Directory
    >>> from trueup.config import Http
    >>> AstrometryDatabase(Transport(Http()), "https://mast.stsci.edu", Directory(Path())).name
    'astrometry'
    """

    transport: Transport
    server: str
    other: Archive

    @property
    def name(self) -> str:
        """What the manifest calls it."""
        return "astrometry"

    def products(self, ids: Sequence[str]) -> tuple[Product, ...]:
        """A headerlet file per solution of some exposures.

        Parameters
        ----------
        ids : sequence of str
            Rootnames, associations or visits, in any case.

        Returns
        -------
        tuple of Product

        Raises
        ------
        UsageError
            Where the database has no solution of an exposure.
        NetworkError
            Where it cannot be reached or answers with nonsense.
        """
        return tuple(p for rootname in self._rootnames(ids) for p in self._solutions(rootname))

    @contextmanager
    def open(self, product: Product, *, start: int, mark: str) -> Iterator[Stream]:
        """The bytes of a headerlet; they are few, so always from 0."""
        del start, mark
        options = {"headers": {"Content-Type": "application/fits"}}
        content = self.transport.request("GET", product.uri, **options).content
        yield Stream(iter([content]), 0, len(content))

    def _rootnames(self, ids: Sequence[str]) -> dict[str, None]:
        found: list[str] = []
        for name in observation_names(ids):
            if _ROOTNAME.fullmatch(name):
                found.append(name)
            else:
                exposures = select(self.other.products([name]), kinds=_EXPOSURES)
                found += [root_of(product.filename) for product in exposures]
        return dict.fromkeys(found)

    def _solutions(self, rootname: str) -> Iterator[Product]:
        url = f"{self.server.rstrip('/')}/observation/read/{rootname}"
        with explained(url):
            answer = self.transport.session.get(url, headers={"Content-Type": "text/xml"})
        if answer.status_code == _NOT_THERE:
            raise UsageError(f"has no solution of {rootname}", file=self.server)
        try:
            answer.raise_for_status()
            listed = list(ElementTree.fromstring(answer.content).iter("solution"))
        except (OSError, ElementTree.ParseError) as error:
            raise NetworkError(f"answers with nonsense ({error})", file=url) from error
        if not listed:
            raise NetworkError("answers without a solution", file=url)
        for solution in listed:
            name = (solution.findtext("wcsName") or "").strip()
            if name and solution.findtext("solutionID"):
                yield Product(
                    obs_id=rootname,
                    filename=f"{rootname}_{_UNSAFE.sub('_', name)}_hlet.fits",
                    kind="HLET",
                    project=_PROJECT,
                    uri=f"{url}?wcsname={quote(name)}",
                )
