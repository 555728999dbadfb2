"""Seconds on one core: the stars of an exposure, and every solution of a visit on stars that are known."""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median

from trueup.astrometry.measuring.measure import measure
from trueup.astrometry.stars.starlist import find_stars
from trueup.fits.exposure import read_exposure
from trueup.fits.visit import open_visit

MEGAPIXELS = 8.4
SOURCES_S, RANKING_S = 1.5, 0.5
_TIMES = 3


def sources_seconds(path: Path) -> float:
    """Median seconds to find the stars in 8.4 megapixels of an exposure, reading included."""
    exposure = read_exposure(path)
    pixels = sum(chip.shape[0] * chip.shape[1] for chip in exposure.chips) / 1e6
    return median(find_stars(exposure).seconds for _ in range(_TIMES)) * MEGAPIXELS / pixels


def ranking_seconds(folder: Path) -> tuple[float, int]:
    """Median seconds to measure every solution of a visit once its stars are found, and how many rows."""
    files = [*folder.glob("*_flc.fits"), *folder.glob("*_hlet.fits")]
    visit = open_visit([str(path) for path in files])
    stars = {found.rootname: found for found in measure(visit).stars}
    seconds = []
    for _ in range(_TIMES):
        start = time.perf_counter()
        rows = len(measure(visit, centroids=stars).relative)
        seconds.append(time.perf_counter() - start)
    return median(seconds), rows
