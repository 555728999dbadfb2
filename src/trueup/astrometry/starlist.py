"""The sources of one exposure in detector pixels: measured once, seen under any solution."""

from __future__ import annotations

from dataclasses import dataclass

from trueup.astrometry.sources import Sources
from trueup.model.solution import ChipId


@dataclass(frozen=True, slots=True, eq=False)
class StarList:
    """The sources of one exposure, chip by chip.

    Parameters
    ----------
    rootname : str
        Of the exposure.
    chips : tuple of (ChipId, Sources)
        Centres in 0-based pixels of each chip.
    fwhm_pix : float
        Width of a point source that was assumed, pixels.
    seconds : float
        Time it took; 0 for a list that was read from a file.
    trailed : bool
        Whether the telescope moved during the exposure.
    notes : tuple of str
        What else a reader should know.

    Examples
    --------
    >>> StarList("iepw14g4q", (), 1.8, 0.0).n
    0
    """

    rootname: str
    chips: tuple[tuple[ChipId, Sources], ...]
    fwhm_pix: float
    seconds: float
    trailed: bool = False
    notes: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """Number of sources."""
        return sum(len(sources) for _, sources in self.chips)
