"""The whole engine on simulated visits: what is rejected, what is kept, what makes no difference."""

from __future__ import annotations

import importlib
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from frames import turned_frame
from numpy.typing import NDArray
from scenes import chip_wcs

from trueup.drizzle.canvas import empty_canvas
from trueup.drizzle.combine import CombineSettings, StackMember, combine
from trueup.drizzle.cosmic import ChipReadout, cosmic_ray_mask
from trueup.drizzle.mapping import pixel_mapping
from trueup.drizzle.params import DrizzleParams
from trueup.drizzle.pipeline import drizzle
from trueup.drizzle.resample import Drop, Pixels, add_chip
from trueup.drizzle.run import Given, Hooks
from trueup.drizzle.sky_file import given_sky
from trueup.drizzle.static import static_mask
from trueup.errors import UsageError
from trueup.fits.splice import sha256_of
from trueup.fits.visit import open_visit
from trueup.model.exposure import Exposure
from trueup.model.mosaic import Mosaic
from trueup.simulate import Recipe, Truth, make_visit
from trueup.workflow.drizzle import drizzle_files

Array = NDArray[Any]

COMPAT = DrizzleParams(compat="astrodrizzle")
# so far inside a chip of these visits that several exposures see the same sky
INNER = np.s_[30:-30, 30:-30]
# noise of the sum over an area beyond that of independent pixels (Fruchter & Hook 2002, section 7),
# for square drops as large as an output pixel
CORRELATION = 1.5


@dataclass(frozen=True)
class Visits:
    """One visit of four exposures three times: with cosmic rays, with noise alone, without either."""

    hit: Truth
    calm: Truth
    pure: Truth


@pytest.fixture(scope="module")
def visits(tmp_path_factory: pytest.TempPathFactory) -> Visits:
    recipe = Recipe(size=(400, 300), stars=300, filters=("F336W",), exposures=4)
    kinds = (recipe, replace(recipe, cosmic_rays=0.0), replace(recipe, noise=False))
    names = ("hit", "calm", "pure")
    return Visits(
        *(make_visit(tmp_path_factory.mktemp(n), recipe=r) for n, r in zip(names, kinds, strict=True))
    )


@pytest.fixture(scope="module")
def four(visits: Visits) -> tuple[Exposure, ...]:
    return open_visit(visits.hit.files).exposures


class Keeper:
    """Holds copies of the intermediate images."""

    def __init__(self) -> None:
        self.images: dict[str, Array] = {}

    @property
    def hooks(self) -> Hooks:
        return Hooks(keep=lambda name, pixels: self.images.update({name: pixels.copy()}))

    def masks(self) -> dict[tuple[str, int], NDArray[np.uint8]]:
        """As the engine takes them."""
        names = [name.removesuffix("_crmask") for name in self.images if name.endswith("_crmask")]
        return {(n[:9], int(n.partition("_sci")[2])): self.images[f"{n}_crmask"] for n in names}


@pytest.fixture(scope="module")
def kept(four: tuple[Exposure, ...]) -> tuple[Mosaic, Keeper]:
    keeper = Keeper()
    return drizzle(four, params=DrizzleParams(planes=("err",)), hooks=keeper.hooks), keeper


def same(a: Mosaic, b: Mosaic) -> bool:
    """Whether two mosaics are the same to the bit."""
    images = np.array_equal(a.sci, b.sci, equal_nan=True) and np.array_equal(a.wht, b.wht)
    return images and np.array_equal(a.context, b.context)


def scatter(values: Array) -> float:
    """Standard deviation of the bulk."""
    return float(1.4826 * np.median(np.abs(values - np.median(values))))


def star_cores(truth: Truth, rootname: str, chip: int, *, shape: tuple[int, int]) -> Array:
    exposure = truth.exposure(rootname)
    stars = slice(0, truth.scene.n_stars)
    x, y = exposure.x[chip][stars], exposure.y[chip][stars]
    on = np.isfinite(x) & (x > 2) & (x < shape[1] - 3) & (y > 2) & (y < shape[0] - 3)
    i, j = np.rint(x[on]).astype(int), np.rint(y[on]).astype(int)
    cores = np.zeros(shape, np.bool_)
    for dj in (-1, 0, 1):
        for di in (-1, 0, 1):
            cores[j + dj, i + di] = True
    return cores


def test_cosmic_rays_go_and_stars_stay(visits: Visits, kept: tuple[Mosaic, Keeper]) -> None:
    """The same noise with and without cosmic rays tells which pixels were hit."""
    rejected = {key: mask == 0 for key, mask in kept[1].masks().items()}
    assert len(rejected) == 8
    hits, found, cores, lost, quiet, false = 0, 0, 0, 0, 0, 0
    for (rootname, extver), mask in rejected.items():
        name = f"{rootname}_flc.fits"
        hit, calm, pure = (
            fits.getdata(truth.directory / name, ("SCI", extver))
            for truth in (visits.hit, visits.calm, visits.pure)
        )
        sigma = fits.getdata(visits.calm.directory / name, ("ERR", extver))
        sound = fits.getdata(visits.hit.directory / name, ("DQ", extver)) & ~4096 == 0
        sound[~np.pad(np.ones_like(sound[INNER]), 30)] = False
        ray = hit - calm
        bright, untouched = sound & (ray > 8 * sigma), sound & (ray == 0)
        star = untouched & star_cores(visits.pure, rootname, extver - 1, shape=mask.shape)
        star &= pure - np.median(pure) > 5 * sigma
        hits, found = hits + bright.sum(), found + (mask & bright).sum()
        cores, lost = cores + star.sum(), lost + (mask & star).sum()
        quiet, false = quiet + untouched.sum(), false + (mask & untouched).sum()
    assert hits > 5000
    assert found / hits >= 0.98
    assert cores > 500
    assert lost / cores < 0.005
    assert false / quiet < 0.005


def test_stars_are_as_bright_as_they_are(visits: Visits, kept: tuple[Mosaic, Keeper]) -> None:
    """Aperture sums agree with those of exposures without noise and cosmic rays, within the noise."""
    mosaic = kept[0]
    truth = drizzle(open_visit(visits.pure.files), params=DrizzleParams(cr=False, sky="none"))
    assert truth.wcs.crval == mosaic.wcs.crval
    assert mosaic.err is not None
    ra, dec = visits.pure.scene.ra, visits.pure.scene.dec
    rows, columns = np.indices(mosaic.sci.shape)
    difference, pulls = mosaic.sci - truth.sci, []
    for x, y in zip(*mosaic.wcs.sky_to_pixel(ra, dec), strict=True):
        radius = np.hypot(columns - x, rows - y)
        aperture, ring = radius < 4, (radius > 8) & (radius < 14)
        everywhere = mosaic.wht[radius < 14]
        if not everywhere.size or everywhere.min() < 500 or truth.sci[aperture].max() < 0.02:
            continue
        off = difference[aperture].sum() - aperture.sum() * np.median(difference[ring])
        pulls.append(off / (CORRELATION * np.sqrt((mosaic.err[aperture] ** 2).sum(dtype=float))))
    assert len(pulls) > 60
    assert abs(np.median(pulls)) < 0.4
    assert scatter(np.array(pulls)) < 1.4


def test_err_is_the_noise_of_a_pixel_and_of_an_area(tmp_path: Path) -> None:
    """A constant sky with noise: one pixel scatters by ERR, an area by ERR and the correlation."""
    level = 0.5
    recipe = Recipe(size=(400, 300), constant=level, cosmic_rays=0.0, filters=("F336W",))
    truth = make_visit(tmp_path, recipe=recipe)
    params = DrizzleParams(cr=False, sky="none", final_bits="0", planes=("err",), static=False)
    mosaic = drizzle(open_visit(truth.files), params=params)
    assert mosaic.err is not None
    assert np.isfinite(mosaic.err[mosaic.wht > 0]).all()
    pull = (mosaic.sci - level) / mosaic.err
    for window in (np.s_[60:260, 80:360], np.s_[360:560, 80:360]):
        assert scatter(pull[window]) == pytest.approx(1.0, abs=0.04)
        blocks = mosaic.sci[window].reshape(20, 10, 28, 10).mean(axis=(1, 3))
        of_area = CORRELATION * np.sqrt(np.mean(mosaic.err[window] ** 2)) / 10
        # at the edge of a block of 10 pixels a thirtieth of each side leaks
        assert scatter(blocks) == pytest.approx(of_area * (1 - 1 / 30) ** 2, rel=0.15)


def test_coverage_is_seconds(visits: Visits) -> None:
    exposures = open_visit(visits.pure.files)
    params = DrizzleParams(cr=False, final_bits="none", static=False, planes=("coverage",), scale=0.05)
    mosaic = drizzle(exposures, params=params)
    assert mosaic.coverage is not None
    assert mosaic.context is not None
    times = [exposure.exptime for exposure in mosaic.exposures]
    assert mosaic.coverage.max() == pytest.approx(sum(times), rel=2e-3)
    # away from the borders every chip that fell on a pixel covers it
    seconds = sum(((mosaic.context[0] >> k) & 1) * time for k, time in enumerate(np.repeat(times, 2)))
    steady = np.ones_like(seconds, np.bool_)
    for step in (-2, -1, 1, 2):
        for axis in (0, 1):
            steady &= np.roll(mosaic.context[0], step, axis) == mosaic.context[0]
    assert steady.mean() > 0.4
    np.testing.assert_allclose(mosaic.coverage[steady], seconds[steady], rtol=2e-3)
    # smaller drops bring as many seconds
    drops = drizzle(exposures, params=replace(params, pixfrac=0.6)).coverage
    assert drops is not None
    assert drops.sum(dtype=float) == pytest.approx(mosaic.coverage.sum(dtype=float), rel=1e-4)


@pytest.mark.parametrize("params", [DrizzleParams(), COMPAT], ids=["default", "compat"])
def test_height_of_the_bands_changes_no_bit(
    params: DrizzleParams, four: tuple[Exposure, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[tuple[str, int]] = []
    hooks = Hooks(lambda *told: steps.append((told[0], told[2])))
    whole = drizzle(four, params=params, hooks=hooks)
    assert ("median", 1) in steps
    monkeypatch.setattr(importlib.import_module("trueup.drizzle.separate"), "_STACK_BYTES", 1)
    banded = drizzle(four, params=params, hooks=hooks)
    assert max(total for step, total in steps if step == "median") > 5
    assert same(whole, banded)


@pytest.mark.parametrize(
    "params",
    [DrizzleParams(planes=("err", "coverage")), COMPAT, DrizzleParams(combine="median", kernel="lanczos3")],
    ids=["default", "compat", "median, lanczos3"],
)
def test_threads_change_no_bit(params: DrizzleParams, four: tuple[Exposure, ...]) -> None:
    runs, keepers = [], []
    for threads in (1, 2, 4):
        keepers.append(Keeper())
        runs.append(drizzle(four, params=replace(params, threads=threads), hooks=keepers[-1].hooks))
    for run, keeper in zip(runs[1:], keepers[1:], strict=True):
        assert same(run, runs[0])
        assert run.sky == runs[0].sky
        for plane in params.planes:
            assert np.array_equal(getattr(run, plane), getattr(runs[0], plane), equal_nan=True)
        for name, image in keeper.images.items():
            assert np.array_equal(image, keepers[0].images[name]), name


def test_default_differs_from_compat_through_mapping_and_borders(
    four: tuple[Exposure, ...], kept: tuple[Mosaic, Keeper]
) -> None:
    keeper = Keeper()
    compat = drizzle(four, params=COMPAT, hooks=keeper.hooks)
    exact = kept[0]
    both = (exact.wht > 0) & (compat.wht > 0)
    assert both.sum() > 0.999 * (exact.wht > 0).sum()
    off = np.abs(exact.sci - compat.sci)[both] / scatter(exact.sci[both])
    assert 0 < np.median(off) < 1e-3
    assert (off > 0.02).mean() < 5e-3
    theirs = keeper.masks()
    for key, mask in kept[1].masks().items():
        assert (mask != theirs[key])[4:-4, 4:-4].mean() < 2e-4, key


def test_intermediate_images_have_names_and_shapes(
    four: tuple[Exposure, ...], kept: tuple[Mosaic, Keeper]
) -> None:
    images = kept[1].images
    frame = kept[0].sci.shape
    single = [f"{e.rootname}_single_{kind}" for e in four for kind in ("sci", "wht")]
    chips = [f"{e.rootname}_sci{k}_{kind}" for e in four for k in (1, 2) for kind in ("crmask", "blt")]
    assert set(images) == {"median", *single, *chips}
    assert {images[name].shape for name in ("median", *single)} == {frame}
    assert {images[name].shape for name in chips} == {(300, 400)}
    assert {images[name].dtype for name in images if name.endswith("crmask")} == {np.dtype(np.uint8)}
    seconds = images[f"{four[1].rootname}_single_wht"]
    assert np.median(seconds[seconds > 0]) == pytest.approx(four[1].exptime, rel=0.05)
    # a blotted image looks like the exposure, sky included
    blotted = images[f"{four[0].rootname}_sci1_blt"]
    with fits.open(four[0].path) as hdus:
        pull = (hdus["SCI", 1].data - blotted) / hdus["ERR", 1].data
    assert 0.7 < scatter(pull[INNER]) < 1.3
    assert abs(np.median(pull[INNER])) < 1


def test_what_is_given_takes_the_place_of_its_step(
    four: tuple[Exposure, ...], kept: tuple[Mosaic, Keeper]
) -> None:
    mosaic, keeper = kept
    sky = given_sky(four, {e.rootname: [mosaic.sky[e.rootname, k] for k in (1, 2)] for e in four})
    for given in (
        Given(sky=sky),
        Given(static=static_mask(four)),
        Given(clean=keeper.images["median"]),
        Given(masks=keeper.masks()),
    ):
        assert same(drizzle(four, given=given), mosaic)
    told = Hooks(lambda step, *_: steps.add(step))
    steps: set[str] = set()
    drizzle(four, hooks=told, given=Given(sky, static_mask(four), keeper.images["median"], keeper.masks()))
    assert steps == {"cosmic rays and final drizzle"}


def test_given_values_are_used(four: tuple[Exposure, ...], kept: tuple[Mosaic, Keeper]) -> None:
    plain = drizzle(four, params=DrizzleParams(cr=False, sky="none"))
    higher = given_sky(four, {e.rootname: 10.0 * e.exptime for e in four})
    darker = drizzle(four, params=DrizzleParams(cr=False), given=Given(sky=higher))
    good = plain.wht > 0
    off = (plain.sci - darker.sci)[good]
    assert np.median(off) == pytest.approx(10.0, rel=1e-5)
    everything = {key: np.full(mask.shape, 255, np.uint8) for key, mask in kept[1].masks().items()}
    whole = drizzle(four, params=DrizzleParams(sky="none"), given=Given(masks=everything))
    assert same(whole, plain)
    first = {key: np.zeros_like(mask) for key, mask in everything.items() if key[0] == four[0].rootname}
    without = drizzle(four, params=DrizzleParams(sky="none", cr=False), given=Given(masks=first))
    assert np.bitwise_or.reduce(without.context, axis=None) == 0b11111100


def test_a_clean_image_serves_one_exposure_on_any_grid(
    four: tuple[Exposure, ...], kept: tuple[Mosaic, Keeper]
) -> None:
    """The frame of the clean image is that of the detector, whatever that of the product."""
    clean = Given(clean=kept[1].images["median"])
    other = DrizzleParams(scale=0.06, rot=10.0)
    assert same(drizzle(four, params=replace(other, cr=False), given=clean), drizzle(four, params=other))


def test_what_is_given_must_fit(four: tuple[Exposure, ...]) -> None:
    with pytest.raises(UsageError, match=r"clean image has the shape \(5, 5\)"):
        drizzle(four, given=Given(clean=np.zeros((5, 5), np.float32)))
    key = (four[1].rootname, 2)
    with pytest.raises(UsageError, match=r"the mask has the shape \(5, 5\)") as error:
        drizzle(four, given=Given(masks={key: np.ones((5, 5), np.uint8)}))
    assert four[1].path in str(error.value)


@pytest.mark.parametrize("count", [3, 4])
@pytest.mark.parametrize("method", ["median", "mean", "sum", "minmed", "imedian", "minimum"])
def test_every_way_to_combine(method: Any, count: int, four: tuple[Exposure, ...]) -> None:
    keeper = Keeper()
    mosaic = drizzle(four[:count], params=DrizzleParams(combine=method), hooks=keeper.hooks)
    median = keeper.images["median"]
    assert np.isfinite(median).all()
    singles = np.stack([keeper.images[f"{e.rootname}_single_sci"] for e in four[:count]])
    weights = np.stack([keeper.images[f"{e.rootname}_single_wht"] for e in four[:count]])
    means = np.array([w[w > 0].mean() for w in weights])
    good = (weights > 0.31 * means[:, None, None]).all(axis=0)
    assert good.mean() > 0.4
    expected = {
        "median": np.median(singles, axis=0),
        "imedian": np.median(singles, axis=0),
        "mean": singles.mean(axis=0),
        "sum": singles.sum(axis=0),
        "minimum": singles.min(axis=0),
    }
    if method in expected:
        np.testing.assert_allclose(median[good], expected[method][good], rtol=1e-4, atol=1e-5)
    else:
        lower = np.sort(singles, axis=0)[:-1]
        is_minimum = np.isclose(median, lower[0], atol=1e-5)
        is_median = np.isclose(median, np.median(lower, axis=0), atol=1e-5)
        assert (is_minimum | is_median)[good].all()
        assert is_median[good].mean() > 0.5
        assert (is_minimum & ~is_median)[good].mean() > 0.01
    rejected = np.mean([mask == 0 for mask in keeper.masks().values()])
    assert 0.001 < rejected < 0.1
    assert np.isfinite(mosaic.sci[mosaic.wht > 0]).all()


SMALL: dict[str, Recipe] = {
    "UVIS subarray": Recipe(size=(200, 150), stars=40, filters=("F336W",)),
    "IR": Recipe(instrument="IR", size=(150, 150), stars=40, filters=("F160W",), exposures=3),
    "ACS/WFC": Recipe(instrument="ACS/WFC", size=(200, 150), stars=40, filters=("F606W",)),
}


@pytest.mark.parametrize("name", SMALL)
def test_every_detector_runs_whole(name: str, tmp_path: Path) -> None:
    recipe = SMALL[name]
    truth = make_visit(tmp_path, recipe=recipe)
    chips = len(recipe.detector.chips)
    keeper = Keeper()
    mosaic = drizzle(open_visit(truth.files), hooks=keeper.hooks)
    assert mosaic.wcs.scale_arcsec() == pytest.approx(recipe.detector.idcscale, rel=1e-6)
    masks = keeper.masks()
    assert len(masks) == chips * recipe.exposures
    assert any((mask == 0).any() for mask in masks.values())
    assert all((mask != 0).mean() > 0.9 for mask in masks.values())
    assert (mosaic.wht > 0).mean() > 0.5
    assert np.bitwise_or.reduce(mosaic.context, axis=None) == 2 ** (chips * recipe.exposures) - 1


def test_more_than_32_chips_take_a_second_plane(tmp_path: Path) -> None:
    truth = make_visit(tmp_path, recipe=Recipe(size=(64, 48), exposures=17, filters=("F336W",), stars=20))
    mosaic = drizzle(open_visit(truth.files))
    assert mosaic.context is not None
    assert mosaic.context.shape == (2, *mosaic.sci.shape)
    every = [int(np.bitwise_or.reduce(plane, axis=None)) & 0xFFFFFFFF for plane in mosaic.context]
    assert every == [2**32 - 1, 0b11]
    assert np.array_equal((mosaic.context != 0).any(axis=0), mosaic.wht > 0)


def test_one_exposure_is_drizzled_as_it_is(visits: Visits, tmp_path: Path) -> None:
    run = drizzle_files([visits.hit.files[0]], output=str(tmp_path))
    assert len(run.warnings) == 1
    assert "cosmic rays are not rejected" in run.warnings[0]
    with fits.open(run.products[0].path) as hdus:
        assert (hdus["WHT"].data > 0).mean() > 0.8


def test_detectors_and_filters_of_one_call_share_a_grid(tmp_path: Path) -> None:
    """UVIS in two filters, ACS/WFC and IR of one visit; IR under rootnames of its own."""
    recipes = {
        "uvis": Recipe(size=(160, 120), stars=20),
        "acs": Recipe(instrument="ACS/WFC", size=(120, 90), stars=20, filters=("F606W",)),
        "ir": Recipe(instrument="IR", size=(60, 60), stars=20, filters=("F160W",)),
    }
    truths = {n: make_visit(tmp_path / n, recipe=recipe) for n, recipe in recipes.items()}
    files = [*truths["uvis"].files, *truths["acs"].files]
    for path in truths["ir"].files:
        with fits.open(path, memmap=False) as hdus:
            hdus[0].header["ROOTNAME"] = hdus[0].header["ROOTNAME"].replace("14g", "14s")
            hdus[0].header["ASN_ID"] = "IEPW14050"
            files.append(path.with_name(path.name.replace("14g", "14s")))
            hdus.writeto(files[-1])
    run = drizzle_files(files, solution="rel", output=str(tmp_path))
    found = {product.filter: product.exposures for product in run.products}
    assert found == {"F336W": 2, "F275W": 2, "F606W": 2, "F160W": 2}
    headers = [fits.getheader(product.path, "SCI") for product in run.products]
    words = ("NAXIS1", "NAXIS2", "CRPIX1", "CRPIX2", "CRVAL1", "CRVAL2", "CD1_1", "CD1_2", "CD2_1", "CD2_2")
    assert len({tuple(header[word] for word in words) for header in headers}) == 1
    for product in run.products:
        assert (fits.getdata(product.path, "WHT") > 0).mean() > 0.02


def test_inputs_and_their_folder_stay_as_they_were(
    visits: Visits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = visits.hit.directory
    monkeypatch.chdir(tmp_path)

    def state() -> dict[str, tuple[str, int]]:
        return {path.name: (sha256_of(path), path.stat().st_mtime_ns) for path in folder.iterdir()}

    before = state()
    run = drizzle_files([folder])
    assert state() == before
    assert [path.name for path in tmp_path.iterdir()] == [Path(product.path).name for product in run.products]


def kernels() -> dict[str, Callable[[], object]]:
    """Calls that spend their time in one kernel each."""
    chip = replace(chip_wcs(1), shape=(1000, 1000))
    frame = turned_frame(chip)
    mapping = pixel_mapping(chip, frame)
    noise = np.random.default_rng(0).normal(30, 5, chip.shape).astype(np.float32)
    canvas = empty_canvas(frame, chips=1)
    pixels = Pixels(noise, np.ones_like(noise))
    stack = np.stack([noise] * 6)
    members = [StackMember(mean_weight=1.0, exptime=1.0)] * 6
    settings = CombineSettings("median", threads=1)
    clean = np.zeros(frame.shape, np.float32)
    readout = ChipReadout(exptime=100.0)
    return {
        "drizzle": lambda: add_chip(canvas, pixels, wcs=mapping, drop=Drop("lanczos3", threads=1)),
        "combine": lambda: combine(stack, np.ones_like(stack), members=members, settings=settings),
        "cosmic rays": lambda: cosmic_ray_mask(noise, clean, mapping=mapping, chip=readout),
    }


@pytest.mark.parametrize("name", ["drizzle", "combine", "cosmic rays"])
def test_another_thread_goes_on_while_a_kernel_runs(name: str) -> None:
    """No thread is made to let go of the interpreter here: the kernel does so, or nobody gets on."""
    work, running, seen = kernels()[name], threading.Event(), 0

    def run() -> None:
        running.set()
        work()
        running.clear()

    interval = sys.getswitchinterval()
    sys.setswitchinterval(60.0)
    try:
        for _ in range(20):
            worker = threading.Thread(target=run)
            worker.start()
            while worker.is_alive():
                seen += running.is_set()
                time.sleep(1e-4)
            worker.join()
            if seen:
                break
    finally:
        sys.setswitchinterval(interval)
    assert seen
