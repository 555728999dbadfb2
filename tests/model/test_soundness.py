"""Soundness: every fault is found, and nothing sound is blamed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scenes import SHAPE, chip_wcs, distortion_only, exposure, fit, header, moved, solution, table

from trueup.model.cards import make_card
from trueup.model.flags import Verdict
from trueup.model.names import WcsName
from trueup.model.solution import FitStatistics, Origin, Solution
from trueup.model.soundness import judge


def codes(verdict: Verdict) -> set[str]:
    return {flag.code for flag in verdict.flags}


def test_fits_that_move_both_chips_together_are_sound() -> None:
    verdicts = judge(exposure(fit(60, -35), distortion_only(), fit(400, 20, "SVM")))
    assert [verdict.sound for verdict in verdicts] == [True, True, True]


@pytest.mark.parametrize("bad_chip", [1, 2])
def test_a_chip_left_at_another_solution_is_named(bad_chip: int) -> None:
    before, good = fit(300, 10, "IMG"), fit(60, -35)
    chips = [good.chips[0], good.chips[1]]
    chips[bad_chip - 1] = before.chips[bad_chip - 1]
    broken = replace(good, chips=tuple(chips))
    verdicts = judge(exposure(before, distortion_only(), fit(80, 0, "SVM"), broken))
    assert [verdict.sound for verdict in verdicts] == [True, True, True, False]
    (flag,) = verdicts[3].faults
    assert flag.code == "chip-geometry"
    assert flag.chip is not None
    assert flag.chip.extver == bad_chip
    assert flag.reference_mas == pytest.approx((240**2 + 45**2) ** 0.5, rel=0.02)
    assert "#1" in flag.text


def test_a_torn_copy_is_no_witness_against_a_chip() -> None:
    good, before = fit(60, -35), fit(300, 10, "IMG")
    slipped = replace(good.chips[1], wcs=moved(good.chips[1].wcs, 9, 0))
    shifted = replace(good, chips=(good.chips[0], slipped))
    torn = replace(good, chips=(good.chips[0], before.chips[1]))
    verdicts = judge(exposure(shifted, distortion_only(), before, torn))
    assert [verdict.sound for verdict in verdicts] == [False, True, True, False]
    assert [flag.chip.extver for v in verdicts for flag in v.faults if flag.chip] == [2, 2]
    assert verdicts[0].faults[0].mas == pytest.approx(9.0, rel=0.01)


def test_a_broken_reference_is_outvoted() -> None:
    odd = distortion_only()
    parts = (odd.chips[0], replace(odd.chips[1], wcs=moved(odd.chips[1].wcs, 100, 0)))
    odd = replace(odd, chips=parts)
    verdicts = judge(exposure(fit(60, -35), odd, fit(300, 10, "IMG")))
    assert [verdict.sound for verdict in verdicts] == [True, False, True]


def test_a_lone_solution_of_two_chips_cannot_be_checked() -> None:
    (verdict,) = judge(exposure(distortion_only()))
    assert verdict.sound is None
    assert "no-reference" in codes(verdict)


def test_copies_are_recognised_by_position_not_by_name() -> None:
    same = replace(fit(60, -35), name=WcsName.parse("anything"))
    nearly = fit(60.1, -35)
    verdicts = judge(exposure(fit(60, -35), distortion_only(), same, nearly))
    assert verdicts[0].same_as == (2,)
    assert verdicts[2].same_as == (0,)
    assert verdicts[3].same_as == ()
    assert "duplicate" in codes(verdicts[2])


def test_own_faults() -> None:
    good = fit(60, -35)
    other = replace(good, destim="iepw14g6q")
    single = replace(good, chips=good.chips[:1])
    bare = solution("IDC_2731450pi-GSC240", tuple(chip_wcs(n).linear() for n in (1, 2)))
    broken = Solution(WcsName.parse("X"), Origin("hdrlet", hdu=9), broken="no END")
    lost = replace(good, chips=(replace(good.chips[0], missing=("WCSDVARR,1",)), good.chips[1]))
    verdicts = judge(exposure(good, distortion_only(), other, single, bare, broken, lost))
    found = [{flag.code for flag in verdict.faults} for verdict in verdicts]
    assert found[:2] == [set(), set()]
    assert found[2:] == [
        {"wrong-destim"},
        {"missing-chip"},
        {"sip-missing"},
        {"broken"},
        {"table-missing"},
    ]


def test_scale() -> None:
    good = fit(60, -35)
    wcss = tuple(replace(p.wcs, cd=p.wcs.cd * 2) for p in good.chips)
    verdicts = judge(exposure(good, distortion_only(), solution("IDC_2731450pi-HSC30", wcss)))
    assert "scale" in codes(verdicts[2])
    assert "scale" not in codes(verdicts[0])


def test_chips_with_different_distortion_files() -> None:
    good = fit(60, -35)
    parts = tuple(
        replace(part, cards=part.cards.append(make_card("NPOLEXT", f"iref${name}_npl.fits")))
        for part, name in zip(good.chips, ("y7b1516qi", "02c14514j"), strict=True)
    )
    verdicts = judge(exposure(good, distortion_only(), replace(good, chips=parts)))
    assert {flag.code for flag in verdicts[2].faults} == {"mixed-chips"}
    # a chip that names no file proves nothing
    one = replace(good, chips=(parts[0], good.chips[1]))
    assert judge(exposure(good, distortion_only(), one))[2].sound


def test_a_table_that_only_one_solution_lacks() -> None:
    bare = tuple(replace(chip_wcs(n), npol=(None, None)) for n in (1, 2))
    verdicts = judge(exposure(fit(60, -35), distortion_only(), solution("IDC_2731450pi-HSC30", bare)))
    assert "table-missing" in codes(verdicts[2])


def test_cut_tables_are_a_note_and_do_not_hide_a_copy() -> None:
    cut = tuple(
        replace(
            chip_wcs(n),
            npol=(table(n, (10, 10)), table(n, (10, 10))),
            d2im=(table(n, (10, 10)), table(n, (10, 10))),
        )
        for n in (1, 2)
    )
    verdicts = judge(exposure(solution("IDC_2731450pi", cut), distortion_only()))
    assert "table-cut" in codes(verdicts[0])
    assert verdicts[0].same_as == (1,)
    assert not verdicts[0].faults


def test_notes() -> None:
    good = fit(60, -35)
    mas = replace(good.chips[0], cards=good.chips[0].cards.append(make_card("CRDER1", 9.02)))
    noted = replace(good, chips=(mas, good.chips[1]))
    linear = solution("OPUS", tuple(chip_wcs(n).linear() for n in (1, 2)))
    verdicts = judge(exposure(noted, distortion_only(), linear))
    assert {"crder-in-mas", "only-copy"} <= codes(verdicts[0])
    assert "linear-only" in codes(verdicts[2])
    assert verdicts[2].sound is None
    stored = judge(exposure(noted, distortion_only(), good))
    assert "only-copy" not in codes(stored[0])


def test_keywords_left_over_from_another_solution() -> None:
    stale = header(CTYPE1="RA---TAN-SIP", WCSTYPE="undistorted a posteriori solution")
    idc = distortion_only()
    parts = tuple(replace(part, cards=stale) for part in idc.chips)
    idc = replace(idc, chips=parts, hdrname="iepw14g4q_flc_IDC_2731450pi-FIT_REL_GAIAeDR3")
    verdict = judge(exposure(idc, fit(60, -35)))[0]
    assert "stale-fit-keywords" in codes(verdict)
    assert verdict.sound
    assert idc.chips[0].wcs.shape == SHAPE


def test_fit_results_that_differ_from_the_headerlet_are_left_over() -> None:
    stored = replace(fit(60, -35), fit=FitStatistics(46, 13.0, 11.1))
    stale = replace(stored, fit=FitStatistics(573, 5.8, 5.3))
    verdicts = judge(exposure(stale, distortion_only(), stored))
    (flag,) = [flag for flag in verdicts[0].flags if flag.code == "stale-fit-keywords"]
    assert "NMATCHES 573 (its headerlet says 46)" in flag.text
    assert not judge(exposure(stored, distortion_only(), stored))[0].flags
