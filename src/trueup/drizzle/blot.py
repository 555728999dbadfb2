"""Blot: an output image seen with the pixels of a chip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from trueup import _kernels
from trueup.config import processors
from trueup.drizzle.mapping import Mapping
from trueup.errors import UsageError

Image = NDArray[np.float32]
Interpolation = Literal["poly5", "linear", "nearest", "poly3", "lanczos3"]


@dataclass(frozen=True, slots=True)
class BlotSettings:
    """How an image is blotted.

    Attributes
    ----------
    interpolation : str
        ``poly5``: polynomial of degree 5 through 6 x 6 pixels; ``poly3``; ``linear``; ``nearest``;
        ``lanczos3``.
    exptime : float
        Seconds by which values per second are multiplied.
    pixel_ratio : float
        Pixel scale of the image over that of the chip.
    missing : float
        Value of pixels outside the image.
    compat : bool
        As AstroDrizzle: positions rounded to float32; inside is what lies between the centre of
        the first pixel and one pixel beyond that of the last; ``lanczos3`` from a table in steps
        of 0.01 pixel, not normalised, and only 3 pixels or more inside.
    threads : int
        0 takes one per processor. The result does not depend on it.

    Raises
    ------
    UsageError
        Where a value is none of these.

    Examples
    --------
    >>> BlotSettings("poly3").interpolation
    'poly3'
    >>> BlotSettings("sinc")
    Traceback (most recent call last):
    trueup.errors.UsageError: blot is 'sinc'; it can be poly5, linear, nearest, poly3, lanczos3
    """

    interpolation: Interpolation = "poly5"
    exptime: float = 1.0
    pixel_ratio: float = 1.0
    missing: float = 0.0
    compat: bool = False
    threads: int = 0

    def __post_init__(self) -> None:
        known = get_args(Interpolation)
        if self.interpolation not in known:
            raise UsageError(f"blot is {self.interpolation!r}", todo=f"it can be {', '.join(known)}")
        for name in ("exptime", "pixel_ratio"):
            if not getattr(self, name) > 0:
                raise UsageError(f"{name} is {getattr(self, name)}", todo="it must be positive")
        if self.threads < 0:
            raise UsageError(f"threads is {self.threads}", todo="it must not be negative")

    def rules(self) -> _kernels.BlotRules:
        """The settings as the kernels take them.

        Examples
        --------
        >>> type(BlotSettings().rules()).__name__
        'BlotRules'
        """
        return _kernels.BlotRules(
            interpolation=self.interpolation,
            factor=self.exptime,
            area=self.pixel_ratio**2,
            missing=self.missing,
            compat=self.compat,
        )


def blot(image: Image, mapping: Mapping, *, settings: BlotSettings | None = None) -> Image:
    """Interpolate an output image at the pixels of a chip.

    Parameters
    ----------
    image : (ny, nx) float32 array
        Values per output pixel and second; finite.
    mapping : Mapping
        From the pixels of the chip to those of the image.
    settings : BlotSettings, optional

    Returns
    -------
    float32 array of the shape of the chip
        image * exptime / pixel_ratio^2. Beyond the centres of its outermost pixels, up to their
        edges, the image is continued with its slope.

    Raises
    ------
    UsageError
        Where the image is empty or not two-dimensional.

    References
    ----------
    Fruchter & Hook 2002, PASP 114, 144.

    Examples
    --------
    >>> from trueup.drizzle.mapping import pixel_mapping
    >>> from trueup.model.chipwcs import ChipWcs
    >>> chip = ChipWcs((0, 0), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (1, 3))
    >>> frame = ChipWcs((0.5, 4), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (9, 9))
    >>> ramp = np.arange(81, dtype=np.float32).reshape(9, 9)
    >>> blot(ramp, pixel_mapping(chip, frame)).round(3).tolist()
    [[36.5, 37.5, 38.5]]
    """
    settings = settings or BlotSettings()
    if image.ndim != 2 or image.size == 0:
        raise UsageError(f"the image to blot has shape {image.shape}")
    out = np.empty(mapping.shape, np.float32)
    _kernels.blot(
        np.ascontiguousarray(image, np.float32),
        mapping.kernel,
        rules=settings.rules(),
        out=out,
        threads=settings.threads or processors(),
    )
    return out
