"""The rules of choosing, one after the other, on measurements made of values alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from measurements import GSC, IDC, REL, SVM, measurement, named, shot
from scenes import fit as scene_fit

from trueup.astrometry.choosing.anchor import anchored
from trueup.astrometry.choosing.choice import Choice
from trueup.astrometry.choosing.choose import choose
from trueup.astrometry.choosing.evidence import gather
from trueup.astrometry.choosing.standing import stand
from trueup.astrometry.measuring.measurement import Measurement
from trueup.errors import SelectionError, SolutionError
from trueup.model.cards import Value
from trueup.model.exposure import Exposure
from trueup.model.solution import Solution
from trueup.model.visit import Visit

IMG = f"{IDC}-FIT_IMG_GAIAeDR3"
RIGHT = {
    REL: named(REL, 0.3, -0.2, nmatches=46),
    GSC: named(GSC, 60.0, -35.0),
    IDC: named(IDC, -310.0, -240.0),
    SVM: named(SVM, -0.2, 0.3),
}
# its own fit rests on nine matches
POOR = {**RIGHT, REL: named(REL, 12.0, -18.0, nmatches=9), SVM: named(SVM, 0.1, 0.1)}


def of(
    solutions: dict[str, Solution],
    rootname: str,
    active: str,
    *,
    without: tuple[str, ...] = (),
    minutes: float = 0.0,
    **words: Value,
) -> Exposure:
    """An exposure with these solutions, one of them active."""
    names = [active, *(name for name in solutions if name not in {active, *without})]
    return shot(rootname, *(solutions[name] for name in names), minutes=minutes, **words)


def f336w(rootname: str, minutes: float = 0.0, **words: Value) -> Exposure:
    """Its fit is right; its guide stars are (60, -35) mas off."""
    return of(RIGHT, rootname, REL, minutes=minutes, FILTER="F336W", **words)


def f275w(
    rootname: str, minutes: float = 20.0, *, active: str = GSC, without: tuple[str, ...] = (), **words: Value
) -> Exposure:
    """Its guide stars are (60, -35) mas off, too, and that is in force."""
    return of(POOR, rootname, active, without=without, minutes=minutes, FILTER="F275W", **words)


def tutorial(*without: str) -> list[Exposure]:
    """Two filters as the archive leaves them."""
    return [
        of(RIGHT, "iepw14g4q", REL, without=without, FILTER="F336W"),
        of(RIGHT, "iepw14g6q", REL, without=without, minutes=6, FILTER="F336W"),
        f275w("iepw14gaq", 20, without=without),
        f275w("iepw14geq", 35, without=without),
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
    assert choice.reason.endswith(f"{IDC} and {GSC} would, too (no fit to the sky)")


def test_a_rejected_kind_that_all_have_is_judged_in_all() -> None:
    """The guide stars' solutions disagree with the mosaic's, not with each other."""
    without_sky = choose(measurement(*tutorial())).rejected
    reasons = {one.reason for one in without_sky if one.solution.wcsname == GSC}
    assert len([one for one in without_sky if one.solution.wcsname == GSC]) == 4
    (reason,) = reasons
    assert reason.startswith("in all four: 0.0 +- ")
    assert reason.endswith("at worst, no fit to the sky")
    on_sky = choose(measurement(*tutorial(), catalog_sigma_mas=0.3)).rejected
    (reason,) = {one.reason for one in on_sky if one.solution.wcsname == GSC}
    assert "69.5 +- " in reason
    assert reason.endswith("off the catalogue")


def test_exposures_that_disagree_have_no_offset_in_common() -> None:
    """Half of them right and half 69 mas off the catalogue is 69 mas off, not 35."""
    measured = gather(measurement(*tutorial(), catalog_sigma_mas=0.3))
    found = stand(measured, {root: measured.active(root) for root in measured.exposures}).absolute
    assert found is not None
    assert found.mas == pytest.approx(np.hypot(60, 35), abs=1)


def test_a_measurement_too_coarse_to_decide_is_not_called_none() -> None:
    (one,) = tutorial()[:1]
    choice = choose(measurement(one, catalog_sigma_mas=3.0))
    assert choice.verdict == "unmeasurable"
    assert "too coarse to decide" in choice.reason


def test_without_the_mosaic_the_tutorial_visit_needs_a_fit() -> None:
    choice = choose(measurement(*tutorial(SVM)))
    assert choice.verdict == "derive"
    assert "trueup fit" in choice.reason
    assert set(names(choice).values()) == {REL, GSC}


def test_a_good_visit_is_left_alone_in_so_many_words() -> None:
    choice = choose(measurement(f336w("iepw14g4q"), f336w("iepw14g6q"), f336w("iepw14g8q")))
    assert choice.verdict == "keep"
    assert "already good, nothing is changed" in choice.reason
    assert all(one.was_active for one in choice.exposures)


def test_names_that_differ_do_not_matter_where_pixels_agree() -> None:
    exposures = f336w("iepw14g4q"), f275w("iepw14gaq", active=SVM)
    choice = choose(measurement(*exposures))
    assert (choice.verdict, choice.common) == ("keep", None)
    assert all(one.was_active for one in choice.exposures)


def test_a_trade_of_fits_for_guide_stars_needs_a_catalogue() -> None:
    """All four agree under GSC240, but 69 mas from where the fit puts two of them."""
    choice = choose(measurement(*tutorial(SVM)))
    assert choice.verdict == "derive"
    assert "gives up the fit to the sky" in choice.reason
    with_catalog = choose(measurement(*tutorial(SVM), catalog_sigma_mas=0.4))
    assert with_catalog.verdict == "derive"
    assert set(names(with_catalog).values()) == {REL, GSC}


def test_the_catalogue_decides_between_sets_that_agree() -> None:
    """GSC240 is in force and common, and every pair agrees; the sky is 69 mas away."""
    exposures = [of(RIGHT, root, GSC) for root in ("iepw14g4q", "iepw14g6q")]
    assert choose(measurement(*exposures)).verdict == "keep"
    choice = choose(measurement(*exposures, catalog_sigma_mas=0.4))
    assert choice.verdict == "change"
    assert choice.common in {REL, SVM}
    assert "off the catalogue" in choice.reason
    assert choice.exposures[0].absolute_mas == pytest.approx(0.36, abs=0.02)


def test_a_visit_that_agrees_but_is_off_the_sky_needs_a_fit() -> None:
    exposures = [shot(root, RIGHT[GSC], RIGHT[IDC]) for root in ("iepw14g4q", "iepw14g6q")]
    assert choose(measurement(*exposures)).verdict == "keep"
    choice = choose(measurement(*exposures, catalog_sigma_mas=0.4))
    assert choice.verdict == "derive"
    assert "the visit is 69.5 +- 1.1 mas (1.75 px) off the catalogue" in choice.reason


@pytest.mark.parametrize(("catalog", "older"), [("GAIADR3", "GAIADR1"), ("GAIAeDR3", "GSC242")])
def test_of_two_good_common_sets_the_newer_catalogue_wins(catalog: str, older: str) -> None:
    new, old = (f"{IDC}-FIT_REL_{name}" for name in (catalog, older))
    exposures = [
        shot("iepw14g4q", named(old, 0.1, 0.1), named(new, 0.5, 0.5)),
        shot("iepw14g6q", named(GSC, 60.0, -35.0), named(old, 0.2, 0.1), named(new, 0.5, 0.4)),
    ]
    assert choose(measurement(*exposures)).common == new


def test_of_equals_the_set_that_touches_fewer_exposures_wins() -> None:
    exposures = [f336w("iepw14g4q"), f336w("iepw14g6q"), of(RIGHT, "iepw14g8q", GSC)]
    choice = choose(measurement(*exposures))
    assert choice.common == REL
    assert [one.was_active for one in choice.exposures] == [True, True, False]


def test_one_bad_sibling_is_detected_and_named() -> None:
    """As in the M16 mosaic: one fit of its own is 0.23 pixel off its siblings."""
    good = {IMG: named(IMG, 0.5, 0.5), GSC: named(GSC, 60.0, -35.0)}
    bad = {IMG: named(IMG, 0.5, 9.6), GSC: named(GSC, 60.0, -35.0), REL: named(REL, 0.2, 0.2)}
    roots = ("iepw14g4q", "iepw14g6q", "iepw14g8q")
    exposures = [of(good, root, IMG) for root in roots] + [of(bad, "iepw14gaq", IMG)]
    choice = choose(measurement(*exposures))
    named_so = "iepw14gaq is 9.1 +- 0.4 mas (0.23 px) off its three siblings, which agree within 0.4 mas"
    assert named_so in choice.reason
    assert choice.verdict == "change"
    assert names(choice) == {**dict.fromkeys(roots, IMG), "iepw14gaq": REL}
    without = [*exposures[:3], of(bad, "iepw14gaq", IMG, without=(REL,))]
    lost = choose(measurement(*without))
    assert lost.verdict == "derive"
    assert named_so in lost.reason


def torn(solution: Solution, other: Solution) -> Solution:
    """The archive's defect: the second chip is that of another solution."""
    return replace(solution, chips=(solution.chips[0], other.chips[1]))


def test_an_unsound_headerlet_is_never_given() -> None:
    """As in ib4606c5q: the headerlet is torn, the solution of the same name in force is right."""
    broken = torn(RIGHT[REL], RIGHT[GSC])
    one = shot("iepw14g4q", RIGHT[REL], RIGHT[GSC], RIGHT[IDC], broken, RIGHT[SVM])
    other = shot("iepw14g6q", RIGHT[GSC], RIGHT[REL], RIGHT[IDC], broken, RIGHT[SVM])
    for measured in (measurement(one, other), measurement(one, other, catalog_sigma_mas=0.4)):
        choice = choose(measured)
        assert choice.common == REL
        assert names(choice)["iepw14g6q"] == REL
        assert all(given.solution is not broken for given in choice.exposures)
        reasons = [r.reason for r in choice.rejected if r.solution is broken]
        assert len(reasons) == 2
        assert all(reason.startswith("unsound (chip-geometry)") for reason in reasons)


def test_an_unsound_solution_in_force_is_replaced_even_if_it_seems_to_agree() -> None:
    broken = torn(RIGHT[REL], scene_fit(400.0, 0.0))
    exposures = shot("iepw14g4q", broken, RIGHT[SVM], RIGHT[IDC]), f336w("iepw14g6q")
    choice = choose(measurement(*exposures))
    assert choice.verdict == "change"
    assert names(choice)["iepw14g4q"] == SVM
    assert "iepw14g4q is unsound (chip-geometry)" in choice.reason


def four_stars(*, without: tuple[str, ...] = (), **words: Value) -> Choice:
    exposures = f336w("iepw14g4q"), f336w("iepw14g6q", 6), f275w("iepw14gaq", without=without, **words)
    return choose(measurement(*exposures, sigmas={"iepw14gaq": None}))


def test_an_exposure_with_four_stars_is_carried_by_a_good_one() -> None:
    choice = four_stars()
    carried = choice.exposures[2]
    assert carried.carried_from == "iepw14g6q"
    assert carried.solution.wcsname == SVM
    assert carried.relative_sigma_mas == 5.0
    assert "only 4 stars agree" in carried.reason
    assert "takes the correction of iepw14g6q, (-59.7, +34.8) mas" in carried.reason
    assert choice.verdict == "change"
    assert [one.was_active for one in choice.exposures] == [True, True, False]


def test_an_orbit_later_it_is_carried_with_a_larger_error() -> None:
    start = 59774.31 + 95 / 1440
    choice = four_stars(EXPSTART=start, EXPEND=start + 0.003)
    assert choice.exposures[2].relative_sigma_mas == 15.0


def test_without_a_solution_that_agrees_the_carried_exposure_needs_a_fit() -> None:
    choice = four_stars(without=(SVM,))
    assert choice.verdict == "derive"
    assert choice.exposures[2].was_active
    assert choice.exposures[2].carried_from == "iepw14g6q"
    assert "trueup fit" in choice.reason


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ({"FGSLOCK": "FINE/GYRO"}, "FGSLOCK is FINE in iepw14g6q and FINE/GYRO in iepw14gaq"),
        ({"GYROMODE": "1"}, "GYROMODE"),
        ({"PA_V3": 200.1}, "PA_V3 jumps by 0.1"),
        ({"QUALITY": "LOCKLOSS during exposure"}, "guiding failed in iepw14gaq"),
        ({"DGESTAR": "S5ZH000123F2"}, "DGESTAR is"),
    ],
)
def test_a_guiding_change_between_is_not_bridged(words: dict[str, Value], reason: str) -> None:
    common: dict[str, Value] = {"PA_V3": 200.0, "DGESTAR": "S5ZH000123F1"}
    good = [f336w(root, minutes, **common) for root, minutes in (("iepw14g4q", 0), ("iepw14g6q", 6))]
    choice = choose(measurement(*good, f275w("iepw14gaq", **{**common, **words}), sigmas={"iepw14gaq": None}))
    left = choice.exposures[2]
    assert (left.carried_from, left.was_active, choice.verdict) == ("", True, "keep")
    assert reason in left.reason
    assert any("iepw14gaq" in finding and reason in finding for finding in choice.findings)


@pytest.mark.parametrize("trouble", ["LOCKLOSS", "GSFAIL"])
def test_guiding_that_fails_in_an_exposure_between_is_not_bridged(trouble: str) -> None:
    good = f336w("iepw14g4q"), f336w("iepw14g6q", 2)
    between = f336w("iepw14g8q", 10, QUALITY=trouble)
    choice = choose(
        measurement(*good, between, f275w("iepw14gaq"), sigmas={"iepw14gaq": None, "iepw14g8q": None})
    )
    assert "guiding failed in iepw14g8q" in choice.exposures[3].reason
    assert not choice.exposures[3].carried_from


def test_another_visit_carries_nothing() -> None:
    choice = choose(
        measurement(f336w("iepw14g4q"), f336w("iepw14g6q"), f275w("iepw15gaq"), sigmas={"iepw15gaq": None})
    )
    assert names(choice)["iepw15gaq"] == GSC
    assert choice.exposures[2].carried_from == ""


def test_even_a_coarse_measurement_can_rule_a_solution_out() -> None:
    """Three stars too few to pass anything still see 69 mas; what they cannot tell apart is carried."""
    exposures = f336w("iepw14g4q"), f336w("iepw14g6q", 6), f275w("iepw14gaq", FGSLOCK="GYROS")
    choice = choose(measurement(*exposures, sigmas={"iepw14gaq": 4.0}))
    assert names(choice)["iepw14gaq"] == SVM
    assert choice.verdict == "change"


def test_where_nothing_is_measurable_what_is_sound_and_common_stays() -> None:
    exposures = [of(RIGHT, root, GSC) for root in ("iepw14g4q", "iepw14g6q")]
    choice = choose(measurement(*exposures, sigmas={e.rootname: None for e in exposures}))
    assert (choice.verdict, choice.common) == ("unmeasurable", GSC)
    assert "only 4 stars agree" in choice.reason


ORDER = (SVM, REL, f"{IDC}-HSC30", GSC, IDC)


@pytest.mark.parametrize("best", range(len(ORDER)))
def test_where_nothing_is_measurable_and_names_differ_the_most_trusted_comes(best: int) -> None:
    solutions = {name: named(name, 30.0 * i, 0.0, nmatches=46) for i, name in enumerate(ORDER)}
    left = {name: solutions[name] for name in ORDER[best:]}
    a = of({**left, IMG: named(IMG, 1.0, 1.0)}, "iepw14g4q", IMG)
    b = of({**left, "TWEAK": named("TWEAK", 1.0, 1.0)}, "iepw14g6q", "TWEAK")
    choice = choose(measurement(a, b, sigmas={"iepw14g4q": None, "iepw14g6q": None}))
    assert (choice.verdict, choice.common) == ("unmeasurable", ORDER[best])


@pytest.mark.parametrize("matches", [None, 5])
def test_a_relative_fit_of_few_matches_is_not_trusted(matches: int | None) -> None:
    solutions = {GSC: RIGHT[GSC], REL: named(REL, 1.0, 1.0, nmatches=matches)}
    a = of({**solutions, IMG: named(IMG, 1.0, 1.0)}, "iepw14g4q", IMG)
    b = of(solutions, "iepw14g6q", GSC)
    choice = choose(measurement(a, b, sigmas={"iepw14g4q": None, "iepw14g6q": None}))
    assert choice.common == GSC


def test_a_common_sound_fit_is_never_traded_without_a_measurement() -> None:
    """Not even one of five matches, which the order of trust does not know."""
    solutions = {REL: named(REL, 1.0, 1.0, nmatches=5), GSC: RIGHT[GSC]}
    exposures = [of(solutions, root, REL) for root in ("iepw14g4q", "iepw14g6q")]
    choice = choose(measurement(*exposures, sigmas={e.rootname: None for e in exposures}))
    assert (choice.verdict, choice.common) == ("unmeasurable", REL)


@pytest.mark.parametrize("anchor", ["F336W", "iepw14g4q", "iepw14g4q_flc.fits", "f336w"])
def test_an_anchor_never_moves(anchor: str) -> None:
    choice = choose(measurement(*tutorial()), anchor=anchor)
    fixed = [
        one
        for one in choice.exposures
        if anchor.lower() in (one.exposure.filter.lower(), one.exposure.rootname, one.exposure.path)
    ]
    assert fixed
    assert all(one.was_active for one in fixed)
    assert {names(choice)[root] for root in ("iepw14gaq", "iepw14geq")} == {SVM}


@pytest.mark.parametrize("anchor", ["IEPW14030", "data/iepw14030_asn.fits"])
def test_an_association_is_an_anchor(anchor: str) -> None:
    visit = Visit((f336w("iepw14g4q", ASN_ID="IEPW14030"), f275w("iepw14gaq", ASN_ID="IEPW14040")))
    assert anchored(visit, anchor) == {"iepw14g4q"}


def test_an_anchor_that_is_nowhere_or_unsound_is_an_error() -> None:
    with pytest.raises(SelectionError, match="anchor 'F814W' names no exposure"):
        choose(measurement(*tutorial()), anchor="F814W")
    broken = shot("iepw14g4q", torn(RIGHT[REL], RIGHT[GSC]), RIGHT[SVM], RIGHT[IDC])
    with pytest.raises(SolutionError, match="the anchor's active solution is unsound"):
        choose(measurement(broken, f336w("iepw14g6q")), anchor="iepw14g4q")


def test_visits_that_do_not_overlap_are_chosen_for_one_by_one() -> None:
    good = [f336w("iepw15g4q"), f336w("iepw15g6q")]
    whole = measurement(*good, *tutorial())
    apart = replace(whole, relative=tuple(r for r in whole.relative if r.a.rootname[:6] == r.b.rootname[:6]))
    choice = choose(apart)
    assert choice.verdict == "change"
    assert [one.was_active for one in choice.exposures] == [True, True, False, False, False, False]
    assert "iepw15: " in choice.reason


def test_two_detectors_share_a_kind_of_solution() -> None:
    """The name of the distortion model differs between detectors, and means nothing."""
    infrared = {
        name.replace("2731450pi", "4l61450ki"): named(name.replace("2731450pi", "4l61450ki"), *at)
        for name, at in ((GSC, (60.0, -35.0)), (SVM, (0.1, 0.2)))
    }
    ir = of(infrared, "iepw14gaq", GSC.replace("2731450pi", "4l61450ki"), DETECTOR="IR", FILTER="F160W")
    choice = choose(measurement(f336w("iepw14g4q"), f336w("iepw14g6q"), ir))
    assert choice.common == "IDC_*-FIT_SVM_GAIAeDR3"


def test_twenty_exposures_of_nine_solutions_take_no_time_to_speak_of() -> None:
    """The combinations are never all looked at."""
    names_ = [REL, GSC, IDC, SVM, *(f"{IDC}-FIT_{m}_GAIADR{n}" for m in ("REL", "IMG") for n in (1, 2)), IMG]
    exposures = []
    for k in range(20):
        solutions = {
            name: named(name, 10.0 * i + (k % 3) * 5 * (i > 3), 0.0) for i, name in enumerate(names_)
        }
        exposures.append(of(solutions, f"iepw14{k:02d}q", names_[4], without=()))
    choice = choose(measurement(*exposures))
    assert choice.verdict == "change"
    assert choice.common == REL


def test_a_grism_exposure_is_carried_and_a_moving_target_is_left() -> None:
    exposures = (
        f336w("iepw14g4q"),
        f336w("iepw14g6q", 6),
        f275w("iepw14gaq", FILTER2="G280"),
        f275w("iepw14geq", MTFLAG="T"),
    )
    choice = choose(measurement(*exposures, sigmas={"iepw14gaq": None, "iepw14geq": None}))
    assert choice.exposures[2].carried_from == "iepw14g6q"
    assert choice.exposures[3].was_active
    assert "moving target" in choice.exposures[3].reason


def test_moving_targets_alone_are_left_and_nothing_is_put_in_force() -> None:
    exposures = f336w("iepw14g4q", MTFLAG="T"), f275w("iepw14gaq", MTFLAG="T")
    choice = choose(measurement(*exposures, sigmas={e.rootname: None for e in exposures}))
    assert choice.verdict == "unmeasurable"
    assert all(one.was_active for one in choice.exposures)
    assert "moving target" in choice.reason
    assert choice.reason.endswith("all is left as it is")


def test_the_best_of_what_fails_is_the_best_on_the_sky_too() -> None:
    """Under IDC the exposures agree, 392 mas off the sky: the guide stars are nearer."""
    choice = choose(measurement(*tutorial(SVM, REL), catalog_sigma_mas=0.4))
    assert choice.verdict == "derive"
    assert "at best" in choice.reason
    assert "392" not in choice.reason


def test_one_exposure_alone_is_judged_by_the_catalogue() -> None:
    alone = choose(measurement(f336w("iepw14g4q")))
    assert (alone.verdict, alone.common) == ("unmeasurable", REL)
    good = choose(measurement(f336w("iepw14g4q"), catalog_sigma_mas=0.4))
    assert good.verdict == "keep"
    off = choose(measurement(of(RIGHT, "iepw14g4q", GSC), catalog_sigma_mas=0.4))
    assert off.verdict == "change"
    assert off.common in {REL, SVM}


def test_one_guide_star_and_a_gyro_hold_less_well() -> None:
    shaky: dict[str, Value] = {"FGSLOCK": "FINE/GYRO"}
    good = f336w("iepw14g4q", **shaky), f336w("iepw14g6q", 6, **shaky)
    choice = choose(measurement(*good, f275w("iepw14gaq", **shaky), sigmas={"iepw14gaq": None}))
    assert choice.exposures[2].relative_sigma_mas == 15.0


def test_an_exposure_that_cannot_be_measured_waits_for_the_fit_of_the_others() -> None:
    exposures = tutorial(SVM)
    choice = choose(measurement(*exposures, sigmas={"iepw14geq": None}))
    assert choice.verdict == "derive"
    assert "left as it is until the others are derived" in choice.exposures[3].reason
    assert not choice.exposures[3].carried_from


def test_what_fails_however_coarsely_measured_and_has_no_alternative_needs_a_fit() -> None:
    only = {GSC: named(GSC, 60.0, -35.0)}, {REL: named(REL, 0.0, 0.0)}
    exposures = of(only[0], "iepw14g4q", GSC), of(only[1], "iepw14g6q", REL)
    choice = choose(measurement(*exposures, sigma_mas=5.0))
    assert choice.verdict == "derive"


def test_a_coarse_failure_does_not_trade_fits_for_guide_stars() -> None:
    """All four agree under GSC240 as far as the stars tell; nothing says that the fit is the wrong one."""
    choice = choose(measurement(*tutorial(SVM), sigma_mas=3.0))
    assert choice.verdict == "derive"
    assert all(one.was_active for one in choice.exposures)
    with_svm = choose(measurement(*tutorial(), sigma_mas=3.0))
    assert (with_svm.verdict, with_svm.common) == ("unmeasurable", SVM)


def test_without_a_sound_solution_nothing_is_pretended() -> None:
    exposures = [shot(root, torn(RIGHT[REL], RIGHT[GSC]), RIGHT[IDC]) for root in ("iepw14g4q", "iepw14g6q")]
    broken = [replace(e, solutions=e.solutions[:1]) for e in exposures]
    assert choose(measurement(*exposures)).verdict == "change"
    choice = choose(measurement(*broken))
    assert all(one.was_active for one in choice.exposures)


def test_nameless_solutions_are_of_one_kind() -> None:
    exposures = [shot(root, named("", 0.1, 0.1), RIGHT[GSC]) for root in ("iepw14g4q", "iepw14g6q")]
    assert (choose(measurement(*exposures)).verdict, choose(measurement(*exposures)).common) == ("keep", "")


def test_nameless_solutions_are_called_so() -> None:
    exposures = [shot(root, RIGHT[GSC], named("", 0.1, 0.1)) for root in ("iepw14g4q", "iepw14g6q")]
    choice = choose(measurement(*exposures, catalog_sigma_mas=0.4))
    assert "; (no WCSNAME) is common to both and brings" in choice.reason


def test_nothing_in_nothing_out() -> None:
    assert choose(Measurement(Visit(()))).exposures == ()
