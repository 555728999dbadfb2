"""Stars of Gaia DR3 around a field, from one of several TAP services, kept in a file."""

from __future__ import annotations

import logging
import math
import os
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trueup.archive.extra import extra
from trueup.archive.transport import Transport
from trueup.config import Gaia
from trueup.errors import DataError, FileAccessError, NetworkError
from trueup.model.exposure import Exposure

if TYPE_CHECKING:
    from astropy.table import Table

log = logging.getLogger(__name__)

_COLUMNS = (
    "source_id, ref_epoch, ra, ra_error, dec, dec_error, parallax, parallax_error, pmra, pmra_error, pmdec, "
    "pmdec_error, ruwe, phot_g_mean_mag, phot_bp_mean_mag, phot_rp_mean_mag"
)
_MAGNITUDE = "phot_g_mean_mag"
_MOST = 200_000
# stars at the edge move, and a solution may be off
_MARGIN_DEG = 10 / 3600
_STEP_DEG = 0.001


@dataclass(frozen=True, slots=True)
class Cone:
    """A circle on the sky.

    Parameters
    ----------
    ra, dec, radius : float
        Degrees, ICRS.

    Examples
    --------
    >>> Cone(155.99, -57.76, 0.05).name
    'gaiadr3_155.9900-57.7600_0.0500'
    """

    ra: float
    dec: float
    radius: float

    @property
    def name(self) -> str:
        """A name for the file of its stars."""
        return f"gaiadr3_{self.ra:.4f}{self.dec:+.4f}_{self.radius:.4f}"

    @property
    def query(self) -> str:
        """The question in ADQL, brightest stars first."""
        circle = f"CIRCLE('ICRS', {self.ra:.6f}, {self.dec:.6f}, {self.radius:.6f})"
        where = f"1 = CONTAINS(POINT('ICRS', ra, dec), {circle})"
        return f"SELECT {_COLUMNS} FROM gaiadr3.gaia_source WHERE {where} ORDER BY {_MAGNITUDE}"


def cone_around(exposures: Iterable[Exposure]) -> Cone:
    """The circle that holds the chips of some exposures, with a margin of 10 arcsec.

    It is rounded, so that nearby solutions of one visit share it.

    Parameters
    ----------
    exposures : iterable of Exposure

    Returns
    -------
    Cone

    Raises
    ------
    DataError
        Where there is no exposure.

    Examples
    --------
    >>> cone_around([])
    Traceback (most recent call last):
    trueup.errors.DataError: no exposures to look for stars around
    """
    chips = [chip.wcs for exposure in exposures for chip in exposure.solution.chips]
    if not chips:
        raise DataError("no exposures to look for stars around")
    corners = [wcs.pixel_to_sky(*wcs.corners()) for wcs in chips]
    ra, dec = (np.radians(np.concatenate(values)) for values in zip(*corners, strict=True))
    vectors = np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])
    x, y, z = vectors.mean(axis=1)
    centre_ra = round(math.degrees(math.atan2(y, x)) % 360, 3)
    centre_dec = round(math.degrees(math.atan2(z, math.hypot(x, y))), 3)
    a, d = math.radians(centre_ra), math.radians(centre_dec)
    centre = np.array([math.cos(d) * math.cos(a), math.cos(d) * math.sin(a), math.sin(d)])
    # by the chord: an arc cosine is inexact at small angles
    chord = float(np.linalg.norm(vectors - centre[:, None], axis=0).max())
    radius = math.degrees(2 * math.asin(chord / 2)) + _MARGIN_DEG
    return Cone(centre_ra, centre_dec, round(math.ceil(radius / _STEP_DEG) * _STEP_DEG, 3))


def fetch_gaia(transport: Transport, cone: Cone, gaia: Gaia, *, most: int = _MOST) -> Path:
    """The stars of Gaia DR3 in a circle, as a file that is kept.

    Parameters
    ----------
    transport : Transport
    cone : Cone
    gaia : Gaia
        The settings: services in the order they are tried, and the folder of the files.
    most : int
        Stars to ask for. Where there are more, the brightest are kept and the magnitude to which they
        are complete is in the metadata, as ``complete_to``.

    Returns
    -------
    Path
        An ECSV table with the query, the service and the date in its metadata.

    Raises
    ------
    DataError
        Where there is no star.
    NetworkError
        Where the file is not there and no service answers.
    FileAccessError
        Where the folder cannot be written.

    Examples
    --------
    >>> from trueup.config import Http
    >>> offline = Transport(Http(offline=True))
    >>> fetch_gaia(offline, Cone(0, 0, 0.1), Gaia(urls=("http://127.0.0.1/tap",), cache="/nowhere"))
    Traceback (most recent call last):
    trueup.errors.NetworkError: Gaia: http://127.0.0.1/tap: trueup is offline and this was wanted
    """
    path = Path(gaia.cache).expanduser() / f"{cone.name}.ecsv"
    if _holds(path, cone):
        return path
    table = _asked(transport, cone, gaia.urls, most=most)
    if len(table) == 0:
        raise DataError(f"Gaia has no star within {cone.radius:g} deg of {cone.ra:g} {cone.dec:+g}")
    _write(table, path)
    return path


def _holds(path: Path, cone: Cone) -> bool:
    """Whether a file is whole and answers this question."""
    from astropy.table import Table

    try:
        return bool(Table.read(path, format="ascii.ecsv").meta.get("query") == cone.query)
    except FileNotFoundError:
        return False
    except Exception as error:  # noqa: BLE001 - readers raise whatever they meet, and it is fetched again
        log.warning("%s cannot be read (%s); it is fetched again", path, error)
        return False


def _asked(transport: Transport, cone: Cone, urls: Iterable[str], *, most: int) -> Table:
    whys = []
    for url in urls:
        try:
            transport.demand_online(url)
            return _answer(transport, cone, url, most=most)
        except NetworkError as error:
            whys.append(str(error))
            log.info("%s", error)
    raise NetworkError("; ".join(whys) or "no service is named", file="Gaia")


def _answer(transport: Transport, cone: Cone, url: str, *, most: int) -> Table:
    with extra():
        from pyvo.dal import TAPService

    with warnings.catch_warnings():
        # the overflow is looked at below, and no service writes flawless VOTables
        warnings.simplefilter("ignore")
        try:
            result = TAPService(url, session=transport.session).run_sync(cone.query, maxrec=most)
            table = result.to_table()
        except Exception as error:
            why = " ".join(str(error).split())[:200]
            raise NetworkError(f"no stars ({why})", file=url) from error
    if _MAGNITUDE not in table.colnames:
        raise NetworkError(f"no stars (columns {', '.join(table.colnames)})", file=url)
    meta: dict[str, Any] = {
        "catalog": "Gaia DR3",
        "query": cone.query,
        "service": url,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    if result.query_status == "OVERFLOW":
        table, meta["complete_to"] = _complete(table)
        log.warning("more than %d stars: only those brighter than %.2f", most, meta["complete_to"])
    table.meta = meta
    return table


def _complete(table: Table) -> tuple[Table, float]:
    """The stars that are brighter than the last one of an answer that was cut off."""
    magnitude = np.ma.filled(table[_MAGNITUDE], np.nan)
    limit = float(np.nanmax(magnitude))
    return table[magnitude < limit], limit


def _write(table: Table, path: Path) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        os.makedirs(path.parent, exist_ok=True)
        table.write(temporary, format="ascii.ecsv", overwrite=True)
        temporary.replace(path)
    except OSError as error:
        raise FileAccessError(error.strerror or str(error), file=path) from error
