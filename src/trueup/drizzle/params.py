"""What a drizzle run can be told, and how data-quality bits are spelled."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

from trueup.errors import UsageError

ALL_BITS = 0xFFFFFFFF

# the final bits of the pipeline's MDRIZTAB for two or more exposures
_DETECTOR_BITS = {"UVIS": 336, "IR": 528, "WFC": 336}
_OTHER_BITS = 0


@dataclass(frozen=True, slots=True)
class DrizzleParams:
    """Settings of a drizzle run.

    Parameters
    ----------
    grid : str
        ``common``: all products of a call share one pixel grid; ``own``: each has its own; or a
        drizzled image whose grid is used.
    scale : float, optional
        Output pixel in arcsec; that of the detector by default.
    rot : float, optional
        Position angle of the output y axis, degrees from north through east.
    shape : (int, int), optional
        Output size NX NY in pixels.
    center : (float, float), optional
        RA and Dec of the reference point, degrees.
    kernel : str
        ``square``: exact overlap of the shrunken input pixel with the output pixels.
    pixfrac : float
        Side of the shrunken input pixel, above 0 to 1.
    weight : str
        ``EXP``: each good pixel weighs its exposure time.
    units : str
        ``cps``: counts or electrons per second.
    fill : float
        Value of output pixels without data.
    final_bits : str
        DQ bits that do not make a pixel bad: ``336``, ``256,64,16``, ``256+64+16``, ``~4096,64``
        (all but these), ``none`` (ignore DQ), ``default`` (as in the pipeline).
    reset_bits : str
        DQ bits taken as not set: old cosmic-ray flags were made with another WCS.
    context : bool
        Whether to record which chips fell on each output pixel.
    threads : int
        Threads; 0 takes one per processor. The result does not depend on it.
    allow_mixed : bool
        Drizzle exposures together whose WCS solutions are of different kinds.

    Raises
    ------
    UsageError
        Where a value is not one of these.

    Examples
    --------
    >>> DrizzleParams(pixfrac=0.8).pixfrac
    0.8
    >>> DrizzleParams(kernel="cubic")
    Traceback (most recent call last):
    trueup.errors.UsageError: kernel is 'cubic'; it can be square
    """

    grid: str = "common"
    scale: float | None = None
    rot: float | None = None
    shape: tuple[int, int] | None = None
    center: tuple[float, float] | None = None
    kernel: Literal["square"] = "square"
    pixfrac: float = 1.0
    weight: Literal["EXP"] = "EXP"
    units: Literal["cps"] = "cps"
    fill: float = math.nan
    final_bits: str | int | None = "default"
    reset_bits: str | int | None = "4096"
    context: bool = True
    threads: int = 0
    allow_mixed: bool = False

    def __post_init__(self) -> None:
        _require(self.kernel == "square", "kernel", value=self.kernel, allowed="square")
        _require(self.weight == "EXP", "weight", value=self.weight, allowed="EXP")
        _require(self.units == "cps", "units", value=self.units, allowed="cps")
        _require(0 < self.pixfrac <= 1, "pixfrac", value=self.pixfrac, allowed="above 0 and at most 1")
        _require(
            self.scale is None or self.scale > 0,
            "scale",
            value=self.scale,
            allowed="a positive number of arcsec",
        )
        _require(
            self.shape is None or min(self.shape) > 0, "shape", value=self.shape, allowed="two positive sizes"
        )
        _require(
            self.center is None or abs(self.center[1]) <= 90,
            "center",
            value=self.center,
            allowed="RA and Dec in degrees",
        )
        _require(self.threads >= 0, "threads", value=self.threads, allowed="0 or more")
        if self.final_bits != "default":
            good_bits(self.final_bits)
        good_bits(self.reset_bits)

    def bad_bits(self, detector: str) -> int:
        """The DQ bits that make a pixel of this detector bad.

        Examples
        --------
        >>> DrizzleParams(final_bits="~4096,64").bad_bits("UVIS")
        64
        """
        default = _DETECTOR_BITS.get(detector, _OTHER_BITS)
        good = default if self.final_bits == "default" else good_bits(self.final_bits)
        reset = good_bits(self.reset_bits) if self.reset_bits not in (None, "", "none") else 0
        return ALL_BITS & ~good & ~reset

    def to_json(self) -> str:
        """The settings as JSON text, unknown numbers as null.

        Examples
        --------
        >>> DrizzleParams().to_json()[:20]
        '{"grid": "common", "'
        """
        values: dict[str, Any] = asdict(self)
        values["fill"] = None if math.isnan(self.fill) else self.fill
        return json.dumps(values)


def good_bits(bits: str | int | None) -> int:
    """Read a set of DQ bits that do not make a pixel bad.

    Parameters
    ----------
    bits : str, int or None
        ``336`` = ``256,64,16`` = ``256+64+16``; ``~4096,64`` is all but these; None, ``""`` and
        ``none`` are all bits: DQ is ignored.

    Returns
    -------
    int
        Bit mask of 32 bits.

    Raises
    ------
    UsageError
        Where it is spelled otherwise.

    Examples
    --------
    >>> good_bits("256,64,16")
    336
    >>> good_bits("~4096,64") == ALL_BITS - 4096 - 64
    True
    """
    if bits is None or str(bits).strip().lower() in {"", "none"}:
        return ALL_BITS
    text = str(bits).strip()
    if isinstance(bits, int) and bits < 0:
        return bits & ALL_BITS
    inverted = text.startswith("~")
    words = text.removeprefix("~").strip().removeprefix("(").removesuffix(")")
    separator = "+" if "+" in words else ","
    numbers = [word.strip() for word in words.split(separator)]
    if not all(word.isdecimal() and int(word) <= ALL_BITS for word in numbers):
        raise UsageError(f"bits are '{bits}'", todo="write 336, 256,64,16, 256+64+16, ~4096,64 or none")
    mask = 0
    for number in map(int, numbers):
        if len(numbers) > 1 and number & (number - 1):
            raise UsageError(f"{number} in bits '{bits}' is not a single bit", todo="list powers of two")
        mask |= number
    return ALL_BITS & ~mask if inverted else mask


def _require(condition: bool, name: str, *, value: object, allowed: str) -> None:
    if not condition:
        raise UsageError(f"{name} is {value!r}", todo=f"it can be {allowed}")
