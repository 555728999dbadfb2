"""What a search of the archive found, as a table for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

_SHOWN = ("obs_id", "instrument", "filters", "target", "exptime", "start", "program", "pi")
_PUBLIC = {"PUBLIC", None}


def print_observations(observations: Sequence[Mapping[str, Any]], console: Console) -> None:
    """Print observations, a line each, and the command to type next.

    Parameters
    ----------
    observations : sequence of mapping
        As in the JSON of ``trueup search``.
    console : rich.console.Console

    Examples
    --------
    >>> from rich.console import Console
    >>> print_observations([], Console())
    The archive has no such observation.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    if not observations:
        console.print("The archive has no such observation.")
        return
    table = Table(box=SIMPLE_HEAD)
    for name in (*_SHOWN, ""):
        table.add_column(name, no_wrap=name == "obs_id", justify="right" if name == "exptime" else "left")
    for row in observations:
        closed = row["rights"] not in _PUBLIC
        note = f"proprietary until {str(row['release'] or 'an unknown date')[:10]}" if closed else ""
        table.add_row(*(_text(row[name]) for name in _SHOWN), note)
    console.print(table)
    names = " ".join(row["obs_id"] for row in observations)
    console.print(f"Next: trueup fetch {names}", style="bold", soft_wrap=True)


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.0f}"
    return "-" if value is None else str(value)
