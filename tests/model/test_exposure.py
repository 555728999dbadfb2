"""What an exposure says about itself."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scenes import CHIPS, distortion_only, exposure, fit

from trueup.errors import SelectionError, SolutionError
from trueup.model.cards import Value
from trueup.model.select import select
from trueup.model.visit import Visit


@pytest.mark.parametrize(
    ("keywords", "mode", "drizzle"),
    [
        ({}, "image", True),
        ({"OBSTYPE": "SPECTROSCOPIC"}, "grism", False),
        ({"FILTER": "G280"}, "grism", False),
        ({"FILTER": "PR200L"}, "grism", False),
        ({"MTFLAG": "T"}, "moving", False),
        ({"MTFLAG": True}, "moving", False),
        ({"MTFLAG": " "}, "image", True),
        ({"SCAN_TYP": "D"}, "scan", False),
        ({"SCAN_TYP": "N"}, "image", True),
        ({"TARGNAME": "BIAS"}, "calibration", False),
        ({"IMAGETYP": "DARK"}, "calibration", False),
        ({"CHINJECT": "CONT"}, "calibration", False),
        ({"CHINJECT": "NONE"}, "image", True),
        ({"EXPTIME": 0.0}, "failed", False),
        ({"QUALITY": "GSFAIL"}, "failed", False),
        ({"QUALITY": "TDF-DOWN AT EXPSTART"}, "failed", False),
        ({"FGSLOCK": "GYROS"}, "image", True),
    ],
)
def test_mode(keywords: dict[str, Value], mode: str, drizzle: bool) -> None:
    one = exposure(distortion_only(), **keywords)
    assert one.mode == mode
    assert one.usable.drizzle is drizzle
    assert bool(one.usable.why) is (mode != "image" or one.guiding == "gyro")


@pytest.mark.parametrize(
    ("lock", "guiding"),
    [("FINE", "fine"), ("FINE/GYRO", "fine/gyro"), ("GYROS", "gyro"), ("COARSE", "coarse")],
)
def test_guiding(lock: str, guiding: str) -> None:
    assert exposure(distortion_only(), FGSLOCK=lock).guiding == guiding
    assert exposure(distortion_only()).guiding == "unknown"


def test_filters_of_two_wheels() -> None:
    wheels = exposure(distortion_only(), FILTER="", FILTER1="CLEAR1L", FILTER2="F814W")
    assert wheels.filter == "F814W"
    crossed = exposure(distortion_only(), FILTER="", FILTER1="F555W", FILTER2="POL0V")
    assert crossed.filter == "F555W;POL0V"


def test_association_none_is_the_exposure_itself() -> None:
    assert exposure(distortion_only(), ASN_ID="NONE").association == "iepw14g4q"
    assert exposure(distortion_only(), ASN_ID="IEPW14030").association == "iepw14030"


def test_under_is_another_exposure_and_leaves_the_first() -> None:
    first = exposure(fit(60, -35), distortion_only())
    second = first.under(first.solutions[1])
    assert second.solution is first.solutions[1]
    assert first.solution is first.active
    a, b = (e.wcs(CHIPS[0]).pixel_to_sky(0, 0) for e in (first, second))
    assert abs(a[1] - b[1]) * 3.6e6 > 10


def test_under_refuses_a_solution_of_another_exposure_or_without_a_chip() -> None:
    one = exposure(distortion_only())
    with pytest.raises(SolutionError, match="iepw14g6q"):
        one.under(replace(fit(0, 0), destim="iepw14g6q"))
    with pytest.raises(SolutionError, match="does not cover"):
        one.under(replace(fit(0, 0), chips=fit(0, 0).chips[:1]))


@pytest.mark.parametrize(
    ("selection", "index"),
    [
        ("#2", 1),
        ("idc_2731450PI", 1),
        ("distortion-only", 1),
        ("rel", 0),
        ("*fit_svm*", 2),
        ("svm", 2),
        ("IDC_2731450pi-FIT_SVM_GAIAEDR3", 2),
    ],
)
def test_selection(selection: str, index: int) -> None:
    one = exposure(fit(60, -35), distortion_only(), fit(61, -35, "SVM"))
    assert select(one, selection) is one.solutions[index]


def test_selection_refuses_what_it_cannot_decide() -> None:
    one = exposure(fit(60, -35), distortion_only(), fit(61, -35, "SVM"), fit(60, -35, "SVM"))
    with pytest.raises(SelectionError, match=r"#3 .*#4"):
        select(one, "svm")
    with pytest.raises(SelectionError, match="no solution matches"):
        select(one, "apriori")
    with pytest.raises(SelectionError, match="run from #1 to #4"):
        select(one, "#9")
    with pytest.raises(SelectionError, match="measured"):
        select(one, "best")
    with pytest.raises(SelectionError, match="blank"):
        select(one, " ")


def test_a_glob_means_names_before_file_names() -> None:
    plain = replace(distortion_only(), hdrname="iepw14g4q_flc_IDC_2731450pi-hlet.fits")
    one = exposure(fit(60, -35), plain)
    assert select(one, "*FIT*") is one.solutions[0]
    assert select(one, "*2731450pi-hlet*") is one.solutions[1]


def test_copies_of_one_solution_are_one_choice() -> None:
    one = exposure(fit(60, -35), distortion_only(), fit(60, -35))
    assert select(one, "rel").name.mode == "REL"


def test_visits_group_and_compare() -> None:
    rel, idc = exposure(fit(60, -35)), exposure(distortion_only(), ROOTNAME="iepw14gaq")
    assert Visit((rel,)).is_consistent
    mixed = Visit((rel, idc))
    assert not mixed.is_consistent
    assert list(mixed.by_visit()) == ["iepw14"]
    grism = exposure(distortion_only(), FILTER="G280")
    assert Visit((rel, grism)).is_consistent


def test_more_than_one_distortion_table() -> None:
    a = exposure(distortion_only(), IDCTAB="iref$2731450pi_idc.fits")
    b = exposure(distortion_only(), IDCTAB="iref$w3m18525i_idc.fits")
    assert list(Visit((a, b)).idctabs()) == ["UVIS"]
    assert not Visit((a, a)).idctabs()
