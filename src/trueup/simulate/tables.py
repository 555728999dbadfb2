"""Lookup tables of the detector, made up with the size and amplitude of the real ones.

The D2IM tables of UVIS repeat every 675 columns (the step of the lithographic mask); the NPOL
tables are smooth with some grain. Neither exceeds 0.06 px.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trueup.model.chipwcs import LookupTable, Tables

_NODES = (32, 64)
_STEP = 64.0
_MASK_PERIOD = 675.0
_LIMIT_PIX = 0.06


def npol_tables(ccdchip: int, ltv: tuple[float, float] = (0.0, 0.0)) -> Tables:
    """The NPOL tables of a chip along x and y.

    Parameters
    ----------
    ccdchip : int
        CCDCHIP; every chip has its own tables, the same in every visit.
    ltv : (float, float)
        LTV1, LTV2 of a subarray.

    Returns
    -------
    pair of LookupTable
        32 x 64 float32, pixels.

    Examples
    --------
    >>> x_table, _ = npol_tables(1)
    >>> x_table.data.shape, bool(abs(x_table.data).max() <= 0.06)
    ((32, 64), True)
    """
    return _pair(_smooth(ccdchip, 0, 0.016), _smooth(ccdchip, 1, 0.008), ltv)


def d2im_tables(ccdchip: int, ltv: tuple[float, float] = (0.0, 0.0)) -> Tables:
    """The D2IM tables of a chip along x and y; see :func:`npol_tables`.

    Examples
    --------
    >>> d2im_tables(2, ltv=(-1024.0, 0.0))[0].crval
    (-1024.0, 0.0)
    """
    return _pair(_periodic(ccdchip, 0, 0.020), _periodic(ccdchip, 1, 0.013), ltv)


def _smooth(ccdchip: int, axis: int, sigma: float) -> NDArray[np.float64]:
    rng = np.random.default_rng([1, ccdchip, axis])
    y, x = np.mgrid[0 : _NODES[0], 0 : _NODES[1]]
    waves = np.zeros(_NODES)
    for _ in range(6):
        kx, ky = rng.uniform(-0.35, 0.35, 2)
        waves += np.sin(kx * x + ky * y + rng.uniform(0, 2 * np.pi))
    return np.asarray(sigma * (waves / 2 + 0.5 * rng.standard_normal(_NODES)))


def _periodic(ccdchip: int, axis: int, amplitude: float) -> NDArray[np.float64]:
    rng = np.random.default_rng([2, ccdchip, axis])
    x = _STEP * (1 + np.arange(_NODES[1]))
    tooth = (x / _MASK_PERIOD + rng.uniform()) % 1.0 - 0.5
    return np.asarray(2 * amplitude * tooth + 0.35 * amplitude * rng.standard_normal(_NODES))


def _pair(along_x: NDArray[np.float64], along_y: NDArray[np.float64], ltv: tuple[float, float]) -> Tables:
    def table(values: NDArray[np.float64]) -> LookupTable:
        grain = np.clip(values, -_LIMIT_PIX, _LIMIT_PIX).round(4).astype(np.float32)
        return LookupTable(grain, (0.0, 0.0), ltv, (_STEP, _STEP))

    return table(along_x), table(along_y)
