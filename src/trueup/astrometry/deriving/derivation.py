"""Derive a solution for every exposure of a visit from what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from textwrap import wrap

import numpy as np

from trueup.astrometry.choosing.carry import guiding_change
from trueup.astrometry.deriving.baseline import (
    Baseline,
    baseline,
    frame_links,
    most_trusted,
    pair_links,
    sky_links,
)
from trueup.astrometry.deriving.bundle import Bundle, Correction, Link, adjust, carry, without_contradictions
from trueup.astrometry.deriving.derive import Record, corrected, fit_name
from trueup.astrometry.deriving.pointing import Member, members_of
from trueup.astrometry.measuring.measurement import Measurement
from trueup.astrometry.pairs.fit import Fit
from trueup.model.chipwcs import ChipWcs, Pair, sky_to_plane
from trueup.model.exposure import Exposure
from trueup.model.offset import field_center
from trueup.model.solution import Solution
from trueup.model.visit import Visit

# exposures farther apart than this share no tangent plane
_FIELD_DEG = 0.1
# worse than this against the sky, a correction is only a guess
_USELESS_MAS = 100.0
_LINE = 72
_CAN_BE_GIVEN = {"image", "grism"}


@dataclass(frozen=True, slots=True)
class Wish:
    """What a derivation is asked to do.

    Parameters
    ----------
    held : frozenset of str
        Rootnames of exposures that never move.
    relative_only : bool
        Leave the catalogue alone.
    wcsname : str
        Name of the new solutions; blank for the usual one.

    Examples
    --------
    >>> Wish().relative_only
    False
    """

    held: frozenset[str] = frozenset()
    relative_only: bool = False
    wcsname: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Derived:
    """The new solution of one exposure.

    Parameters
    ----------
    exposure : Exposure
    start : Solution
        That it comes from.
    solution : Solution
    correction : Correction
        From the one to the other.

    Examples
    --------
    >>> Derived.__slots__
    ('exposure', 'start', 'solution', 'correction')
    """

    exposure: Exposure
    start: Solution
    solution: Solution
    correction: Correction


@dataclass(frozen=True, slots=True, eq=False)
class Derivation:
    """New solutions for a visit.

    Parameters
    ----------
    exposures : tuple of Derived
    frame : str
        What the absolute position rests on, in words.
    bundles : tuple of Bundle
        One for each field.
    left_out : tuple of (str, str)
        Rootnames of exposures without a new solution, and why.

    Examples
    --------
    >>> Derivation(()).frame
    ''
    """

    exposures: tuple[Derived, ...]
    frame: str = ""
    bundles: tuple[Bundle, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()


def derive(measurement: Measurement, wish: Wish | None = None) -> Derivation:
    """Derive new solutions: all exposures to each other, then the group once to the sky.

    Parameters
    ----------
    measurement : Measurement
        Of all solutions of the visit.
    wish : Wish, optional

    Returns
    -------
    Derivation
        Without exposures where nothing could be measured.

    Raises
    ------
    SolutionError
        Where no exposure has a sound solution with distortion.

    Examples
    --------
    >>> from trueup.model.visit import Visit
    >>> derive(Measurement(Visit(()))).exposures
    ()
    """
    wish = wish or Wish()
    exposures = measurement.visit.exposures
    if not exposures:
        return Derivation(())
    base = baseline(exposures, {stars.rootname for stars in measurement.stars})
    taken = frozenset(solution.wcsname for e in exposures for solution in e.solutions)
    ground = _Ground(measurement, wish, base, taken)
    fields = [_field(ground, group) for group in _groups(ground)]
    bundles = [_bundle(ground, field) for field in fields]
    derived = tuple(
        _derived(ground, field, bundle, correction=correction)
        for field, bundle in zip(fields, bundles, strict=True)
        for correction in bundle.corrections
        if max(correction.absolute_sigma_mas) < _USELESS_MAS
    )
    order = [exposure.rootname for exposure in exposures]
    derived = tuple(sorted(derived, key=lambda one: order.index(one.exposure.rootname)))
    done = {one.exposure.rootname for one in derived}
    frames = dict.fromkeys(field.frame for field in fields if done & field.rootnames)
    donors = [one.exposure for one in derived if not one.correction.carried_from]
    left_out = tuple((e.rootname, _why_not(ground, e, donors)) for e in exposures if e.rootname not in done)
    return Derivation(derived, "; ".join(frames), tuple(bundles), left_out)


@dataclass(frozen=True, slots=True, eq=False)
class _Ground:
    """What the derivation of every exposure rests on."""

    measurement: Measurement
    wish: Wish
    base: Baseline
    taken: frozenset[str]

    def start(self, exposure: Exposure) -> Solution:
        return exposure.solutions[self.base.start[exposure.rootname].index]

    def chips(self, exposure: Exposure) -> list[ChipWcs]:
        return [self.start(exposure).wcs(chip.id) for chip in exposure.chips]


@dataclass(frozen=True, slots=True, eq=False)
class _Field:
    """Exposures that share a tangent plane, and what was measured between them."""

    members: tuple[Member, ...]
    centre: Pair
    pairs: tuple[Link, ...]
    rejected: tuple[Link, ...]
    sky: tuple[Link, ...]
    catalog: str
    frame: str

    @property
    def rootnames(self) -> frozenset[str]:
        return frozenset(member.rootname for member in self.members)


def _groups(ground: _Ground) -> list[list[Exposure]]:
    """Exposures near enough to each other to share a tangent plane, in the order of the visit."""
    groups: list[list[Exposure]] = []
    for exposure in ground.measurement.visit.exposures:
        if exposure.rootname in ground.base.start:
            near = [g for g in groups if any(_are_near(exposure, other, ground) for other in g)]
            groups = [g for g in groups if g not in near] + [[*(e for g in near for e in g), exposure]]
    return groups


def _are_near(a: Exposure, b: Exposure, ground: _Ground) -> bool:
    here, there = (field_center(ground.chips(exposure)) for exposure in (a, b))
    return float(np.hypot(*sky_to_plane(*there, here))) < _FIELD_DEG


def _field(ground: _Ground, group: Sequence[Exposure]) -> _Field:
    centre = field_center([wcs for exposure in group for wcs in ground.chips(exposure)])
    start = {exposure.rootname: ground.base.start[exposure.rootname] for exposure in group}
    members = members_of(group, pointed=ground.base.pointed)
    pairs, rejected = without_contradictions(members, pair_links(ground.measurement, start, centre))
    measured = sky_links(ground.measurement, start, centre)
    held = [exposure for exposure in group if exposure.rootname in ground.wish.held]
    if held:
        frame = f"{_names(held)}, which {'does' if len(held) == 1 else 'do'} not move"
        sky = frame_links(held, start, centre)
    elif measured and not ground.wish.relative_only:
        catalog = ground.measurement.absolute[0].catalog
        return _Field(members, centre, pairs, rejected, measured, catalog, catalog)
    else:
        tied = {name for link in pairs for name in (link.a, link.b)}
        trusted = most_trusted([exposure for exposure in group if exposure.rootname in tied])
        frame = "; ".join(f"{name} of {_names(users)}" for name, users in _by_name(trusted).items())
        frame = frame or "the mean of the solutions that they started from"
        if ground.measurement.absolute and not ground.wish.relative_only:
            frame += f", for none was measured against {ground.measurement.absolute[0].catalog}"
        sky = frame_links(trusted, start, centre)
    return _Field(members, centre, pairs, rejected, sky, "NONE", frame)


def _names(exposures: Sequence[Exposure]) -> str:
    return ", ".join(exposure.rootname for exposure in exposures)


def _by_name(exposures: Sequence[Exposure]) -> dict[str, tuple[Exposure, ...]]:
    return Visit(tuple(exposures)).by(lambda exposure: str(exposure.active.name))


def _bundle(ground: _Ground, field: _Field) -> Bundle:
    bundle = adjust(field.members, field.pairs, field.sky, hold=bool(ground.wish.held & field.rootnames))
    bundle = replace(bundle, rejected=tuple((link.a, link.b) for link in field.rejected))
    donors = [ground.measurement.exposure(correction.rootname) for correction in bundle.corrections]
    sources = {}
    for member in field.members:
        source, _ = _source(ground, ground.measurement.exposure(member.rootname), donors)
        if source is not None:
            sources[member.rootname] = source.rootname
    return carry(bundle, sources, field.members)


def _source(ground: _Ground, exposure: Exposure, donors: Sequence[Exposure]) -> tuple[Exposure | None, str]:
    """The exposure nearest in time whose correction another one may take, or why there is none."""
    if not ground.base.pointed or exposure.mode not in _CAN_BE_GIVEN:
        return None, ""

    def days(donor: Exposure) -> float:
        return abs(_start(donor) - _start(exposure))

    obstacle = ""
    for donor in sorted(donors, key=days):
        change = guiding_change(donor, exposure, ground.measurement.visit.exposures)
        if not change:
            return donor, ""
        obstacle = obstacle or change
    return None, obstacle


def _start(exposure: Exposure) -> float:
    return exposure.header.number("EXPSTART") or 0.0


def _derived(ground: _Ground, field: _Field, bundle: Bundle, *, correction: Correction) -> Derived:
    exposure = ground.measurement.exposure(correction.rootname)
    start = ground.start(exposure)
    name = ground.wish.wcsname or fit_name(start, exposure, catalog=field.catalog, taken=ground.taken)
    fit = _fit(ground, field, exposure)
    rms_ra, rms_dec = ((sigma or 0.0) * fit.n**0.5 for sigma in (fit.sigma_east_mas, fit.sigma_north_mas))
    on_sky = field.catalog != "NONE"
    record = Record(
        wcsname=name,
        catalog=field.catalog,
        nmatches=fit.n,
        rms_mas=(rms_ra, rms_dec),
        sigma_mas=correction.absolute_sigma_mas if on_sky else correction.relative_sigma_mas,
        history=(
            *_rests_on(ground, field, exposure, fit=fit),
            *_numbers(correction, on_sky=on_sky),
            *_closure(bundle),
        ),
    )
    solution = corrected(start, exposure, by=correction.by, centre=field.centre, record=record)
    return Derived(exposure, start, solution, correction)


def _fit(ground: _Ground, field: _Field, exposure: Exposure) -> Fit:
    """The measurement of an exposure that its solution rests on most; an empty one where it has none."""
    mine = ground.measurement.representative(ground.base.start[exposure.rootname])
    if field.catalog != "NONE":
        row = ground.measurement.against_catalog(mine)
        rows = [row.fit] if row else []
    else:
        rows = [row.fit for row in ground.measurement.relative if mine in (row.a, row.b) and not row.route]
    counted = [fit for fit in rows if fit.verdict != "unmeasurable"]
    return max(counted, key=lambda fit: fit.n, default=Fit(n=0))


def _rests_on(ground: _Ground, field: _Field, exposure: Exposure, *, fit: Fit) -> Iterator[str]:
    """Lines of history: where the solution comes from."""
    yield "shift, rotation and scale; all exposures to each other, then the group"
    yield from wrap(f"started from {ground.start(exposure).name}", _LINE)
    yield from wrap(f"frame: {field.frame}", _LINE)
    if exposure.epoch is not None:
        yield f"epoch {exposure.epoch:.4f}"
    if fit.log10_pfalse is not None:
        yield f"log10 P_false {fit.log10_pfalse:.1f} with {fit.n} stars"


def _numbers(correction: Correction, *, on_sky: bool) -> Iterator[str]:
    """Lines of history: how it was moved, and the errors of that."""
    by = correction.by
    yield f"moved by {by.east_mas:.3f} mas east, {by.north_mas:.3f} mas north"
    yield f"rotated by {by.rotation_deg:.6f} deg north to east, scaled by {by.scale_ppm:.2f} ppm"
    east, north = correction.relative_sigma_mas
    yield f"own error in the visit {east:.3f} mas east, {north:.3f} mas north"
    if on_sky:
        east, north = correction.absolute_sigma_mas
        yield f"own error on the sky {east:.3f} mas east, {north:.3f} mas north"
    if correction.carried_from:
        yield f"not measured: the correction is that of {correction.carried_from}"


def _closure(bundle: Bundle) -> Iterator[str]:
    if bundle.chi2 is not None:
        yield f"{bundle.loops} loops of pairs close to {bundle.closure_mas:.3f} mas, chi2 {bundle.chi2:.2f}"


def _why_not(ground: _Ground, exposure: Exposure, donors: Sequence[Exposure]) -> str:
    if exposure.rootname not in ground.base.start:
        return "it has no sound solution with distortion"
    other = "the catalogue" if ground.measurement.absolute else "a catalogue"
    untied = f"its stars tie it neither to another exposure nor to {other}"
    why = dict(ground.measurement.skipped).get(exposure.rootname, untied)
    _, obstacle = _source(ground, exposure, donors)
    return f"{why}; no correction can be carried to it: {obstacle}" if obstacle else why
