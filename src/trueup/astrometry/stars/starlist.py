"""The sources of one exposure in detector pixels: measured once, seen under any solution."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from trueup.astrometry.stars.forced import measure_at
from trueup.astrometry.stars.profile import Profile
from trueup.astrometry.stars.psfgrid import ChipPsfs, PsfGrid
from trueup.astrometry.stars.readout import chip_fwhm_pix, electrons_per_unit, pixels_missing, usable_pixels
from trueup.astrometry.stars.sources import Detection, Sources, find_with_psf, joined
from trueup.astrometry.stars.trail import elongations, is_trailed
from trueup.model.exposure import Exposure
from trueup.model.solution import ChipId

_POOR = 2
Places = tuple[NDArray[np.float64], NDArray[np.float64]]


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
        Width of a point source that was assumed on the first chip, pixels.
    seconds : float
        Time it took; 0 for a list that was read from a file.
    trailed : bool
        Whether the telescope moved during the exposure.
    notes : tuple of str
        What else a reader should know.
    psfs : mapping of int to PsfGrid or Profile
        What the stars were fitted with, by SCI EXTVER; empty for a list that was read from a file.

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
    psfs: Mapping[int, PsfGrid | Profile] = field(default_factory=dict)

    @property
    def n(self) -> int:
        """Number of sources."""
        return sum(len(sources) for _, sources in self.chips)


def find_stars(
    exposure: Exposure, *, psfs: ChipPsfs | None = None, settings: Detection | None = None
) -> StarList:
    """Find the stars of one raw exposure, all chips, without a mask of cosmic rays.

    Parameters
    ----------
    exposure : Exposure
        FLT, FLC or C0M; its solutions play no part.
    psfs : ChipPsfs, optional
        The PSF of each chip by SCI EXTVER, as from :func:`trueup.astrometry.stars.stdpsf.read_stdpsf`; by
        default width or shape are taken from the clean stars of the exposure, if there are enough.
    settings : Detection, optional

    Returns
    -------
    StarList
        Where there is nothing to measure (no pixels in the file, no stars on them) it is empty and a note
        says why.

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
    chips, shapes, notes = [], [np.zeros((0, 2))], []
    fitted: dict[int, PsfGrid | Profile] = {}
    for chip in exposure.chips:
        if missing := pixels_missing(chip):
            notes.append(f"{chip.id}: {missing}")
            continue
        image, gain = usable_pixels(exposure, chip), electrons_per_unit(exposure, chip)
        psf = psfs.get(chip.id.extver) if psfs else None
        fwhm = chip_fwhm_pix(exposure, chip)
        found, fitted[chip.id.extver] = find_with_psf(
            image, fwhm_pix=fwhm, gain=gain, psf=psf, settings=settings
        )
        shapes.append(elongations(image, found, fwhm_pix=fwhm))
        chips.append((chip.id, found))
    trailed = is_trailed(np.concatenate(shapes))
    seconds = time.perf_counter() - start
    remarks = (*notes, *_remarks(chips, trailed=trailed, settings=settings or Detection()))
    fwhm = chip_fwhm_pix(exposure, exposure.chips[0])
    return StarList(exposure.rootname, tuple(chips), fwhm, seconds, trailed, remarks, fitted)


def look_again(exposure: Exposure, stars: StarList, places: Mapping[int, Places]) -> StarList:
    """Look for fainter stars, and those that cosmic rays hit, at places where stars are known to be.

    Parameters
    ----------
    exposure : Exposure
    stars : StarList
        Its stars, as they were found.
    places : mapping of int to two (n,) float64 arrays
        x and y, 0-based pixels, by SCI EXTVER; right to a fraction of a pixel.

    Returns
    -------
    StarList
        With the stars that were gained.

    Raises
    ------
    FormatError, FileAccessError
        Where the pixels cannot be read.
    """
    start = time.perf_counter()
    chips = []
    for known, sources in stars.chips:
        if known.extver in places:
            chip = next(chip for chip in exposure.chips if chip.id == known)
            more = measure_at(
                usable_pixels(exposure, chip),
                places[known.extver],
                fwhm_pix=chip_fwhm_pix(exposure, chip),
                gain=electrons_per_unit(exposure, chip),
                psf=stars.psfs[known.extver],
            )
            sources = joined(sources, more)
        chips.append((known, sources))
    seconds = stars.seconds + time.perf_counter() - start
    return replace(stars, chips=tuple(chips), seconds=seconds)


def _remarks(chips: list[tuple[ChipId, Sources]], *, trailed: bool, settings: Detection) -> tuple[str, ...]:
    remarks = []
    total = sum(len(sources) for _, sources in chips)
    clean = sum(int((sources.tier < _POOR).sum()) for _, sources in chips)
    if chips and not total:
        remarks.append("no source stands out of the sky")
    elif chips and not clean:
        remarks.append(f"none of {total} sources is shaped like a star: cosmic rays, galaxies or trails")
    if trailed:
        remarks.append("the stars are drawn out in one direction: the telescope moved")
    remarks += [
        f"{chip}: only the brightest {settings.limit} peaks were looked at"
        for chip, sources in chips
        if len(sources) >= 0.9 * settings.limit
    ]
    return tuple(remarks)
