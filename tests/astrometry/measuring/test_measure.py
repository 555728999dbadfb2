"""Visits without pixels: every combination of solutions is measured, honestly, and only what is there."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from starlists import IDC, REL, RIGHT, SVM, Shot, expose, sky, star_list, visit_of, with_broken_chip

from trueup import measure
from trueup.astrometry.measuring.candidates import candidates
from trueup.astrometry.measuring.measurement import Candidate, Measurement, Relative
from trueup.astrometry.pairs.register import register
from trueup.astrometry.pairs.seen import under
from trueup.astrometry.pairs.tie import expectation
from trueup.astrometry.stars.sources import Sources
from trueup.astrometry.stars.starlist import StarList
from trueup.errors import SelectionError
from trueup.fits.visit import open_visit
from trueup.model.displacement import Displacement
from trueup.model.visit import Visit
from trueup.simulate import Recipe, make_visit

WRONG = Displacement(60.0, -35.0, 0.004)
DITHER = (1441.0, -859.0)


def pair(**second: object) -> list[Shot]:
    """Two dithered exposures; the second is off under its first solution."""
    first = Shot("iepw14g4q", solutions={IDC: RIGHT, SVM: Displacement(5.0, 2.0)})
    settings = {"solutions": {IDC: WRONG, SVM: Displacement(5.5, 2.0)}, **second}
    return [first, Shot("iepw14g6q", DITHER, **settings)]  # type: ignore[arg-type]


def measured(shots: list[Shot], *, seed: int = 1, n: int = 300, hot: bool = False) -> Measurement:
    """The shots of one field, measured."""
    rng = np.random.default_rng(seed)
    stars = sky(rng, n)
    fixed = [tuple(rng.uniform(50, 2000, (2, 10))) for _ in range(2)] if hot else None
    lists = {shot.rootname: star_list(shot, stars, rng, hot=fixed) for shot in shots}
    return measure(visit_of(shots), centroids=lists)


def row(measurement: Measurement, a: int, b: int, *, names: tuple[str, str] = ("g4q", "g6q")) -> Relative:
    found = measurement.between(*(Candidate(f"iepw14{n}", k) for n, k in zip(names, (a, b), strict=True)))
    assert found is not None
    return found


def test_every_combination_is_measured_and_right() -> None:
    shots = pair()
    found = measured(shots)
    assert len(found.relative) == 4
    solutions = {shot.rootname: list(shot.solutions.values()) for shot in shots}
    for one in found.relative:
        true = solutions[one.b.rootname][one.b.index] - solutions[one.a.rootname][one.a.index]
        # the injected motion turns about a point 41" from the middle of the field
        assert one.fit.east_mas == pytest.approx(true.east_mas, abs=3.0 if true.rotation_deg else 0.3)
        assert one.fit.rotation_deg == pytest.approx(true.rotation_deg, abs=1.5e-4)
        assert one.fit.log10_pfalse < -6
    assert row(found, 1, 1).fit.verdict == "pass"
    assert row(found, 0, 0).fit.verdict == "fail"


def test_combinations_equal_a_fresh_registration() -> None:
    found = measured(pair(rays=3000))
    tie = found.ties[0]
    for one in found.relative:
        chosen = found.solution(one.a), found.solution(one.b)
        lists = [
            under(seen, s, center=tie.field.center, pick=seen.placed)
            for seen, s in zip((tie.a, tie.b), chosen, strict=True)
        ]
        fresh = register(
            *lists, field=tie.field, expect=expectation(tie.a, tie.b, chosen, field=tie.field)
        ).fit
        assert fresh.n == pytest.approx(one.fit.n, rel=0.03)
        assert one.fit.east_mas == pytest.approx(fresh.east_mas, abs=0.3 * fresh.sigma_east_mas)
        assert one.fit.rotation_deg == pytest.approx(fresh.rotation_deg, abs=0.3 * fresh.sigma_rotation_deg)
        assert one.fit.corner_sigma_mas == pytest.approx(fresh.corner_sigma_mas, rel=0.15)


@pytest.mark.parametrize("depth", [1.0, 0.05])
def test_errors_are_honest(depth: float) -> None:
    """Also with the magnitude-dependent shift of imperfect charge transfer, in one filter and across two."""
    shots = [
        Shot("iepw14g4q", rays=2000, trail_pix=0.05),
        Shot("iepw14g6q", DITHER, {IDC: Displacement(60.0, -35.0)}, "F275W", depth, 4000, 0.05),
    ]
    pulls = []
    for seed in range(30):
        fit = measured(shots, seed=seed, n=250).relative[0].fit
        if fit.verdict != "unmeasurable":
            pulls.append(
                [
                    (fit.east_mas - 60) / fit.sigma_east_mas,
                    (fit.north_mas + 35) / fit.sigma_north_mas,
                    fit.rotation_deg / fit.sigma_rotation_deg,
                    (fit.corner_mas - np.hypot(60, 35)) / fit.corner_sigma_mas,
                ]
            )
    rms = np.sqrt(np.mean(np.square(pulls), axis=0))
    assert len(pulls) > 20
    assert (rms > 0.65).all()
    assert (rms < 1.5).all()


def test_a_shift_with_magnitude_does_not_move_the_offset() -> None:
    """Half a field of one chip alone: there the shift has a direction, and only its error says so."""
    shots = [
        Shot("iepw14g4q", trail_pix=0.1),
        Shot("iepw14g6q", DITHER, {IDC: RIGHT}, "F275W", 0.05, trail_pix=0.1),
    ]
    rng = np.random.default_rng(3)
    stars = sky(rng, 1200)
    lists = {shot.rootname: star_list(shot, stars, rng) for shot in shots}
    both = measure(visit_of(shots), centroids=lists).relative[0].fit
    halves = {name: replace(found, chips=found.chips[:1]) for name, found in lists.items()}
    one = measure(visit_of(shots), centroids=halves)
    fit = one.relative[0].fit
    for found in (both, fit):
        assert abs(found.east_mas) < 3 * found.sigma_east_mas
        assert abs(found.north_mas) < 3 * found.sigma_north_mas
    similarity = one.relative[0].similarity
    assert similarity is not None
    assert fit.sigma_north_mas > 1.2 * both.sigma_north_mas


def test_an_unsound_active_solution_is_seen_and_does_not_hide_the_others() -> None:
    shots = pair()
    visit = visit_of(shots)
    second = visit.exposures[1]
    idc, svm = second.solutions
    off = expose(replace(shots[1], solutions={IDC: Displacement(160.0, 40.0)})).solutions[0]
    torn = replace(with_broken_chip(svm, off), name=replace(svm.name, text=REL))
    torn = replace(torn, origin=idc.origin)
    second = replace(second, solutions=(torn, idc, svm), solution=torn)
    visit = replace(visit, exposures=(visit.exposures[0], second))
    rng = np.random.default_rng(4)
    stars = sky(rng, 300)
    found = measure(visit, centroids={shot.rootname: star_list(shot, stars, rng) for shot in shots})
    assert row(found, 1, 2).fit.verdict == "pass"
    fit = row(found, 1, 0).fit
    assert fit.verdict == "fail"
    assert fit.chi2 > 3
    assert "a chip is wrong" in fit.why


def test_hot_pixels_never_win() -> None:
    """Twenty sources fixed to the detector among 57 stars and a thousand cosmic rays, many dithers."""
    rng = np.random.default_rng(5)
    for seed in range(200):
        wrong = Displacement(*rng.uniform(-300, 300, 2))
        dither = tuple(rng.choice([-1, 1], 2) * rng.uniform(400, 2500, 2))
        shots = [Shot("iepw14g4q", rays=1000), Shot("iepw14g6q", dither, {IDC: wrong}, rays=1000)]
        fit = measured(shots, seed=seed, n=90, hot=True).relative[0].fit
        if fit.verdict != "unmeasurable":
            assert fit.east_mas == pytest.approx(wrong.east_mas, abs=3)
            assert fit.north_mas == pytest.approx(wrong.north_mas, abs=3)


def test_unrelated_fields_never_count() -> None:
    rng = np.random.default_rng(6)
    for _ in range(200):
        shots = [
            Shot("iepw14g4q", rays=1000),
            Shot("iepw14g6q", tuple(rng.uniform(-2000, 2000, 2)), rays=1000),
        ]
        hot = [tuple(rng.uniform(50, 2000, (2, 10))) for _ in range(2)]
        n = int(10 ** rng.uniform(0.7, 2.5))
        lists = {shot.rootname: star_list(shot, sky(rng, n), rng, hot=hot) for shot in shots}
        assert measure(visit_of(shots), centroids=lists).relative[0].fit.verdict == "unmeasurable"


def test_a_pair_without_common_stars_is_tied_through_others() -> None:
    """Shallow frames in two filters see different stars; a deep one sees both."""
    shots = [
        Shot("iepw14g4q", (0.0, 0.0), {IDC: RIGHT}),
        Shot("iepw14g6q", (1400.0, -800.0), {IDC: Displacement(10.0, 0.0)}, "F275W"),
        Shot("iepw14gaq", (-900.0, 700.0), {IDC: Displacement(10.0, -8.0)}, "F275W"),
    ]
    rng = np.random.default_rng(7)
    ra, dec, electrons = sky(rng, 400)
    red = np.arange(400) < 200
    seen = {"iepw14g4q": red, "iepw14g6q": np.ones(400, bool), "iepw14gaq": ~red}
    lists = {
        shot.rootname: star_list(shot, tuple(v[seen[shot.rootname]] for v in (ra, dec, electrons)), rng)  # type: ignore[arg-type]
        for shot in shots
    }
    found = measure(visit_of(shots), centroids=lists)
    direct = row(found, 0, 0)
    through = row(found, 0, 0, names=("g4q", "gaq"))
    last = row(found, 0, 0, names=("g6q", "gaq"))
    assert (direct.route, through.route) == ((), ("iepw14g6q",))
    assert (through.fit.east_mas, through.fit.north_mas) == pytest.approx((10, -8), abs=0.5)
    assert through.fit.sigma_east_mas == pytest.approx(
        np.hypot(direct.fit.sigma_east_mas, last.fit.sigma_east_mas), rel=1e-6
    )
    back = found.between(through.b, through.a)
    assert back is not None
    assert back.route == ("iepw14g6q",)


@pytest.mark.parametrize("dither", [(14.0, -16.0), (30.0, 15.0), (-36.0, 3.0)])
def test_persistence_is_no_field_of_stars_where_the_dither_is_part_of_a_pixel(
    dither: tuple[float, float],
) -> None:
    shots = [Shot("iepw14g4q"), Shot("iepw14g6q", dither)]
    fit = measured(shots, n=0, hot=True).relative[0].fit
    assert fit.verdict == "unmeasurable"
    assert "at the same pixels" in fit.why


@pytest.mark.parametrize("dither", [(0.0, 0.0), (14.0, -16.0), (30.0, 15.0)])
def test_stars_are_measured_whatever_the_dither(dither: tuple[float, float]) -> None:
    shots = [Shot("iepw14g4q"), Shot("iepw14g6q", dither)]
    assert measured(shots, n=60).relative[0].fit.verdict == "pass"


def test_a_bad_sibling_is_named() -> None:
    """The case of the M16 mosaic: one exposure 0.23 pixel off siblings that agree."""
    names = ("iepw14g4q", "iepw14g6q", "iepw14gaq", "iepw14geq")
    shots = [
        Shot(name, (400.0 * k, -300.0 * k), {REL: Displacement(9.1, 0.0) if k == 2 else RIGHT})
        for k, name in enumerate(names)
    ]
    found = measured(shots)
    assert [line for line in found.findings if "iepw14gaq" in line] == list(found.findings)
    assert "disagrees with all 3 others by 9." in found.findings[0]
    assert "0.23 pixel" in found.findings[0]


def test_a_good_visit_has_no_findings() -> None:
    assert (
        measured([Shot("iepw14g4q"), Shot("iepw14g6q", DITHER), Shot("iepw14gaq", (-700.0, 300.0))]).findings
        == ()
    )


def sources(n: int, *, seed: int = 0) -> Sources:
    rng = np.random.default_rng(seed)
    one = np.ones(n)
    return Sources(
        rng.uniform(0, 4000, n), rng.uniform(0, 2000, n), one, one, 0.02 * one, one, np.zeros(n, np.int8)
    )


@pytest.mark.parametrize("counts", [(0, 0), (2, 2), (0, 300), (1, 1)])
def test_too_few_stars_are_unmeasurable_with_a_remedy(counts: tuple[int, int]) -> None:
    shots = pair()
    visit = visit_of(shots)
    lists = {}
    for n, exposure in zip(counts, visit.exposures, strict=True):
        lists[exposure.rootname] = StarList(
            exposure.rootname, ((exposure.chips[0].id, sources(n)),), 1.9, 0.0
        )
    found = measure(visit, centroids=lists)
    assert len(found.relative) == 4
    for one in found.relative:
        assert (one.fit.verdict, one.fit.east_mas, one.similarity) == ("unmeasurable", None, None)
        assert "--centroids" in one.fit.why


def test_positions_that_are_not_numbers_are_left_out() -> None:
    shots = pair()
    rng = np.random.default_rng(8)
    stars = sky(rng, 300)
    clean = {shot.rootname: star_list(shot, stars, rng) for shot in shots}
    spoilt = {}
    for name, found in clean.items():
        chips = []
        for chip, s in found.chips:
            bad = np.arange(len(s)) % 7 == 0
            chips.append((chip, replace(s, x=np.where(bad, np.nan, s.x), sigma=np.where(bad, 0.0, s.sigma))))
        spoilt[name] = replace(found, chips=tuple(chips))
    fit = row(measure(visit_of(shots), centroids=spoilt), 1, 1).fit
    assert fit.verdict == "pass"
    everything = {
        name: replace(found, chips=tuple((c, replace(s, x=s.x * np.nan)) for c, s in found.chips))
        for name, found in clean.items()
    }
    assert row(measure(visit_of(shots), centroids=everything), 1, 1).fit.verdict == "unmeasurable"


def test_another_visit_at_another_roll_angle() -> None:
    """The shift by charge transfer has another direction there, and is measured."""
    shots = [
        Shot("iepw14g4q", trail_pix=0.08),
        Shot("ieqx02abq", (8000.0, 3000.0), {IDC: Displacement(30.0, 20.0)}, trail_pix=0.08, roll_deg=155.0),
    ]
    whole = measured(shots, n=1500)
    found = whole.relative[0]
    assert any("charge transfer" in line for line in whole.findings)
    assert found.fit.n > 400
    assert (found.fit.east_mas, found.fit.north_mas) == pytest.approx((30, 20), abs=0.3)
    assert found.similarity is not None
    assert found.similarity.trail_pix == pytest.approx(0.08, abs=0.03)
    assert found.similarity.trail_pix > 5 * found.similarity.sigma_trail_pix


def test_one_exposure_or_none() -> None:
    shots = pair()[:1]
    assert measured(shots).relative == ()
    assert len(measured(shots).stars) == 1
    assert measure(Visit(())).relative == ()


def test_exposures_without_overlap_are_not_compared() -> None:
    shots = [Shot("iepw14g4q"), Shot("iepw14g6q", (400_000.0, 0.0)), Shot("iepw14gaq", (400_500.0, 700.0))]
    rng = np.random.default_rng(9)
    lists = {shot.rootname: star_list(shot, sky(rng, 50), rng) for shot in shots}
    found = measure(visit_of(shots), centroids=lists)
    assert {(r.a.rootname, r.b.rootname) for r in found.relative} == {("iepw14g6q", "iepw14gaq")}


def test_what_cannot_be_measured_is_named_with_the_reason() -> None:
    """A grism exposure, and one whose file is gone."""
    shots = [Shot("iepw14g4q"), Shot("iepw14g6q", filter="G280"), Shot("iepw14gaq")]
    lists = {"iepw14g4q": star_list(shots[0], sky(np.random.default_rng(10), 50), np.random.default_rng(10))}
    found = measure(visit_of(shots), centroids=lists)
    assert [stars.rootname for stars in found.stars] == ["iepw14g4q"]
    reasons = dict(found.skipped)
    assert "spectroscopic" in reasons["iepw14g6q"]
    assert "No such file" in reasons["iepw14gaq"]


def test_only_selected_solutions_are_measured() -> None:
    shots = pair()
    rng = np.random.default_rng(11)
    stars = sky(rng, 200)
    lists = {shot.rootname: star_list(shot, stars, rng) for shot in shots}
    found = measure(visit_of(shots), centroids=lists, solutions=["distortion-only"])
    assert {(r.a.index, r.b.index) for r in found.relative} == {(0, 0)}
    with pytest.raises(SelectionError, match="no solution matches"):
        measure(visit_of(shots), centroids=lists, solutions=["FIT_NONE_OF_THESE"])


def test_copies_are_measured_once() -> None:
    shot = Shot("iepw14g4q", solutions={IDC: RIGHT, f"{IDC}-GSC240": RIGHT, SVM: WRONG})
    assert [c.index for c in candidates(expose(shot))] == [0, 2]
    found = measured([shot, Shot("iepw14g6q", DITHER)])
    assert row(found, 1, 0) == row(found, 0, 0)
    assert len(found.relative) == 2


def test_every_pair_of_many_exposures() -> None:
    names = [f"iepw14g{c}q" for c in ["4", "6", "a", "e", "k", "m"]]
    shots = [Shot(name, (500.0 * k, -200.0 * k)) for k, name in enumerate(names)]
    found = measured(shots, n=150)
    assert [(r.a.rootname, r.b.rootname) for r in found.relative] == list(combinations(names, 2))
    assert {r.fit.verdict for r in found.relative} == {"pass"}


def test_the_number_of_threads_changes_nothing(tmp_path: Path) -> None:
    make_visit(tmp_path, recipe=Recipe(size=(500, 400), stars=150, galaxies=0))
    visit = open_visit([str(tmp_path)])
    alone, together = (measure(visit, threads=threads) for threads in (1, 4))
    assert [row.fit for row in alone.relative] == [row.fit for row in together.relative]
    for one, other in zip(alone.stars, together.stars, strict=True):
        assert [chip for chip, _ in one.chips] == [chip for chip, _ in other.chips]
        for (_, mine), (_, theirs) in zip(one.chips, other.chips, strict=True):
            np.testing.assert_array_equal(mine.x, theirs.x)
