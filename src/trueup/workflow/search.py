"""Which observations the archive has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trueup.archive.criteria import Criteria
from trueup.archive.mast import Mast
from trueup.archive.transport import Transport
from trueup.config import Config, read_config

if TYPE_CHECKING:
    from astropy.table import Table


def search(criteria: Criteria, config: Config | None = None) -> Table:
    """Search MAST for observations.

    Parameters
    ----------
    criteria : Criteria
    config : Config, optional
        Instead of the settings that hold.

    Returns
    -------
    astropy.table.Table
        See :meth:`trueup.archive.mast.Mast.search`.

    Raises
    ------
    UsageError, NetworkError

    Examples
    --------
    >>> from trueup.config import Http
    >>> search(Criteria(program="16801"), Config(http=Http(offline=True)))
    Traceback (most recent call last):
    trueup.errors.NetworkError: https://mast.stsci.edu/portal/Mashup/Mashup.asmx/columnsconfig: trueup ...
    """
    config = config or read_config()
    with Transport.of(config) as transport:
        return Mast(transport, config.mast.url).search(criteria)


def rows(table: Table) -> list[dict[str, Any]]:
    """The rows of a table as plain values, None where one is masked.

    Parameters
    ----------
    table : astropy.table.Table

    Returns
    -------
    list of dict

    Examples
    --------
    >>> from astropy.table import MaskedColumn, Table
    >>> rows(Table({"exptime": MaskedColumn([720.0, 0.0], mask=[False, True])}))
    [{'exptime': 720.0}, {'exptime': None}]
    """
    columns = [table[name].tolist() for name in table.colnames]
    return [dict(zip(table.colnames, values, strict=True)) for values in zip(*columns, strict=True)]
