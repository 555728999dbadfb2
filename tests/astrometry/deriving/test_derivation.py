"""What a derivation starts from, what it rests on, and whom it leaves out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from measurements import GSC, IDC, REL, SVM, measurement, named, shot
from scenes import CHIPS, FIELD, chip_wcs, header

from trueup.astrometry.deriving.baseline import baseline, frame_links, most_trusted, moved
from trueup.astrometry.deriving.derivation import Derivation, Wish, derive
from trueup.astrometry.measuring.measurement import Measurement
from trueup.astrometry.pairs.fit import Fit
from trueup.astrometry.pairs.similarity import Similarity, displace
from trueup.errors import SolutionError
from trueup.model.cards import make_card
from trueup.model.displacement import Displacement, displacement
from trueup.model.exposure import Exposure
from trueup.model.solution import Solution


def start(name: str = IDC, east_mas: float = -310.0, north_mas: float = -240.0, **fit: int) -> Solution:
    """A solution with cards to write down, and the names of its distortion model."""
    made = named(name, east_mas, north_mas, **fit)
    chips = tuple(
        replace(part, cards=header(CTYPE1="RA---TAN-SIP", CRVAL1=part.wcs.crval[0], CRVAL2=part.wcs.crval[1]))
        for part in made.chips
    )
    return replace(made, chips=chips, idctab="iref$2731450pi_idc.fits")


def with_similarities(found: Measurement) -> Measurement:
    """The same rows with the numbers behind their fits."""

    def similarity(fit: Fit) -> Similarity | None:
        if fit.east_mas is None or fit.north_mas is None or fit.sigma_east_mas is None:
            return None
        values = np.array([fit.east_mas, fit.north_mas, 0.0, 0.0])
        widths = fit.sigma_east_mas * np.array([1.0, 1.0, 2e-5, 2e-5])
        return Similarity(values, np.diag(widths**2), 1.0, np.ones(fit.n), np.ones(fit.n))

    relative = (replace(r, similarity=similarity(r.fit), center=FIELD) for r in found.relative)
    absolute = (replace(r, similarity=similarity(r.fit), center=FIELD) for r in found.absolute)
    return replace(found, relative=tuple(relative), absolute=tuple(absolute))


def tutorial() -> list[Exposure]:
    """Two filters, F275W on an a-priori solution that is off by 60, -35 mas."""
    return [
        shot("iepw14g4q", start(REL, 0.6, -0.4, nmatches=46), start(), FILTER="F336W"),
        shot("iepw14g6q", start(REL, 0.6, -0.4, nmatches=46), start(), minutes=6, FILTER="F336W"),
        shot("iepw14gaq", start(GSC, 60.6, -35.4), start(), minutes=20, FILTER="F275W"),
        shot("iepw14geq", start(GSC, 60.6, -35.4), start(), minutes=30, FILTER="F275W"),
    ]


def errors(derivation: Derivation) -> dict[str, Displacement]:
    """The new solutions minus the truth."""
    truth = [chip_wcs(chip.extver) for chip in CHIPS]
    return {
        one.exposure.rootname: displacement([p.wcs for p in one.solution.chips], truth, centre=FIELD)
        for one in derivation.exposures
    }


def test_starts_from_the_distortion_alone() -> None:
    found = baseline(tutorial())
    assert found.pointed
    assert {candidate.index for candidate in found.start.values()} == {1}


def test_without_it_from_what_all_have() -> None:
    def one(rootname: str, *more: Solution) -> Exposure:
        return shot(rootname, start(SVM, 1.0, 1.0), *more, start(GSC, 60.0, -35.0))

    found = baseline([one("a", start()), one("b")])
    assert found.pointed
    assert [candidate.index for candidate in found.start.values()] == [2, 1]
    fits = baseline([shot("a", start(SVM, 1.0, 1.0)), shot("b", start(SVM, 1.0, 1.0))])
    assert not fits.pointed


def test_never_from_an_unsound_or_a_linear_solution() -> None:
    broken = replace(start(), chips=(start().chips[0], start(REL, 150.0, 20.0).chips[1]))
    sound = [start(GSC, 60.0, -35.0), start(SVM, 1.0, 1.0), start(REL, 2.0, 1.0, nmatches=40)]
    found = baseline([shot("a", *sound, broken)])
    assert found.start["a"].index == 0
    linear = replace(start("OPUS"), chips=tuple(replace(p, wcs=p.wcs.linear()) for p in start().chips))
    with pytest.raises(SolutionError, match="no sound solution with distortion"):
        baseline([shot("a", linear)])


def test_relative_in_the_frame_of_the_solutions_that_are_trusted() -> None:
    exposures = tutorial()
    assert most_trusted(exposures) == tuple(exposures[:2])
    derivation = derive(with_similarities(measurement(*exposures)))
    assert derivation.frame == f"{REL} of iepw14g4q, iepw14g6q"
    for miss in errors(derivation).values():
        assert (miss.east_mas, miss.north_mas) == pytest.approx((0.6, -0.4), abs=0.01)
        assert abs(miss.rotation_deg) < 1e-6
    assert {one.solution.wcsname for one in derivation.exposures} == {f"{IDC}-FIT_REL_NONE"}


def test_the_catalogue_places_all() -> None:
    found = with_similarities(measurement(*tutorial(), catalog_sigma_mas=0.5))
    derivation = derive(found)
    assert derivation.frame == "GAIADR3"
    for miss in errors(derivation).values():
        assert abs(miss.east_mas) < 0.1
        assert abs(miss.north_mas) < 0.1
    assert {one.solution.wcsname for one in derivation.exposures} == {f"{IDC}-FIT_REL_GAIADR3"}
    assert all(one.solution.fit.catalog == "GAIADR3" for one in derivation.exposures)
    relative = derive(
        with_similarities(measurement(*tutorial(), catalog_sigma_mas=0.5)), Wish(relative_only=True)
    )
    assert relative.frame.startswith(REL)


def test_a_catalogue_that_fits_nothing_is_said_to() -> None:
    found = with_similarities(measurement(*tutorial(), catalog_sigma_mas=0.5))
    lost = tuple(replace(row, fit=Fit(n=0, why="no common stars"), similarity=None) for row in found.absolute)
    derivation = derive(replace(found, absolute=lost))
    assert derivation.frame.endswith("for none was measured against GAIADR3")
    assert derivation.exposures[0].solution.wcsname == f"{IDC}-FIT_REL_NONE"


def test_held_exposures_stay_and_take_the_others_along() -> None:
    held = frozenset({"iepw14gaq", "iepw14geq"})
    derivation = derive(with_similarities(measurement(*tutorial(), catalog_sigma_mas=0.5)), Wish(held))
    for miss in errors(derivation).values():
        assert (miss.east_mas, miss.north_mas) == pytest.approx((60.6, -35.4), abs=0.1)
    assert derivation.frame == "iepw14gaq, iepw14geq, which do not move"


def test_an_exposure_without_stars_takes_the_correction_of_its_neighbour() -> None:
    found = with_similarities(measurement(*tutorial(), sigmas={"iepw14geq": None}))
    derivation = derive(found)
    one = derivation.exposures[-1]
    assert (one.exposure.rootname, one.correction.carried_from) == ("iepw14geq", "iepw14gaq")
    assert errors(derivation)["iepw14geq"].east_mas == pytest.approx(0.6, abs=0.01)
    assert one.correction.relative_sigma_mas[0] > 4
    assert one.solution.fit.nmatches is None
    history = [card.text for card in one.solution.cards if card.keyword == "HISTORY"]
    assert any("the correction is that of iepw14gaq" in line for line in history)
    assert not derivation.left_out


def test_with_a_guiding_change_between_it_is_left_out() -> None:
    exposures = tutorial()
    gyros = exposures[3].header.replace("FGSLOCK", make_card("FGSLOCK", "FINE/GYRO"))
    exposures[3] = replace(exposures[3], header=gyros)
    derivation = derive(with_similarities(measurement(*exposures, sigmas={"iepw14geq": None})))
    assert [one.exposure.rootname for one in derivation.exposures] == ["iepw14g4q", "iepw14g6q", "iepw14gaq"]
    ((rootname, why),) = derivation.left_out
    assert rootname == "iepw14geq"
    assert "tie it neither to another exposure nor to a catalogue" in why
    assert "FGSLOCK is FINE in iepw14gaq and FINE/GYRO in iepw14geq" in why


def test_filters_that_share_no_star_are_held_together_by_the_pointing() -> None:
    exposures = tutorial()
    found = with_similarities(measurement(*exposures))
    filters = {e.rootname: e.filter for e in exposures}
    within = tuple(r for r in found.relative if filters[r.a.rootname] == filters[r.b.rootname])
    derivation = derive(replace(found, relative=within))
    assert derivation.frame == f"{REL} of iepw14g4q, iepw14g6q"
    for one in derivation.exposures:
        assert errors(derivation)[one.exposure.rootname].east_mas == pytest.approx(0.6, abs=0.1)
    sigma = [one.correction.absolute_sigma_mas[0] for one in derivation.exposures]
    assert max(sigma[:2]) < 1.5
    assert min(sigma[2:]) > 3


def test_a_pair_that_contradicts_the_others_is_named() -> None:
    found = with_similarities(measurement(*tutorial()))
    rows = list(found.relative)
    for k, row in enumerate(rows):
        if (row.a.rootname, row.b.rootname) == ("iepw14g4q", "iepw14gaq") and row.similarity:
            wrong = row.similarity.values + np.array([36.0, -20.0, 0.0, 0.0])
            rows[k] = replace(row, similarity=replace(row.similarity, values=wrong))
    derivation = derive(replace(found, relative=tuple(rows)))
    assert derivation.bundles[0].rejected == (("iepw14g4q", "iepw14gaq"),)
    for miss in errors(derivation).values():
        assert miss.east_mas == pytest.approx(0.6, abs=0.1)


def test_names_that_are_taken_get_a_number() -> None:
    exposures = tutorial()
    before = derive(with_similarities(measurement(*exposures))).exposures[0].solution
    exposures[0] = replace(exposures[0], solutions=(*exposures[0].solutions, before))
    again = derive(with_similarities(measurement(*exposures)))
    assert {one.solution.wcsname for one in again.exposures} == {f"{IDC}-FIT_REL_NONE-2"}


def test_two_visits_keep_their_frames_until_something_ties_them() -> None:
    def visit(name: str, east_mas: float) -> list[Exposure]:
        return [
            shot(f"{name}{k}q", start(REL, east_mas, 0.0, nmatches=40), start(), minutes=k) for k in range(2)
        ]

    first, second = visit("iepw14g", 5.0), visit("iepw15g", 25.0)
    apart = with_similarities(measurement(*first, *second))
    within = tuple(r for r in apart.relative if r.a.rootname[:6] == r.b.rootname[:6])
    found = errors(derive(replace(apart, relative=within)))
    assert [round(miss.east_mas, 1) for miss in found.values()] == [5.0, 5.0, 25.0, 25.0]
    tied = errors(derive(apart))
    assert [round(miss.east_mas, 1) for miss in tied.values()] == [15.0] * 4


def test_moving_the_point_of_reference_moves_no_star() -> None:
    values = np.array([300.0, -240.0, 6e-5, 1e-4])
    there = (FIELD[0] + 0.01, FIELD[1] + 0.02)
    away = moved(values, np.eye(4), before=FIELD, after=there)
    again, _ = moved(*away, before=there, after=FIELD)
    assert again == pytest.approx(values, abs=1e-4)
    north = moved(values, np.eye(4), before=FIELD, after=(FIELD[0], FIELD[1] + 0.02))[0][:2]
    assert north == pytest.approx(displace(np.array([[0.0, 72000.0]]), values)[0], abs=1e-3)


def test_the_frame_is_what_the_active_solutions_say() -> None:
    exposures = tutorial()
    links = frame_links(exposures[:2], baseline(exposures).start, FIELD)
    assert [link.b for link in links] == ["iepw14g4q", "iepw14g6q"]
    assert links[0].values[:2] == pytest.approx((-310.6, -239.6), abs=0.2)
