"""Derive a solution for every exposure of a visit from what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from textwrap import wrap

import numpy as np

from trueup.astrometry.baseline import Baseline, baseline, frame_links, pair_links, sky_links, trusted
from trueup.astrometry.bundle import Bundle, Correction, Link, adjust, carry, without_contradictions
from trueup.astrometry.derive import Record, corrected, fit_name
from trueup.astrometry.fit import Fit
from trueup.astrometry.measurement import Measurement
from trueup.astrometry.pointing import members_of
from trueup.model.chipwcs import ChipWcs, Pair, sky_to_plane
from trueup.model.exposure import Exposure
from trueup.model.offset import field_center
from trueup.model.solution import Solution
from trueup.model.visit import Visit

# exposures farther apart than this share no tangent plane
_FIELD_DEG = 0.1
# worse than this against the sky, a correction is only a guess
_USELESS_MAS = 100.0


@dataclass(frozen=True, slots=True)
class Wish:
    """What a derivation is asked to do.

    Parameters
    ----------
    held : frozenset of str
        Rootnames of exposures that never move.
    relative_only : bool
        Leave the catalogue alone.
    carried : dict of str to str
        For exposures that were not measured, the rootname of the one whose correction they take.
    wcsname : str
        Name of the new solutions; blank for the usual one.

    Examples
    --------
    >>> Wish().relative_only
    False
    """

    held: frozenset[str] = frozenset()
    relative_only: bool = False
    carried: Mapping[str, str] = field(default_factory=dict)
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
    if not measurement.visit.exposures:
        return Derivation(())
    ground = _prepared(measurement, wish)
    derived: list[Derived] = []
    bundles = []
    for group in _fields(ground):
        centre = field_center([wcs for exposure in group for wcs in _chips(exposure, ground.base)])
        bundle = _adjusted(ground, group, centre)
        bundles.append(bundle)
        for correction in bundle.corrections:
            if max(correction.absolute_sigma_mas) < _USELESS_MAS:
                derived.append(_derived(ground, bundle, correction, centre=centre))
    done = {one.exposure.rootname for one in derived}
    left_out = tuple(
        (e.rootname, _why_not(ground, e)) for e in measurement.visit.exposures if e.rootname not in done
    )
    return Derivation(tuple(derived), ground.frame if derived else "", tuple(bundles), left_out)


@dataclass(frozen=True, slots=True, eq=False)
class _Ground:
    """What the derivation of every exposure rests on."""

    measurement: Measurement
    wish: Wish
    base: Baseline
    catalog: str
    frame: str
    taken: frozenset[str]

    @property
    def exposures(self) -> list[Exposure]:
        """Those with a solution to start from."""
        return [e for e in self.measurement.visit.exposures if e.rootname in self.base.start]

    def start(self, exposure: Exposure) -> Solution:
        return exposure.solutions[self.base.start[exposure.rootname].index]


def _prepared(measurement: Measurement, wish: Wish) -> _Ground:
    exposures = measurement.visit.exposures
    base = baseline(exposures, {stars.rootname for stars in measurement.stars})
    measured = sky_links(measurement, base.start, (0.0, 0.0))
    catalog = "NONE"
    if wish.held:
        frame = f"{', '.join(sorted(wish.held))}, which do not move"
    elif measured and not wish.relative_only:
        catalog = frame = next(row.catalog for row in measurement.absolute)
    else:
        names = Visit(tuple(e for e in exposures if e.rootname in trusted(exposures))).by(_active_name)
        frame = "; ".join(f"{n} of {', '.join(e.rootname for e in group)}" for n, group in names.items())
        frame = frame or "the mean of the solutions that they started from"
        if measurement.absolute and not wish.relative_only:
            frame += f", for no exposure could be measured against {measurement.absolute[0].catalog}"
    taken = frozenset(solution.wcsname for e in exposures for solution in e.solutions)
    return _Ground(measurement, wish, base, catalog, frame, taken)


def _active_name(exposure: Exposure) -> str:
    return str(exposure.active.name)


def _fields(ground: _Ground) -> list[list[Exposure]]:
    """Exposures near enough to each other to share a tangent plane, in the order of the visit."""
    groups: list[list[Exposure]] = []
    for exposure in ground.exposures:
        near = [g for g in groups if any(_are_near(exposure, other, ground.base) for other in g)]
        groups = [g for g in groups if g not in near] + [[*(e for g in near for e in g), exposure]]
    return groups


def _are_near(a: Exposure, b: Exposure, base: Baseline) -> bool:
    here, there = (field_center(_chips(exposure, base)) for exposure in (a, b))
    distance = float(np.hypot(*sky_to_plane(*there, here)))
    return distance < _FIELD_DEG


def _chips(exposure: Exposure, base: Baseline) -> list[ChipWcs]:
    solution = exposure.solutions[base.start[exposure.rootname].index]
    return [solution.wcs(chip.id) for chip in exposure.chips]


def _adjusted(ground: _Ground, group: Sequence[Exposure], centre: Pair) -> Bundle:
    """The bundle of one field."""
    names = {exposure.rootname for exposure in group}
    start = {rootname: ground.base.start[rootname] for rootname in names}
    members = members_of(group, pointed=ground.base.pointed)
    pairs, rejected = without_contradictions(members, pair_links(ground.measurement, start, centre))
    held = ground.wish.held & names
    sky: Sequence[Link] = ()
    if ground.catalog != "NONE":
        sky = sky_links(ground.measurement, start, centre)
    elif pairs:
        sky = frame_links(group, start, centre, held=held)
        tied = {name for link in pairs for name in (link.a, link.b)}
        sky = [link for link in sky if link.b in tied or held]
    bundle = adjust(members, pairs, sky, hold=bool(held))
    bundle = replace(bundle, rejected=tuple((link.a, link.b) for link in rejected))
    sources = {name: source for name, source in ground.wish.carried.items() if name in names}
    return carry(bundle, sources, members)


def _derived(ground: _Ground, bundle: Bundle, correction: Correction, *, centre: Pair) -> Derived:
    exposure = ground.measurement.exposure(correction.rootname)
    start = ground.start(exposure)
    name = ground.wish.wcsname or fit_name(start, exposure, catalog=ground.catalog, taken=ground.taken)
    fit = _fit(ground, exposure)
    rms = [
        0.0 if sigma is None else sigma * fit.n**0.5 for sigma in (fit.sigma_east_mas, fit.sigma_north_mas)
    ]
    on_sky = ground.catalog != "NONE"
    record = Record(
        wcsname=name,
        catalog=ground.catalog,
        nmatches=fit.n,
        rms_mas=(rms[0], rms[1]),
        sigma_mas=correction.absolute_sigma_mas if on_sky else correction.relative_sigma_mas,
        history=tuple(_history(ground, bundle, correction, fit=fit)),
    )
    solution = corrected(start, exposure, by=correction.by, centre=centre, record=record)
    return Derived(exposure, start, solution, correction)


def _fit(ground: _Ground, exposure: Exposure) -> Fit:
    """The measurement of an exposure that its solution rests on most; an empty one where it has none."""
    mine = ground.measurement.representative(ground.base.start[exposure.rootname])
    if ground.catalog != "NONE":
        row = ground.measurement.against_catalog(mine)
        rows = [row.fit] if row else []
    else:
        rows = [row.fit for row in ground.measurement.relative if mine in (row.a, row.b) and not row.route]
    counted = [fit for fit in rows if fit.verdict != "unmeasurable"]
    return max(counted, key=lambda fit: fit.n, default=Fit(n=0))


def _history(ground: _Ground, bundle: Bundle, correction: Correction, *, fit: Fit) -> Iterator[str]:
    """What a later reader must know, in lines of 72 characters."""
    by, exposure = correction.by, ground.measurement.exposure(correction.rootname)
    yield "shift, rotation and scale; all exposures to each other, then the group"
    yield from wrap(f"started from {ground.start(exposure).wcsname or 'a nameless solution'}", 72)
    yield from wrap(f"frame: {ground.frame}", 72)
    if exposure.epoch is not None:
        yield f"epoch {exposure.epoch:.4f}"
    yield f"moved by {by.east_mas:.3f} mas east, {by.north_mas:.3f} mas north"
    yield f"rotated by {by.rotation_deg:.6f} deg north to east, scaled by {by.scale_ppm:.2f} ppm"
    east, north = correction.relative_sigma_mas
    yield f"own error in the visit {east:.3f} mas east, {north:.3f} mas north"
    if ground.catalog != "NONE":
        east, north = correction.absolute_sigma_mas
        yield f"own error on the sky {east:.3f} mas east, {north:.3f} mas north"
    if bundle.chi2 is not None:
        yield f"{bundle.loops} loops of pairs close to {bundle.closure_mas:.3f} mas, chi2 {bundle.chi2:.2f}"
    if fit.log10_pfalse is not None:
        yield f"log10 P_false {fit.log10_pfalse:.1f} with {fit.n} stars"
    if correction.carried_from:
        yield f"not measured: the correction is that of {correction.carried_from}"


def _why_not(ground: _Ground, exposure: Exposure) -> str:
    skipped = dict(ground.measurement.skipped)
    if exposure.rootname in skipped:
        return skipped[exposure.rootname]
    if exposure.rootname not in ground.base.start:
        return "it has no sound solution with distortion"
    other = "the catalogue" if ground.measurement.absolute else "a catalogue"
    return f"its stars tie it neither to another exposure nor to {other}"
