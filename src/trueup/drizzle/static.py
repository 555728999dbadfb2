"""The static mask: pixels far below the sky in any exposure, oversubtracted in calibration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from trueup.drizzle.chipwise import each_chip
from trueup.drizzle.inputs import ChipInput, chip_inputs
from trueup.drizzle.statistics import Clipping, image_statistics
from trueup.model.exposure import Chip, Exposure

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]

_CLIPPING = Clipping(iterations=3, low_sigma=3.0, high_sigma=3.0)


@dataclass(frozen=True, slots=True)
class Signature:
    """The pixels of a detector that a chip image covers; equal ones share a mask.

    Attributes
    ----------
    detector : str
    ccdchip : int
    shape : (int, int)
        Rows and columns.
    corner : (float, float)
        LTV1, LTV2: where a subarray lies.
    """

    detector: str
    ccdchip: int
    shape: tuple[int, int]
    corner: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class StaticMask:
    """Good pixels by signature, while exposures are added and after.

    Examples
    --------
    >>> mask, signature = StaticMask(), Signature("UVIS", 1, (8, 8))
    >>> image = np.ones((8, 8), np.float32)
    >>> image[2, 3] = -50
    >>> mask.add(signature, image, threshold=0.0)
    >>> np.argwhere(~mask.planes[signature]).tolist()
    [[2, 3]]
    """

    planes: dict[Signature, Mask] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def add(self, signature: Signature, image: Image, *, threshold: float | None) -> None:
        """Leave out the pixels of an image below a threshold; several threads may add.

        Parameters
        ----------
        signature : Signature
        image : (ny, nx) float32 array
        threshold : float or None
            None leaves out nothing.
        """
        good = np.ones(image.shape, np.bool_) if threshold is None else ~(image < np.float32(threshold))
        with self._lock:
            known = self.planes.setdefault(signature, good)
            if known is not good:
                known &= good

    def good(self, exposure: Exposure, chip: Chip) -> Mask | None:
        """The good pixels of a chip; None where no image of these pixels was added."""
        return self.planes.get(signature_of(exposure, chip))


def static_mask(exposures: Sequence[Exposure], *, sigma: float = 4.0, threads: int = 0) -> StaticMask:
    """The static mask of some exposures: good where no exposure of the same pixels is far too low.

    Parameters
    ----------
    exposures : sequence of Exposure
    sigma : float
        How far below the mode, in standard deviations, is too low.
    threads : int
        0 takes one per processor. The result does not depend on it.

    Returns
    -------
    StaticMask

    Notes
    -----
    As AstroDrizzle's, which takes subarrays of equal size for the same pixels.

    Examples
    --------
    >>> static_mask([]).planes
    {}
    """
    mask = StaticMask()

    def add(one: ChipInput) -> None:
        image = one.signal()
        mask.add(signature_of(one.exposure, one.chip), image, threshold=static_threshold(image, sigma))

    each_chip(chip_inputs(tuple(exposures)), add, threads)
    return mask


def static_threshold(image: Image, sigma: float = 4.0) -> float | None:
    """The value below which a pixel is left out: the mode less some standard deviations.

    Both are those of the pixels within 3 standard deviations, clipped three times.

    Parameters
    ----------
    image : (ny, nx) float32 array
    sigma : float

    Returns
    -------
    float or None
        None where the values do not spread, or there are none.

    Examples
    --------
    >>> image = np.random.default_rng(1).normal(100, 5, (200, 200)).astype(np.float32)
    >>> round(static_threshold(image))
    80
    >>> static_threshold(np.zeros((4, 4), np.float32)) is None
    True
    """
    found = image_statistics(image, _CLIPPING, median=False)
    return found.mode - sigma * found.stddev if found.bins >= 2 else None


def signature_of(exposure: Exposure, chip: Chip) -> Signature:
    """Which pixels of the detector a chip image covers.

    Examples
    --------
    >>> from trueup.model.cards import Cards, make_card
    >>> from trueup.model.names import WcsName
    >>> from trueup.model.solution import ChipId, Origin, Solution
    >>> opus = Solution(WcsName.parse("OPUS"), Origin("primary"))
    >>> chip = Chip(ChipId(2, 1), (512, 513), Cards((make_card("LTV1", -100.0),)), {})
    >>> primary = Cards((make_card("DETECTOR", "UVIS"),))
    >>> signature_of(Exposure("a_flc.fits", primary, (chip,), (opus,), opus), chip)
    Signature(detector='UVIS', ccdchip=1, shape=(512, 513), corner=(-100.0, 0.0))
    """
    corner = (chip.header.number("LTV1") or 0.0, chip.header.number("LTV2") or 0.0)
    return Signature(exposure.detector, chip.id.ccdchip, chip.shape, corner)
