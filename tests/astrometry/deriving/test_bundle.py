"""The bundle recovers drawn errors of pointing, says how well, and names what contradicts."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from trueup.astrometry.deriving.bundle import Bundle, Link, adjust, carry, without_contradictions
from trueup.astrometry.deriving.pointing import UNITS, Member

Floats = NDArray[np.float64]

COMMON = np.array([310.0, -240.0, 5e-5, -1e-4])


def visit(name: str, count: int, filters: tuple[str, ...] = ("F336W", "F275W")) -> list[Member]:
    """Exposures of one acquisition, half in each filter."""
    return [Member(f"{name}{k}", filters[k * len(filters) // count], f"{name}-1", name) for k in range(count)]


def true_errors(rng: np.random.Generator, members: list[Member]) -> dict[str, Floats]:
    """What the pointing does: the same for all but a few mas, a few arcsec of roll, breathing."""
    widths = np.array([3.0, 3.0, 1.4e-5, 1e-5])
    return {m.rootname: COMMON + rng.normal(0, widths) for m in members}


def pair_links(
    rng: np.random.Generator, truth: dict[str, Floats], sigma: float, *, shared: float = 0.5
) -> list[Link]:
    """Every pair measured; part of the noise is that of the exposures."""
    widths = sigma * np.array([1.0, 1.0, 2e-5, 2e-5])
    own = {name: rng.normal(0, widths * np.sqrt(shared / 2)) for name in truth}
    found = []
    for a, b in combinations(truth, 2):
        noise = own[b] - own[a] + rng.normal(0, widths * np.sqrt(1 - shared))
        found.append(Link(a, b, truth[b] - truth[a] + noise, np.diag(widths**2)))
    return found


def sky_links(rng: np.random.Generator, truth: dict[str, Floats], sigma: float) -> list[Link]:
    """Every exposure against one catalogue."""
    widths = sigma * np.array([1.0, 1.0, 2e-5, 2e-5])
    stars = rng.normal(0, widths * np.sqrt(0.5))
    return [
        Link("", name, value + stars + rng.normal(0, widths * np.sqrt(0.5)), np.diag(widths**2))
        for name, value in truth.items()
    ]


def corrections(bundle: Bundle) -> dict[str, Floats]:
    """As numbers: mas, radians, scale."""
    found = {}
    for one in bundle.corrections:
        turn, scale = np.radians(one.by.rotation_deg), one.by.scale_ppm * 1e-6
        found[one.rootname] = np.array([one.by.east_mas, one.by.north_mas, turn, scale])
    return found


@pytest.mark.parametrize("count", [2, 4, 7])
@pytest.mark.parametrize("shared", [0.25, 1.0])
def test_recovers_the_truth_and_knows_how_well(count: int, shared: float) -> None:
    rng = np.random.default_rng(count)
    members = visit("v", count)
    relative, absolute = [], []
    for _ in range(120):
        truth = true_errors(rng, members)
        bundle = adjust(members, pair_links(rng, truth, 0.8, shared=shared), sky_links(rng, truth, 2.0))
        found = corrections(bundle)
        miss = np.array([found[name] + value for name, value in truth.items()])
        for one, error in zip(bundle.corrections, miss - miss.mean(axis=0), strict=True):
            relative.append(error / np.sqrt(np.diag(one.relative)))
        for one, error in zip(bundle.corrections, miss, strict=True):
            absolute.append(error / np.sqrt(np.diag(one.absolute)))
    assert np.all(np.abs(np.sqrt(np.mean(np.square(relative), axis=0)) - 1.05) < 0.35)
    assert np.all(np.abs(np.sqrt(np.mean(np.square(absolute), axis=0)) - 1.05) < 0.35)


def test_the_catalogue_moves_the_group_and_does_not_bend_it() -> None:
    rng = np.random.default_rng(5)
    members = visit("v", 4)
    truth = true_errors(rng, members)
    pairs = pair_links(rng, truth, 0.3)
    alone = corrections(adjust(members, pairs))
    placed = corrections(adjust(members, pairs, sky_links(rng, truth, 5.0)))
    moves = np.array([placed[name] - alone[name] for name in truth])
    assert np.abs(moves - moves[0]).max() < 1e-3
    # without the sky the group stays where it was
    assert np.abs(np.mean(list(alone.values()), axis=0)).max() < 1e-6


def test_one_bad_pair_is_named_and_does_no_harm() -> None:
    rng = np.random.default_rng(7)
    members = visit("v", 3)
    truth = true_errors(rng, members)
    pairs = pair_links(rng, truth, 0.4)
    wrong = np.array([36.0, 20.0, 0.0, 0.0])
    pairs[1] = replace(pairs[1], values=pairs[1].values + wrong)
    kept, rejected = without_contradictions(members, pairs)
    assert [(link.a, link.b) for link in rejected] == [("v0", "v2")]
    bundle = adjust(members, kept)
    found = corrections(bundle)
    miss = np.array([found[name] + value for name, value in truth.items()])[:, :2]
    assert np.abs(miss - miss.mean(axis=0)).max() < 1.0
    assert bundle.loops == 0


def test_a_pair_that_the_pointing_excludes_is_not_believed() -> None:
    """36 mas between exposures of one acquisition, and nothing to back it: likely no stars at all."""
    rng = np.random.default_rng(13)
    members = visit("v", 2)
    truth = true_errors(rng, members)
    (pair,) = pair_links(rng, truth, 0.4)
    assert without_contradictions(members, [pair])[1] == ()
    wrong = replace(pair, values=pair.values + np.array([36.0, 20.0, 0.0, 0.0]))
    assert without_contradictions(members, [wrong]) == ((), (wrong,))
    free = [replace(member, pointed=False) for member in members]
    assert without_contradictions(free, [wrong])[1] == ()


def test_loops_that_do_not_close_enlarge_the_errors() -> None:
    rng = np.random.default_rng(8)
    members = visit("v", 4)
    truth = true_errors(rng, members)
    honest = adjust(members, pair_links(rng, truth, 0.9))
    claimed = [Link(p.a, p.b, p.values, p.covariance / 4) for p in pair_links(rng, truth, 0.9, shared=0.0)]
    bold = adjust(members, claimed)
    assert (honest.loops, bold.loops) == (3, 3)
    assert honest.chi2 is not None
    assert bold.chi2 is not None
    assert bold.chi2 > 2 > honest.chi2
    assert bold.closure_mas == pytest.approx(0.5, abs=0.3)
    ratio = bold.corrections[0].relative_sigma_mas[0] / honest.corrections[0].relative_sigma_mas[0]
    assert 0.6 < ratio < 1.4


def test_visits_move_as_rigid_groups() -> None:
    """One pair between two visits that are 0.15 arcsec apart: guide stars err, the measurement does not."""
    rng = np.random.default_rng(9)
    first, second = visit("v", 2), visit("w", 2)
    truth = true_errors(rng, [*first, *second])
    for member in second:
        truth[member.rootname] = truth[member.rootname] + np.array([150.0, 0.0, 1e-5, 0.0])
    pairs = [p for p in pair_links(rng, truth, 0.5) if p.a[0] == p.b[0] or (p.a, p.b) == ("v1", "w0")]
    assert len(pairs) == 3
    assert without_contradictions([*first, *second], pairs) == (tuple(pairs), ())
    bundle = adjust([*first, *second], pairs, sky_links(rng, {"v0": truth["v0"]}, 2.0))
    found = corrections(bundle)
    miss = np.array([found[name] + value for name, value in truth.items()])[:, :2]
    assert np.abs(miss - miss.mean(axis=0)).max() < 1.5
    assert np.abs(miss).max() < 6.0


def test_the_pointing_ties_what_no_pair_does() -> None:
    rng = np.random.default_rng(10)
    members = visit("v", 4)
    truth = true_errors(rng, members)
    pairs = [p for p in pair_links(rng, truth, 0.3) if (p.a, p.b) in {("v0", "v1"), ("v2", "v3")}]
    bundle = adjust(members, pairs, sky_links(rng, {"v0": truth["v0"]}, 1.0))
    sigma = [one.absolute_sigma_mas[0] for one in bundle.corrections]
    assert sigma[0] < 2 < 3 < sigma[2] < 8
    found = corrections(bundle)
    for one in bundle.corrections:
        assert abs(found[one.rootname][0] + truth[one.rootname][0]) < 3 * one.absolute_sigma_mas[0]


def test_an_anchor_gets_exactly_what_it_has() -> None:
    rng = np.random.default_rng(11)
    members = visit("v", 4)
    truth = true_errors(rng, members)
    away = np.array([5.0, -3.0, 1e-6, 2e-6])
    held = {name: truth[name] + away for name in ("v0", "v1")}
    sky = [Link("", name, value, np.eye(4) / UNITS**2) for name, value in held.items()]
    found = corrections(adjust(members, pair_links(rng, truth, 0.5), sky, hold=True))
    for name, value in held.items():
        assert np.abs((found[name] + value) * UNITS).max() < 1e-3
    assert np.abs(found["v2"] + truth["v2"] + away)[:2].max() < 1.5


def test_carried_exposures_take_the_correction_with_a_larger_error() -> None:
    rng = np.random.default_rng(12)
    members = visit("v", 3)
    truth = true_errors(rng, members)
    pairs = [p for p in pair_links(rng, truth, 0.3) if p.b == "v1"]
    bundle = carry(adjust(members, pairs), {"v2": "v1", "v9": "nobody"}, members)
    assert [one.rootname for one in bundle.corrections] == ["v0", "v1", "v2"]
    assert bundle.corrections[2].by == bundle.corrections[1].by
    assert bundle.corrections[2].carried_from == "v1"
    assert bundle.corrections[2].relative_sigma_mas[0] > 4
    later = [*members[:2], replace(members[2], acquisition="v-2")]
    again = carry(adjust(members, pairs), {"v2": "v1"}, later)
    assert again.corrections[2].relative_sigma_mas[0] > 15
    miss = truth["v2"][0] + corrections(bundle)["v2"][0] - truth["v1"][0] - corrections(bundle)["v1"][0]
    assert abs(miss) < 3 * bundle.corrections[2].relative_sigma_mas[0]


def test_nothing_measured_is_nothing_corrected() -> None:
    assert adjust(visit("v", 3), []).corrections == ()
    assert adjust([], []).chi2 is None
