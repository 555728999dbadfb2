"""A drizzled image and what went into it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trueup.model.chipwcs import ChipWcs
from trueup.model.exposure import Chip, Exposure

MIXED = "MIXED"


@dataclass(frozen=True, slots=True, eq=False)
class Mosaic:
    """Exposures drizzled onto one tangent plane.

    Attributes
    ----------
    sci : (ny, nx) float32 array
        Counts or electrons per second and output pixel; the fill value where there are no data.
    wht : (ny, nx) float32 array
        Exposure time that went into each pixel, seconds, times the input pixels per output pixel.
    context : (nplanes, ny, nx) int32 array or None
        Bit n of plane m is set where chip 32 m + n fell.
    wcs : ChipWcs
        Without distortion.
    exposures : tuple of Exposure
        Each under the solution it was drizzled with.
    unit : str
        As BUNIT.
    settings : str
        The settings of the run as JSON.
    path : str or None
        The file it was written to.

    Examples
    --------
    >>> plane = np.zeros((2, 3), np.float32)
    >>> wcs = ChipWcs((0, 0), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (2, 3))
    >>> Mosaic(plane, plane, None, wcs, (), "ELECTRONS/S", "{}").chips
    ()
    """

    sci: NDArray[np.float32]
    wht: NDArray[np.float32]
    context: NDArray[np.int32] | None
    wcs: ChipWcs
    exposures: tuple[Exposure, ...]
    unit: str
    settings: str
    path: str | None = None

    @property
    def chips(self) -> tuple[tuple[Exposure, Chip], ...]:
        """The chips in the order of the context bits."""
        return tuple((exposure, chip) for exposure in self.exposures for chip in exposure.chips)

    @property
    def wcsname(self) -> str:
        """The WCSNAME of all inputs; MIXED where they differ."""
        names = {exposure.solution.wcsname for exposure in self.exposures}
        return names.pop() if len(names) == 1 else MIXED
