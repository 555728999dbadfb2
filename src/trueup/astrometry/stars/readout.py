"""What the pixels of a raw exposure mean: units, and which of them can be used."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trueup.astrometry.stars.psf import detector_fwhm_pix
from trueup.fits.exposure import read_pixels
from trueup.model.exposure import Chip, Exposure

# All but bad flats (512), traps (1024), cosmic rays (4096 of the archive marks star cores, 8192 of a ramp is
# repaired already) and cross-talk or persistence (16384).
_BAD = 1 | 2 | 4 | 8 | 16 | 32 | 64 | 128
_SATURATED = 256 | 2048
_WINGS_PIX, _WINGS_GROWTH, _WIDEST_WINGS_PIX = 4.0, 4.0, 80.0


def electrons_per_unit(exposure: Exposure, chip: Chip) -> float:
    """Electrons in one unit of a chip's pixels, for photon noise.

    Parameters
    ----------
    exposure : Exposure
    chip : Chip

    Returns
    -------
    float
        1 for electrons, the exposure time for electrons per second; for counts times the gain (ATODGAIN).

    Examples
    --------
    >>> from trueup.model.cards import Cards, make_card
    >>> from trueup.model.solution import ChipId, Origin, Solution
    >>> from trueup.model.names import WcsName
    >>> opus = Solution(WcsName.parse("OPUS"), Origin("primary"))
    >>> chip = Chip(ChipId(1, 1), (1014, 1014), Cards((make_card("BUNIT", "ELECTRONS/S"),)), {})
    >>> exposure = Exposure("a_flt.fits", Cards((make_card("EXPTIME", 203.0),)), (chip,), (opus,), opus)
    >>> electrons_per_unit(exposure, chip)
    203.0
    """
    unit = chip.header.text("BUNIT").upper().replace(" ", "")
    per_count = (exposure.header.number("ATODGAIN") or 1.0) if unit.startswith("COUNT") else 1.0
    return per_count * (exposure.exptime if unit.endswith("/S") else 1.0)


def chip_fwhm_pix(exposure: Exposure, chip: Chip) -> float:
    """Width of a point source on a chip, in its pixels as they were read out.

    Parameters
    ----------
    exposure : Exposure
    chip : Chip

    Returns
    -------
    float

    Examples
    --------
    >>> from trueup.model.cards import Cards, make_card
    >>> from trueup.model.names import WcsName
    >>> from trueup.model.solution import ChipId, Origin, Solution
    >>> opus = Solution(WcsName.parse("OPUS"), Origin("primary"))
    >>> header = Cards((make_card("DETECTOR", "UVIS"), make_card("FILTER", "F300X")))
    >>> binned = Chip(ChipId(1, 2), (1025, 2048), Cards((make_card("BINAXIS1", 2),)), {})
    >>> round(chip_fwhm_pix(Exposure("a_flt.fits", header, (binned,), (opus,), opus), binned), 2)
    0.95
    """
    detector = "PC" if exposure.detector == "WFPC2" and chip.id.ccdchip == 1 else exposure.detector
    return detector_fwhm_pix(detector, exposure.filter) / (chip.header.number("BINAXIS1") or 1.0)


def pixels_missing(chip: Chip) -> str:
    """Why a chip has no pixels to measure; blank where it has.

    Parameters
    ----------
    chip : Chip

    Returns
    -------
    str

    Examples
    --------
    >>> from trueup.model.cards import Cards
    >>> from trueup.model.exposure import Plane
    >>> from trueup.model.solution import ChipId
    >>> pixels_missing(Chip(ChipId(1, 2), (2051, 4096), Cards(), {"SCI": Plane(46080, (10, 10), -32)}))
    'the file holds 10 x 10 of its 4096 x 2051 pixels'
    """
    plane = chip.planes.get("SCI")
    if plane is None or plane.start < 0:
        return "the file holds no pixels of it"
    if chip.is_cut:
        (ny, nx), (full_y, full_x) = plane.shape, chip.shape
        return f"the file holds {nx} x {ny} of its {full_x} x {full_y} pixels"
    return ""


def usable_pixels(exposure: Exposure, chip: Chip) -> NDArray[np.float32]:
    """The pixels of a chip, NaN where they are bad or belong to a saturated star.

    Parameters
    ----------
    exposure : Exposure
    chip : Chip

    Returns
    -------
    (ny, nx) float32 array

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
    ...     visit = make_visit(folder, recipe=Recipe(size=(128, 64), stars=5, galaxies=0))
    ...     exposure = read_exposure(visit.files[0])
    ...     pixels = usable_pixels(exposure, exposure.chips[0])
    >>> pixels.shape, bool(0 < np.isnan(pixels).mean() < 0.1)
    ((64, 128), True)
    """
    image = read_pixels(exposure, chip.id).astype(np.float32, copy=False)
    image[np.isinf(image)] = np.nan
    if "DQ" in chip.planes:
        quality = _flags(read_pixels(exposure, chip.id, "DQ"))
        np.copyto(image, np.nan, where=(quality & _BAD).astype(bool))
        _blank_saturated(image, (quality & _SATURATED).astype(bool))
    return image


def _flags(quality: NDArray[np.generic]) -> NDArray[np.integer]:
    """Data quality as integers; a plane without data comes as a constant of floats."""
    return quality.astype(np.int16 if quality.dtype == np.int16 else np.int32, copy=False)


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
