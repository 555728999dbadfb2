"""Measurements made of values alone: what a perfect measurement of known solutions says."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, product

import numpy as np
from scenes import chip_wcs, exposure, moved, solution

from trueup.astrometry.measuring.measurement import Absolute, Candidate, Measurement, Relative
from trueup.astrometry.pairs.fit import Fit
from trueup.model.cards import Value
from trueup.model.exposure import Exposure
from trueup.model.offset import offset
from trueup.model.solution import FitStatistics, Solution
from trueup.model.soundness import judge
from trueup.model.visit import Visit

PIXEL_MAS = 39.6
IDC = "IDC_2731450pi"
GSC = f"{IDC}-GSC240"
REL = f"{IDC}-FIT_REL_GAIAeDR3"
SVM = f"{IDC}-FIT_SVM_GAIAeDR3"


def named(name: str, east_mas: float, north_mas: float, *, nmatches: int | None = None) -> Solution:
    """A sound solution that is so far off the truth; distortion-only ones are at (-310, -240) mas."""
    wcss = tuple(moved(chip_wcs(n), east_mas, north_mas) for n in (1, 2))
    fit = FitStatistics(nmatches, 12.0, 11.0) if nmatches else FitStatistics()
    return replace(solution(name, wcss), fit=fit)


def shot(rootname: str, *solutions: Solution, minutes: float = 0.0, **keywords: Value) -> Exposure:
    """An exposure of the visit, the first solution active."""
    start = 59774.31 + minutes / 1440
    words: dict[str, Value] = {"FGSLOCK": "FINE", "GYROMODE": "T", "EXPSTART": start, "EXPEND": start + 0.003}
    made = exposure(*solutions, **{**words, "ROOTNAME": rootname, **keywords})
    return replace(made, path=f"{rootname}_flc.fits")


def fit_of(east_mas: float, north_mas: float, sigma_mas: float, n: int = 40) -> Fit:
    """The fit of a shift, judged as measurements are."""
    length = float(np.hypot(east_mas, north_mas))
    judged = float(np.sqrt(max(length**2 - 2 * sigma_mas**2, 0.0)))
    sigma = float(np.hypot(sigma_mas, 0.3))
    pix, sigma_pix = judged / PIXEL_MAS, sigma / PIXEL_MAS
    verdict = "undecided"
    if pix <= 0.1 and sigma_pix <= 0.05:
        verdict = "pass"
    elif pix - 3 * sigma_pix > 0.1:
        verdict = "fail"
    return Fit(
        n=n,
        east_mas=east_mas,
        north_mas=north_mas,
        sigma_east_mas=sigma_mas,
        sigma_north_mas=sigma_mas,
        corner_mas=float(np.hypot(length, sigma_mas)),
        corner_sigma_mas=sigma_mas,
        corner_pix=float(np.hypot(length, sigma_mas)) / PIXEL_MAS,
        judged_mas=judged,
        judged_sigma_mas=sigma,
        verdict=verdict,
    )


def measurement(
    *exposures: Exposure,
    sigma_mas: float = 0.3,
    sigmas: dict[str, float | None] | None = None,
    catalog_sigma_mas: float | None = None,
) -> Measurement:
    """What measuring gives, the true solution being that of :func:`scenes.chip_wcs`.

    Parameters
    ----------
    sigma_mas
        Of every pair; the larger one of `sigmas` goes before it, None there is too few stars.
    catalog_sigma_mas
        Of every exposure against the catalogue; None for no catalogue.
    """
    special = sigmas or {}
    errors = {e.rootname: {i: _error(e, i) for i in _different(e)} for e in exposures}
    relative, absolute = [], []
    for a, b in combinations(exposures, 2):
        pair = [special.get(e.rootname, sigma_mas) for e in (a, b)]
        for one, two in product(errors[a.rootname], errors[b.rootname]):
            if None in pair:
                fit = Fit(n=4, why="only 4 stars agree, 5 are needed")
            else:
                (east_a, north_a), (east_b, north_b) = errors[a.rootname][one], errors[b.rootname][two]
                fit = fit_of(east_b - east_a, north_b - north_a, max(s for s in pair if s))
            relative.append(Relative(Candidate(a.rootname, one), Candidate(b.rootname, two), fit))
    for e in exposures if catalog_sigma_mas else ():
        if special.get(e.rootname, 0.0) is not None:
            absolute += [
                Absolute(Candidate(e.rootname, i), "GAIADR3", fit_of(*error, catalog_sigma_mas or 0.0))
                for i, error in errors[e.rootname].items()
            ]
    return Measurement(Visit(exposures), relative=tuple(relative), absolute=tuple(absolute))


def _different(exposure: Exposure) -> list[int]:
    return [i for i, verdict in enumerate(judge(exposure)) if all(other > i for other in verdict.same_as)]


def _error(exposure: Exposure, index: int) -> tuple[float, float]:
    truth = solution("TRUTH", (chip_wcs(1), chip_wcs(2)))
    apart = offset(exposure.solutions[index], truth)
    assert apart is not None
    return apart.east_mas, apart.north_mas
