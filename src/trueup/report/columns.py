"""Tables for a terminal of any width: a column that finds no room is left out and named, never cut off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

# a name is not asked to be broken before this width
_WHOLE_NAME = 32
_BETWEEN = 3


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Parameters
    ----------
    heading : str
    kind : {"name", "word", "number"}
        A name may be broken into lines, the others not; numbers are at the right.
    spare : int
        Columns of the highest number are left out first; those of 0 stay.

    Examples
    --------
    >>> Column("rotation deg", "number", spare=3).spare
    3
    """

    heading: str
    kind: str = "word"
    spare: int = 0


def fitted_table(
    columns: Sequence[Column], rows: Sequence[Sequence[str | Text]], *, width: int, title: str = ""
) -> Table:
    """A table with as many of its columns as find room.

    Parameters
    ----------
    columns : sequence of Column
    rows : sequence of sequence of str or Text
        A cell for each column.
    width : int
        Of the terminal.
    title : str, optional

    Returns
    -------
    rich.table.Table

    Examples
    --------
    >>> columns = Column("exposure"), Column("seconds", "number", spare=1)
    >>> fitted_table(columns, [("iepw14g4q", "0.4")], width=12).caption
    'a wider terminal also shows: seconds'
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    needs = {column: _need(column, [row[i] for row in rows]) for i, column in enumerate(columns)}
    shown = list(columns)
    for spare in sorted({column.spare for column in columns} - {0}, reverse=True):
        if sum(needs[column] + _BETWEEN for column in shown) - 1 <= width:
            break
        shown = [column for column in shown if column.spare != spare]
    table = Table(box=SIMPLE_HEAD, title=title or None, title_justify="left", pad_edge=False)
    name_left_out(table, [column.heading for column in columns if column not in shown])
    for column in shown:
        look: dict[str, Any] = {"justify": "right" if column.kind == "number" else "left"}
        table.add_column(column.heading, overflow="fold", no_wrap=column.kind != "name", **look)
    for row in rows:
        table.add_row(*(cell for column, cell in zip(columns, row, strict=True) if column in shown))
    return table


def name_left_out(table: Table, headings: Sequence[str]) -> None:
    """Say below a table which columns found no room.

    Examples
    --------
    >>> from rich.table import Table
    >>> table = Table()
    >>> name_left_out(table, ["rotation deg", "stars"])
    >>> table.caption
    'a wider terminal also shows: rotation deg, stars'
    """
    if headings:
        names = ", ".join(heading.replace("\n", " ") for heading in headings)
        table.caption, table.caption_justify = f"a wider terminal also shows: {names}", "left"


def _need(column: Column, cells: Sequence[str | Text]) -> int:
    """How wide a column must be."""
    widest = max(len(cell) for cell in (column.heading, *cells))
    return min(widest, _WHOLE_NAME) if column.kind == "name" else widest
