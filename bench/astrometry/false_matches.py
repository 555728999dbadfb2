"""Star lists without a true common star, and with sources that are fixed to the detector: many trials.

The lists are what detection makes of a real-size ultraviolet frame, cosmic rays that passed for stars
included; every trial puts them at other places and the second exposure at another dither.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.astrometry.cases import CASES
from bench.astrometry.frames import INJECTED, Trial, make_frames
from trueup.astrometry.measuring.measure import measure
from trueup.astrometry.measuring.measurement import Candidate
from trueup.astrometry.pairs.fit import Fit
from trueup.astrometry.stars.sources import Sources
from trueup.astrometry.stars.starlist import StarList, find_stars
from trueup.fits.visit import open_visit
from trueup.model.displacement import Displacement, displaced
from trueup.model.exposure import Exposure
from trueup.model.offset import field_center
from trueup.model.solution import Solution
from trueup.model.visit import Visit

Floats = NDArray[np.float64]
Places = list[tuple[Floats, Floats]]

STARS, FIXED = 57, 20
_DETECTED = 0.65  # of the stars, in each exposure
_DITHER_MAS = 120.0, 3200.0
_FIXED_SIGMA_PIX, _FIXED_ELECTRONS = 0.02, 3000.0
_WRONG_MAS = 20.0


@dataclass(frozen=True, slots=True)
class Tally:
    """Trials: how many were measured, and how many of these are wrong."""

    trials: int
    measured: int
    wrong: int


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """Two exposures of one field and what detection found in them."""

    exposures: tuple[Exposure, ...]
    lists: tuple[StarList, ...]


def set_stage(folder: Path, seed: int) -> Stage:
    """Make the frames whose headers and detections all trials use."""
    case = next(case for case in CASES if case.name == "uv")
    frames = make_frames(Trial("R", case, seed), folder)
    exposures = open_visit([str(path) for path in frames.paths]).exposures
    return Stage(exposures, tuple(find_stars(exposure) for exposure in exposures))


def tally(stage: Stage, trials: int, draw: Callable[[Stage, np.random.Generator], Fit]) -> Tally:
    """Run trials of one kind."""
    fits = [draw(stage, np.random.default_rng([9000, k])) for k in range(trials)]
    measured = [fit for fit in fits if fit.verdict != "unmeasurable"]
    return Tally(trials, len(measured), sum(_is_wrong(fit) for fit in measured))


def _is_wrong(fit: Fit) -> bool:
    assert fit.east_mas is not None
    assert fit.north_mas is not None
    miss = np.hypot(fit.east_mas - INJECTED.east_mas, fit.north_mas - INJECTED.north_mas)
    return bool(miss > _WRONG_MAS)


def no_common_star(stage: Stage, rng: np.random.Generator) -> Fit:
    """Two lists of the right exposures with nothing in common."""
    return _measure(_dithered(stage, rng), [_scattered(found, rng) for found in stage.lists])


def fixed_among_stars(stage: Stage, rng: np.random.Generator) -> Fit:
    """57 stars, of which each exposure shows two thirds, and 20 sources fixed to the detector."""
    return _with_fixed(stage, rng, stars=STARS)


def fixed_alone(stage: Stage, rng: np.random.Generator) -> Fit:
    """20 sources fixed to the detector, and no common star."""
    return _with_fixed(stage, rng, stars=0)


def _with_fixed(stage: Stage, rng: np.random.Generator, *, stars: int) -> Fit:
    exposures = _dithered(stage, rng)
    ny, nx = exposures[0].chips[0].shape
    spots = [(rng.uniform(0, nx, FIXED // 2), rng.uniform(0, ny, FIXED // 2)) for _ in exposures[0].chips]
    places = _star_places(exposures, stars, rng)
    lists = []
    for exposure, found, at in zip(exposures, stage.lists, places, strict=True):
        chips = []
        for (chip, others), spot, (x, y) in zip(_scattered(found, rng).chips, spots, at, strict=True):
            on = (x > 0) & (x < nx) & (y > 0) & (y < ny) & (rng.uniform(size=len(x)) < _DETECTED)
            parts = (others, _like(others, (x[on], y[on]), rng), _fixed(spot, rng))
            chips.append((chip, _joined(parts)))
        lists.append(replace(found, rootname=exposure.rootname, chips=tuple(chips)))
    return _measure(exposures, lists)


def _dithered(stage: Stage, rng: np.random.Generator) -> tuple[Exposure, ...]:
    """The second exposure moved on the sky, with the usual error of its WCS left as it is."""
    first, second = stage.exposures
    angle, size = rng.uniform(0, 2 * np.pi), rng.uniform(*_DITHER_MAS)
    move = Displacement(size * np.cos(angle), size * np.sin(angle))
    moved = tuple(_moved(solution, move) for solution in second.solutions)
    return first, replace(second, solutions=moved, solution=moved[0])


def _moved(solution: Solution, by: Displacement) -> Solution:
    centre = field_center([part.wcs for part in solution.chips])
    chips = (replace(part, wcs=displaced(part.wcs, by, centre=centre)) for part in solution.chips)
    return replace(solution, chips=tuple(chips))


def _star_places(exposures: tuple[Exposure, ...], n: int, rng: np.random.Generator) -> list[Places]:
    """Where stars fall on the chips of both exposures; the WCS of the second is wrong."""
    first, second = ([e.wcs(chip.id) for chip in e.chips] for e in exposures)
    ny, nx = first[0].shape
    x, y = rng.uniform(0, nx, n), rng.uniform(0, ny, n)
    on_second = rng.uniform(size=n) < 0.5
    spread = (wcs.pixel_to_sky(x, y) for wcs in first)
    ra, dec = (np.where(on_second, b, a) for a, b in zip(*spread, strict=True))
    back = Displacement() - INJECTED
    right = [displaced(wcs, back, centre=field_center(first)) for wcs in second]
    return [[wcs.sky_to_pixel(ra, dec) for wcs in chips] for chips in (first, right)]


def _scattered(found: StarList, rng: np.random.Generator) -> StarList:
    """The same sources at other places."""
    chips = []
    for chip, sources in found.chips:
        order = rng.permutation(len(sources))
        x = (sources.x[order] + rng.uniform(0, 4096)) % 4096
        y = (sources.y[order] + rng.uniform(0, 2051)) % 2051
        chips.append((chip, replace(sources, x=rng.permutation(x), y=y)))
    return replace(found, chips=tuple(chips))


def _like(others: Sources, at: tuple[Floats, Floats], rng: np.random.Generator) -> Sources:
    """Stars with the errors and tiers of a sample of what was found, at true places."""
    n = len(at[0])
    clean = others[others.tier < 2]
    model = clean[rng.integers(0, len(clean), n)]
    x, y = (v + rng.normal(0, 1, n) * model.sigma for v in at)
    return replace(model, x=x, y=y)


def _fixed(at: tuple[Floats, Floats], rng: np.random.Generator) -> Sources:
    """Bright, clean sources at the same pixels in both exposures."""
    n = len(at[0])
    x, y = (v + rng.normal(0, _FIXED_SIGMA_PIX, n) for v in at)
    flux = np.full(n, _FIXED_ELECTRONS)
    ones = np.ones(n)
    return Sources(x, y, flux, 40 * ones, _FIXED_SIGMA_PIX * ones, ones, np.zeros(n, np.int8))


def _joined(parts: tuple[Sources, ...]) -> Sources:
    columns = (np.concatenate([getattr(part, item.name) for part in parts]) for item in fields(Sources))
    return Sources(*columns)


def _measure(exposures: tuple[Exposure, ...], lists: list[StarList]) -> Fit:
    names = [str(exposure.solution.name) for exposure in exposures]
    measurement = measure(
        Visit(exposures), solutions=names[:1], centroids={found.rootname: found for found in lists}
    )
    row = measurement.between(*(Candidate(exposure.rootname, 0) for exposure in exposures))
    assert row is not None
    return row.fit
