"""The sources of one exposure in detector pixels: measured once, seen under any solution."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trueup.astrometry.psf import detector_fwhm_pix
from trueup.astrometry.sources import Detection, Sources, find_sources
from trueup.fits.exposure import read_pixels
from trueup.model.exposure import Chip, Exposure
from trueup.model.solution import ChipId

# all but bad flats, traps, cosmic rays (star cores carry them) and cross-talk
_BAD = 1 | 2 | 4 | 8 | 16 | 32 | 64 | 128
_SATURATED = 256 | 2048


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


def find_stars(exposure: Exposure, *, settings: Detection | None = None) -> StarList:
    """Find the stars of one raw exposure, all chips, without a mask of cosmic rays.

    Parameters
    ----------
    exposure : Exposure
        FLT, FLC or C0M; under any solution, which plays no part.
    settings : Detection, optional

    Returns
    -------
    StarList
        Where there is nothing to measure (a file without pixels) it is empty and a note says why.

    Raises
    ------
    FormatError, FileAccessError
        Where the pixels cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from trueup.fits.exposure import read_exposure
    >>> from trueup.simulate import Recipe, make_visit
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     visit = make_visit(folder, recipe=Recipe(size=(256, 256), stars=80, galaxies=0))
    ...     stars = find_stars(read_exposure(visit.files[0]))
    >>> stars.rootname, len(stars.chips), stars.n > 5
    ('iepw14g4q', 2, True)
    """
    start = time.perf_counter()
    fwhm = detector_fwhm_pix(exposure.detector, exposure.filter)
    chips, notes = [], []
    for chip in exposure.chips:
        if chip.is_cut or chip.planes["SCI"].start < 0:
            held, full = chip.planes["SCI"].shape, chip.shape
            notes.append(f"{chip.id}: {held[1]} x {held[0]} of {full[1]} x {full[0]} pixels are in the file")
            continue
        image, bad = _pixels(exposure, chip)
        found = find_sources(
            image, fwhm_pix=fwhm, mask=bad, gain=electrons_per_unit(exposure, chip), settings=settings
        )
        chips.append((chip.id, found))
    return StarList(exposure.rootname, tuple(chips), fwhm, time.perf_counter() - start, notes=tuple(notes))


def electrons_per_unit(exposure: Exposure, chip: Chip) -> float:
    """Electrons in one unit of a chip's pixels, for photon noise."""
    unit = chip.header.text("BUNIT").upper().replace(" ", "")
    per_count = 1.0
    if unit.startswith("COUNT"):
        per_count = exposure.header.number("ATODGAIN") or 1.0
    return per_count * (exposure.exptime if unit.endswith("/S") else 1.0)


def _pixels(exposure: Exposure, chip: Chip) -> tuple[NDArray[np.floating], NDArray[np.bool_]]:
    """The pixels of a chip, and which of them not to use."""
    from scipy.ndimage import binary_dilation

    image = read_pixels(exposure, chip.id).astype(np.float32, copy=False)
    if "DQ" not in chip.planes:
        return image, np.zeros(image.shape, bool)
    dq = read_pixels(exposure, chip.id, "DQ").astype(np.int32)
    full = binary_dilation(dq & _SATURATED != 0, iterations=6)
    return image, full | (dq & _BAD != 0)
