"""A choice in words and as values."""

from __future__ import annotations

from io import StringIO

import pytest
from measurements import GSC, IDC, REL, SVM, fit_of, measurement, named, shot
from rich.console import Console

from trueup.astrometry.choosing.choose import choose
from trueup.model.exposure import Exposure
from trueup.report.choice import choice_values, comparison_lines, next_step, print_choice


def visit() -> list[Exposure]:
    solutions = {
        REL: named(REL, 0.3, -0.2, nmatches=46),
        SVM: named(SVM, 0.1, 0.1),
        GSC: named(GSC, 60.0, -35.0),
    }
    solutions[IDC] = named(IDC, -310.0, -240.0)
    return [
        shot("iepw14g4q", *solutions.values(), FILTER="F336W"),
        shot("iepw14gaq", solutions[GSC], solutions[SVM], solutions[IDC], FILTER="F275W"),
    ]


@pytest.mark.parametrize("width", [80, 150])
def test_the_text_names_reason_numbers_and_what_the_header_says(width: int) -> None:
    measured = measurement(*visit())
    values = choice_values(choose(measured), measured)
    out = StringIO()
    print_choice(values, Console(file=out, width=width))
    text = " ".join(out.getvalue().split())
    assert text.startswith("CHANGE: F275W was 69.1 +- 0.4 mas (1.74 px) off F336W")
    assert "rejected IDC_2731450pi-FIT_REL_GAIAeDR3: iepw14g4q #1: 0." in text
    assert "the chosen one is common to all" in text
    for word in ("iepw14g4q", "iepw14gaq", "F336W", "F275W", "new"):
        assert word in text
    alone = measurement(visit()[0])
    print_choice(choice_values(choose(alone), alone), Console(file=out, width=width))
    seen = "46 stars, 12.0/11.0 mas" if width > 80 else "a wider terminal also shows: filter, header says"
    assert seen in " ".join(out.getvalue().split())


def test_pairs_say_what_was_measured_before_and_after() -> None:
    measured = measurement(*visit())
    (pair,) = choice_values(choose(measured), measured)["pairs"]
    assert (pair["a"], pair["b"]) == ("iepw14g4q", "iepw14gaq")
    assert pair["before"]["judged_mas"] == pytest.approx(69.1, abs=0.1)
    assert (pair["before"]["verdict"], pair["after"]["verdict"]) == ("fail", "pass")


@pytest.mark.parametrize(
    ("verdict", "was_active", "saved", "plain", "step"),
    [
        ("derive", True, None, True, "Next: trueup fit 'my visit'"),
        ("keep", True, None, True, "Nothing to apply."),
        ("change", False, "c.json", False, "Next: trueup apply --choice c.json"),
        ("change", False, None, True, "Next: trueup apply 'my visit' --solution best"),
        ("unmeasurable", False, None, False, "Next: the same with -o choice.json"),
    ],
)
def test_the_next_step_can_be_typed(
    verdict: str, was_active: bool, saved: str | None, plain: bool, step: str
) -> None:
    values = {"verdict": verdict, "exposures": [{"was_active": was_active}]}
    assert next_step(values, ["my visit"], saved=saved, plain=plain).startswith(step)


def test_of_pairs_with_one_label_the_worst_is_shown() -> None:
    near, far = fit_of(0.2, 0.1, 0.3), fit_of(69.0, 0.0, 0.3)
    lines = comparison_lines(
        [(("F336W", "F275W"), far, near), (("F336W", "F275W"), near, near), (("F336W", "F336W"), near, None)]
    )
    assert lines == [
        "F275W - F336W: 69.0 +- 0.4 mas (1.74 px) before, 0.0 +- 0.4 mas (0.000 px) now: PASS",
        "within F336W: 0.0 +- 0.4 mas (0.000 px) before, not measured now",
    ]
