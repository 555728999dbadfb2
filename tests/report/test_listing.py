"""The listing in words: findings, and the one command to type next."""

from __future__ import annotations

import shlex
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console
from scenes import distortion_only, exposure, fit

from trueup.model.cards import Value
from trueup.model.exposure import Exposure
from trueup.model.solution import Solution
from trueup.model.visit import Visit
from trueup.report.listing import common_selection, listing, print_listing


def second(*solutions: Solution, **keywords: Value) -> Exposure:
    return exposure(*solutions, ROOTNAME="iepw14gaq", FILTER="F275W", **keywords)


def text(visit: Visit, width: int = 150) -> str:
    out = StringIO()
    print_listing(listing(visit), Console(file=out, width=width))
    return out.getvalue()


def test_an_inconsistent_visit_says_who_differs_and_what_to_type() -> None:
    a = exposure(fit(60, -35), distortion_only(), fit(61, -35, "SVM"))
    b = second(distortion_only(), fit(61, -35, "SVM"))
    values = listing(Visit((a, b)))
    assert not values["consistent"]
    (finding,) = values["findings"]
    assert "fit-REL-GAIAEDR3 on iepw14g4q" in finding
    assert "distortion-only on iepw14gaq" in finding
    assert values["next"].endswith("--solution '*-FIT_SVM_GAIAeDR3'")
    shown = text(Visit((a, b)))
    assert "do not share one solution" in shown
    assert "Next: trueup apply" in shown


def test_a_consistent_visit_is_ready_to_drizzle() -> None:
    values = listing(Visit((exposure(fit(60, -35), distortion_only()),)))
    assert values["consistent"]
    assert values["next"] == "trueup drizzle iepw14g4q_flc.fits"


def test_an_unsound_common_solution_is_not_proposed() -> None:
    svm = fit(61, -35, "SVM")
    torn = replace(svm, chips=(svm.chips[0], fit(400, 0).chips[1]))
    a = exposure(fit(60, -35), distortion_only(), torn)
    b = second(distortion_only(), fit(61, -35, "SVM"))
    assert common_selection([a, b]) == "distortion-only"


def test_an_unsound_active_solution_is_a_finding() -> None:
    torn = fit(61, -35, "SVM")
    torn = replace(torn, chips=(torn.chips[0], fit(400, 0).chips[1]))
    values = listing(Visit((exposure(torn, distortion_only(), fit(60, -35)),)))
    assert len(values["findings"]) == 1
    assert "unsound" in values["findings"][0]
    assert values["next"].startswith("trueup apply")


def test_an_exposure_that_cannot_be_used_says_why() -> None:
    shown = text(Visit((exposure(distortion_only(), FILTER="G280"),)))
    assert "grism" in shown
    assert "(G280)" in shown
    assert "Next:" not in shown


@pytest.mark.parametrize("width", [60, 80, 100, 120, 150])
def test_name_and_verdict_are_never_cropped(width: int) -> None:
    torn = fit(61, -35, "SVM")
    torn = replace(torn, chips=(torn.chips[0], fit(400, 0).chips[1]))
    shown = text(Visit((exposure(fit(60, -35), distortion_only(), torn),)), width)
    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= max(width, len("Next: trueup drizzle iepw14g4q_flc.fits"))
    for word in ("sound", "active", "IDC_2731450pi", "NO: ", "chip-geometry", "yes"):
        assert word in shown
    assert ("a wider terminal also shows: " in shown) == (width < 140)


def test_the_next_command_can_be_typed() -> None:
    one = replace(exposure(distortion_only()), path="my data/it's_flc.fits")
    command = listing(Visit((one,)))["next"]
    assert shlex.split(command) == ["trueup", "drizzle", "my data/it's_flc.fits"]


def test_an_exposure_that_can_only_be_applied_is_not_sent_to_drizzle() -> None:
    one = exposure(distortion_only(), INSTRUME="WFPC2")
    assert not one.usable.drizzle
    assert listing(Visit((one,)))["next"] is None
    two = exposure(fit(60, -35), distortion_only(), INSTRUME="WFPC2", ROOTNAME="iepw14gaq")
    values = listing(Visit((one, two)))
    assert not values["consistent"]
    assert values["next"].startswith("trueup apply")
