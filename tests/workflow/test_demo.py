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


@pytest.mark.parametrize("when", ["before", "after"])
def test_offsets_are_the_injected_ones_within_their_errors(result: Demo, when: str) -> None:
    fit, true = getattr(result, when), getattr(result, f"true_{when}")
    assert fit["verdict"] != "unmeasurable"
    for name in ("east_mas", "north_mas", "rotation_deg"):
        assert abs(fit[name] - getattr(true, name)) < 3 * fit[f"sigma_{name}"], name
    assert fit["sigma_east_mas"] < 3


def test_the_truth_is_that_of_the_tutorial(result: Demo) -> None:
    assert result.true_before.east_mas == pytest.approx(60.0, abs=0.5)
    assert result.true_before.north_mas == pytest.approx(-35.0, abs=0.5)
    assert abs(result.true_after.east_mas) < 1


def test_the_verdict_is_right(result: Demo) -> None:
    choice = result.run.manifest["choice"]
    assert choice["verdict"] == "change"
    assert choice["common"].endswith("FIT_SVM_GAIAeDR3")
    page = (result.run.folder / "report.html").read_text()
    assert "F275W was" in page
    assert choice["common"] in page


def test_products_figures_and_report_are_there(result: Demo) -> None:
    values = result.as_dict()
    files = [*values["products"], *values["figures"], values["report"]]
    assert (len(values["products"]), len(values["figures"])) == (4, 2)
    assert all(Path(path).stat().st_size > 10000 for path in files)


def test_values_are_those_of_the_contract(result: Demo) -> None:
    values = json.loads(json.dumps(result.as_dict(), allow_nan=False))
    wanted = {"before", "after", "true_before", "true_after", "products", "figures", "report"}
    assert set(values) == wanted
    assert set(values["true_before"]) == {"east_mas", "north_mas", "rotation_deg"}
    assert {"n", "east_mas", "log10_pfalse", "verdict", "why"} <= set(values["before"])


def test_the_choice_can_be_put_in_force_and_taken_back(
    result: Demo, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = result.run.folder / "archive"
    assert run(["ls", str(archive), "--check"]) == 1
    assert run(["apply", "--choice", str(result.run.folder / "choice.json")]) == 0
    assert run(["ls", str(archive), "--check"]) == 0
    files = [str(path) for path in sorted(archive.glob("*_flc.fits"))]
    assert run(["undo", *files]) == 0
    assert run(["ls", str(archive), "--check"]) == 1
    assert "different solutions" in capsys.readouterr().out


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(UsageError, match="not empty"):
        demo(tmp_path, recipe=SMALL)
    assert (tmp_path / "thesis.txt").read_text() == "precious"
