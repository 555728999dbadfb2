"""Bands of an output image, from the rows of the chips that reach them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from frames import turned_frame
from scenes import chip_wcs

from trueup.drizzle.canvas import Canvas, empty_canvas
from trueup.drizzle.mapping import pixel_mapping
from trueup.drizzle.resample import Drop, Pixels, add_chip, input_rows
from trueup.errors import UsageError

CHIP = replace(chip_wcs(1), shape=(300, 200))
BAND_ROWS = 37


def pixels(rows: slice = slice(None)) -> Pixels:
    rng = np.random.default_rng(5)
    data = rng.normal(30, 5, CHIP.shape).astype(np.float32)
    weight = np.where(rng.random(CHIP.shape) < 0.03, 0, 500).astype(np.float32)
    return Pixels(data[rows], weight[rows], rows.start or 0, data[rows] ** 2, 500.0)


KERNELS = ("square", "turbo", "point", "gaussian", "lanczos2", "lanczos3")


def planes(canvas: Canvas) -> np.ndarray:
    return np.stack([getattr(canvas, name) for name in ("sum", "weight", "variance", "seconds")])


@pytest.mark.parametrize("rot_deg", [0.0, 3.0, 50.0, 180.0])
@pytest.mark.parametrize(("kernel", "pixfrac"), [("square", 0.8), *((kernel, 1.0) for kernel in KERNELS)])
def test_bands_are_the_whole_image_to_the_bit(rot_deg: float, kernel: str, pixfrac: float) -> None:
    frame = turned_frame(CHIP, rot_deg=rot_deg)
    mapping, drop = pixel_mapping(CHIP, frame), Drop(kernel, pixfrac, 1)
    whole = empty_canvas(frame, chips=1, variance=True, coverage=True)
    add_chip(whole, pixels(), wcs=CHIP, drop=drop)
    assert whole.weight.any()
    x, y = mapping(*np.meshgrid(np.arange(200), np.arange(300)))
    across = (x >= 0) & (x < frame.shape[1])
    for first in range(0, frame.shape[0], BAND_ROWS):
        rows = slice(first, min(first + BAND_ROWS, frame.shape[0]))
        band = empty_canvas(frame, chips=1, rows=rows, variance=True, coverage=True)
        reaching = input_rows(mapping, rows, frame.shape, drop=drop)
        if reaching is not None:
            add_chip(band, pixels(reaching), wcs=mapping, drop=drop)
            within = np.flatnonzero((across & (y > first - 20) & (y < rows.stop + 20)).any(axis=1))
            assert reaching.stop - reaching.start <= np.ptp(within) + 40
        assert np.array_equal(planes(band), planes(whole)[:, rows])
        assert band.context is not None
        assert whole.context is not None
        assert np.array_equal(band.context, whole.context[:, rows])


def test_rows_that_no_pixel_reaches() -> None:
    frame = turned_frame(CHIP, rot_deg=0)
    mapping = pixel_mapping(CHIP, frame)
    ny, nx = frame.shape
    assert input_rows(mapping, slice(0, ny), frame.shape) == slice(0, 300)
    assert input_rows(mapping, slice(5, 5), frame.shape) is None
    beside = replace(frame, crpix=(frame.crpix[0] + 1000, frame.crpix[1]))
    assert input_rows(pixel_mapping(CHIP, beside), slice(0, ny), (ny, nx)) is None


def test_rows_must_be_those_of_the_chip() -> None:
    canvas = empty_canvas(turned_frame(CHIP), chips=1)
    good = pixels(slice(280, 300))
    with pytest.raises(UsageError, match="rows 281 to 300"):
        add_chip(canvas, replace(good, first_row=281), wcs=CHIP)
    with pytest.raises(UsageError, match="not part"):
        add_chip(replace(canvas, first_row=1), good, wcs=CHIP)
