"""Every example in the help of a command does what it says, on a small visit and the loopback archive."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from glob import glob
from pathlib import Path
from unittest import mock

import pytest
from archive.observatory import Observatory, observatory

from trueup import __version__
from trueup.cli import app, run
from trueup.simulate import Recipe, make_visit

SMALL = Recipe(size=(700, 500), stars=400, galaxies=0)

# what a visit must have been through for an example to make sense
BEFORE = {
    "undo": "trueup apply VISIT --hlet VISIT/*_hlet.fits",
    "report": "trueup run VISIT --hlet VISIT/*_hlet.fits -o aligned",
}


# JSON of these is looked at elsewhere
LONG = {("run",), ("demo",), ("report",)}


def _commands() -> list[tuple[str, ...]]:
    verbs = [name for name in app if name.isalpha()]
    nested = [("headerlet", name) for name in app["headerlet"] if name.isalpha()]
    return [*((verb,) for verb in verbs if verb != "headerlet"), *nested]


def _help(*words: str) -> str:
    told = io.StringIO()
    with contextlib.redirect_stdout(told), mock.patch.dict(os.environ, {"COLUMNS": "80"}):
        assert run([*words, "--help"]) == 0
    return told.getvalue()


def _examples(command: tuple[str, ...]) -> list[str]:
    return re.findall(r"^Example: (trueup .+)$", _help(*command), flags=re.MULTILINE)


EXAMPLES = [example for command in _commands() for example in _examples(command)]


@pytest.mark.parametrize("command", _commands(), ids=" ".join)
def test_every_command_has_an_example_of_itself(command: tuple[str, ...]) -> None:
    examples = _examples(command)
    assert examples
    assert all(shlex.split(example)[1 : 1 + len(command)] == list(command) for example in examples)
    # a line of a narrow terminal holds all of it
    assert all(len(f"Example: {example}") <= 80 for example in examples)
    if command != ("report",):
        assert "choices: text, json, jsonl, ecsv" in " ".join(_help(*command).replace("\u2502", "").split())


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observatory]:
    with observatory(make_visit(tmp_path_factory.mktemp("archive"), recipe=SMALL)) as there:
        yield there


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, archive: Observatory) -> Iterator[Path]:
    """A folder with what the examples name: a visit, a catalogue, two products and a choice."""
    folder = tmp_path_factory.mktemp("desk")
    truth = make_visit(folder / "VISIT", recipe=SMALL)
    shutil.move(truth.catalog, folder / "gaia.ecsv")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("TRUEUP_CRDS_CACHE", str(folder / "crds"))
        patch.setenv("TRUEUP_GAIA_CACHE", str(folder / "gaia"))
        for name, value in archive.settings.items():
            patch.setenv(f"TRUEUP_{name.replace('.', '_').upper()}", value)
        _type("trueup choose VISIT --hlet VISIT/*_hlet.fits -o choice.json")
        for name, member in (("f336w", "iepw14030"), ("f275w", "iepw14040")):
            _type(f"trueup drizzle VISIT/{member}_asn.fits -o {name}_drc.fits")
        yield folder


@pytest.fixture
def own_desk(desk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy of the desk to work at, with the settings of that one."""
    shutil.copytree(desk, tmp_path / "desk")
    monkeypatch.chdir(tmp_path / "desk")
    monkeypatch.setattr("trueup.workflow.demo.Recipe", lambda: SMALL)


@pytest.mark.usefixtures("own_desk")
@pytest.mark.parametrize("example", EXAMPLES)
def test_example(example: str) -> None:
    _prepare(example)
    assert _type(example)


@pytest.mark.usefixtures("own_desk")
@pytest.mark.parametrize("command", [c for c in _commands() if c not in LONG], ids=" ".join)
def test_json_is_one_object_with_schema_and_version(command: tuple[str, ...]) -> None:
    example = _examples(command)[0]
    _prepare(example)
    said = json.loads(_type(f"{example} --format json"))
    assert said["schema"] == f"trueup.{command[0]}/1"
    assert said["version"] == __version__


def _prepare(example: str) -> None:
    verb = shlex.split(example)[1]
    if verb in BEFORE:
        _type(BEFORE[verb])


def _type(line: str) -> str:
    """Run a line as a shell would; it succeeds, or ends with a finding. Gives what it prints."""
    words = [glob(word) if "*" in word else [word] for word in shlex.split(line)[1:]]
    assert all(words)
    errors = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.redirect_stderr(errors):
        code = run([word for expanded in words for word in sorted(expanded)])
    assert code in {0, 1}, errors.getvalue()
    assert "Traceback" not in errors.getvalue()
    return said.getvalue()


def test_no_verb_means_help(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run([]) == 0
    assert capsys.readouterr().out == _help()


@pytest.mark.parametrize("reader", ["head -1", "true"])
def test_help_may_be_cut_short(reader: str) -> None:
    command = f"{sys.executable} -m trueup --help | {reader}; echo ${{PIPESTATUS[@]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0 0"
    assert done.stderr == ""
