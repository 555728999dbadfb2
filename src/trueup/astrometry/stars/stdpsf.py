"""Read an STDPSF file: the library of effective PSFs of Anderson (2016, WFC3 ISR 2016-12)."""

from __future__ import annotations

import math
import os

import numpy as np
from numpy.typing import NDArray

from trueup.astrometry.stars.psfgrid import ChipPsfs, PsfGrid
from trueup.errors import FormatError
from trueup.fits.walk import Hdu, open_source, walk
from trueup.model.cards import Cards
from trueup.model.exposure import Exposure

Floats = NDArray[np.float64]

_OVERSAMPLE = 4
_REACH_PIX = 6
_UPPER_CHIP_FROM = 2048


def read_stdpsf(path: str | os.PathLike[str], exposure: Exposure) -> ChipPsfs:
    """Read the PSFs of the chips of an exposure.

    The file holds a cube of PSFs on 101 x 101 points, four to a pixel, at places (IPSFXnn, JPSFYnn) that
    are 1-based; those of the upper of two chips follow, 2048 rows higher.

    Parameters
    ----------
    path : str or path-like
        A file such as ``STDPSF_WFC3UV_F336W.fits``, for the filter of the exposure.
    exposure : Exposure
        Says how many chips there are, and where a subarray lies.

    Returns
    -------
    dict of int to PsfGrid
        By SCI EXTVER.

    Raises
    ------
    FormatError
        Where the file is no STDPSF file, or is for another number of chips or other pixels.
    FileAccessError
        Where it cannot be read.

    Examples
    --------
    >>> from trueup.model.exposure import Exposure
    >>> read_stdpsf("nowhere.fits", Exposure.__new__(Exposure))
    Traceback (most recent call last):
    trueup.errors.FileAccessError: nowhere.fits: No such file or directory
    """
    source = open_source(path)
    hdu = walk(source)[0]
    x, y = _nodes(hdu, source.name)
    knots = _knots(_cube(hdu.read(source), hdu.shape, source.name))
    knots = knots.reshape(len(y), len(x), *knots.shape[1:])
    count = len(exposure.chips)
    upper = y > _UPPER_CHIP_FROM
    per_chip = [~upper, upper] if upper.any() else [~upper]
    if len(per_chip) < count:
        raise FormatError(
            f"PSFs of {len(per_chip)} chip",
            file=source.name,
            todo=f"the exposure has {count}: take its detector's",
        )
    if any((chip.header.number("BINAXIS1") or 1) > 1 for chip in exposure.chips):
        found, todo = f"PSFs of whole pixels, and those of {exposure.rootname} are binned", "leave it out"
        raise FormatError(found, file=source.name, todo=todo)
    grids = {}
    for chip in exposure.chips:
        rows = per_chip[0] if len(per_chip) == 1 or chip.id.ccdchip == 2 else per_chip[1]
        low = _UPPER_CHIP_FROM if rows is per_chip[-1] and len(per_chip) > 1 else 0
        left, bottom = chip.header.number("LTV1") or 0.0, chip.header.number("LTV2") or 0.0
        grids[chip.id.extver] = PsfGrid(x - 1 + left, y[rows] - 1 - low + bottom, knots[rows], _OVERSAMPLE)
    return grids


def _cube(pixels: bytes, shape: tuple[int, ...], name: str) -> Floats:
    """PSFs of a file: (nodes, side, side)."""
    cube = np.frombuffer(pixels[: 4 * math.prod(shape)], ">f4").astype(np.float64).reshape(shape)
    bad = int((~np.isfinite(cube)).any(axis=(1, 2)).sum())
    if bad:
        found = f"{bad} of its {len(cube)} PSFs hold values that are not numbers"
        raise FormatError(found, file=name, todo="fetch the file again")
    return cube


def _knots(cube: Floats) -> Floats:
    """Spline coefficients of the middle of each PSF of a cube: (nodes, m, m)."""
    from scipy.ndimage import spline_filter

    side = cube.shape[1]
    middle, reach = side // 2, min(side // 2, _REACH_PIX * _OVERSAMPLE)
    inner = slice(middle - reach, middle + reach + 1)
    knots = [spline_filter(psf, order=3, mode="mirror") for psf in cube]
    return np.stack(knots)[:, inner, inner]


def _nodes(hdu: Hdu, name: str) -> tuple[Floats, Floats]:
    """Places of the PSFs, as the header has them."""
    header, shape = hdu.header, hdu.shape
    wrong = FormatError(
        "no STDPSF file", file=name, todo="give a cube of PSFs with NXPSFS and NYPSFS in its header"
    )
    if len(shape) != 3 or shape[1] != shape[2] or shape[1] % 2 == 0 or header.number("BITPIX") != -32:
        raise wrong
    counts = [int(header.number(word) or 0) for word in ("NXPSFS", "NYPSFS")]
    x, y = _places(header, "IPSFX", counts[0]), _places(header, "JPSFY", counts[1])
    if counts[0] * counts[1] != shape[0] or (len(x), len(y)) != tuple(counts):
        raise wrong
    return np.array(x), np.array(y)


def _places(header: Cards, word: str, count: int) -> list[float]:
    """IPSFX01, IPSFX02, ... or, in older files, five numbers in each of IPSFXA5, IPSFXB5, ..."""
    single = [header.number(f"{word}{k:02d}") for k in range(1, count + 1)]
    places = [value for value in single if value is not None]
    return places or [float(part) for letter in "ABCD" for part in header.text(f"{word}{letter}5").split()]
