"""A drizzled image and what went into it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from trueup.model.chipwcs import ChipWcs
from trueup.model.exposure import Chip, Exposure

if TYPE_CHECKING:
    from astropy.nddata import CCDData

MIXED = "MIXED"

# ROOTNAME and SCI EXTVER
ChipKey = tuple[str, int]


@dataclass(frozen=True, slots=True, eq=False)
class Mosaic:
    """Exposures drizzled onto one tangent plane.

    Attributes
    ----------
    sci : (ny, nx) float32 array
        Counts or electrons, per second or in all, and output pixel; the fill value where there are no data.
    wht : (ny, nx) float32 array
        Weight that fell on each pixel: for EXP the exposure time in seconds, times the input pixels
        per output pixel.
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
    err : (ny, nx) float32 array or None
        One sigma, in the unit of the image; None where it was not asked for.
    coverage : (ny, nx) float32 array or None
        Seconds of exposure with good pixels there; None where it was not asked for.
    sky : mapping of (str, int) to float
        Sky that was subtracted from each chip, by ROOTNAME and SCI EXTVER, in the unit of the input.
    masks : mapping of (str, int) to (ny, nx) uint8 array
        0 where a cosmic ray was found, else 1; empty where they were not asked for.
    cosmic_rays : mapping of (str, int) to float
        Share of the pixels of each chip that cosmic rays hit; empty where nobody looked.

    Examples
    --------
    >>> plane = np.zeros((2, 3), np.float32)
    >>> wcs = ChipWcs((0, 0), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (2, 3))
    >>> Mosaic(plane, plane, None, wcs, (), "ELECTRONS/S", "{}").chips
    ()
    >>> Mosaic(plane, plane, None, wcs, (), "ELECTRONS/S", "{}").to_ccddata().unit
    Unit("electron / s")
    """

    sci: NDArray[np.float32]
    wht: NDArray[np.float32]
    context: NDArray[np.int32] | None
    wcs: ChipWcs
    exposures: tuple[Exposure, ...]
    unit: str
    settings: str
    path: str | None = None
    err: NDArray[np.float32] | None = None
    coverage: NDArray[np.float32] | None = None
    sky: Mapping[ChipKey, float] = field(default_factory=dict)
    masks: Mapping[ChipKey, NDArray[np.uint8]] = field(default_factory=dict)
    cosmic_rays: Mapping[ChipKey, float] = field(default_factory=dict)

    @property
    def chips(self) -> tuple[tuple[Exposure, Chip], ...]:
        """The chips in the order of the context bits."""
        return tuple((exposure, chip) for exposure in self.exposures for chip in exposure.chips)

    @property
    def wcsname(self) -> str:
        """The WCSNAME of all inputs; MIXED where they differ."""
        names = {exposure.solution.wcsname for exposure in self.exposures}
        return names.pop() if len(names) == 1 else MIXED

    def to_ccddata(self) -> CCDData:
        """The image for astropy and its companions.

        Returns
        -------
        astropy.nddata.CCDData
            With unit and WCS, masked where no data fell, and with the errors where the image has them.
        """
        from astropy.nddata import CCDData, StdDevUncertainty
        from astropy.units import Unit

        unit = Unit(self.unit.replace("ELECTRONS", "electron").replace("COUNTS", "count").replace("/S", "/s"))
        errors = None if self.err is None else StdDevUncertainty(self.err)
        meta = {"wcsname": self.wcsname}
        return CCDData(self.sci, errors, self.wht == 0, wcs=self.wcs.to_astropy(), unit=unit, meta=meta)

    def _repr_html_(self) -> str:
        from trueup.model.notebook import mosaic_html

        return mosaic_html(self)
