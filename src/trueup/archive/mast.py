"""MAST: which observations there are, and their files; the queries are those of astroquery.

Source: the MAST Portal services `Mast.Caom.Filtered`, `Mast.Caom.Filtered.Position`,
`Mast.Caom.Products` and `Mast.Name.Lookup`, and `Download/file`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from trueup.archive.criteria import Criteria, observation_names
from trueup.archive.portal import ask, explained, open_portal
from trueup.archive.product import Product
from trueup.archive.selection import is_advanced, kind_of, root_of, without_duplicates
from trueup.archive.stream import Stream, open_url
from trueup.archive.transport import Transport
from trueup.errors import UsageError

if TYPE_CHECKING:
    from astropy.table import Table
    from astroquery.mast import ObservationsClass

Row = Mapping[str, Any]

_PAGE = 50_000
_PAUSE_S = 1.0
_BATCH = 100
_PUBLIC = "PUBLIC"
_ROOTNAME = re.compile(r"[a-z][a-z0-9]{7}[a-z]", re.IGNORECASE)
_VISIT = re.compile(r"[a-z][a-z0-9]{5}", re.IGNORECASE)
# CAOM's word and ours
_COLUMNS = {
    "obs_id": "obs_id",
    "instrument_name": "instrument",
    "filters": "filters",
    "target_name": "target",
    "s_ra": "ra",
    "s_dec": "dec",
    "t_exptime": "exptime",
    "t_min": "start",
    "proposal_id": "program",
    "proposal_pi": "pi",
    "dataRights": "rights",
    "t_obs_release": "release",
    "distance": "distance_arcsec",
}
_DATES = {"t_min", "t_obs_release"}


@dataclass(frozen=True, slots=True)
class Mast:
    """The archive at STScI.

    Parameters
    ----------
    transport : Transport
    server : str
    page : int
        Rows of one answer.
    pause_s : float
        Seconds between two questions whether an answer is ready.

    Examples
    --------
    >>> from trueup.archive.transport import Transport
    >>> from trueup.config import Config
    >>> archive = Mast(Transport.of(Config()), Config().mast.url)
    >>> archive.url("mast:HST/product/iepw14g4q_flc.fits")
    'https://mast.stsci.edu/api/v0.1/Download/file?uri=mast%3AHST%2Fproduct%2Fiepw14g4q_flc.fits'
    """

    transport: Transport
    server: str
    page: int = _PAGE
    pause_s: float = _PAUSE_S

    @property
    def name(self) -> str:
        """What the manifest calls it."""
        return "mast"

    def url(self, uri: str) -> str:
        """Where a file is downloaded from."""
        return f"{self.server}/api/v0.1/Download/file?uri={quote(uri, safe='')}"

    def open(self, product: Product, *, start: int, mark: str) -> AbstractContextManager[Stream]:
        """The bytes of a file from `start`, or from 0 where it is not the version of `mark`."""
        url = self.url(product.uri)
        return open_url(self.transport, url, start=start, mark=mark, released=product.released)

    def search(self, criteria: Criteria) -> Table:
        """Find observations: associations, and exposures that belong to none.

        Parameters
        ----------
        criteria : Criteria

        Returns
        -------
        astropy.table.Table
            One row each, in the order of their start: obs_id, instrument, filters, target, ra, dec
            (degrees), exptime (s), start, program, pi, rights, release, distance_arcsec. What MAST
            does not say is masked.

        Raises
        ------
        UsageError
            Where a name or position cannot be understood.
        NetworkError
            Where MAST cannot be reached or answers with nonsense.
        """
        with explained(self.server):
            client = open_portal(self.transport, self.server, page=self.page, pause_s=self.pause_s)
            around = self._around(client, criteria)
            found = []
            for name in observation_names(criteria.ids) or ("",):
                rows = _query(client, self.page, **around, **criteria.caom(_pattern(name)))
                rows = [row for row in rows if criteria.is_of_visit(str(row["obs_id"]))]
                found += self._holding(client, rows, rootname=name) if _ROOTNAME.fullmatch(name) else rows
        return _table({str(row["obsid"]): row for row in found}.values())

    def products(self, ids: Sequence[str]) -> tuple[Product, ...]:
        """All files of some observations, each once.

        Parameters
        ----------
        ids : sequence of str
            Associations, exposures (their rootnames), visits (the first six characters of a rootname)
            or names with ``*``, in any case.

        Returns
        -------
        tuple of Product

        Raises
        ------
        UsageError
            Where MAST does not know one of them.
        NetworkError
            Where MAST cannot be reached or answers with nonsense.
        """
        names = observation_names(ids)
        with explained(self.server):
            client = open_portal(self.transport, self.server, page=self.page, pause_s=self.pause_s)
            observations = self._observed(client, names)
            listed = list(self._listed(client, observations.values()))
        under = {number: str(row["obs_id"]).lower() for number, row in observations.items()}
        of = {name: [p for number, p in listed if _belongs(p, under.get(number), name)] for name in names}
        unknown = [name for name, products in of.items() if not products]
        if unknown:
            raise UsageError(
                f"has nothing of {', '.join(unknown)}", file=self.server, todo="see trueup search"
            )
        return without_duplicates(p for products in of.values() for p in products)

    def _observed(self, client: ObservationsClass, names: Sequence[str]) -> dict[str, Row]:
        """The observations of these names, by number; one query for all but those with a pattern."""
        patterns = dict.fromkeys(_pattern(name) for name in names)
        exact = [pattern for pattern in patterns if "*" not in pattern]
        queries = [[pattern] for pattern in patterns if "*" in pattern] + ([exact] if exact else [])
        rows = (row for obs_id in queries for row in _query(client, self.page, obs_id=obs_id))
        return {str(row["obsid"]): row for row in rows}

    def _holding(self, client: ObservationsClass, rows: list[Row], *, rootname: str) -> list[Row]:
        """The observations that have an exposure."""
        holders = {number for number, p in self._listed(client, rows) if p.obs_id == rootname.lower()}
        return [row for row in rows if str(row["obsid"]) in holders]

    def _listed(
        self, client: ObservationsClass, observations: Iterable[Row]
    ) -> Iterator[tuple[str, Product]]:
        """The files of some observations, with the number of the one each was found under."""
        released = {str(row["obsid"]): _date(row.get("t_obs_release")) for row in observations}
        numbers = list(released)
        for start in range(0, len(numbers), _BATCH):
            for row in ask(client.get_product_list, numbers[start : start + _BATCH]):
                # a file may be an observation of its own, too
                number = str(row.get("parent_obsid") or row["obsID"])
                yield number, _product(row, released.get(number) or "")

    def _around(self, client: ObservationsClass, criteria: Criteria) -> dict[str, Any]:
        """The place of a search, in the words of astroquery."""
        import astropy.units as u

        if not criteria.target and not criteria.position:
            return {}
        where = criteria.sky() or self._resolved(client, criteria.target)
        return {"coordinates": where, "radius": criteria.radius_arcmin * u.arcmin}

    def _resolved(self, client: ObservationsClass, target: str) -> Any:
        from astropy.coordinates import SkyCoord

        portal = client._portal_api_connection
        question = {"input": target, "format": "json"}
        answer = portal.service_request_async("Mast.Name.Lookup", question)[0].json()
        places = answer.get("resolvedCoordinate")
        if not places:
            raise UsageError(f"does not know where {target} is", file=self.server, todo="give a position")
        return SkyCoord(places[0]["ra"], places[0]["decl"], unit="deg")


def _query(client: ObservationsClass, page: int, **criteria: Any) -> list[Row]:
    """Observations of HST; those of advanced pipelines repeat them under other names."""
    found = ask(client.query_criteria, pagesize=page, obs_collection="HST", **criteria)
    return [row for row in found if not str(row["obs_id"]).lower().startswith("hst_")]


def _pattern(name: str) -> str:
    """What to ask for: MAST knows exposures only by their association, so the whole visit."""
    if _ROOTNAME.fullmatch(name) or _VISIT.fullmatch(name):
        return f"{name[:6]}*"
    return name


def _belongs(product: Product, under: str | None, name: str) -> bool:
    """Whether a file, listed under an observation, is of what was named."""
    if not _ROOTNAME.fullmatch(name):
        return under is None or fnmatchcase(under, _pattern(name))
    # the names of advanced products leave out the last letter of a rootname
    return product.obs_id == name or (
        is_advanced(product) and root_of(product.filename).endswith(f"_{name[:8]}")
    )


def _product(row: Row, released: str) -> Product:
    filename = str(row["productFilename"])
    return Product(
        obs_id=str(row["obs_id"]).lower(),
        filename=filename,
        kind=str(row.get("productSubGroupDescription") or kind_of(filename)).upper(),
        project=str(row.get("project") or ""),
        uri=str(row["dataURI"]),
        size=row.get("size") or None,
        proprietary=(row.get("dataRights") or _PUBLIC) != _PUBLIC,
        released=released,
    )


def _date(mjd: Any) -> str | None:
    from astropy.time import Time

    return None if mjd is None else str(Time(mjd, format="mjd").isot)[:19]


def _table(found: Iterable[Row]) -> Table:
    from astropy.table import MaskedColumn, Table

    rows = sorted(found, key=lambda row: (row.get("t_min") or 0.0, str(row["obs_id"])))
    table = Table()
    for word, name in _COLUMNS.items():
        values = [_date(row.get(word)) if word in _DATES else row.get(word) for row in rows]
        mask = [value is None for value in values]
        kind = float if name in {"ra", "dec", "exptime", "distance_arcsec"} else str
        table[name] = MaskedColumn([kind() if v is None else kind(v) for v in values], mask=mask, dtype=kind)
    return table
