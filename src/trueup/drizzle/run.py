"""What the steps of a drizzle run share: inputs, mappings, settings, and who is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Mapping as Masks
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from trueup.drizzle.grid import chip_scale_arcsec, output_frame
from trueup.drizzle.inputs import ChipInput, chip_inputs, require_errors
from trueup.drizzle.mapping import Mapping, pixel_mapping
from trueup.drizzle.params import DrizzleParams, ResolvedParams
from trueup.drizzle.sky import Sky
from trueup.drizzle.static import StaticMask
from trueup.errors import DataError, UsageError
from trueup.model.chipwcs import ChipWcs
from trueup.model.exposure import Exposure
from trueup.model.mosaic import ChipKey

Image = NDArray[np.float32]

Tell = Callable[[str, int, int], None]
Keep = Callable[[str, NDArray[np.generic]], None]


@dataclass(frozen=True, slots=True, eq=False)
class Hooks:
    """Who is told about a run while it goes on.

    Attributes
    ----------
    tell : callable
        Called with a step, how many of its parts are done, and how many there are.
    keep : callable or None
        Called with the name and the pixels of each intermediate product; None makes none that
        the run does not need.

    Examples
    --------
    >>> Hooks().tell("median", 1, 2)
    """

    tell: Tell = field(default=lambda *_: None)
    keep: Keep | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """What the earlier steps found.

    Attributes
    ----------
    sky : Sky
    static : StaticMask or None
    clean : (ny, nx) float32 array or None
        The sky without cosmic rays; None where they are not to be rejected.
    """

    sky: Sky
    static: StaticMask | None = None
    clean: Image | None = None

    def sky_of(self, one: ChipInput) -> float:
        """Sky in the pixels of a chip, in their units."""
        return self.sky.of(one.exposure, one.chip)

    def good(self, one: ChipInput, bad_bits: int, *, rows: slice | None = None) -> NDArray[np.bool_]:
        """Pixels of a chip that no bad DQ bit and no static mask excludes."""
        static = None if self.static is None else self.static.good(one.exposure, one.chip)
        return one.good(bad_bits, static=static, rows=rows)


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """What the user brings in place of a step.

    Attributes
    ----------
    sky : Sky or None
        See :func:`trueup.drizzle.sky_file.given_sky`.
    static : StaticMask or None
    clean : (ny, nx) float32 array or None
        The sky without cosmic rays on the detector's own frame, per second: no median is made.
    masks : mapping of (str, int) to (ny, nx) uint8 array
        By ROOTNAME and SCI EXTVER: 0 where a pixel is to be left out. No cosmic rays are looked for in
        these chips.

    Examples
    --------
    >>> Given().masks
    {}
    """

    sky: Sky | None = None
    static: StaticMask | None = None
    clean: Image | None = None
    masks: Masks[ChipKey, NDArray[np.uint8]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Placement:
    """Where the pixels of each chip fall on one frame.

    Attributes
    ----------
    frame : ChipWcs
        Without distortion.
    mappings : tuple of Mapping
        By the number of the chip.
    ratios : tuple of float
        Pixel scale of the frame over that of each chip.
    """

    frame: ChipWcs
    mappings: tuple[Mapping, ...]
    ratios: tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """One image in the making.

    Attributes
    ----------
    exposures : tuple of Exposure
    inputs : tuple of ChipInput
        The chips, in the order of the context bits.
    final : Placement
        On the output frame.
    separate : Placement
        On the frame of the separate images and the median: that of the detector, so that the
        cosmic rays found do not depend on the output frame.
    params : ResolvedParams
    hooks : Hooks
    given : Given
    """

    exposures: tuple[Exposure, ...]
    inputs: tuple[ChipInput, ...]
    final: Placement
    separate: Placement
    params: ResolvedParams
    hooks: Hooks
    given: Given

    @property
    def compat(self) -> bool:
        """Whether AstroDrizzle's approximations are reproduced."""
        return self.params.compat == "astrodrizzle"

    def chips_of(self, exposure: Exposure) -> tuple[ChipInput, ...]:
        """The chips of one exposure."""
        return tuple(one for one in self.inputs if one.exposure is exposure)

    def keep(self, name: str, pixels: NDArray[np.generic]) -> None:
        """Hand an intermediate product to whoever wants it."""
        if self.hooks.keep is not None:
            self.hooks.keep(name, pixels)


def start(
    frame: ChipWcs,
    exposures: Sequence[Exposure],
    params: DrizzleParams,
    *,
    hooks: Hooks | None = None,
    given: Given | None = None,
) -> Run:
    """Resolve the settings and map every chip.

    Parameters
    ----------
    frame : ChipWcs
        Without distortion.
    exposures : sequence of Exposure
    params : DrizzleParams
    hooks : Hooks, optional
    given : Given, optional

    Returns
    -------
    Run

    Raises
    ------
    DataError
        Where a unit is unknown, a chip does not project onto the frame, or has no ERR where that
        is asked for.
    UsageError
        Where what is given has another shape.

    Examples
    --------
    >>> frame = ChipWcs((0, 0), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (2, 2))
    >>> start(frame, [], DrizzleParams()).inputs
    ()
    """
    members = tuple(exposures)
    inputs = chip_inputs(members)
    detector = members[0].detector if members else ""
    resolved = params.for_exposures(detector, len(members))
    given = given or Given()
    if resolved.weight == "ERR" or "err" in resolved.planes:
        require_errors(inputs)
    compat = resolved.compat == "astrodrizzle"
    final = _placed(inputs, frame, compat=compat)
    separate = final
    if inputs and (resolved.cr or given.clean is not None):
        own = output_frame(members, DrizzleParams(grid="own"))
        separate = final if _same_frame(own, frame) else _placed(inputs, own, compat=compat)
    _require_fitting(given, separate.frame, inputs)
    return Run(members, inputs, final, separate, resolved, hooks or Hooks(), given)


def _require_fitting(given: Given, frame: ChipWcs, inputs: Sequence[ChipInput]) -> None:
    if given.clean is not None and given.clean.shape != frame.shape:
        raise UsageError(
            f"the clean image has the shape {given.clean.shape}, the frame of the detector {frame.shape}",
            todo="give one that was made of these exposures",
        )
    for one in inputs:
        mask = given.masks.get((one.exposure.rootname, one.chip.id.extver))
        if mask is not None and mask.shape != one.chip.shape:
            raise UsageError(
                f"the mask has the shape {mask.shape}, the chip {one.chip.shape}",
                file=one.exposure.path,
                chip=one.chip.id,
                todo="give one value per pixel",
            )


def _placed(inputs: Sequence[ChipInput], frame: ChipWcs, *, compat: bool) -> Placement:
    scale = frame.scale_arcsec()
    ratios = tuple(scale / _chip_scale(one, compat=compat) for one in inputs)
    mappings = tuple(
        _mapping(one, frame, compat=compat, ratio=r) for one, r in zip(inputs, ratios, strict=True)
    )
    return Placement(frame, mappings, ratios)


def _mapping(one: ChipInput, frame: ChipWcs, *, compat: bool, ratio: float) -> Mapping:
    try:
        return pixel_mapping(one.exposure.wcs(one.chip.id), frame, compat=compat, scale=ratio)
    except DataError as error:
        raise DataError(error.found, file=one.exposure.path, chip=one.chip.id, todo=error.todo) from error


def _chip_scale(one: ChipInput, *, compat: bool) -> float:
    wcs = one.exposure.wcs(one.chip.id)
    if compat and not wcs.has_sip:
        # AstroDrizzle takes the side along x of a pixel, which on WFC3/IR is no square
        return float(np.hypot(wcs.cd[0, 0], wcs.cd[1, 0])) * 3600
    return chip_scale_arcsec(one.exposure, one.chip)


def _same_frame(a: ChipWcs, b: ChipWcs) -> bool:
    places = (a.crpix, a.crval, a.shape) == (b.crpix, b.crval, b.shape)
    return places and np.array_equal(a.cd, b.cd)
