"""A diagnosis in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from trueup.report.fetch import size_text

if TYPE_CHECKING:
    from rich.console import Console

_STYLES = {
    "ok": "",
    "warning": "yellow",
    "failed": "bold red",
    "unreachable": "bold red",
    "skipped": "dim",
}


def print_diagnosis(values: Mapping[str, Any], console: Console) -> None:
    """Print a table of what was found, and what follows.

    Parameters
    ----------
    values : mapping
        With ``items`` (section, name, status, value, text), ``sound`` and ``reachable``.
    console : rich.console.Console

    Examples
    --------
    >>> from rich.console import Console
    >>> print_diagnosis({"items": [], "sound": True, "reachable": None}, Console(width=60))
    This installation is sound; no service was asked.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, show_header=False, pad_edge=False)
    for heading in ("section", "name", "status", "value", "text"):
        table.add_column(heading, overflow="fold")
    before = None
    for item in values["items"]:
        if item["section"] != before:
            table.add_section()
        before, style = item["section"], _STYLES[item["status"]]
        cells = (before, item["name"], item["status"], _value(item), item["text"] or "")
        table.add_row(*(Text(cell, style) for cell in cells))
    if values["items"]:
        console.print(table)
    services = {
        None: "no service was asked",
        True: "all services can be reached",
        False: "not all services can be reached",
    }
    state = "is sound" if values["sound"] else "is NOT sound"
    console.print(f"This installation {state}; {services[values['reachable']]}.")


def _value(item: Mapping[str, Any]) -> str:
    if item["section"] == "folder":
        return size_text(item["value"]) if item["value"] is not None else "-"
    return "-" if item["value"] is None else str(item["value"])
