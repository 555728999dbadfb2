"""How commands print: data on stdout, everything else on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
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
        from trueup.model.table import table_of

        table_of(rows).write(out, format="ascii.ecsv")
