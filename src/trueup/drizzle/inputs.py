"""The pixels of one chip as the steps of a drizzle run need them: signal, masks and weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trueup.errors import DataError
from trueup.fits.exposure import read_pixels
from trueup.model.exposure import Chip, Exposure

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]

_RATES = ("ELECTRONS/S", "COUNTS/S")
_SUMS = ("ELECTRONS", "COUNTS")
_PLANES = ("SCI", "ERR", "DQ")
_AMPLIFIERS = ("READNSEA", "READNSEB", "READNSEC", "READNSED")


@dataclass(frozen=True, slots=True, eq=False)
class ChipInput:
    """One chip of one exposure, and the figures that turn its pixels into electrons.

    Attributes
    ----------
    exposure : Exposure
        Under the solution that is drizzled.
    chip : Chip
    index : int
        Number of the chip in the context image.
    unit : str
        BUNIT of the SCI pixels.
    conversion : float
        Electrons (or counts) per unit of a pixel: the exposure time where pixels are rates.
    read_noise : float
        Mean of the amplifiers, electrons.
    """

    exposure: Exposure
    chip: Chip
    index: int
    unit: str
    conversion: float
    read_noise: float

    @property
    def exptime(self) -> float:
        """Exposure time, seconds."""
        return self.exposure.exptime

    def signal(self, rows: slice | None = None) -> Image:
        """SCI pixels as stored, float32; not finite where they are not."""
        pixels = read_pixels(self.exposure, self.chip.id, "SCI", rows=rows)
        return pixels.astype(np.float32, copy=False)

    def rate(self, *, sky: float, ratio: float, rows: slice | None = None) -> Image:
        """SCI pixels without sky, per second and output pixel.

        `sky` is in the units of the pixels, `ratio` the output pixel scale over that of the chip.
        """
        return self.as_rate(self.signal(rows), sky=sky, ratio=ratio)

    def as_rate(self, signal: Image, *, sky: float, ratio: float) -> Image:
        """Turn pixels as stored, in place, into the same per second and output pixel."""
        signal -= np.float32(sky)
        signal *= np.float32(self.conversion / self.exptime * ratio**2)
        return signal

    def weight(self, kind: str, good: Mask, *, sky: float, ratio: float) -> Image:
        """Weight of each pixel, 0 where it is not good.

        ``EXP``: the exposure time; ``ERR``: (exposure time / ERR)^2; ``IVM``: the inverse variance of sky,
        dark current and read noise. The last two are per output pixel.
        """
        if kind == "EXP":
            return good * np.float32(self.exptime)
        if kind == "ERR":
            error = read_pixels(self.exposure, self.chip.id, "ERR").astype(np.float32, copy=False)
            usable = good & (error > 0)
            weight = np.zeros(good.shape, np.float32)
            np.divide(np.float32(self.exptime / ratio**2), error, out=weight, where=usable)
            return np.square(weight, out=weight)
        dark = self.chip.header.number("MEANDARK") or 0.0
        variance = dark + sky * self.conversion + self.read_noise**2
        return good * np.float32(self.exptime**2 / ratio**4 / variance)

    def variance(self, ratio: float) -> Image:
        """Square of ERR, in the units of :meth:`rate`."""
        error = read_pixels(self.exposure, self.chip.id, "ERR").astype(np.float32)
        error *= np.float32(self.conversion / self.exptime * ratio**2)
        return np.square(error, out=error)

    def good(self, bad_bits: int, *, static: Mask | None = None, rows: slice | None = None) -> Mask:
        """Pixels that no bad DQ bit and no static mask excludes."""
        keep = static[rows or slice(None)] if static is not None else None
        if bad_bits == 0 or "DQ" not in self.chip.planes:
            shape = self.chip.shape if rows is None else (rows.stop - rows.start, self.chip.shape[1])
            return np.ones(shape, np.bool_) if keep is None else keep
        flags: NDArray[Any] = read_pixels(self.exposure, self.chip.id, "DQ", rows=rows)
        if not np.issubdtype(flags.dtype, np.integer):
            flags = flags.astype(np.int32)
        unsigned = np.dtype(f"u{flags.dtype.itemsize}")
        bad = unsigned.type(bad_bits & int(np.iinfo(unsigned).max))
        clean: Mask = (flags.view(unsigned) & bad) == 0
        return clean if keep is None else clean & keep


def chip_inputs(exposures: tuple[Exposure, ...]) -> tuple[ChipInput, ...]:
    """All chips of some exposures, numbered in order.

    Parameters
    ----------
    exposures : tuple of Exposure

    Returns
    -------
    tuple of ChipInput

    Raises
    ------
    DataError
        Where BUNIT is unknown, or SCI, ERR and DQ differ in size.

    Examples
    --------
    >>> chip_inputs(())
    ()
    """
    pairs = [(exposure, chip) for exposure in exposures for chip in exposure.chips]
    return tuple(_chip_input(*pair, index) for index, pair in enumerate(pairs))


def require_errors(inputs: tuple[ChipInput, ...]) -> None:
    """Refuse chips without ERR.

    Raises
    ------
    DataError

    Examples
    --------
    >>> require_errors(())
    """
    for one in inputs:
        if "ERR" not in one.chip.planes:
            raise DataError(
                "no ERR extension",
                file=one.exposure.path,
                chip=one.chip.id,
                todo="weight by EXP or IVM, without the plane err",
            )


def _chip_input(exposure: Exposure, chip: Chip, index: int) -> ChipInput:
    unit = unit_of(exposure, chip)
    if unit not in _RATES + _SUMS:
        raise DataError(
            f"BUNIT is '{unit}'",
            file=exposure.path,
            chip=chip.id,
            todo=f"trueup drizzles {', '.join(_SUMS + _RATES)}",
        )
    shapes = {name: plane.shape for name, plane in chip.planes.items() if name in _PLANES}
    if len(set(shapes.values())) > 1:
        raise DataError(
            "planes of different sizes: " + ", ".join(f"{name} {shape}" for name, shape in shapes.items()),
            file=exposure.path,
            chip=chip.id,
            todo="download it again",
        )
    conversion = exposure.exptime if unit in _RATES else 1.0
    return ChipInput(exposure, chip, index, unit, conversion, _read_noise(exposure))


def unit_of(exposure: Exposure, chip: Chip) -> str:
    """BUNIT in upper case, with ``/S`` for a rate."""
    words = chip.header.text("BUNIT") or exposure.header.text("BUNIT")
    return words.upper().replace(" ", "").replace("/SEC", "/S")


def _read_noise(exposure: Exposure) -> float:
    """Mean over the amplifiers that say it; photon counters have none."""
    values = [exposure.header.number(word) for word in _AMPLIFIERS]
    known = [value for value in values if value]
    return float(np.mean(known)) if known else 0.0
