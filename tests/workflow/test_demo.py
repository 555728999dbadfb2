"""The whole job, small: what is measured is what was injected."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trueup.cli import run
from trueup.errors import UsageError
from trueup.simulate import Recipe
from trueup.workflow.demo import Demo, demo

SMALL = Recipe(size=(900, 700), stars=700)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    return demo(tmp_path_factory.mktemp("demo"), recipe=SMALL)


def test_the_offset_before_is_the_injected_one(result: Demo) -> None:
    fit = result.before.fit
    assert fit.east_mas == pytest.approx(60.0, abs=3)
    assert fit.north_mas == pytest.approx(-35.0, abs=3)
    assert result.true_before.east_mas == pytest.approx(60.0, abs=0.5)


def test_after_the_edit_the_filters_line_up(result: Demo) -> None:
    fit = result.after.fit
    assert fit.verdict != "unmeasurable"
    assert fit.east_mas is not None
    assert fit.north_mas is not None
    assert (fit.east_mas**2 + fit.north_mas**2) ** 0.5 < 3


def test_products_and_figures_are_there(result: Demo) -> None:
    assert len(result.products) == 4
    assert len(result.figures) == 6
    assert all(Path(path).stat().st_size > 10000 for path in (*result.products, *result.figures))


def test_values_are_those_of_the_contract(result: Demo) -> None:
    values = json.loads(json.dumps(result.as_dict(), allow_nan=False))
    assert set(values) == {"before", "after", "true_before", "true_after", "products", "figures"}
    assert set(values["true_before"]) == {"east_mas", "north_mas", "rotation_deg"}
    assert {"n", "east_mas", "log10_pfalse", "verdict", "why"} <= set(values["before"])


def test_the_visit_is_consistent_and_can_be_taken_back(
    result: Demo, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(result.products[0]).parents[1] / "visit"
    assert run(["ls", str(folder), "--check"]) == 0
    files = [str(path) for path in sorted(folder.glob("*_flc.fits"))]
    assert run(["undo", *files]) == 0
    assert run(["ls", str(folder), "--check"]) == 1
    assert "different solutions" in capsys.readouterr().out


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(UsageError, match="not empty"):
        demo(tmp_path, recipe=SMALL)
    assert (tmp_path / "thesis.txt").read_text() == "precious"
