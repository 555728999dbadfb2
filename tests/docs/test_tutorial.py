"""The tutorial notebook runs offline, and ends where the truth is."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

NOTEBOOK = Path(__file__).resolve().parents[2] / "docs" / "tutorial.ipynb"
NUMBER = r"([+-]\d+\.\d)"
EXECUTE = """
import sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], 4)
NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
nbformat.write(notebook, sys.argv[2])
"""


@dataclass(frozen=True)
class Book:
    """A notebook: what stands in its cells, and what they put out."""

    source: str
    outputs: list[dict[str, Any]]

    @property
    def printed(self) -> str:
        return "".join("".join(output["text"]) for output in self.outputs if "text" in output)


def _read(path: Path) -> Book:
    cells = json.loads(path.read_text())["cells"]
    source = "\n".join("".join(cell["source"]) for cell in cells)
    return Book(source, [output for cell in cells for output in cell.get("outputs", ())])


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Book:
    """The notebook after its execution, in a process of its own."""
    home = tmp_path_factory.mktemp("home")
    environ = {"HOME": str(home), "MPLBACKEND": "agg", "TRUEUP_CONFIG": "", "TRUEUP_HTTP_OFFLINE": "true"}
    command = [sys.executable, "-c", EXECUTE, str(NOTEBOOK), str(home / "done.ipynb")]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return _read(home / "done.ipynb")


def test_it_is_kept_without_outputs() -> None:
    assert _read(NOTEBOOK).outputs == []


def test_it_says_nothing_on_stderr(executed: Book) -> None:
    assert [output["text"] for output in executed.outputs if output.get("name") == "stderr"] == []


def test_offsets_before_and_after_are_the_true_ones(executed: Book) -> None:
    printed = executed.printed
    pair = rf"{NUMBER} \+- ([\d.]+)\s+{NUMBER} \+- ([\d.]+) mas  (\w+)"
    found = {
        name: re.search(rf"^{name}\s+{pair}", printed, re.MULTILINE).groups() for name in ("before", "after")
    }
    true_before = re.search(rf"true:\s+{NUMBER} {NUMBER} mas", printed).groups()
    true_after = re.search(rf"^true\s+{NUMBER}\s+{NUMBER} mas after", printed, re.MULTILINE).groups()
    for name, truth in (("before", true_before), ("after", true_after)):
        east, sigma_east, north, sigma_north, _ = found[name]
        assert abs(float(east) - float(truth[0])) < 4 * float(sigma_east)
        assert abs(float(north) - float(truth[1])) < 4 * float(sigma_north)
    assert (found["before"][-1], found["after"][-1]) == ("fail", "pass")


def test_it_leaves_the_files_as_they_came(executed: Book) -> None:
    assert "4 edits taken back; as they came: True" in executed.printed


def test_every_section_of_the_archives_notebook_is_there() -> None:
    assert re.findall(r"^## (\d)", _read(NOTEBOOK).source, re.MULTILINE) == list("01234567")
