"""What the project promises about itself: versions, public names, docstrings, rooms, sizes."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from types import ModuleType

import pytest

import trueup

SOURCE = Path(__file__).resolve().parents[1] / "src"
MODULES = sorted(SOURCE.rglob("*.py"))

PUBLIC = [
    "ChipWcs",
    "Choice",
    "Comparison",
    "DrizzleParams",
    "Exposure",
    "Measurement",
    "Mosaic",
    "Plan",
    "Solution",
    "TrueupError",
    "Visit",
    "WcsName",
    "choose",
    "compare",
    "drizzle",
    "errors",
    "fetch",
    "measure",
    "open_visit",
    "plan",
    "simulate",
    "undo",
]


def test_public_names_are_pinned() -> None:
    assert trueup.__all__ == PUBLIC == sorted(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_public_name_is_documented(name: str) -> None:
    value = getattr(trueup, name)
    text = inspect.getdoc(value) or ""
    if isinstance(value, ModuleType):
        assert text
        return
    assert _sections(text) >= {"Examples"}
    assert ">>> " in text
    if dataclasses.is_dataclass(value):
        parameters = [f.name for f in dataclasses.fields(value) if f.init]
    else:
        parameters = [p for p in inspect.signature(value).parameters if p != "args"]
        if not inspect.isclass(value):
            assert "Returns" in _sections(text)
    undocumented = [p for p in parameters if not re.search(rf"^(\w+, )*{p}\b.* : ", text, re.MULTILINE)]
    undocumented = [p for p in undocumented if not re.search(rf"^(\w+, )*{p}\b", text, re.MULTILINE)]
    assert not undocumented


def _sections(docstring: str) -> set[str]:
    return set(re.findall(r"^(\w[\w ]*)\n-{3,}$", docstring, flags=re.MULTILINE))


def test_a_verb_is_not_hidden_by_the_room_of_its_name() -> None:
    script = "import trueup.drizzle.grid, trueup; print(callable(trueup.drizzle)); import trueup.drizzle.grid"
    assert _python(script).split() == ["True"]


def test_version_is_the_same_everywhere(root: Path) -> None:
    changelog = (root / "CHANGELOG.md").read_text()
    assert re.findall(r"^## \[(\d[^\]]*)\]", changelog, flags=re.MULTILINE)[0] == trueup.__version__
    assert f"\nversion: {trueup.__version__}\n" in (root / "CITATION.cff").read_text()
    assert _python("from importlib.metadata import version; print(version('trueup'))") == trueup.__version__


def test_the_readme_names_commands_that_exist(root: Path) -> None:
    commands = (root / "README.md").read_text().partition("## Commands")[2].partition("##")[0]
    typed = set(re.findall(r"^trueup ([a-z]+)", commands, flags=re.MULTILINE))
    listed = _python("from trueup.cli import app; print(*(name for name in app if name.isalpha()))")
    assert typed == set(listed.split())


def test_import_is_light_and_says_nothing() -> None:
    loaded = _python("import sys, trueup; print(*{name.partition('.')[0] for name in sys.modules})").split()
    assert not {"astropy", "cyclopts", "matplotlib", "numpy", "rich", "scipy"} & set(loaded)


@pytest.mark.parametrize(
    "room", ["model", "fits", "astrometry", "edit", "drizzle", "archive", "report", "workflow", "cli"]
)
def test_rooms_load_heavy_modules_only_where_used(room: str) -> None:
    script = f"""
import importlib, pkgutil, sys
room = importlib.import_module("trueup.{room}")
for module in pkgutil.walk_packages(room.__path__, room.__name__ + "."):
    importlib.import_module(module.name)
print(*{{name.partition('.')[0] for name in sys.modules}})
"""
    assert not {"astropy", "matplotlib", "scipy"} & set(_python(script).split())


def test_only_three_rooms_use_the_kernels() -> None:
    users = {m.relative_to(SOURCE / "trueup").parts[0] for m in MODULES if "_kernels" in _imports(m)}
    assert users <= {"model", "drizzle", "astrometry"}


def test_the_stub_of_the_kernels_is_current(tmp_path: Path) -> None:
    stub = tmp_path / "_kernels.pyi"
    command = [sys.executable, "-m", "nanobind.stubgen", "-q", "-m", "trueup._kernels", "-o", str(stub)]
    subprocess.run(command, check=True, capture_output=True)
    assert (SOURCE / "trueup" / "_kernels.pyi").read_text() == stub.read_text(), "run `make stubs`"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_size_guide(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= 500
    beyond = [
        f"{f.name}: {_lines(f)} lines, {_arguments(f)} arguments" for f in _functions(text) if _beyond(f)
    ]
    assert not beyond


def test_half_of_the_modules_are_short() -> None:
    assert median(path.read_text().count("\n") for path in MODULES) <= 250


@pytest.mark.parametrize("path", sorted((SOURCE / "trueup" / "cli").glob("*.py")), ids=lambda path: path.stem)
def test_commands_only_wrap(path: Path) -> None:
    long = [f.name for f in _functions(path.read_text()) if _body_lines(f) > 15]
    assert not long


def test_kernel_sources_are_short() -> None:
    sizes = {path.name: path.read_text().count("\n") for path in (SOURCE / "kernels").iterdir()}
    assert not {name: size for name, size in sizes.items() if size > 500}


Function = ast.FunctionDef | ast.AsyncFunctionDef


def _functions(text: str) -> Iterator[Function]:
    return (node for node in ast.walk(ast.parse(text)) if isinstance(node, Function))


def _beyond(function: Function) -> bool:
    positional, total = _arguments(function)
    return _lines(function) > 60 or positional > 3 or total > 7


def _lines(function: Function) -> int:
    """Lines of a function without its docstring."""
    first = function.body[0]
    documented = ast.get_docstring(function) is not None
    last, start = function.end_lineno or 0, function.lineno
    return last - start + 1 - ((first.end_lineno or 0) - first.lineno + 1 if documented else 0)


def _body_lines(function: Function) -> int:
    """Lines of a function without its signature and docstring."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (function.end_lineno or 0) - body[0].lineno + 1 if body else 0


def _arguments(function: Function) -> tuple[int, int]:
    """The positional arguments and all arguments of a function, self included."""
    positional = len(function.args.posonlyargs) + len(function.args.args)
    return positional, positional + len(function.args.kwonlyargs)


def _imports(path: Path) -> set[str]:
    """The last parts of the names a module imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module or "", *(alias.name for alias in node.names)}
    return {name.rpartition(".")[2] for name in names}


def _python(script: str) -> str:
    """What a fresh interpreter prints."""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return run.stdout.strip()
