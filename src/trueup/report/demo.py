"""The short table at the end of the demo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from trueup.report.offset import signed

if TYPE_CHECKING:
    from rich.console import Console


def print_demo(values: Mapping[str, Any], labels: tuple[str, str], console: Console) -> None:
    """Print the offset before and after, measured and true, and where the report is.

    Parameters
    ----------
    values : mapping
        The demo as in the JSON contract.
    labels : (str, str)
        The first and the second filter.
    console : rich.console.Console
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, title=f"{labels[1]} minus {labels[0]}", title_justify="left")
    for heading in ("", "east mas", "north mas", "rotation deg", "stars"):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    for when in ("before", "after"):
        table.add_row(f"{when}, measured", *_measured(values[when]))
        table.add_row(f"{when}, true", *_true(values[f"true_{when}"]))
    console.print(table)
    console.print(f"Open {values['report']} in a browser.", soft_wrap=True)


def _measured(fit: Mapping[str, Any]) -> list[str]:
    if fit["east_mas"] is None:
        return ["unmeasurable", "", "", str(fit["n"])]
    return [
        f"{signed(fit['east_mas'], 2)} +- {fit['sigma_east_mas']:.2f}",
        f"{signed(fit['north_mas'], 2)} +- {fit['sigma_north_mas']:.2f}",
        f"{signed(fit['rotation_deg'], 4)} +- {fit['sigma_rotation_deg']:.4f}",
        str(fit["n"]),
    ]


def _true(truth: Mapping[str, float]) -> list[str]:
    return [
        signed(truth["east_mas"], 2),
        signed(truth["north_mas"], 2),
        signed(truth["rotation_deg"], 4),
        "",
    ]
