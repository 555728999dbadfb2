"""Cosmic-ray masks: equal to AstroDrizzle's in compat, true to what was injected by default."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from frames import turned_frame
from peers import needs_drizzlepac, run_peer
from scenes import chip_wcs

from trueup.drizzle.cosmic import ChipReadout, CosmicRaySettings, cosmic_ray_mask, trail_direction
from trueup.drizzle.mapping import Mapping, pixel_mapping
from trueup.errors import UsageError
from trueup.model.cards import Cards, make_card
from trueup.model.chipwcs import ChipWcs
from trueup.model.exposure import Exposure
from trueup.model.names import WcsName
from trueup.model.solution import ChipId, Origin, Solution

# the blot and the mask, as the steps blot and driz_cr make them from one chip
SCRIPT = """
from types import SimpleNamespace
from drizzlepac import cdriz, drizCR

class OneChip:
    _numchips, scienceExt, inmemory, _filename = 1, "SCI", True, "chip"
    def __init__(self, sci, blotted, **chip):
        names = {"blotImage": "blot", "crmaskImage": "mask"}
        self.sci, self.chip = sci, SimpleNamespace(group_member=True, outputNames=names, **chip)
        self.virtualOutputs = {"blot": [SimpleNamespace(data=blotted.copy())]}
    def __getitem__(self, extension):
        return self.chip
    def getData(self, extension):
        return self.sci.copy()
    def buildMask(self, chip, bits):
        return np.ones(self.sci.shape, np.uint8)
    def saveVirtualOutputs(self, outputs):
        self.mask = outputs["mask"][0].data

results = {}
clean, (x, y) = job["clean"], job["positions"]
def mapping(column, row):
    at = np.rint(row).astype(int) - 1, np.rint(column).astype(int) - 1
    return x[at] + 1, y[at] + 1
for k, (n, settings) in enumerate(cases):
    exptime, sky, noise, gain, conversion, ratio, trail = map(float, job["readouts"][n])
    if f"blot{n}" not in results:
        blotted = np.empty(x.shape, np.float32)
        ny, nx = clean.shape
        cdriz.tblot(
            clean, blotted, 1, nx, 1, ny, ratio, 1.0, 1.0, 1.0, "center", "poly5", exptime, 0.0,
            1.0, 1, mapping,
        )
        blotted /= conversion
        blotted += sky
        results[f"blot{n}"] = blotted
    chip = OneChip(
        job[f"sci{n}"], results[f"blot{n}"], _conversionFactor=conversion, _effGain=gain, _rdnoise=noise,
        subtractedSky=sky, cte_dir=-int(trail),
    )
    drizCR._driz_cr(chip, {}, dict(
        driz_cr_snr="{} {}".format(*settings["snr"]), driz_cr_scale="{} {}".format(*settings["scale"]),
        driz_cr_grow=settings["grow"], driz_cr_ctegrow=settings["cte_grow"], driz_cr_corr=False,
        inmemory=True, crbit=4096,
    ))
    results[f"mask{k}"] = chip.mask
"""

SHAPE = (90, 110)
READOUTS = (
    ChipReadout(500.0, sky=12.5, read_noise=3.1, pixel_ratio=1.007, trail=1),
    ChipReadout(700.0, sky=0.0, read_noise=4.0, trail=-1),
    ChipReadout(400.0, sky=0.7, read_noise=12.0, conversion=400.0, pixel_ratio=0.98),
    ChipReadout(350.0, sky=30.0, read_noise=5.0, gain=2.0, trail=1),
)


def chip_mapping(shape: tuple[int, int] = SHAPE) -> tuple[Mapping, tuple[int, int]]:
    chip = replace(chip_wcs(1, tables=False), shape=shape, crpix=(60.0, 50.0))
    frame = turned_frame(chip, rot_deg=73.0)
    return pixel_mapping(chip, frame), frame.shape


def star_field(shape: tuple[int, int], number: int = 25) -> np.ndarray:
    """Stars of 2 pixels FWHM, electrons per second."""
    rng = np.random.default_rng(8)
    y, x = np.mgrid[: shape[0], : shape[1]]
    image = np.zeros(shape)
    for _ in range(number):
        x0, y0, flux = rng.uniform(0, shape[1]), rng.uniform(0, shape[0]), 10 ** rng.uniform(-1, 2.5)
        image += flux * np.exp(-0.5 * ((x - x0) ** 2 + (y - y0) ** 2) / 0.85**2)
    return image.astype(np.float32)


def seen(clean: np.ndarray, mapping: Mapping, chip: ChipReadout) -> np.ndarray:
    """The clean image as the chip sees it, with its sky, native units."""
    blotted = np.empty(mapping.shape, np.float32)
    sci = np.zeros(mapping.shape, np.float32)
    cosmic_ray_mask(sci, clean, mapping=mapping, chip=chip, blotted=blotted)
    return blotted


def observed(truth: np.ndarray, chip: ChipReadout, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A noisy chip with cosmic rays of one to three pixels, and where they are."""
    rng = np.random.default_rng(seed)
    expected = np.maximum(truth * chip.conversion, 0)
    electrons = rng.poisson(expected) + rng.normal(0, chip.read_noise, truth.shape)
    hit = rng.random(truth.shape) < 0.01
    hit |= np.roll(hit, 1, 1) & (rng.random(truth.shape) < 0.5)
    electrons[hit] += 10 ** rng.uniform(1.3, 4, hit.sum())
    return (electrons / chip.conversion).astype(np.float32), hit


@needs_drizzlepac
def test_compat_masks_are_identical_to_the_peers(
    tmp_path_factory: pytest.TempPathFactory, peer_python: str
) -> None:
    mapping, shape = chip_mapping()
    clean = star_field(shape)
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    frames = [observed(seen(clean, mapping, chip), chip)[0] for chip in READOUTS]
    thresholds = [((3.5, 3.0), (1.5, 1.2)), ((5.0, 4.0), (3.0, 2.4)), ((4.0, 3.0), (0.5, 0.4))]
    settings = [
        CosmicRaySettings(snr, scale, grow, cte_grow, compat=True)
        for (snr, scale), (grow, cte_grow) in itertools.product(
            thresholds, [(1, 0), (2, 0), (3, 4), (4, 0), (1, 3)]
        )
    ]
    # without a trail the peer masks everything as soon as cte_grow is not 0
    cases = [
        (n, s) for n, chip in enumerate(READOUTS) for s in settings if s.cte_grow == 0 or chip.trail != 0
    ]
    told = [(c.exptime, c.sky, c.read_noise, c.gain, c.conversion, c.pixel_ratio, c.trail) for c in READOUTS]
    peer = run_peer(
        peer_python,
        SCRIPT,
        folder=tmp_path_factory.mktemp("cosmic"),
        cases=[(n, {k: getattr(s, k) for k in ("snr", "scale", "grow", "cte_grow")}) for n, s in cases],
        clean=clean,
        positions=np.stack(mapping(x, y)),
        readouts=np.array(told),
        **{f"sci{n}": sci for n, sci in enumerate(frames)},
    )
    for k, (n, chosen) in enumerate(cases):
        blotted = np.empty(SHAPE, np.float32)
        mask = cosmic_ray_mask(
            frames[n], clean, mapping=mapping, chip=READOUTS[n], settings=chosen, blotted=blotted
        )
        assert 0.005 < 1 - mask.mean() < 0.7
        assert np.array_equal(mask, peer[f"mask{k}"]), (n, chosen)
        np.testing.assert_allclose(blotted, peer[f"blot{n}"], rtol=1e-6, atol=1e-6 * peer[f"blot{n}"].max())


@pytest.mark.parametrize("chip", READOUTS[:3])
def test_injected_cosmic_rays_are_found_and_stars_are_not(chip: ChipReadout) -> None:
    mapping, shape = chip_mapping((300, 320))
    clean = star_field(shape, 150)
    truth = seen(clean, mapping, chip)
    sci, hit = observed(truth, chip, seed=1)
    mask = cosmic_ray_mask(sci, clean, mapping=mapping, chip=chip)
    noise = np.sqrt(np.maximum(truth * chip.conversion, 0) + chip.read_noise**2) / chip.conversion
    across, along = np.gradient(truth)
    flat = np.hypot(across, along) < noise
    strong = hit & flat & (sci - truth > 12 * noise)
    assert strong.sum() > 200
    assert not mask[strong].any()
    bright = ~hit & (truth - chip.sky > 50 * noise)
    assert bright.sum() > 200
    assert mask[bright].mean() > 0.999
    assert mask[~hit].mean() > 0.995


def identity(shape: tuple[int, int]) -> Mapping:
    wcs = ChipWcs((2.0, 2.0), (150.0, 2.0), np.diag([-1e-5, 1e-5]), shape)
    return pixel_mapping(wcs, wcs)


CHIP = ChipReadout(500.0, sky=100.0, read_noise=3.0, trail=1)


def flat_mask(
    hits: list[tuple[int, int]], settings: CosmicRaySettings, chip: ChipReadout = CHIP
) -> set[tuple[int, int]]:
    """The masked pixels (row, column) of a flat chip of 12 x 14 pixels."""
    sci = np.full((12, 14), 100, np.float32)
    for at in hits:
        sci[at] += np.float32(5000)
    clean = np.zeros((12, 14), np.float32)
    return masked(cosmic_ray_mask(sci, clean, mapping=identity((12, 14)), chip=chip, settings=settings))


def masked(mask: np.ndarray) -> set[tuple[int, int]]:
    return {(int(j), int(i)) for j, i in np.argwhere(mask == 0)}


@pytest.mark.parametrize("at", [(0, 0), (11, 13), (0, 6), (11, 6), (5, 0), (5, 13), (10, 12)])
def test_cosmic_rays_at_the_border_are_found(at: tuple[int, int]) -> None:
    assert flat_mask([at], CosmicRaySettings()) == {at}


def test_compat_compares_with_zero_at_the_border() -> None:
    sci = np.full((12, 14), 100, np.float32)
    sci[0, 5] += np.float32(150)
    clean, mapping = np.zeros((12, 14), np.float32), identity((12, 14))
    for compat, good in ((False, 0), (True, 1)):
        settings = CosmicRaySettings(compat=compat)
        mask = cosmic_ray_mask(sci, clean, mapping=mapping, chip=CHIP, settings=settings)
        assert mask[0, 5] == good


def test_growth_and_trails() -> None:
    assert flat_mask([(5, 6)], CosmicRaySettings(grow=3)) == set(itertools.product((4, 5, 6), (5, 6, 7)))
    up = flat_mask([(5, 6)], CosmicRaySettings(cte_grow=3))
    assert up == {(5, 6), (6, 6), (7, 6), (8, 6)}
    down = flat_mask([(5, 6)], CosmicRaySettings(cte_grow=3), replace(CHIP, trail=-1))
    assert down == {(5, 6), (4, 6), (3, 6), (2, 6)}
    assert flat_mask([(5, 6)], CosmicRaySettings(cte_grow=3), replace(CHIP, trail=0)) == {(5, 6)}
    assert flat_mask([(11, 6), (1, 2)], CosmicRaySettings(cte_grow=2)) == {(11, 6), (1, 2), (2, 2), (3, 2)}


def test_the_second_test_holds_beside_a_cosmic_ray_only() -> None:
    """3.3 sigma is too little alone and enough as a neighbour."""
    sci, clean = np.full((12, 14), 100, np.float32), np.zeros((12, 14), np.float32)
    sci[3, 3] = sci[7, 9] = 100 + 3.3 * np.sqrt(2 * 100 + 9)
    sci[2, 4] = 3000
    mask = cosmic_ray_mask(sci, clean, mapping=identity((12, 14)), chip=CHIP)
    assert masked(mask) == {(3, 3), (2, 4)}


@pytest.mark.parametrize("compat", [False, True])
def test_threads_do_not_change_the_mask(compat: bool) -> None:
    mapping, shape = chip_mapping((700, 60))
    clean = star_field(shape, 40)
    chip = READOUTS[0]
    sci, _ = observed(seen(clean, mapping, chip), chip)
    settings = CosmicRaySettings(grow=3, cte_grow=4, compat=compat)
    results = []
    for threads in (1, 2, 4):
        blotted = np.empty(sci.shape, np.float32)
        chosen = replace(settings, threads=threads)
        mask = cosmic_ray_mask(sci, clean, mapping=mapping, chip=chip, settings=chosen, blotted=blotted)
        results.append((mask, blotted))
    for mask, blotted in results[1:]:
        assert np.array_equal(mask, results[0][0])
        assert np.array_equal(blotted, results[0][1])


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (2, 2), (5, 1), (3, 4)])
@pytest.mark.parametrize("compat", [False, True])
def test_tiny_chips(shape: tuple[int, int], compat: bool) -> None:
    sci = np.full(shape, 100, np.float32)
    settings = CosmicRaySettings(grow=3, cte_grow=9, compat=compat)
    mask = cosmic_ray_mask(
        sci, np.zeros(shape, np.float32), mapping=identity(shape), chip=CHIP, settings=settings
    )
    assert mask.all()


def test_pixels_that_are_not_finite_are_masked() -> None:
    sci = np.full((12, 14), 100, np.float32)
    sci[3, 4], sci[8, 9] = np.nan, np.inf
    mask = cosmic_ray_mask(sci, np.zeros((12, 14), np.float32), mapping=identity((12, 14)), chip=CHIP)
    assert masked(mask) == {(3, 4), (8, 9)}


@pytest.mark.parametrize(
    ("instrument", "detector", "amplifier", "chip", "trail"),
    [
        ("WFC3", "UVIS", "ABCD", ChipId(1, 2), 1),
        ("WFC3", "UVIS", "ABCD", ChipId(2, 1), -1),
        ("WFC3", "UVIS", "A", ChipId(1, 1), -1),
        ("WFC3", "IR", "ABCD", ChipId(1, 1), 0),
        ("ACS", "WFC", "ABCD", ChipId(1, 2), 1),
        ("ACS", "HRC", "A", ChipId(1, 1), -1),
        ("ACS", "HRC", "C", ChipId(1, 1), 1),
        ("ACS", "SBC", "", ChipId(1, 1), 0),
        ("STIS", "CCD", "D", ChipId(1, 1), -1),
        ("WFPC2", "", "", ChipId(1, 3), 1),
    ],
)
def test_trails_point_away_from_the_amplifier(
    instrument: str, detector: str, amplifier: str, chip: ChipId, trail: int
) -> None:
    words = {"INSTRUME": instrument, "DETECTOR": detector, "CCDAMP": amplifier}
    header = Cards(tuple(make_card(word, value) for word, value in words.items()))
    opus = Solution(WcsName.parse("OPUS"), Origin("primary"))
    assert trail_direction(Exposure("a_flc.fits", header, (), (opus,), opus), chip) == trail


@pytest.mark.parametrize(
    ("settings", "change", "message"),
    [
        (CosmicRaySettings(), {"snr": (3.5,)}, "snr is"),
        (CosmicRaySettings(), {"scale": (1.5, -1.0)}, "scale is"),
        (CosmicRaySettings(), {"grow": 0}, "grow is 0"),
        (CosmicRaySettings(), {"cte_grow": -1}, "cte_grow is -1"),
        (CosmicRaySettings(), {"interpolation": "sinc"}, "blot is 'sinc'"),
        (CHIP, {"exptime": 0.0}, "exptime is 0"),
        (CHIP, {"gain": -1.0}, "gain is -1"),
        (CHIP, {"trail": 2}, "trail is 2"),
    ],
)
def test_wrong_settings_are_errors(
    settings: CosmicRaySettings | ChipReadout, change: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        replace(settings, **change)


def test_arrays_that_do_not_fit_are_errors() -> None:
    sci, mapping = np.zeros((12, 14), np.float32), identity((12, 14))
    with pytest.raises(UsageError, match="do not fit"):
        cosmic_ray_mask(sci[1:], sci, mapping=mapping, chip=CHIP)
    with pytest.raises(UsageError, match="do not fit"):
        cosmic_ray_mask(sci, sci[0], mapping=mapping, chip=CHIP)
    with pytest.raises(UsageError, match="do not fit"):
        cosmic_ray_mask(sci, sci, mapping=mapping, chip=CHIP, blotted=sci[1:].copy())
