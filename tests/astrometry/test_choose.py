"""The rules of choosing, one after the other, on measurements made of values alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from measurements import GSC, IDC, REL, SVM, measurement, named, shot

from trueup.astrometry.choice import Choice
from trueup.astrometry.choose import choose
from trueup.astrometry.measurement import Measurement
from trueup.errors import SelectionError, SolutionError
from trueup.model.exposure import Exposure
from trueup.model.visit import Visit


def idc() -> tuple[str, float, float]:
    return IDC, -310.0, -240.0


def right(rootname: str, *, active: str = REL, minutes: float = 0.0, svm: bool = True, **words: object) -> Exposure:
    """An F336W exposure whose fit is right, and whose guide stars are 60, -35 mas off it."""
    solutions = {
        REL: named(REL, 0.3, -0.2, nmatches=46),
        GSC: named(GSC, 60.0, -35.0),
        IDC: named(*idc()),
        SVM: named(SVM, -0.2, 0.3),
    }
    return _ordered(rootname, solutions, active, svm=svm, minutes=minutes, FILTER="F336W", **words)


def poor(rootname: str, *, active: str = GSC, minutes: float = 0.0, svm: bool = True, **words: object) -> Exposure:
    """An F275W exposure whose own fit rests on nine matches."""
    solutions = {
        GSC: named(GSC, 60.0, -35.0),
        REL: named(REL, 12.0, -18.0, nmatches=9),
        IDC: named(*idc()),
        SVM: named(SVM, 0.1, 0.1),
    }
    return _ordered(rootname, solutions, active, svm=svm, minutes=minutes, FILTER="F275W", **words)


def _ordered(rootname, solutions, active, *, svm, minutes, **words):  # type: ignore[no-untyped-def]
    names = [active, *(name for name in solutions if name != active and (svm or name != SVM))]
    return shot(rootname, *(solutions[name] for name in names), minutes=minutes, **words)


def tutorial(svm: bool = True) -> list[Exposure]:
    return [
        right("iepw14g4q", svm=svm),
        right("iepw14g6q", minutes=6, svm=svm),
        poor("iepw14gaq", minutes=20, svm=svm),
        poor("iepw14geq", minutes=35, svm=svm),
    ]


def names(choice: Choice) -> dict[str, str]:
    return {one.exposure.rootname: one.solution.wcsname for one in choice.exposures}


def test_the_tutorial_visit_gets_the_common_solution_of_the_mosaic() -> None:
    choice = choose(measurement(*tutorial()))
    assert choice.verdict == "change"
    assert choice.common == SVM
    assert set(names(choice).values()) == {SVM}
    assert "F275W was 69." in choice.reason
    assert f"off F336W under {GSC} against {REL}" in choice.reason
    assert f"{SVM} is common to all four and brings every pair within" in choice.reason


def test_without_the_mosaic_the_tutorial_visit_needs_a_fit() -> None:
    choice = choose(measurement(*tutorial(svm=False)))
    assert choice.verdict == "derive"
    assert "trueup fit" in choice.reason
    assert set(names(choice).values()) == {REL, GSC}


def test_a_good_visit_is_left_alone_in_so_many_words() -> None:
    choice = choose(measurement(right("iepw14g4q"), right("iepw14g6q"), right("iepw14g8q")))
    assert choice.verdict == "keep"
    assert "already good, nothing is changed" in choice.reason
    assert all(one.was_active for one in choice.exposures)
