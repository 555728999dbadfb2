"""Pixels put into the file of an exposure, in place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trueup.fits.exposure import read_exposure, read_pixels
from trueup.model.exposure import Exposure
from trueup.simulate import Recipe, make_visit

_TYPES = {"SCI": ">f4", "DQ": ">i2"}


def small_exposure(folder: Path, *, instrument: str = "UVIS", size: tuple[int, int] = (320, 256)) -> Exposure:
    """An exposure of 600 s or so without stars or noise, all pixels good."""
    recipe = Recipe(instrument=instrument, size=size, stars=0, galaxies=0, noise=False, exposures=2)
    return read_exposure(make_visit(folder, recipe=recipe).files[1])


def paint(exposure: Exposure, plane: str, pixels: NDArray[np.generic] | float, *, extver: int = 1) -> None:
    """Replace the pixels of a plane."""
    spot = exposure.chip(extver).planes[plane]
    values = np.broadcast_to(pixels, spot.shape).astype(_TYPES[plane])
    with Path(exposure.path).open("r+b") as file:
        file.seek(spot.start)
        file.write(values.tobytes())


def painted(exposure: Exposure, plane: str, *, extver: int = 1) -> NDArray[Any]:
    """The pixels of a plane."""
    return read_pixels(exposure, extver, plane)
