"""The sources of one exposure in detector pixels: measured once, seen under any solution."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import cast

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
_WINGS_PIX, _WINGS_GROWTH, _WIDEST_WINGS_PIX = 4.0, 4.0, 80.0


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
        image = _pixels(exposure, chip)
        gain = electrons_per_unit(exposure, chip)
        found = find_sources(image, fwhm_pix=fwhm, gain=gain, settings=settings)
        chips.append((chip.id, found))
    return StarList(exposure.rootname, tuple(chips), fwhm, time.perf_counter() - start, notes=tuple(notes))


def electrons_per_unit(exposure: Exposure, chip: Chip) -> float:
    """Electrons in one unit of a chip's pixels, for photon noise."""
    unit = chip.header.text("BUNIT").upper().replace(" ", "")
    per_count = 1.0
    if unit.startswith("COUNT"):
        per_count = exposure.header.number("ATODGAIN") or 1.0
    return per_count * (exposure.exptime if unit.endswith("/S") else 1.0)


def _pixels(exposure: Exposure, chip: Chip) -> NDArray[np.float32]:
    """The pixels of a chip, NaN where they must not be used."""
    image = read_pixels(exposure, chip.id).astype(np.float32, copy=False)
    if "DQ" in chip.planes:
        dq = cast("NDArray[np.int16]", read_pixels(exposure, chip.id, "DQ"))
        image[dq & _BAD != 0] = np.nan
        _blank_saturated(image, dq & _SATURATED != 0)
    return image


def _blank_saturated(image: NDArray[np.float32], full: NDArray[np.bool_]) -> None:
    """Make saturated stars NaN, with the wings in which bumps would pass for stars."""
    from scipy.ndimage import find_objects, label

    if not full.any():
        return
    blobs, count = label(full, structure=np.ones((3, 3)))
    sizes = np.bincount(blobs[full], minlength=count + 1)
    ny, nx = full.shape
    for number, (rows, columns) in enumerate(find_objects(blobs), start=1):
        reach = round(min(_WINGS_PIX + _WINGS_GROWTH * sizes[number] ** (1 / 3), _WIDEST_WINGS_PIX))
        y = np.arange(max(rows.start - reach, 0), min(rows.stop + reach, ny))
        x = np.arange(max(columns.start - reach, 0), min(columns.stop + reach, nx))
        # distance from the box around the blob: charge bleeds along columns, wings are round
        off_y = np.maximum(np.maximum(rows.start - y, y - rows.stop + 1), 0)
        off_x = np.maximum(np.maximum(columns.start - x, x - columns.stop + 1), 0)
        near = off_y[:, None] ** 2 + off_x**2 <= reach**2
        image[y[0] : y[-1] + 1, x[0] : x[-1] + 1][near] = np.nan
