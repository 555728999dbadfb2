"""A TAP service with the stars of Gaia: synchronous queries, with the limits of real ones."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import numpy as np
from astropy.io.votable.tree import Info, Resource, TableElement, VOTableFile
from astropy.table import Table

from archive.server import Answer, Request, Server

_CIRCLE = re.compile(r"CIRCLE\('ICRS', ([-\d.]+), ([-\d.]+), ([-\d.]+)\)")
_SELECT = re.compile(r"SELECT (.+?) FROM gaiadr3\.gaia_source WHERE .+ ORDER BY (\w+)$")
# what a service gives to who does not say how much he wants, as that of ESA
_DEFAULT_ROWS = 2000


@dataclass
class Tap:
    """The service.

    Attributes
    ----------
    stars : Table
        All columns of the queries.
    limit : int
        Rows that it never exceeds.
    asked : list of dict
        The parameters of each query.
    """

    stars: Table
    limit: int = 3_000_000
    asked: list[dict[str, str]] = field(default_factory=list)

    def mount(self, server: Server, start: str = "/tap") -> None:
        server.mount(f"{start}/sync", self.answer)

    def answer(self, request: Request) -> Answer:
        form = request.form or request.query
        self.asked.append(form)
        select, circle = _SELECT.search(form["QUERY"]), _CIRCLE.search(form["QUERY"])
        if form.get("LANG") != "ADQL" or not select or not circle:
            return _votable(Table(), "ERROR", "Cannot parse query")
        rows = self.stars[self._inside(*(float(word) for word in circle.groups()))]
        rows.sort(select[2])
        rows = rows[[name.strip() for name in select[1].split(",")]]
        most = min(int(form.get("MAXREC", _DEFAULT_ROWS)), self.limit)
        return _votable(rows[:most], "OK", overflow=len(rows) > most)

    def _inside(self, ra: float, dec: float, radius: float) -> Any:
        a, d = np.radians(self.stars["ra"]), np.radians(self.stars["dec"])
        a0, d0 = np.radians(ra), np.radians(dec)
        h = np.sin((d - d0) / 2) ** 2 + np.cos(d) * np.cos(d0) * np.sin((a - a0) / 2) ** 2
        return np.degrees(2 * np.arcsin(np.sqrt(h))) <= radius


def gaia_like(table: Table) -> Table:
    """The catalogue of a simulated visit with the columns that Gaia has and it lacks."""
    stars = table.copy()
    n = len(stars)
    stars["source_id"] = np.arange(n, dtype=np.int64) + 5_255_678_122_073_786_240
    for name, value in {"parallax": 0.1, "parallax_error": 0.3, "ruwe": 1.0}.items():
        stars[name] = np.full(n, value)
    for name in ("phot_bp_mean_mag", "phot_rp_mean_mag"):
        stars[name] = np.array(stars["phot_g_mean_mag"])
    return stars


def _votable(rows: Table, status: str, text: str = "", *, overflow: bool = False) -> Answer:
    document = VOTableFile()
    resource = Resource(type="results")
    document.resources.append(resource)
    info = Info(name="QUERY_STATUS", value=status)
    info.content = text
    resource.infos.append(info)
    if rows.colnames:
        resource.tables.append(TableElement.from_table(document, rows))
    if overflow:
        resource.infos.append(Info(name="QUERY_STATUS", value="OVERFLOW"))
    file = BytesIO()
    document.to_xml(file)
    return Answer(file.getvalue(), headers={"Content-Type": "application/x-votable+xml"})
