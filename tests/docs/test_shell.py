"""Every line of shell in the documentation does what it says, on a small visit and the loopback archive."""

from __future__ import annotations

import doctest
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from archive.observatory import observatory
from astropy.table import Table
from psf_library import write_stdpsf

from trueup.simulate import Recipe, make_visit

ROOT = Path(__file__).resolve().parents[2]
HOWTOS = sorted(path.name for path in (ROOT / "docs/howto").glob("*.md") if path.stem != "index")
PAGES = ["README.md", "docs/tutorial.ipynb", *(f"docs/howto/{name}" for name in HOWTOS)]
SMALL = Recipe(size=(700, 500), stars=400, galaxies=0)
BLOCK = re.compile(r"^```(sh|console)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)
# a finding is no failure; whatever else fails ends the block
SHELL = "set -o pipefail; trap 'code=$?; [ $code -lt 2 ] || exit $code' ERR\n"
# names in a catalogue that is not Gaia's
OWN_COLUMNS = {"ra": "ALPHA", "dec": "DELTA"}


@dataclass(frozen=True)
class Line:
    """What is typed, and what the page shows under it."""

    typed: str
    shown: str = ""


def text_of(page: Path) -> str:
    """A page as Markdown; of a notebook, what stands between the cells."""
    text = page.read_text()
    if page.suffix == ".md":
        return text
    cells = json.loads(text)["cells"]
    return "\n".join("".join(cell["source"]) + "\n" for cell in cells if cell["cell_type"] == "markdown")


def lines_of(text: str) -> list[Line]:
    """The lines of shell of a page, in their order."""
    return [line for kind, block in BLOCK.findall(text) for line in _of_block(kind, block)]


def _of_block(kind: str, block: str) -> list[Line]:
    if kind == "sh":
        return [Line(block)]
    parts = re.findall(r"^\$ (.*\n(?:^> ?.*\n)*)((?:^(?!\$ ).*\n)*)", block, flags=re.MULTILINE)
    return [Line(re.sub(r"^> ?", "", typed, flags=re.MULTILINE), shown) for typed, shown in parts]


def test_lines_of_a_page() -> None:
    page = "```sh\na\nb\n```\ntext\n```console\n$ c '\n> d'\nout\n$ e\n```\n```text\n$ no\n```\n"
    assert lines_of(page) == [Line("a\nb\n"), Line("c '\nd'\n", "out\n"), Line("e\n")]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the pages name: a visit, its archive, Gaia's stars, an own catalogue, PSFs."""
    folder = tmp_path_factory.mktemp("desk")
    truth = make_visit(folder / "archive", recipe=SMALL)
    shutil.move(truth.catalog, folder / "gaia.ecsv")
    shutil.copytree(truth.directory, folder / "VISIT")
    stars = Table.read(folder / "gaia.ecsv")[list(OWN_COLUMNS)]
    stars.rename_columns(list(OWN_COLUMNS), list(OWN_COLUMNS.values()))
    stars.write(folder / "mycat.csv")
    for name in truth.filters:
        write_stdpsf(folder / f"STDPSF_WFC3UV_{name}.fits")
    return folder


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Settings of a loopback archive with the visit."""
    with observatory(make_visit(tmp_path_factory.mktemp("archive"), recipe=SMALL)) as there:
        yield {f"TRUEUP_{name.replace('.', '_').upper()}": value for name, value in there.settings.items()}


@pytest.fixture(scope="module")
def outcomes(
    desk: Path, services: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[None]]]:
    """What became of each page; two at a time, since all work is done by other processes."""
    with ThreadPoolExecutor(2) as pool:
        folders = {page: tmp_path_factory.mktemp("page") for page in PAGES}
        yield {page: pool.submit(_follow, page, desk, services, folder) for page, folder in folders.items()}
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("page", PAGES)
def test_page(page: str, outcomes: dict[str, Future[None]]) -> None:
    outcomes[page].result()


def _follow(page: str, desk: Path, services: dict[str, str], folder: Path) -> None:
    """Type all lines of a page, one after the other."""
    shutil.copytree(desk, folder / "desk")
    environ = os.environ | services | _at_home(folder / "home")
    lines = lines_of(text_of(ROOT / page))
    assert lines
    for line in lines:
        said = _run(line.typed, folder / "desk", environ)
        assert _is_as_shown(line.shown, said), f"{line.typed}{said}\ninstead of\n{line.shown}"


def _at_home(home: Path) -> dict[str, str]:
    """The surroundings of a user who has just installed trueup."""
    home.mkdir()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {"HOME": str(home), "PATH": path, "COLUMNS": "150", "LC_ALL": "C.UTF-8", "TRUEUP_CONFIG": ""}


def _run(typed: str, folder: Path, environ: dict[str, str]) -> str:
    """What a line prints; it succeeds, or ends with a finding."""
    command = ["bash", "-c", SHELL + typed]
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode in {0, 1}, f"{typed}{done.stderr}"
    assert "Traceback" not in done.stderr, f"{typed}{done.stderr}"
    return done.stdout


def _is_as_shown(shown: str, said: str) -> bool:
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    return not shown or doctest.OutputChecker().check_output(shown, said, options)


def test_every_command_of_trueup_in_prose_exists() -> None:
    from trueup.cli import app

    pages = [*(ROOT / "docs").glob("*/*.md"), ROOT / "README.md"]
    verbs = {
        shlex.split(found)[1] for page in pages for found in re.findall(r"`(trueup [a-z]+)", page.read_text())
    }
    assert verbs <= set(app)
