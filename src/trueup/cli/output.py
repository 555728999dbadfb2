"""How commands print: data on stdout, everything else on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from trueup import __version__

if TYPE_CHECKING:
    from rich.console import Console

Format = Literal["text", "json", "jsonl", "ecsv"]
# a verb that changes something takes no folder by default
Some = Annotated[str, Parameter(required=True)]

_WIDTH_OFF_TERMINAL = 150


def console(*, stderr: bool = False) -> Console:
    """A rich console on stdout or stderr; plain and wide where that is no terminal."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _WIDTH_OFF_TERMINAL
    return Console(stderr=stderr, width=width, highlight=False, soft_wrap=False)


def note(message: str) -> None:
    """One line on stderr."""
    sys.stderr.write(f"{message}\n")


def emit(verb: str, payload: Mapping[str, Any], *, style: Format, items: str | None = "items") -> None:
    """Print a payload as JSON, one JSON object per item, or an ECSV table of the items.

    Parameters
    ----------
    verb : str
        Named in the schema, ``trueup.<verb>/1``.
    payload : mapping
    style : str
        ``json``, ``jsonl`` or ``ecsv``.
    items : str
        The key of the sequence that jsonl and ecsv print; None where the payload itself is the one item.
    """
    out = sys.stdout
    rows = [payload] if items is None else payload[items]
    if style == "json":
        head = {"schema": f"trueup.{verb}/1", "version": __version__}
        out.write(json.dumps({**head, **payload}, indent=1, allow_nan=False) + "\n")
    elif style == "jsonl":
        for item in rows:
            out.write(json.dumps(item, allow_nan=False) + "\n")
    else:
        _write_ecsv(rows)


def _write_ecsv(rows: Sequence[Mapping[str, Any]]) -> None:
    """Scalars become columns, nested values JSON text, null an empty masked cell."""
    from astropy.table import MaskedColumn, Table

    table = Table()
    for name in dict.fromkeys(key for row in rows for key in row):
        values = [_cell(row.get(name)) for row in rows]
        known = [value for value in values if value is not None]
        kind = type(known[0]) if known else str
        if not all(type(value) is kind for value in known):
            kind = float if all(isinstance(v, int | float) for v in known) else str
        filled = [kind() if value is None else kind(value) for value in values]
        table[name] = MaskedColumn(filled, mask=[value is None for value in values])
    table.write(sys.stdout, format="ascii.ecsv")


def _cell(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, dict | list) else value
