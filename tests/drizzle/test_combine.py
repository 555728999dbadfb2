"""Combination of stacks: equal to the peer's to the bit, in bands and with any number of threads."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from peers import needs_drizzlepac, run_peer

from trueup.drizzle.combine import CombineSettings, StackMember, combine
from trueup.errors import UsageError

SCRIPT = """
from drizzlepac.minmed import min_med
from stsci.image.numcombine import num_combine

results = {}
for k, (n, method, nlow, nhigh, lower, upper, grow, nsigma) in enumerate(cases):
    sci, wht, told = (job[f"{name}{n}"] for name in ("sci", "wht", "told"))
    mean, exptime, noise, background = told.T
    masks = np.less(wht, (0.3 * mean)[:, None, None]).astype(np.uint8)
    if method == "minmed":
        results[str(k)] = min_med(
            sci.copy(), wht, list(noise), list(exptime), list(background), weight_masks=masks,
            combine_grow=grow, combine_nsigma1=nsigma[0], combine_nsigma2=nsigma[1],
        )
    else:
        results[str(k)] = num_combine(
            sci, masks=masks, combination_type=method, nlow=nlow, nhigh=nhigh, lower=lower, upper=upper,
        )
"""

Stack = tuple[np.ndarray, np.ndarray, tuple[StackMember, ...]]


def stack(n: int, shape: tuple[int, int] = (23, 61)) -> Stack:
    """Noise, cosmic rays, holes in the weights; every tenth pixel is hit."""
    rng = np.random.default_rng(n)
    sci = rng.normal(0.1, 0.05, (n, *shape)).astype(np.float32)
    sci[rng.random(sci.shape) < 0.1] += np.float32(3)
    wht = np.where(rng.random(sci.shape) < 0.3, rng.random(sci.shape) * 250, 500).astype(np.float32)
    members = tuple(
        StackMember(
            mean_weight=float(weight[weight > 1e-8].mean(dtype=float)),
            exptime=rng.uniform(300, 700),
            read_noise=rng.uniform(2, 5),
            background=rng.uniform(0, 40),
        )
        for weight in wht
    )
    return sci, wht, members


CLIPS = [(0, 0), (0, 1), (1, 0), (1, 1), (2, 1), (1, 3)]
LIMITS = [(None, None), (0.05, None), (0.08, 0.15)]
CASES = [
    (n, method, nlow, nhigh, *limits, 0, (0, 0))
    for n, method, (nlow, nhigh), limits in itertools.product(
        (2, 3, 4, 7, 21), ("median", "imedian", "mean", "minimum", "sum"), CLIPS, LIMITS
    )
    if nlow + nhigh < n
] + [
    (n, "minmed", 0, 0, None, None, grow, nsigma)
    for n, grow, nsigma in itertools.product((2, 3, 4, 7, 21), (0, 1, 3), ((4.0, 3.0), (2.0, 1.0)))
]


@needs_drizzlepac
def test_every_method_equals_the_peer_to_the_bit(
    tmp_path_factory: pytest.TempPathFactory, peer_python: str
) -> None:
    stacks = {n: stack(n) for n in {case[0] for case in CASES}}
    arrays: dict[str, np.ndarray] = {}
    for n, (sci, wht, members) in stacks.items():
        told = [(m.mean_weight, m.exptime, m.read_noise, m.background) for m in members]
        arrays |= {f"sci{n}": sci, f"wht{n}": wht, f"told{n}": np.array(told)}
    peer = run_peer(peer_python, SCRIPT, folder=tmp_path_factory.mktemp("combine"), cases=CASES, **arrays)
    for k, (n, method, nlow, nhigh, lower, upper, grow, nsigma) in enumerate(CASES):
        sci, wht, members = stacks[n]
        settings = CombineSettings(method, nlow, nhigh, lower, upper, nsigma, grow)
        ours, theirs = combine(sci, wht, members=members, settings=settings), peer[str(k)]
        if method == "imedian":
            # what the peer leaves undefined
            some = good(sci, wht, members, limits=(lower, upper)).any(axis=0)
            assert np.array_equal(ours[~some], sci[0][~some])
            ours, theirs = ours[some], theirs[some]
        assert np.array_equal(ours, theirs), CASES[k]


def good(
    sci: np.ndarray,
    wht: np.ndarray,
    members: tuple[StackMember, ...],
    limits: tuple[float | None, float | None],
) -> np.ndarray:
    low, high = (
        np.float32(d if v is None else v) for v, d in zip(limits, (-math.inf, math.inf), strict=True)
    )
    enough = wht >= 0.3 * np.array([m.mean_weight for m in members])[:, None, None]
    return enough & (sci >= low) & (sci < high)


@pytest.mark.parametrize("method", ["median", "minmed"])
@pytest.mark.parametrize("height", [1, 5, 17])
def test_bands_give_the_same_image(method: str, height: int) -> None:
    sci, wht, members = stack(4, (40, 50))
    settings = CombineSettings(method, nsigma=(2, 1), grow=2)
    whole = combine(sci, wht, members=members, settings=settings)
    bands = []
    for first in range(0, 40, height):
        last = min(first + height, 40)
        low, high = max(first - 2, 0), min(last + 2, 40)
        rows = (first - low, last - low)
        bands.append(
            combine(sci[:, low:high], wht[:, low:high], members=members, settings=settings, rows=rows)
        )
    assert np.array_equal(np.concatenate(bands), whole)


@pytest.mark.parametrize("method", ["median", "mean", "sum", "minmed", "imedian", "minimum"])
def test_threads_do_not_change_the_image(method: str) -> None:
    sci, wht, members = stack(5, (300, 40))
    images = [
        combine(sci, wht, members=members, settings=CombineSettings(method, threads=threads))
        for threads in (1, 2, 4)
    ]
    assert np.array_equal(images[0], images[1])
    assert np.array_equal(images[0], images[2])


@pytest.mark.parametrize("n", [1, 2, 64, 999, 1000])
def test_any_number_of_exposures(n: int) -> None:
    sci = np.random.default_rng(n).normal(size=(n, 3, 70)).astype(np.float32)
    members = [StackMember(mean_weight=1.0, exptime=1.0)] * n
    image = combine(sci, np.ones_like(sci), members=members, settings=CombineSettings("median"))
    assert np.array_equal(image, np.median(sci.astype(float), axis=0).astype(np.float32))


def test_a_cosmic_ray_in_one_of_two_is_left_out_and_a_star_stays() -> None:
    rng = np.random.default_rng(2)
    star = 40 * np.exp(-0.5 * ((np.mgrid[:41, :41] - 20) ** 2).sum(axis=0) / 1.5**2)
    electrons = rng.poisson(500 * (star + 0.05), (2, 41, 41)) + rng.normal(0, 3, (2, 41, 41))
    electrons[0, 5, 30:34] += 900
    sci = (electrons / 500 - 0.05).astype(np.float32)
    told = StackMember(mean_weight=500, exptime=500, read_noise=3, background=25)
    image = combine(sci, np.full_like(sci, 500), members=[told, told])
    assert np.abs(image[5, 30:34]).max() < 0.1
    np.testing.assert_allclose(image[18:23, 18:23], star[18:23, 18:23], rtol=0.06)


def test_values_that_are_not_finite_are_left_out() -> None:
    sci, wht, members = stack(4)
    wht[:] = 500
    hurt = sci.copy()
    hurt[1, ::2], hurt[1, 1::4], hurt[1, 3::4] = np.nan, np.inf, -np.inf
    settings = CombineSettings("median")
    expected = np.median(sci[[0, 2, 3]], axis=0)
    assert np.array_equal(combine(hurt, wht, members=members, settings=settings), expected)


def test_an_exposure_without_weight_does_not_count() -> None:
    sci, wht, members = stack(3)
    sci[1], wht[1] = 0, 0
    told = (members[0], replace(members[1], mean_weight=0.0), members[2])
    settings = CombineSettings("minimum", mask_fraction=0.0)
    image = combine(sci, wht, members=told, settings=settings)
    assert np.array_equal(image, np.minimum(sci[0], sci[2]))


def test_rows_that_are_not_contiguous_and_other_types() -> None:
    sci, wht, members = stack(3)
    whole = combine(sci, wht, members=members)
    wide = np.zeros((3, 23, 99), np.float64)
    wide[:, :, 5:66] = sci
    assert np.array_equal(combine(wide[:, :, 5:66], wht, members=members), whole)
    assert np.array_equal(combine(np.asfortranarray(sci), wht, members=members), whole)


def test_the_inputs_stay_as_they_are() -> None:
    sci, wht, members = stack(3)
    before = sci.copy(), wht.copy()
    combine(sci, wht, members=members)
    assert np.array_equal(sci, before[0])
    assert np.array_equal(wht, before[1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "mode"}, "combine is 'mode'"),
        ({"nlow": -1}, "nlow is -1"),
        ({"grow": -1}, "grow is -1"),
        ({"threads": -1}, "threads is -1"),
        ({"mask_fraction": math.nan}, "mask_fraction is nan"),
        ({"nsigma": (4.0, -1.0)}, "nsigma"),
    ],
)
def test_wrong_settings_are_errors(change: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        replace(CombineSettings(), **change)


def test_stacks_that_do_not_fit_are_errors() -> None:
    sci, wht, members = stack(3)
    with pytest.raises(UsageError, match="do not fit"):
        combine(sci, wht[:2], members=members)
    with pytest.raises(UsageError, match="do not fit"):
        combine(sci, wht, members=members[:2])
    with pytest.raises(UsageError, match="rows 0 to 99"):
        combine(sci, wht, members=members, rows=(0, 99))
    with pytest.raises(UsageError, match="leave nothing of 3"):
        combine(sci, wht, members=members, settings=CombineSettings("median", nlow=1, nhigh=2))
    with pytest.raises(UsageError, match="exposure time is 0"):
        StackMember(mean_weight=1.0, exptime=0.0)
