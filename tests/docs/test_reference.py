"""The reference has everything: every command with its options, every public name."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

import trueup
from trueup.cli import app

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = dict(runpy.run_path(str(DOCS / "commands.py"))["pages"]())


def test_every_command_has_a_page() -> None:
    commands = {name for name in app if name.isalpha()}
    assert commands == set(PAGES) - {"index"}
    assert all(f"\n{name}\n" in PAGES["index"] for name in commands)


@pytest.mark.parametrize("name", sorted(set(PAGES) - {"index"}))
def test_a_page_has_examples_options_and_what_they_mean(name: str) -> None:
    page = PAGES[name]
    assert page.startswith(f"# trueup {name}\n")
    assert f"```sh\ntrueup {name} " in page or f"```sh\ntrueup {name}\n" in page
    assert "--format" in page or name == "report"
    assert re.findall(r"^\* `--[^`]*`: *$", page, re.MULTILINE) == []
    assert "Example:" not in page


def test_every_public_name_has_a_place() -> None:
    page = (DOCS / "reference" / "python.md").read_text()
    assert [name for name in trueup.__all__ if not re.search(rf"\b{name}\b", page)] == ["TrueupError"]
    assert ".. automodule:: trueup.errors" in page


def test_pages_name_existing_pages() -> None:
    linked = [
        (page, link)
        for page in [*DOCS.glob("*/*.md"), *DOCS.glob("*.md"), DOCS.parent / "README.md"]
        for link in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text())
    ]
    built = {f"commands/{name}.md" for name in PAGES}
    assert linked
    for page, link in linked:
        assert (page.parent / link).exists() or any(link.endswith(name) for name in built), f"{page}: {link}"
