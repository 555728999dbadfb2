"""Tables for people in terminals of any width: nothing is cut off, and what is left out is named."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.text import Text

from trueup.report.columns import Column, fitted_table

COLUMNS = (
    Column("exposure"),
    Column("solution", "name"),
    Column("east mas", "number", spare=2),
    Column("north mas", "number", spare=2),
    Column("displacement mas (px)", "number"),
    Column("stars", "number", spare=1),
    Column("verdict"),
)
NAME = "IDC_2731450pi-FIT_REL_GAIAeDR3"
ROW = ("iepw14g4q", NAME, "+60.0 +- 0.2", "-34.9 +- 0.2", "69.7 +- 1.0 (1.75)", "214", Text("UNMEASURABLE"))


def printed(width: int) -> str:
    stream = io.StringIO()
    Console(file=stream, width=width).print(fitted_table(COLUMNS, [ROW], width=width, title="a minus b"))
    return stream.getvalue()


@pytest.mark.parametrize("width", [72, 80, 100, 120, 200])
def test_no_cell_is_cut_off(width: int) -> None:
    text = printed(width)
    assert "\N{HORIZONTAL ELLIPSIS}" not in text
    assert all(len(line) <= width for line in text.splitlines())
    for cell in ("iepw14g4q", "69.7 +- 1.0 (1.75)", "UNMEASURABLE"):
        assert cell in text
    for heading, cell in (("east mas", ROW[2]), ("north mas", ROW[3]), ("stars", "214")):
        shown = cell in text.partition("a wider terminal")[0]
        assert (heading in text.partition("a wider terminal also shows:")[2]) is not shown


def test_columns_go_in_groups_and_names_are_broken_last() -> None:
    assert "a wider terminal" not in printed(140)
    assert (
        "also shows: east mas, north mas\n"
        in "\n".join(line.rstrip() for line in printed(110).splitlines()) + "\n"
    )
    assert NAME in printed(90)
    assert NAME not in printed(72)


def test_two_columns_of_one_heading() -> None:
    columns = (Column(""), Column("", "name"), Column("", "number"))
    stream = io.StringIO()
    Console(file=stream, width=40).print(fitted_table(columns, [("a", "b", "c")], width=40))
    assert "a   b   c" in stream.getvalue()
