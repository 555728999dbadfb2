"""Compiled kernels of trueup."""

from typing import Annotated

import numpy
from numpy.typing import NDArray


class PixelMap:
    """Output pixels of input pixels, interpolated from nodes."""

    def __init__(self, nodes: Annotated[NDArray[numpy.float64], dict(shape=(None, None, None), order='C', device='cpu', writable=False)], *, x0: float, y0: float, step: float, break_xs: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], break_ys: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], breaks: Annotated[NDArray[numpy.float64], dict(shape=(None, None, None), order='C', device='cpu', writable=False)]) -> None: ...

    def evaluate(self, x: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], y: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], out: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu')]) -> None:
        """Fill out (2, n) with the output pixels of the input pixels x, y (n)."""

def drizzle_square(data: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], weight: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], pixel_map: PixelMap, *, pixfrac: float, out_sum: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu')], out_weight: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu')], context: Annotated[NDArray[numpy.int32], dict(shape=(None, None), order='C', device='cpu')] | None, bit: int, threads: int) -> None:
    """Add one chip to the running sums of weight * value and of weight."""
