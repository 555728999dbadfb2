"""Cosmic rays: what stands out in a chip against a clean image of the same sky."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trueup import _kernels
from trueup.config import processors
from trueup.drizzle.blot import BlotSettings, Interpolation
from trueup.drizzle.mapping import Mapping
from trueup.errors import UsageError
from trueup.model.exposure import Exposure
from trueup.model.solution import ChipId

Image = NDArray[np.float32]
Mask = NDArray[np.uint8]

# charge trails point away from the amplifiers: chip 2 is read below its first row, chip 1 above
# its last one
_TRAIL_OF_CHIP = {1: -1, 2: 1}
_TRAIL_OF_AMPLIFIER = {"A": -1, "B": -1, "C": 1, "D": 1}
_TRAIL_OF_DETECTOR = {"CCD": -1, "WFPC2": 1}


@dataclass(frozen=True, slots=True)
class CosmicRaySettings:
    """What is a cosmic ray.

    Attributes
    ----------
    snr : (float, float)
        Significance of a cosmic ray, and of what touches one.
    scale : (float, float)
        Multiples of the derivative of the clean image that may be due to misalignment, likewise.
    grow : int
        Side in pixels of the square around a cosmic ray that is masked; 1 masks only itself.
    cte_grow : int
        Pixels masked along its charge trail.
    interpolation : str
        How the clean image is blotted, as in :class:`~trueup.drizzle.blot.BlotSettings`.
    compat : bool
        As AstroDrizzle: float32 positions; at the borders the derivative compares with 0, so
        that cosmic rays there are missed; trails are mirrored at the border.
    threads : int
        0 takes one per processor. The result does not depend on it.

    Raises
    ------
    UsageError
        Where a value is none of these.

    Examples
    --------
    >>> CosmicRaySettings(snr=(5.0, 4.0), scale=(3.0, 2.4)).grow
    1
    >>> CosmicRaySettings(grow=0)
    Traceback (most recent call last):
    trueup.errors.UsageError: grow is 0; it must be at least 1, which masks only the pixel itself
    """

    snr: tuple[float, float] = (3.5, 3.0)
    scale: tuple[float, float] = (1.5, 1.2)
    grow: int = 1
    cte_grow: int = 0
    interpolation: Interpolation = "poly5"
    compat: bool = False
    threads: int = 0

    def __post_init__(self) -> None:
        BlotSettings(self.interpolation, threads=self.threads)
        for name in ("snr", "scale"):
            pair = getattr(self, name)
            if not (len(pair) == 2 and min(pair) >= 0):
                raise UsageError(f"{name} is {pair}", todo="give two numbers that are not negative")
        if self.grow < 1:
            raise UsageError(
                f"grow is {self.grow}", todo="it must be at least 1, which masks only the pixel itself"
            )
        if self.cte_grow < 0:
            raise UsageError(f"cte_grow is {self.cte_grow}", todo="it must not be negative")


@dataclass(frozen=True, slots=True)
class ChipReadout:
    """What the pixel values of a chip mean.

    Attributes
    ----------
    exptime : float
        Seconds.
    sky : float
        Sky in the pixels, native units.
    read_noise : float
        Electrons.
    gain : float
        1 where the values are electrons already.
    conversion : float
        Electrons per native unit: 1 for electrons, the exposure time for electrons per second.
    pixel_ratio : float
        Pixel scale of the clean image over that of the chip.
    trail : int
        On which side of a pixel its charge trail lies: 1 on higher rows, -1 on lower, 0 none.

    Raises
    ------
    UsageError
        Where a value is none of these.

    Examples
    --------
    >>> ChipReadout(exptime=500.0, sky=12.0, read_noise=3.1, trail=1).gain
    1.0
    """

    exptime: float
    sky: float = 0.0
    read_noise: float = 0.0
    gain: float = 1.0
    conversion: float = 1.0
    pixel_ratio: float = 1.0
    trail: int = 0

    def __post_init__(self) -> None:
        for name in ("exptime", "gain", "conversion", "pixel_ratio"):
            if not getattr(self, name) > 0:
                raise UsageError(f"{name} is {getattr(self, name)}", todo="it must be positive")
        if self.trail not in (-1, 0, 1):
            raise UsageError(f"trail is {self.trail}", todo="it can be 1, 0 or -1")

    def signal(self) -> _kernels.ChipSignal:
        """The values as the kernels take them.

        Examples
        --------
        >>> type(ChipReadout(exptime=1.0).signal()).__name__
        'ChipSignal'
        """
        return _kernels.ChipSignal(
            conversion=self.conversion,
            sky=self.sky,
            sky_electrons=self.sky * self.conversion,
            gain=self.gain,
            read_variance=self.read_noise**2,
        )


def cosmic_ray_mask(
    sci: Image,
    clean: Image,
    *,
    mapping: Mapping,
    chip: ChipReadout,
    settings: CosmicRaySettings | None = None,
    blotted: Image | None = None,
) -> Mask:
    """Compare a chip with a clean image and mask what stands out.

    Parameters
    ----------
    sci : (ny, nx) float32 array
        The chip in its native units, with its sky.
    clean : 2-dimensional float32 array
        The sky without cosmic rays on an output grid, per second, its sky subtracted.
    mapping : Mapping
        From the pixels of the chip to those of the clean image.
    chip : ChipReadout
    settings : CosmicRaySettings, optional
    blotted : (ny, nx) float32 array, optional
        Filled with the clean image as the chip should see it, native units, with the sky.

    Returns
    -------
    (ny, nx) uint8 array
        1 is good, 0 is a cosmic ray; pixels that are not finite count as such.

    Raises
    ------
    UsageError
        Where an array does not have the shape of the chip.

    Notes
    -----
    A pixel is a cosmic ray where abs(sci - blot) > scale derivative + snr noise / gain, with the
    first pair of numbers, or with the second where a pixel in its 3 x 3 neighbourhood is one by
    the first. The derivative is the largest difference to the 4 neighbours, and noise^2 = gain
    abs(blot + sky) + read_noise^2: the blot holds the sky already, so that it counts twice. The
    thresholds in use were tuned with that formula.

    References
    ----------
    DrizzlePac Handbook, section 4.2 (driz_cr).

    Examples
    --------
    >>> from trueup.drizzle.mapping import pixel_mapping
    >>> from trueup.model.chipwcs import ChipWcs
    >>> wcs = ChipWcs((2, 2), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (4, 5))
    >>> sci = np.full((4, 5), 30, np.float32)
    >>> sci[1, 3] = 400
    >>> clean = np.zeros((4, 5), np.float32)
    >>> readout = ChipReadout(exptime=500.0, sky=30.0, read_noise=3.0)
    >>> cosmic_ray_mask(sci, clean, mapping=pixel_mapping(wcs, wcs), chip=readout)[1].tolist()
    [1, 1, 1, 0, 1]
    """
    settings = settings or CosmicRaySettings()
    shapes = {sci.shape, mapping.shape, *(() if blotted is None else (blotted.shape,))}
    if len(shapes) > 1 or clean.ndim != 2 or 0 in clean.shape + sci.shape:
        raise UsageError(
            f"chip {sci.shape}, mapping {mapping.shape} and clean image {clean.shape} do not fit"
        )
    blotting = BlotSettings(settings.interpolation, chip.exptime, chip.pixel_ratio, compat=settings.compat)
    mask = np.empty(sci.shape, np.uint8)
    _kernels.reject_cosmic_rays(
        np.ascontiguousarray(sci, np.float32),
        np.ascontiguousarray(clean, np.float32),
        mapping.kernel,
        signal=chip.signal(),
        blotting=blotting.rules(),
        rules=_kernels.CosmicRules(
            snr=settings.snr,
            scale=settings.scale,
            grow=settings.grow,
            cte_grow=settings.cte_grow,
            trail=chip.trail,
            compat=settings.compat,
        ),
        mask=mask,
        blotted=blotted,
        threads=settings.threads or processors(),
    )
    return mask


def trail_direction(exposure: Exposure, chip: ChipId) -> int:
    """On which side of a pixel its charge trail lies.

    Parameters
    ----------
    exposure : Exposure
    chip : ChipId
        Of WFC and UVIS the chip on the detector decides, so that subarrays are right too.

    Returns
    -------
    int
        1 on higher rows, -1 on lower rows, 0 where the detector has no charge transfer.

    References
    ----------
    ACS and WFC3 Instrument Handbooks: amplifiers A and B above chip 1, C and D below chip 2.

    Examples
    --------
    >>> from trueup.model.cards import Cards, make_card
    >>> from trueup.model.names import WcsName
    >>> from trueup.model.solution import Origin, Solution
    >>> opus = Solution(WcsName.parse("OPUS"), Origin("primary"))
    >>> header = Cards((make_card("INSTRUME", "WFC3"), make_card("DETECTOR", "UVIS")))
    >>> trail_direction(Exposure("a_flc.fits", header, (), (opus,), opus), ChipId(1, 2))
    1
    """
    detector = exposure.detector
    if detector in ("UVIS", "WFC"):
        return _TRAIL_OF_CHIP.get(chip.ccdchip, 0)
    if detector == "HRC":
        return _TRAIL_OF_AMPLIFIER.get(exposure.header.text("CCDAMP")[:1], 0)
    return _TRAIL_OF_DETECTOR.get(detector, 0)
