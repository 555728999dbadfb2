"""Visits without pixels: exposures of values alone and the star lists they would give, with known truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scenes import CHIPS, FIELD, SHAPE, chip_wcs, exposure, moved, solution

from trueup.astrometry.stars.sources import Sources
from trueup.astrometry.stars.starlist import StarList
from trueup.model.chipwcs import ChipWcs, plane_to_sky
from trueup.model.displacement import Displacement, displaced
from trueup.model.exposure import Exposure
from trueup.model.solution import Solution
from trueup.model.visit import Visit

Floats = NDArray[np.float64]
IDC = "IDC_2731450pi"
REL = f"{IDC}-FIT_REL_GAIAeDR3"
SVM = f"{IDC}-FIT_SVM_GAIAeDR3"
RIGHT = Displacement()


@dataclass(frozen=True)
class Shot:
    """One exposure to be made: where it points, what its solutions are off by, how deep it is."""

    rootname: str
    dither_mas: tuple[float, float] = (0.0, 0.0)
    solutions: Mapping[str, Displacement] = field(default_factory=lambda: {IDC: RIGHT})
    filter: str = "F336W"
    depth: float = 1.0
    rays: int = 0
    trail_pix: float = 0.0
    roll_deg: float = 0.0


def truth_of(shot: Shot) -> tuple[ChipWcs, ...]:
    """The WCS that the pixels obey."""
    return tuple(moved(chip_wcs(n), *shot.dither_mas, shot.roll_deg) for n in (1, 2))


def expose(shot: Shot) -> Exposure:
    """The exposure with its solutions; the first is active."""
    solutions = [
        solution(name, tuple(displaced(wcs, by, centre=FIELD) for wcs in truth_of(shot)))
        for name, by in shot.solutions.items()
    ]
    return exposure(*solutions, ROOTNAME=shot.rootname, FILTER=shot.filter)


def sky(rng: np.random.Generator, n: int) -> tuple[Floats, Floats, Floats]:
    """Stars over the field: degrees and electrons, numbers falling as the power -0.8 of the flux."""
    xi, eta = rng.uniform(-95, 95, (2, n)) / 3600
    ra, dec = plane_to_sky(xi, eta, FIELD)
    return ra, dec, np.minimum(400.0 * rng.uniform(size=n) ** (-1 / 0.8), 1e5)


def star_list(
    shot: Shot,
    stars: tuple[Floats, Floats, Floats],
    rng: np.random.Generator,
    *,
    hot: Sequence[tuple[Floats, Floats]] | None = None,
) -> StarList:
    """What a perfect finder would give: honest errors, cosmic rays in the lowest tier."""
    ra, dec, electrons = stars
    chips = []
    for k, wcs in enumerate(truth_of(shot)):
        x, y = wcs.sky_to_pixel(ra, dec)
        flux = electrons * shot.depth
        seen = np.isfinite(x) & (x > 5) & (x < SHAPE[1] - 6) & (y > 5) & (y < SHAPE[0] - 6) & (flux > 250)
        x, y, flux = x[seen], y[seen], flux[seen]
        snr = flux / np.sqrt(flux + 30 * 16.0)
        sigma = 1.9 / 2.355 / snr
        travelled = y / SHAPE[0] if k == 0 else (y - SHAPE[0] + 1) / SHAPE[0]
        y = y + shot.trail_pix * travelled * (500.0 / flux) ** 0.4 + rng.normal(0, sigma)
        x = x + rng.normal(0, sigma)
        tier = np.where(snr > 20, 0, 1)
        parts = [(x, y, flux, snr, sigma, tier)]
        if hot is not None:
            at_x, at_y = hot[k]
            few = np.ones(len(at_x))
            jitter = rng.normal(0, 0.05, (2, len(few)))
            parts.append((at_x + jitter[0], at_y + jitter[1], 5e3 * few, 70 * few, 0.02 * few, 0 * few))
        many = np.ones(shot.rays // 2)
        at_x, at_y = rng.uniform(5, SHAPE[1] - 6, len(many)), rng.uniform(5, SHAPE[0] - 6, len(many))
        parts.append((at_x, at_y, rng.uniform(300, 5e3, len(many)), 30 * many, 0.05 * many, 2 * many))
        x, y, flux, snr, sigma, tier = (np.concatenate(column) for column in zip(*parts, strict=True))
        sources = Sources(x, y, flux, snr, sigma, np.ones(len(x)), tier.astype(np.int8))
        chips.append((CHIPS[k], sources[np.argsort(-flux, kind="stable")]))
    return StarList(shot.rootname, tuple(chips), 1.9, 0.0)


def visit_of(shots: Sequence[Shot]) -> Visit:
    """The exposures of some shots."""
    return Visit(tuple(expose(shot) for shot in shots))


def with_broken_chip(bad: Solution, other: Solution) -> Solution:
    """A solution with its second chip from another one."""
    return replace(bad, chips=(bad.chips[0], other.chips[1]))
