"""Separate drizzle and median: one image of the sky without cosmic rays.

Every exposure is drizzled by itself, and the stack is combined pixel by pixel. This runs over bands of
output rows, so that the memory it takes does not depend on the number of exposures.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from trueup.drizzle.canvas import Canvas, finished
from trueup.drizzle.combine import CombineSettings, StackMember, combine
from trueup.drizzle.inputs import ChipInput
from trueup.drizzle.resample import Drop, Pixels, add_chip, input_rows
from trueup.drizzle.run import Image, Known, Run
from trueup.model.exposure import Exposure

# AstroDrizzle's kernel of this step: the same as square to what a median sees, and faster
_KERNEL = "turbo"
_STACK_BYTES = 300_000_000
_FEWEST_ROWS = 64
_NO_WEIGHT = 1e-8
_SAMPLE_ROWS = 64
_SAMPLE_EVERY = 512
_SMALL_FRAME = 2048

Stack = tuple[NDArray[np.float32], NDArray[np.float32]]


def clean_image(run: Run, known: Known) -> Image:
    """Drizzle every exposure by itself and combine the images.

    Parameters
    ----------
    run : Run
    known : Known
        The sky and the static mask.

    Returns
    -------
    (ny, nx) float32 array
        Per second, on the frame of the run; 0 where no exposure is good.
    """
    settings = _settings(run)
    grow = settings.grow if settings.method == "minmed" else 0
    bands = list(_bands(run, grow))
    tallest = max(_SAMPLE_ROWS, *(outer.stop - outer.start for _, outer in bands))
    buffer = _Buffer(run, tallest)
    weights = _mean_weights(run, buffer, known, whole=bands[0][1] if len(bands) == 1 else None)
    members = _members(run, known, weights)
    clean = np.empty(run.separate.frame.shape, np.float32)
    for done, (inner, outer) in enumerate(bands):
        run.hooks.tell("median", done, len(bands))
        stack = buffer.drizzled(outer, known)
        rows = (inner.start - outer.start, inner.stop - outer.start)
        clean[inner] = combine(*stack, members=members, settings=settings, rows=rows)
    _keep(run, clean, known)
    return clean


def _settings(run: Run) -> CombineSettings:
    params = run.params
    return CombineSettings(
        params.combine,
        nlow=params.nlow,
        nhigh=params.nhigh,
        lthresh=params.lthresh,
        hthresh=params.hthresh,
        nsigma=params.minmed_nsigma,
        grow=params.minmed_grow,
        threads=params.threads,
    )


def _bands(run: Run, grow: int) -> Iterator[tuple[slice, slice]]:
    """Rows of each band, without and with the neighbours that `grow` asks for."""
    ny, nx = run.separate.frame.shape
    height = max(_STACK_BYTES // (8 * nx * len(run.exposures)) - 2 * grow, _FEWEST_ROWS)
    count = -(-ny // height)
    for k in range(count):
        inner = slice(k * ny // count, (k + 1) * ny // count)
        yield inner, slice(max(inner.start - grow, 0), min(inner.stop + grow, ny))


class _Buffer:
    """The stack of one band; the memory is taken once, and a band asked for again is still there."""

    def __init__(self, run: Run, rows: int) -> None:
        self._run = run
        self._memory = np.empty(2 * len(run.exposures) * rows * run.separate.frame.shape[1], np.float32)
        self._holds: slice | None = None

    def drizzled(self, rows: slice, known: Known) -> Stack:
        """Values and weights (n, rows, nx) of all exposures in some rows of the frame."""
        shape = (2, len(self._run.exposures), rows.stop - rows.start, self._run.separate.frame.shape[1])
        sci, wht = self._memory[: math.prod(shape)].reshape(shape)
        if rows == self._holds:
            return sci, wht
        sci.fill(0)
        wht.fill(0)
        for k, exposure in enumerate(self._run.exposures):
            canvas = Canvas(self._run.separate.frame, sci[k], wht[k], None, first_row=rows.start)
            _drizzle_alone(self._run, canvas, exposure, known=known)
        self._holds = rows
        return sci, wht


def _drizzle_alone(run: Run, canvas: Canvas, exposure: Exposure, *, known: Known) -> None:
    """Fill an empty canvas with the mean values and weights of one exposure."""
    for one in run.chips_of(exposure):
        _add(run, canvas, one, known=known)
    finished(canvas, 0.0, threads=run.params.threads)


def _add(run: Run, canvas: Canvas, one: ChipInput, *, known: Known) -> None:
    mapping = run.separate.mappings[one.index]
    wanted = slice(canvas.first_row, canvas.first_row + len(canvas.sum))
    rows = input_rows(mapping, wanted, run.separate.frame.shape)
    if rows is None:
        return
    good = known.good(one, run.params.bad_bits("sep"), rows=rows)
    data = one.rate(sky=known.sky_of(one), ratio=run.separate.ratios[one.index], rows=rows)
    weight = good * np.float32(one.exptime)
    drop = Drop(kernel=_KERNEL, threads=run.params.threads)
    add_chip(canvas, Pixels(data, weight, rows.start), wcs=mapping, index=0, drop=drop)


def _mean_weights(run: Run, buffer: _Buffer, known: Known, *, whole: slice | None) -> list[float]:
    """Mean weight of each exposure over the pixels it reaches; 0 for one that reaches none.

    Only a mask threshold comes of it. Where it costs a second drizzle, an eighth of the rows of a large
    frame tell it to 1e-4; AstroDrizzle's own is asked for with `compat`.
    """
    ny = run.separate.frame.shape[0]
    exact = whole is not None or run.compat or ny <= _SMALL_FRAME
    samples = _sampled_rows(ny, every=_SAMPLE_ROWS if exact else _SAMPLE_EVERY)
    sums, counts = np.zeros(len(run.exposures)), np.zeros(len(run.exposures), np.int64)
    for done, rows in enumerate(samples):
        run.hooks.tell("separate drizzle", done, len(samples))
        wht = buffer.drizzled(rows, known)[1] if whole is None else buffer.drizzled(whole, known)[1][:, rows]
        for k, plane in enumerate(wht):
            reached = plane >= _NO_WEIGHT
            sums[k] += plane.sum(where=reached, dtype=np.float64)
            counts[k] += np.count_nonzero(reached)
    return [float(value) for value in sums / np.maximum(counts, 1)]


def _sampled_rows(ny: int, *, every: int) -> list[slice]:
    """Rows that stand for all."""
    return [slice(first, min(first + _SAMPLE_ROWS, ny)) for first in range(0, ny, every)]


def _members(run: Run, known: Known, mean_weights: list[float]) -> list[StackMember]:
    return [
        StackMember(
            mean_weight=mean,
            exptime=exposure.exptime,
            read_noise=float(np.sqrt(np.mean([one.read_noise**2 for one in run.chips_of(exposure)]))),
            background=_background(run, exposure, known),
        )
        for exposure, mean in zip(run.exposures, mean_weights, strict=True)
    ]


def _background(run: Run, exposure: Exposure, known: Known) -> float:
    """Sky of the darkest chip in electrons."""
    return min(known.sky_of(one) * one.conversion for one in run.chips_of(exposure))


def _keep(run: Run, clean: Image, known: Known) -> None:
    if run.hooks.keep is None:
        return
    run.keep("median", clean)
    for exposure in run.exposures:
        shape = run.separate.frame.shape
        canvas = Canvas(run.separate.frame, np.zeros(shape, np.float32), np.zeros(shape, np.float32), None)
        _drizzle_alone(run, canvas, exposure, known=known)
        run.keep(f"{exposure.rootname}_single_sci", canvas.sum)
        run.keep(f"{exposure.rootname}_single_wht", canvas.weight)
