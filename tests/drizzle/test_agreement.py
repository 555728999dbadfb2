"""Which exposures of a visit do not belong together, whatever their names."""

from __future__ import annotations

from dataclasses import replace

import pytest

from trueup.drizzle.admission import under
from trueup.drizzle.agreement import disagreements, require_agreement
from trueup.drizzle.params import DrizzleParams
from trueup.drizzle.pipeline import drizzle
from trueup.errors import SolutionError
from trueup.fits.visit import open_visit
from trueup.model.cards import make_card
from trueup.model.displacement import Displacement, displaced
from trueup.model.exposure import Exposure
from trueup.model.solution import ChipSolution
from trueup.simulate import Recipe, make_visit

MAS = 1 / 3.6e6


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory) -> tuple[Exposure, ...]:
    folder = tmp_path_factory.mktemp("visit")
    make_visit(folder, recipe=Recipe(size=(400, 300), stars=5, galaxies=0))
    return open_visit([folder]).exposures


def shifted(exposure: Exposure, north_mas: float, *, extvers: tuple[int, ...] = (1, 2)) -> Exposure:
    """The exposure with some chips of its solution moved on the sky, under the same name."""

    def moved(part: ChipSolution) -> ChipSolution:
        if part.chip.extver not in extvers:
            return part
        ra, dec = part.wcs.crval
        return replace(part, wcs=replace(part.wcs, crval=(ra, dec + north_mas * MAS)))

    solution = replace(exposure.solution, chips=tuple(map(moved, exposure.solution.chips)))
    others = [s for s in exposure.solutions if s is not exposure.solution]
    return replace(exposure, solutions=(solution, *others), solution=solution)


@pytest.mark.parametrize("selection", ["rel", "*gsc240", "distortion-only"])
def test_solutions_of_one_kind_agree(visit: tuple[Exposure, ...], selection: str) -> None:
    chosen = under(visit, selection)
    assert disagreements(chosen) == ()
    require_agreement(chosen)


@pytest.mark.parametrize(("north_mas", "agree"), [(15.0, True), (80.0, False), (-300.0, False)])
def test_one_exposure_moved_under_the_same_name(
    visit: tuple[Exposure, ...], north_mas: float, agree: bool
) -> None:
    first, *rest = under(visit, "*gsc240")
    found = disagreements((shifted(first, north_mas), *rest))
    if agree:
        assert found == ()
        return
    assert len(found) == 1
    assert all(exposure.path in found[0] for exposure in visit)
    with pytest.raises(SolutionError, match=r"disagree about the sky .*--allow-mixed"):
        require_agreement((shifted(first, north_mas), *rest))
    with pytest.raises(SolutionError, match="disagree about the sky"):
        drizzle((shifted(first, north_mas), *rest))
    assert drizzle((shifted(first, north_mas), *rest), params=DrizzleParams(allow_mixed=True)).sci.size


def test_other_visits_may_be_moved_otherwise(visit: tuple[Exposure, ...]) -> None:
    first, second = under(visit[:2], "*gsc240")
    moved = shifted(second, 500.0)
    header = moved.header.replace("ROOTNAME", make_card("ROOTNAME", "iepx14g6q"))
    nameless = [replace(solution, destim="") for solution in moved.solutions]
    elsewhere = replace(moved, header=header, solutions=tuple(nameless), solution=nameless[0])
    assert disagreements((first, elsewhere)) == ()


def test_one_chip_moved_is_unsound(visit: tuple[Exposure, ...]) -> None:
    first, second = under(visit[:2], "*gsc240")
    found = disagreements((shifted(first, 30.0, extvers=(2,)), second))
    assert any("is unsound" in text and first.path in text for text in found)


def test_one_chip_moved_shows_beside_its_siblings(visit: tuple[Exposure, ...]) -> None:
    """Where the exposure itself has no other solution to compare with."""
    alone = [replace(e, solutions=(e.solution,)) for e in under(visit[:2], "*gsc240")]
    assert disagreements(alone) == ()
    bad = shifted(alone[1], 30.0, extvers=(2,))
    found = disagreements((alone[0], bad))
    assert len(found) == 1
    assert "lies otherwise" in found[0]
    assert bad.path in found[0]
    assert float(found[0].rsplit("by ", 1)[1].split()[0]) == pytest.approx(30.0, abs=1.0)


@pytest.mark.parametrize("arcsec", [5.0, 100.0])
def test_dithers_and_rolls_agree(visit: tuple[Exposure, ...], arcsec: float) -> None:
    alone = [replace(e, solutions=(e.solution,)) for e in under(visit[:2], "*gsc240")]
    solution = alone[1].solution
    slew = Displacement(arcsec * 1e3, -0.7 * arcsec * 1e3, 3.0)
    centre = solution.chips[0].wcs.crval
    parts = (replace(part, wcs=displaced(part.wcs, slew, centre=centre)) for part in solution.chips)
    moved = replace(solution, chips=tuple(parts))
    other = replace(alone[1], solutions=(moved,), solution=moved)
    assert disagreements((alone[0], other)) == ()
