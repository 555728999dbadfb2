"""Writes a page per command, from its own help, when the documentation is built."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trueup.cli import _VERBS, app

_EXAMPLES = re.compile(r"(?:^ *Example: .+\n+)+", flags=re.MULTILINE)
_USAGE = re.compile(r"^```console\n(.+)\n```$", flags=re.MULTILINE)
# said elsewhere on the page, or nothing: options that are empty by default
_NOISE = re.compile(
    r"^## Table of Contents\n\n(?:- .+\n)+\n| \*\[default: (?:\(\)|\"\")\]\*", flags=re.MULTILINE
)
_INDEX = """# Commands

What `trueup VERB --help` prints.

```{toctree}
:maxdepth: 1

"""


def pages() -> Iterator[tuple[str, str]]:
    """Name and Markdown of each page, in the order of ``trueup --help``."""
    names = [*_VERBS, "headerlet"]
    links = "\n".join(names)
    yield "index", f"{_INDEX}{links}\n```\n"
    for name in names:
        yield name, _page(name)


def _page(name: str) -> str:
    command = app[name]
    # the docstring, not the line of the list of verbs
    command.help = None if name in _VERBS else command.help
    text = command.generate_docs(output_format="markdown", recursive=True)
    _, _, body = text.partition("\n")
    body = _USAGE.sub(r"```text\ntrueup \1\n```", _NOISE.sub("", body))
    return f"# trueup {name}\n{_EXAMPLES.sub(_as_block, body)}"


def _as_block(found: re.Match[str]) -> str:
    lines = re.findall(r"Example: (.+)", found[0])
    return "```sh\n" + "\n".join(lines) + "\n```\n\n"


def write(folder: Path) -> None:
    """Write the pages; one that says the same is left alone, so that it is not built again."""
    folder.mkdir(exist_ok=True)
    for name, text in pages():
        page = folder / f"{name}.md"
        if not page.exists() or page.read_text() != text:
            page.write_text(text)


def setup(sphinx: Any) -> dict[str, bool]:
    """Called by Sphinx."""
    sphinx.connect("builder-inited", lambda sphinx: write(Path(sphinx.srcdir) / "reference" / "commands"))
    return {"parallel_read_safe": True}
