"""The tutorial notebook runs offline, and ends where the truth is."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

NOTEBOOK = Path(__file__).resolve().parents[2] / "docs" / "tutorial.ipynb"
NUMBER = r"([+-]\d+\.\d)"


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The executed notebook; in a process of its own, as `jupyter execute` would be."""
    home = tmp_path_factory.mktemp("home")
    code = "import sys, nbformat; from nbclient import NotebookClient; book = nbformat.read(sys.argv[1], 4); "
    code += "NotebookClient(book, timeout=300, kernel_name='python3').execute(); "
    code += "nbformat.write(book, sys.argv[2])"
    environ = {"HOME": str(home), "MPLBACKEND": "agg", "TRUEUP_CONFIG": "", "TRUEUP_HTTP_OFFLINE": "true"}
    command = [sys.executable, "-c", code, str(NOTEBOOK), str(home / "done.ipynb")]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return nbformat.read(home / "done.ipynb", 4)


def _printed(notebook: Any) -> str:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return "".join(output.text for output in outputs if output.output_type == "stream")


def test_it_is_kept_without_outputs() -> None:
    cells = nbformat.read(NOTEBOOK, 4).cells
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)


def test_it_says_nothing_on_stderr(notebook: Any) -> None:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert [output.text for output in outputs if output.get("name") == "stderr"] == []


def test_offsets_before_and_after_are_the_true_ones(notebook: Any) -> None:
    printed = _printed(notebook)
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


def test_it_leaves_the_files_as_they_came(notebook: Any) -> None:
    assert "4 edits taken back; as they came: True" in _printed(notebook)


def test_every_section_of_the_archives_notebook_is_there() -> None:
    text = "\n".join(cell.source for cell in nbformat.read(NOTEBOOK, 4).cells)
    assert re.findall(r"^## (\d)", text, re.MULTILINE) == list("01234567")
