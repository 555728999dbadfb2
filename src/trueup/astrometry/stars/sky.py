"""Level and noise of the sky over an image, from a fraction of its pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Image = NDArray[np.floating]
Index = NDArray[np.intp]

BLOCK = 64
_STRIDE = 4
_MIN_SAMPLES = 32


@dataclass(frozen=True, slots=True, eq=False)
class Sky:
    """Sky of an image in blocks of 64 x 64 pixels.

    Parameters
    ----------
    level, noise : (ceil(ny/64), ceil(nx/64)) float64 arrays
        NaN where a block has too few pixels.

    Examples
    --------
    >>> sky = Sky(np.array([[7.0]]), np.array([[2.0]]))
    >>> [part.tolist() for part in sky.at(np.array([5]), np.array([60]))]
    [[7.0], [2.0]]
    """

    level: Floats
    noise: Floats

    def at(self, y: Index, x: Index) -> tuple[Floats, Floats]:
        """Level and noise at pixels."""
        return self.level[y // BLOCK, x // BLOCK], self.noise[y // BLOCK, x // BLOCK]


def measure_sky(image: Image) -> Sky:
    """Sky level and noise of each 64 x 64 block, from every fourth pixel of each row and column.

    Parameters
    ----------
    image : (ny, nx) float array
        NaN is no data.

    Returns
    -------
    Sky
        Median and 1.4826 times the median absolute deviation. Blocks are smoothed by the median of their
        neighbourhood, so that a block filled by a galaxy or a saturated star does not count alone.

    Examples
    --------
    >>> sky = measure_sky(np.random.default_rng(1).normal(7, 2, (128, 128)))
    >>> sky.level.shape, bool(abs(sky.level[0, 0] - 7) < 0.5)
    ((2, 2), True)
    """
    ny, nx = image.shape
    rows, columns = -(-ny // BLOCK), -(-nx // BLOCK)
    samples = BLOCK // _STRIDE
    padded = np.full((rows * samples, columns * samples), np.nan, np.float32)
    strided = image[_STRIDE // 2 :: _STRIDE, _STRIDE // 2 :: _STRIDE]
    padded[: strided.shape[0], : strided.shape[1]] = strided
    blocks = padded.reshape(rows, samples, columns, samples).swapaxes(1, 2).reshape(rows, columns, -1)
    level = _quantile(blocks, 0.5)
    away = np.abs(blocks - level[..., None])
    noise = 1.4826 * _quantile(away, 0.5)
    # where most pixels have one value (coarsely quantised data) the median deviation says nothing
    noise = np.where(noise > 0, noise, _quantile(away, 0.95) / 1.96)
    noise[~(noise > 0)] = np.nan
    few = np.isfinite(blocks).sum(axis=2) < _MIN_SAMPLES
    level[few] = noise[few] = np.nan
    return Sky(_smooth(level), _smooth(noise))


def _quantile(values: NDArray[np.floating], share: float) -> Floats:
    """Quantile along the last axis without NaN, and without a warning where all are NaN."""
    ordered = np.sort(values, axis=-1)
    last = np.maximum(np.isfinite(values).sum(axis=-1, keepdims=True) - 1, 0)
    low = np.take_along_axis(ordered, np.floor(share * last).astype(int), axis=-1)
    high = np.take_along_axis(ordered, np.ceil(share * last).astype(int), axis=-1)
    return np.asarray((low + high)[..., 0] / 2, np.float64)


def _smooth(blocks: Floats) -> Floats:
    rows, columns = blocks.shape
    padded = np.full((rows + 2, columns + 2), np.nan)
    padded[1:-1, 1:-1] = blocks
    around = [padded[j : j + rows, i : i + columns] for j in range(3) for i in range(3)]
    return np.where(np.isfinite(blocks), _quantile(np.stack(around, axis=-1), 0.5), blocks)
