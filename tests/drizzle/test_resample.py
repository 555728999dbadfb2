"""The square kernel: what is conserved, what is exact, what does not matter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from frames import turned_frame
from scenes import chip_wcs
from scipy.special import erf

from trueup.drizzle.canvas import Canvas, empty_canvas, errors, finished
from trueup.drizzle.resample import Drop, Pixels, add_chip
from trueup.errors import UsageError
from trueup.model.chipwcs import ChipWcs

CHIP = replace(chip_wcs(1), shape=(300, 400))
CENTRED = ("turbo", "point", "gaussian", "lanczos2", "lanczos3")


def noise(seed: int = 0, shape: tuple[int, int] = CHIP.shape) -> np.ndarray:
    return np.random.default_rng(seed).normal(30, 5, shape).astype(np.float32)


def drizzled(frame: ChipWcs, data: np.ndarray, *, pixfrac: float = 1.0, threads: int = 1) -> Canvas:
    canvas = empty_canvas(frame, chips=1)
    weight = np.where(np.random.default_rng(1).random(data.shape) < 0.03, 0, 500).astype(np.float32)
    add_chip(canvas, Pixels(data, weight), wcs=CHIP, drop=Drop("square", pixfrac, threads))
    return canvas


def ample(frame: ChipWcs, border: int = 20) -> ChipWcs:
    """The frame with a border, so that nothing falls outside."""
    crpix = (frame.crpix[0] + border, frame.crpix[1] + border)
    return replace(frame, crpix=crpix, shape=(frame.shape[0] + 2 * border, frame.shape[1] + 2 * border))


@pytest.mark.parametrize(
    ("pixfrac", "rot_deg", "scale"),
    [
        (1.0, 0.0, 0.04),
        (0.8, 45.0, 0.04),
        (0.7, 20.0, 0.04),
        (1.0, 45.0, 0.015),
        (0.3, 130.0, 0.1),
        (1.0, 10.0, 0.008),
    ],
)
def test_weight_and_flux_are_conserved_whatever_the_grid(
    pixfrac: float, rot_deg: float, scale: float
) -> None:
    frame = ample(turned_frame(CHIP, rot_deg=rot_deg, scale_arcsec=scale))
    data = noise()
    canvas = drizzled(frame, data, pixfrac=pixfrac)
    good = np.random.default_rng(1).random(data.shape) >= 0.03
    assert canvas.weight.sum(dtype=float) == pytest.approx(500.0 * good.sum(), rel=2e-6)
    assert canvas.sum.sum(dtype=float) == pytest.approx(500.0 * data[good].sum(dtype=float), rel=2e-6)


@pytest.mark.parametrize("rot_deg", [0.0, 33.0, 180.0])
@pytest.mark.parametrize("drop", [Drop(), Drop(pixfrac=0.7), *(Drop(k) for k in CENTRED)], ids=str)
def test_threads_change_no_bit(rot_deg: float, drop: Drop) -> None:
    chip = replace(CHIP, shape=(700, 500))
    frame, data = turned_frame(chip, rot_deg=rot_deg), noise(0, chip.shape)
    canvases = []
    for threads in (1, 2, 4):
        canvas = empty_canvas(frame, chips=2)
        for index, wcs in enumerate((chip, replace(chip, crpix=(chip.crpix[0] + 7.3, chip.crpix[1])))):
            weight = np.full(chip.shape, 400, np.float32)
            add_chip(canvas, Pixels(data, weight), wcs=wcs, index=index, drop=replace(drop, threads=threads))
        canvases.append(canvas)
    first = canvases[0]
    assert first.weight.any()
    for other in canvases[1:]:
        assert np.array_equal(first.sum, other.sum)
        assert np.array_equal(first.weight, other.weight)
        assert np.array_equal(first.context, other.context)


@pytest.mark.parametrize("kernel", ["turbo", "point"])
@pytest.mark.parametrize(("pixfrac", "scale"), [(1.0, 0.04), (0.6, 0.04), (1.0, 0.015), (0.9, 0.1)])
def test_boxes_and_points_conserve_weight_and_flux(kernel: str, pixfrac: float, scale: float) -> None:
    frame = ample(turned_frame(CHIP, scale_arcsec=scale))
    canvas, data = empty_canvas(frame, chips=1), noise()
    add_chip(canvas, Pixels(data, np.full_like(data, 500)), wcs=CHIP, drop=Drop(kernel, pixfrac))
    assert canvas.weight.sum(dtype=float) == pytest.approx(500.0 * data.size, rel=2e-6)
    assert canvas.sum.sum(dtype=float) == pytest.approx(500.0 * data.sum(dtype=float), rel=2e-6)


def test_a_pixel_is_shared_by_exact_overlap() -> None:
    """Shifted by a quarter and a half pixel: 3/8, 1/8, 3/8, 1/8."""
    wcs = ChipWcs((5.0, 5.0), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (10, 10))
    frame = replace(wcs, crpix=(5.25, 5.5))
    weight = np.zeros(wcs.shape, np.float32)
    weight[4, 4] = 8.0
    canvas = empty_canvas(frame, chips=1)
    add_chip(canvas, Pixels(np.full(wcs.shape, 2, np.float32), weight), wcs=wcs)
    np.testing.assert_allclose(canvas.weight[4:6, 4:6], [[3, 1], [3, 1]], rtol=1e-6)
    assert np.count_nonzero(canvas.weight) == 4
    np.testing.assert_allclose(canvas.sum, 2 * canvas.weight)


def test_the_same_grid_gives_the_same_image() -> None:
    wcs = ChipWcs((50.0, 60.0), (150.0, 2.0), np.array([[-1e-5, 2e-6], [2e-6, 1e-5]]), (120, 100))
    data = noise(0, wcs.shape)
    canvas = empty_canvas(wcs, chips=1)
    add_chip(canvas, Pixels(data, np.full(wcs.shape, 3, np.float32)), wcs=wcs)
    np.testing.assert_allclose(finished(canvas)[0], data, rtol=1e-6)


def test_variances_propagate() -> None:
    """Shifted by a quarter pixel along x: the mean of two pixels, weighing 3 to 1."""
    wcs = ChipWcs((5.0, 5.0), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (10, 10))
    canvas = empty_canvas(replace(wcs, crpix=(5.25, 5.0)), chips=1, variance=True)
    ones = np.ones(wcs.shape, np.float32)
    variance = np.where(np.arange(10) % 2, 16, 64).astype(np.float32) * ones
    add_chip(canvas, Pixels(ones, 7 * ones, variance=variance), wcs=wcs)
    expected = np.sqrt([9 * 16 + 64, 9 * 64 + 16]) / 4
    np.testing.assert_allclose(errors(canvas)[5, 3:5], expected, rtol=1e-5)
    with pytest.raises(UsageError, match="variances"):
        add_chip(canvas, Pixels(ones, ones), wcs=wcs)
    with pytest.raises(UsageError, match="no variances"):
        errors(empty_canvas(wcs, chips=1))


def test_errors_are_the_scatter_of_noise() -> None:
    frame, weight = turned_frame(CHIP), np.full(CHIP.shape, 300, np.float32)
    sigma = np.random.default_rng(1).uniform(1, 4, CHIP.shape).astype(np.float32)
    images = []
    for seed in range(40):
        canvas = empty_canvas(frame, chips=1, variance=True)
        data = (sigma * np.random.default_rng(seed).normal(size=CHIP.shape)).astype(np.float32)
        add_chip(canvas, Pixels(data, weight, variance=sigma**2), wcs=CHIP)
        error = errors(canvas)
        images.append(finished(canvas)[0] / error)
    inside = np.isfinite(images[0]) & (canvas.weight > 200)
    assert np.std(np.array(images)[:, inside]) == pytest.approx(1, abs=0.005)


@pytest.mark.parametrize("kernel", ["square", "turbo", "point"])
def test_coverage_is_exposure_time(kernel: str) -> None:
    chip = chip_wcs(2, tables=False)
    chip = replace(chip, shape=(500, 600))
    canvas = empty_canvas(turned_frame(chip, scale_arcsec=0.05), chips=2, coverage=True)
    ones = np.ones(chip.shape, np.float32)
    for exptime in (300.0, 500.0):
        add_chip(canvas, Pixels(ones, ones, exptime=exptime), wcs=chip, drop=Drop(kernel))
    assert canvas.seconds is not None
    x, y = turned_frame(chip, scale_arcsec=0.05).sky_to_pixel(*chip.pixel_to_sky(299.5, 249.5))
    middle = canvas.seconds[int(y) - 100 : int(y) + 100, int(x) - 100 : int(x) + 100]
    assert middle.mean() == pytest.approx(800, rel=1e-3)
    if kernel == "square":
        np.testing.assert_allclose(middle, 800, rtol=1e-4)


def test_unknown_kernels_and_shapes_are_errors() -> None:
    with pytest.raises(UsageError, match="unknown kernel 'cubic'"):
        Drop("cubic")
    with pytest.raises(UsageError, match="pixfrac is 0"):
        Drop(pixfrac=0)


def test_a_parity_flip_keeps_weights_positive() -> None:
    wcs = ChipWcs((50.0, 60.0), (150.0, 2.0), np.diag([1e-5, 1e-5]), (120, 100))
    frame = ample(replace(wcs, cd=np.diag([-1e-5, 1e-5])))
    canvas = empty_canvas(frame, chips=1)
    add_chip(canvas, Pixels(noise(0, wcs.shape), np.ones(wcs.shape, np.float32)), wcs=wcs)
    assert canvas.weight.min() >= 0
    assert canvas.weight.sum(dtype=float) == pytest.approx(wcs.shape[0] * wcs.shape[1], rel=1e-6)


def test_bad_values_leave_holes_not_traces() -> None:
    frame = turned_frame(CHIP)
    data = noise()
    weight = np.ones(CHIP.shape, np.float32)
    spoiled, masked = data.copy(), weight.copy()
    spoiled[100:110, 200:210] = np.nan
    spoiled[50, 60] = np.inf
    masked[100:110, 200:210] = 0
    masked[50, 60] = 0
    one, two = empty_canvas(frame, chips=1), empty_canvas(frame, chips=1)
    add_chip(one, Pixels(spoiled, weight), wcs=CHIP)
    add_chip(two, Pixels(data, masked), wcs=CHIP)
    assert np.array_equal(one.sum, two.sum)
    assert np.array_equal(one.weight, two.weight)
    sci, wht = finished(one)
    assert np.array_equal(np.isnan(sci), wht == 0)
    assert np.isnan(sci[10:-10, 10:-10]).any()


def test_context_marks_each_chip_in_its_bit() -> None:
    wcs = ChipWcs((5.0, 5.0), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (10, 10))
    canvas = empty_canvas(wcs, chips=40)
    for index in (0, 31, 32, 39):
        weight = np.zeros(wcs.shape, np.float32)
        weight[index // 4, 3] = 1
        add_chip(canvas, Pixels(np.ones(wcs.shape, np.float32), weight), wcs=wcs, index=index)
    assert canvas.context is not None
    marked = {(p, int(j)): int(v) for p in (0, 1) for j in range(10) if (v := canvas.context[p, j, 3])}
    assert marked == {(0, 0): 1, (0, 7): -(2**31), (1, 8): 1, (1, 9): 128}


def test_a_chip_beside_the_frame_adds_nothing() -> None:
    frame = replace(turned_frame(CHIP), crval=(CHIP.crval[0] + 1.0, CHIP.crval[1]))
    canvas = drizzled(frame, noise())
    assert not canvas.weight.any()


def test_shapes_must_agree() -> None:
    canvas = empty_canvas(CHIP, chips=1)
    with pytest.raises(UsageError, match="not part of an image of shape"):
        add_chip(canvas, Pixels(noise(0, (3, 4)), noise(0, (3, 4))), wcs=CHIP)
    with pytest.raises(UsageError, match="differ in shape"):
        add_chip(canvas, Pixels(noise(0, (30, 400)), noise(0, (20, 400))), wcs=CHIP)


def areas_arcsec2(chip: ChipWcs, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Solid angle of pixels by central differences."""
    right, left = chip.pixel_to_plane(x + 0.5, y), chip.pixel_to_plane(x - 0.5, y)
    up, down = chip.pixel_to_plane(x, y + 0.5), chip.pixel_to_plane(x, y - 0.5)
    along_x, along_y = np.subtract(right, left), np.subtract(up, down)
    return np.abs(along_x[0] * along_y[1] - along_x[1] * along_y[0]) * 3600**2


def test_stars_keep_their_flux() -> None:
    chip, nominal, scale = chip_wcs(1, tables=False), 0.0396, 0.04
    frame = turned_frame(chip, scale_arcsec=scale)
    rng = np.random.default_rng(4)
    at = np.stack([rng.uniform(40, 4056, 30), rng.uniform(40, 2011, 30)], axis=1)
    apart = np.hypot(*(at[:, None] - at[None]).transpose(2, 0, 1)) + 1e9 * np.eye(30)
    at = at[apart.min(axis=1) > 60]
    image = np.zeros(chip.shape, np.float32)
    for x0, y0 in at:
        i, j = np.arange(int(x0) - 14, int(x0) + 15), np.arange(int(y0) - 14, int(y0) + 15)
        profile = np.outer(integrated(j - y0), integrated(i - x0))
        area = areas_arcsec2(chip, *np.meshgrid(i.astype(float), j.astype(float)))
        image[j[0] : j[-1] + 1, i[0] : i[-1] + 1] = 1000 * profile * nominal**2 / area
    canvas = empty_canvas(frame, chips=1)
    weight = np.full(chip.shape, 700, np.float32)
    add_chip(canvas, Pixels(image * np.float32((scale / nominal) ** 2), weight), wcs=chip)
    sci = np.nan_to_num(finished(canvas)[0])
    y, x = np.indices((33, 33)) - 16
    for cx, cy in zip(*frame.sky_to_pixel(*chip.pixel_to_sky(at[:, 0], at[:, 1])), strict=True):
        i, j = round(cx), round(cy)
        box = sci[max(j - 16, 0) : j + 17, max(i - 16, 0) : i + 17]
        aperture = np.hypot(x + i - cx, y + j - cy)[-box.shape[0] :, -box.shape[1] :] <= 12
        assert box[aperture].sum(dtype=float) == pytest.approx(1000, rel=1e-3)


def integrated(offset: np.ndarray, sigma: float = 0.9) -> np.ndarray:
    """A Gaussian integrated over pixels."""
    edge = np.concatenate([offset - 0.5, offset[-1:] + 0.5]) / (sigma * np.sqrt(2))
    return np.diff(erf(edge)) / 2


@pytest.mark.parametrize("pixfrac", [1.0, 0.8])
def test_a_constant_image_stays_constant(pixfrac: float) -> None:
    chip = chip_wcs(2)
    frame = turned_frame(chip)
    canvas = empty_canvas(frame, chips=1, context=False)
    weight = np.full(chip.shape, 700, np.float32)
    add_chip(
        canvas, Pixels(np.full(chip.shape, 3.5, np.float32), weight), wcs=chip, drop=Drop("square", pixfrac)
    )
    sci = finished(canvas)[0]
    assert np.nanmax(np.abs(sci / 3.5 - 1)) < 1e-5
    assert np.isfinite(sci).mean() > 0.5
