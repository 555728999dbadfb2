"""Rows as an astropy Table: what is unknown is masked, never 0 or NaN."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from astropy.table import Table


def table_of(rows: Sequence[Mapping[str, Any]], *, units: Mapping[str, str] | None = None) -> Table:
    """A table with a column per key, in the order in which keys appear.

    Parameters
    ----------
    rows : sequence of mapping
        Scalars become cells, lists and mappings JSON text, None a masked cell.
    units : mapping of str to str, optional
        By column.

    Returns
    -------
    astropy.table.Table

    Examples
    --------
    >>> table = table_of([{"n": 46, "rms": 12.1}, {"n": None, "rms": None}], units={"rms": "mas"})
    >>> table["rms"].unit, table["n"].mask.tolist()
    (Unit("mas"), [False, True])
    """
    from astropy.table import MaskedColumn, Table

    table = Table()
    for name in dict.fromkeys(key for row in rows for key in row):
        values = [_cell(row.get(name)) for row in rows]
        known = [value for value in values if value is not None]
        kind = type(known[0]) if known else str
        if not all(type(value) is kind for value in known):
            kind = float if all(isinstance(v, int | float) for v in known) else str
        filled = [kind() if value is None else kind(value) for value in values]
        mask = [value is None for value in values]
        table[name] = MaskedColumn(filled, mask=mask, unit=(units or {}).get(name))
    return table


def _cell(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, dict | list) else value
