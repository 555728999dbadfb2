"""Whether the compiled kernels of this machine give right numbers."""

from __future__ import annotations

import numpy as np

from trueup.drizzle.canvas import empty_canvas, finished
from trueup.drizzle.resample import Drop, Image, Pixels, add_chip
from trueup.model.chipwcs import ChipWcs

_SHAPE = (60, 80)
_CD = np.diag([-1e-5, 1e-5])
_CLOSE = 1e-5


def self_test() -> str:
    """Drizzle noise half a pixel away, where each pixel must become the mean of four.

    Returns
    -------
    str
        Blank where that holds, with any number of threads to the bit; else what is wrong.

    Examples
    --------
    >>> self_test()
    ''
    """
    pixels = np.random.default_rng(1).normal(0, 1, _SHAPE).astype(np.float32)
    expected = (pixels[1:, 1:] + pixels[1:, :-1] + pixels[:-1, 1:] + pixels[:-1, :-1]) / 4
    alone, together = (_drizzled(pixels, threads) for threads in (1, 4))
    if not np.allclose(alone[1:, 1:], expected, rtol=0, atol=_CLOSE):
        return "the mean of four pixels is wrong"
    return "" if np.array_equal(alone, together) else "results depend on the number of threads"


def _drizzled(pixels: Image, threads: int) -> Image:
    ny, nx = _SHAPE
    chip = ChipWcs((nx / 2, ny / 2), (150.0, 2.0), _CD, _SHAPE)
    frame = ChipWcs((nx / 2 + 0.5, ny / 2 + 0.5), (150.0, 2.0), _CD, _SHAPE)
    canvas = empty_canvas(frame, chips=1)
    add_chip(canvas, Pixels(pixels, np.ones_like(pixels)), wcs=chip, drop=Drop(threads=threads))
    return finished(canvas)[0]
