"""The sky of each exposure: measured alone, over all exposures, or matched where they overlap."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from trueup.drizzle.bits import ALL_BITS
from trueup.drizzle.chipwise import each_chip
from trueup.drizzle.footprint import Spans, overlap_spans
from trueup.drizzle.grid import chip_scale_arcsec
from trueup.drizzle.inputs import ChipInput, chip_inputs
from trueup.drizzle.skymatch import Level, match_levels
from trueup.drizzle.static import StaticMask
from trueup.drizzle.statistics import Clipping, image_statistics
from trueup.errors import UsageError
from trueup.model.exposure import Chip, Exposure
from trueup.model.solution import ChipId

log = logging.getLogger(__name__)

Method = Literal["localmin", "globalmin", "match", "globalmin+match", "none"]
Statistic = Literal["median", "mean", "mode"]
Image = NDArray[np.float32]

_METHODS = get_args(Method)
_NOTHING = "no good pixel to measure the sky on"


@dataclass(frozen=True, slots=True)
class SkySettings:
    """How the sky is measured.

    Parameters
    ----------
    statistic : {"median", "mean", "mode"}
    clipping : Clipping
        Its limits are in the units of the pixels.
    bad_bits : int
        DQ bits that make a pixel bad; by default all but 4096, old flags of cosmic rays.
    threads : int
        0 takes one per processor. The result does not depend on it.

    Raises
    ------
    UsageError
        Where the statistic is unknown.

    Examples
    --------
    >>> SkySettings(statistic="max")
    Traceback (most recent call last):
    trueup.errors.UsageError: the sky statistic is 'max'; it can be median, mean, mode
    """

    statistic: Statistic = "median"
    clipping: Clipping = field(default_factory=Clipping)
    bad_bits: int = ALL_BITS & ~4096
    threads: int = 0

    def __post_init__(self) -> None:
        if self.statistic not in get_args(Statistic):
            todo = f"it can be {', '.join(get_args(Statistic))}"
            raise UsageError(f"the sky statistic is '{self.statistic}'", todo=todo)


@dataclass(frozen=True, slots=True, eq=False)
class Sky:
    """The sky of each chip.

    Attributes
    ----------
    method : str
    native : dict of (str, int) to float
        By path and SCI EXTVER, in the units of the pixels: what AstroDrizzle calls MDRIZSKY.
    brightness : dict of str to (float or None)
        By path, electrons (or counts) per second and square arcsec; None where it could not be
        determined: then nothing is to be subtracted for it.
    warnings : tuple of str
        What the user should know.

    Examples
    --------
    >>> sky_values([], "none").warnings
    ()
    """

    method: str
    native: dict[tuple[str, int], float]
    brightness: dict[str, float | None]
    warnings: tuple[str, ...] = ()

    def of(self, exposure: Exposure, chip: Chip) -> float:
        """The sky of a pixel of a chip, in the units of its pixels."""
        return self.native[exposure.path, chip.id.extver]


def sky_values(
    exposures: Sequence[Exposure],
    method: Method = "localmin",
    *,
    settings: SkySettings | None = None,
    static: StaticMask | None = None,
) -> Sky:
    """Measure the sky of some exposures, each under its solution in force.

    Parameters
    ----------
    exposures : sequence of Exposure
    method : {"localmin", "globalmin", "match", "globalmin+match", "none"}
        The lowest chip of each exposure; the lowest of all; the differences between exposures where
        they overlap, with 0 for the lowest; these plus the lowest of all that is left; 0.
    settings : SkySettings, optional
    static : StaticMask, optional
        Pixels to leave out besides those flagged in DQ.

    Returns
    -------
    Sky
        Warnings name the exposures that overlap no other, and those without a good pixel.

    Raises
    ------
    UsageError
        Where the method is unknown.
    DataError
        Where BUNIT is unknown.

    Notes
    -----
    Chips and exposures are compared as brightness per second and square arcsec. The differences of
    all pairs are solved for by least squares, each pair with the mean number of pixels as weight.
    As AstroDrizzle's (``stsci.skypac``), but it subtracts nothing where a difference is unknown, and
    never changes the method by itself.

    Examples
    --------
    >>> sky_values([], "darkest")
    Traceback (most recent call last):
    trueup.errors.UsageError: the sky method is 'darkest'; it can be localmin, globalmin, ...
    """
    if method not in _METHODS:
        raise UsageError(f"the sky method is '{method}'", todo=f"it can be {', '.join(_METHODS)}")
    if method == "none":
        return sky_from_brightness(exposures, method, {exposure.path: 0.0 for exposure in exposures})
    measured = _measure_chips(exposures, method, settings=settings or SkySettings(), static=static)
    alone = {path: _lowest(chips) for path, chips in measured.items()}
    if "match" in method:
        brightness, warnings = _matched(measured, alone, absolute=method != "match")
    else:
        warnings = [f"{path}: {_NOTHING}" for path, value in alone.items() if value is None]
        brightness = alone
    if method == "globalmin":
        known = [value for value in alone.values() if value is not None]
        brightness = dict.fromkeys(alone, min(known, default=None))
    for warning in warnings:
        log.warning("%s", warning)
    return sky_from_brightness(exposures, method, brightness, warnings=warnings)


def sky_from_brightness(
    exposures: Sequence[Exposure],
    method: str,
    brightness: Mapping[str, float | None],
    *,
    warnings: Sequence[str] = (),
) -> Sky:
    """The sky in the units of each chip, from one brightness per exposure.

    Parameters
    ----------
    exposures : sequence of Exposure
    method : str
    brightness : mapping of str to (float or None)
        By path, per second and square arcsec; None subtracts nothing.
    warnings : sequence of str

    Returns
    -------
    Sky

    Examples
    --------
    >>> sky_from_brightness([], "none", {}).native
    {}
    """
    native = {
        (one.exposure.path, one.chip.id.extver): (brightness[one.exposure.path] or 0.0) / _factor(one)
        for one in chip_inputs(tuple(exposures))
    }
    return Sky(method, native, dict(brightness), tuple(warnings))


@dataclass(frozen=True, slots=True, eq=False)
class _ChipSky:
    """Of one chip: its brightness, and brightness and pixels of its overlap with each exposure."""

    whole: float | None
    shared: dict[str, list[Level]]


def _measure_chips(
    exposures: Sequence[Exposure], method: str, *, settings: SkySettings, static: StaticMask | None
) -> dict[str, list[_ChipSky]]:
    """The chips of each exposure, by path."""

    def measure(one: ChipInput) -> _ChipSky:
        image = _good_pixels(one, settings.bad_bits, static)
        level = partial(_level, image, settings=settings, factor=_factor(one))
        whole = level(None) if method != "match" else None
        shared: dict[str, list[Level]] = {}
        if "match" in method:
            for (path, _), spans in _overlaps(one, exposures).items():
                if found := level(spans):
                    shared.setdefault(path, []).append(found)
        return _ChipSky(whole[0] if whole else None, shared)

    inputs = chip_inputs(tuple(exposures))
    measured: dict[str, list[_ChipSky]] = {exposure.path: [] for exposure in exposures}
    for one, found in zip(inputs, each_chip(inputs, measure, settings.threads), strict=True):
        measured[one.exposure.path].append(found)
    return measured


def _overlaps(one: ChipInput, exposures: Sequence[Exposure]) -> dict[tuple[str, ChipId], Spans]:
    others = {
        (exposure.path, chip.id): exposure.wcs(chip.id)
        for exposure in exposures
        if exposure.path != one.exposure.path
        for chip in exposure.chips
    }
    return overlap_spans(one.exposure.wcs(one.chip.id), others)


def _good_pixels(one: ChipInput, bad_bits: int, static: StaticMask | None) -> Image:
    """The pixels of a chip, NaN where they are bad."""
    image = one.signal()
    mask = None if static is None else static.good(one.exposure, one.chip)
    np.copyto(image, np.nan, where=~one.good(bad_bits, static=mask))
    return image


def _level(image: Image, spans: Spans | None, *, settings: SkySettings, factor: float) -> Level | None:
    """Brightness of an image and number of pixels; None without a pixel."""
    wants_mode = settings.statistic == "mode"
    found = image_statistics(
        image, settings.clipping, spans=spans, median=settings.statistic == "median", mode=wants_mode
    )
    return (getattr(found, settings.statistic) * factor, found.npix) if found.npix else None


def _lowest(chips: Sequence[_ChipSky]) -> float | None:
    return min((chip.whole for chip in chips if chip.whole is not None), default=None)


def _matched(
    measured: Mapping[str, Sequence[_ChipSky]], alone: Mapping[str, float | None], *, absolute: bool
) -> tuple[dict[str, float | None], list[str]]:
    """Differences between exposures, and where `absolute`, what is left in the darkest added."""
    paths = list(measured)
    levels: dict[tuple[int, int], Level] = {}
    for i, path in enumerate(paths):
        for j, other in enumerate(paths):
            parts = [level for chip in measured[path] for level in chip.shared.get(other, ())]
            if parts:
                pixels = sum(n for _, n in parts)
                levels[i, j] = (sum(value * n for value, n in parts) / pixels, pixels)
    deltas, groups = match_levels(levels, len(paths))
    brightness = dict(zip(paths, deltas, strict=True))
    warnings = _match_warnings(brightness, [[paths[i] for i in group] for group in groups])
    if absolute:
        left = [value - (brightness[path] or 0.0) for path, value in alone.items() if value is not None]
        base = min(left, default=None)
        brightness = {p: None if base is None else base + (d or 0.0) for p, d in brightness.items()}
        warnings += [f"{path}: {_NOTHING}" for path, value in alone.items() if value is None]
    return brightness, warnings


def _match_warnings(deltas: Mapping[str, float | None], groups: Sequence[Sequence[str]]) -> list[str]:
    warnings = [
        f"{path} has no good pixels in common with another exposure: its sky is not matched"
        for path, delta in deltas.items()
        if delta is None
    ]
    if len(groups) > 1:
        listed = "; ".join(", ".join(group) for group in groups)
        warnings.append(f"the exposures overlap within {len(groups)} groups only: {listed}")
    return warnings


def _factor(one: ChipInput) -> float:
    """Brightness, per second and square arcsec, of a unit of the pixels."""
    return one.conversion / (one.exptime * chip_scale_arcsec(one.exposure, one.chip) ** 2)
