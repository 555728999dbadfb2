"""The plan of a visit: exposures, where they point, and the solutions they carry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from trueup.model.chipwcs import ChipWcs, Floats, Pair, plane_to_sky
from trueup.model.displacement import displaced, rotated
from trueup.model.offset import field_center
from trueup.simulate.detectors import SIP_ORDER, SIP_TERMS, ChipFigures, Detector
from trueup.simulate.recipe import Recipe
from trueup.simulate.solutions import TRUE, Candidate, Names, candidates, changes_of
from trueup.simulate.sphere import attitude, pa_v3
from trueup.simulate.tables import d2im_tables, npol_tables

TARGET = (83.8123, -69.2754)
ROLL_DEG = 121.7
PROPOSAL, VISIT = 16801, "14"
EXPSTART_MJD = 59774.31
OVERHEAD_S = 160.0


@dataclass(frozen=True, slots=True)
class PlannedExposure:
    """One exposure before its pixels are made.

    Parameters
    ----------
    rootname, filter, asn_id : str
    filter_index, number : int
        Index of the filter, and of the exposure in the visit.
    exptime, expstart : float
        Seconds; MJD.
    pa_v3 : float
        Degrees.
    truth : tuple of ChipWcs
        The WCS that the pixels obey.
    candidates : dict of str to Candidate
        By family.
    active, previous : str
        Family of the active solution and of the one before it.
    ltv : tuple of (float, float)
        LTV1, LTV2 per chip.
    svm_stem : str
        Of the names of single-visit-mosaic files: 'hst_16801_14_wfc3_uvis_f336w_iepw14g4'.
    """

    rootname: str
    filter: str
    asn_id: str
    filter_index: int
    number: int
    exptime: float
    expstart: float
    pa_v3: float
    truth: tuple[ChipWcs, ...]
    candidates: dict[str, Candidate]
    active: str
    previous: str
    ltv: tuple[Pair, ...]
    svm_stem: str


def plan_visit(recipe: Recipe, *, seed: int) -> tuple[PlannedExposure, ...]:
    """Decide the exposures of a visit, their pointings and solutions.

    Examples
    --------
    >>> [e.rootname for e in plan_visit(Recipe(size=(64, 64)), seed=0)]
    ['iepw14g4q', 'iepw14g6q', 'iepw14gaq', 'iepw14geq']
    """
    detector = recipe.detector
    attitudes = [_attitude(recipe, at) for at in _dithers(recipe, seed)]
    ltv = tuple(_ltv(recipe, i) for i in range(len(detector.chips)))
    local = [_chip(figures, recipe, ltv[i]) for i, figures in enumerate(detector.chips)]
    base = [tuple(rotated(chip, turn) for chip in local) for turn in attitudes]
    centre = field_center([chip for chips in base for chip in chips])
    planned, start = [], EXPSTART_MJD
    for number, (index, turn, exptime) in enumerate(_sequence(recipe)):
        names = Names(*(f"{stem}_{detector.suffix}" for stem in _stems(recipe, index, turn)))
        changes = changes_of(recipe, right=index == 0, seed=[seed, 12, number])
        exposure = PlannedExposure(
            rootname=_rootname(recipe, index, turn),
            filter=recipe.filter_names[index],
            asn_id=f"{detector.prefix}epw{VISIT}{3 + index:02d}0".upper(),
            filter_index=index,
            number=number,
            exptime=exptime,
            expstart=start,
            pa_v3=pa_v3(attitudes[number]),
            truth=tuple(displaced(chip, TRUE, centre=centre) for chip in base[number]),
            candidates=candidates(base[number], changes, names=names, detector=detector, centre=centre),
            active="FIT_REL" if index == 0 else "GSC240",
            previous="GSC240" if index == 0 else "IDC",
            ltv=ltv,
            svm_stem=_stems(recipe, index, turn)[1],
        )
        planned.append(exposure)
        start += (exptime + OVERHEAD_S) / 86400
    return tuple(planned)


def _sequence(recipe: Recipe) -> Iterator[tuple[int, int, float]]:
    """Filter index, number within the filter and exposure time, in the order of observation."""
    exptimes = recipe.detector.exptimes
    for index in range(len(recipe.filter_names)):
        times = exptimes[min(index, len(exptimes) - 1)]
        for number in range(recipe.exposures):
            yield index, number, times[number % len(times)]


def _dithers(recipe: Recipe, seed: int) -> list[Pair]:
    """Dithers of tens of pixels (a box for more than two), with the jitter of the pointing."""
    pattern = ((0.0, 0.0), (36.4, -21.7), (-18.3, 33.1), (24.6, 41.8))
    rng = np.random.default_rng([seed, 13])
    # on a small subarray the exposures must still overlap
    shrink = min(1.0, min(recipe.shape) / 600)
    moves = []
    for _, number, _ in _sequence(recipe):
        x, y = pattern[number % len(pattern)]
        lap = number // len(pattern)
        jitter = rng.uniform(-2.0, 2.0, 2)
        moves.append((shrink * (x + 7.3 * lap) + jitter[0], shrink * (y + 5.9 * lap) + jitter[1]))
    return moves


def _aperture(detector: Detector) -> Pair:
    """V2 and V3 of the middle of the detector, degrees."""
    v2, v3 = np.mean([chip.v2v3_arcsec for chip in detector.chips], axis=0) / 3600
    return float(v2), float(v3)


def _attitude(recipe: Recipe, dither: Pair) -> Floats:
    """The attitude that moves the target by a dither in pixels."""
    detector = recipe.detector
    still = attitude(TARGET, _aperture(detector), roll_deg=ROLL_DEG)
    chip = rotated(_chip(detector.chips[0], recipe, (0.0, 0.0)), still)
    xi, eta = chip.cd @ dither
    ra, dec = plane_to_sky(-xi, -eta, TARGET)
    return attitude((float(ra), float(dec)), _aperture(detector), roll_deg=ROLL_DEG)


def _ltv(recipe: Recipe, chip: int) -> Pair:
    """Where a subarray starts: in the middle of the columns, at the gap between the chips."""
    rows, columns = recipe.detector.shape
    ny, nx = recipe.shape
    left = (columns - nx) // 2
    if len(recipe.detector.chips) == 1:
        return float(-left), float(-((rows - ny) // 2))
    return float(-left), float(ny - rows if chip == 0 else 0)


def _chip(figures: ChipFigures, recipe: Recipe, ltv: Pair) -> ChipWcs:
    """The distortion-only WCS of a chip with V2 and V3 for right ascension and declination."""
    tables = recipe.detector.has_tables
    return ChipWcs(
        crpix=(figures.crpix[0] + ltv[0] - 1, figures.crpix[1] + ltv[1] - 1),
        crval=(figures.v2v3_arcsec[0] / 3600, figures.v2v3_arcsec[1] / 3600),
        cd=np.array(figures.cd).reshape(2, 2),
        shape=recipe.shape,
        sip_a=_polynomial(figures.sip_a),
        sip_b=_polynomial(figures.sip_b),
        npol=npol_tables(figures.ccdchip, ltv) if tables else (None, None),
        d2im=d2im_tables(figures.ccdchip, ltv) if tables else (None, None),
    )


def _polynomial(terms: tuple[float, ...]) -> Floats:
    coefficients = np.zeros((SIP_ORDER + 1, SIP_ORDER + 1))
    for (p, q), value in zip(SIP_TERMS, terms, strict=True):
        coefficients[p, q] = value
    return coefficients


def _rootname(recipe: Recipe, index: int, number: int) -> str:
    """Rootnames as in the visit iepw14: g4 and g6 in the first filter, ga and ge in the second."""
    observed = ("g4", "g6"), ("ga", "ge")
    if index < 2 and number < 2:
        place = observed[index][number]
    else:
        place = f"{chr(ord('h') + index)}{np.base_repr(number, 36).lower()}"
    return f"{recipe.detector.prefix}epw{VISIT}{place}q"


def _stems(recipe: Recipe, index: int, number: int) -> tuple[str, str]:
    """The rootname, and the stem of single-visit-mosaic names."""
    detector, rootname = recipe.detector, _rootname(recipe, index, number)
    parts = (detector.instrument, detector.detector, recipe.filter_names[index], rootname[:-1])
    return rootname, f"hst_{PROPOSAL}_{VISIT}_" + "_".join(parts).lower()
