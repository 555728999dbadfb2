"""The plan of a visit: exposures, where they point, and the solutions they carry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from trueup.model.chipwcs import ChipWcs, Floats, Pair, plane_to_sky
from trueup.model.offset import field_center
from trueup.simulate.detectors import SIP_ORDER, SIP_TERMS, ChipFigures, Detector
from trueup.simulate.recipe import Recipe
from trueup.simulate.sphere import Displacement, attitude, displaced, lonlat, pa_v3, rotated
from trueup.simulate.tables import d2im_tables, npol_tables

TARGET = (83.8123, -69.2754)
ROLL_DEG = 121.7
PROPOSAL, VISIT = 16801, "14"
EXPSTART_MJD = 59774.31
OVERHEAD_S = 160.0
FAMILIES = ("OPUS", "IDC", "GSC240", "FIT_REL", "FIT_SVM")

# the truth minus the distortion-only solution: guide star errors, and the scale that fits find
_TRUE = Displacement(310.0, 240.0, -0.003, -100.0)
_REL_ERROR = Displacement(0.6, -0.4, 0.0001, 1.0)
_POOR_REL_ERROR = Displacement(12.0, -18.0, 0.002, 20.0)
_SVM_ERROR = Displacement(-0.3, 0.5, -0.0001, -1.0)
_SVM_SCATTER_MAS = 0.2


@dataclass(frozen=True, slots=True)
class Fit:
    """What the header says about a fit to a catalogue; mas."""

    rms_ra_mas: float
    rms_dec_mas: float
    nmatches: int
    catalog: str
    method: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A solution of an exposure as it will be written.

    Parameters
    ----------
    wcsname, hdrname : str
    wcstype : str
        The pipeline's description of it.
    chips : tuple of ChipWcs
        By SCI EXTVER.
    fit : Fit, optional
        Of a solution fitted to a catalogue.
    """

    wcsname: str
    hdrname: str
    wcstype: str
    chips: tuple[ChipWcs, ...]
    fit: Fit | None = None


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


def plan_visit(recipe: Recipe, *, seed: int) -> tuple[PlannedExposure, ...]:
    """Decide the exposures of a visit, their pointings and solutions.

    Examples
    --------
    >>> [e.rootname for e in plan_visit(Recipe(size=(64, 64)), seed=0)]
    ['iepw14g4q', 'iepw14g6q', 'iepw14gaq', 'iepw14geq']
    """
    attitudes = [_attitude(recipe, at) for at in _dithers(recipe, seed)]
    ltv = tuple(_ltv(recipe, i) for i in range(len(recipe.detector.chips)))
    local = [_chip(figures, recipe, ltv[i]) for i, figures in enumerate(recipe.detector.chips)]
    base = [tuple(rotated(chip, turn) for chip in local) for turn in attitudes]
    centre = field_center([chip for chips in base for chip in chips])
    planned, start = [], EXPSTART_MJD
    for number, (index, name, exptime) in enumerate(_sequence(recipe)):
        rootname, asn_id = _rootname(recipe, index, name), _asn_id(recipe, index)
        exposure = PlannedExposure(
            rootname=rootname,
            filter=recipe.filter_names[index],
            asn_id=asn_id,
            filter_index=index,
            number=number,
            exptime=exptime,
            expstart=start,
            pa_v3=pa_v3(attitudes[number]),
            truth=tuple(displaced(chip, centre, _TRUE) for chip in base[number]),
            candidates={},
            active="FIT_REL" if index == 0 else "GSC240",
            previous="GSC240" if index == 0 else "IDC",
            ltv=ltv,
        )
        changes = _changes(recipe, index, np.random.default_rng([seed, 12, number]))
        planned.append(
            replace(exposure, candidates=_candidates(recipe, exposure, base[number], centre, changes))
        )
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
    still = attitude(TARGET, _aperture(detector), ROLL_DEG)
    chip = rotated(_chip(detector.chips[0], recipe, (0.0, 0.0)), still)
    xi, eta = chip.cd @ dither
    ra, dec = plane_to_sky(-xi, -eta, TARGET)
    return attitude((float(ra), float(dec)), _aperture(detector), ROLL_DEG)


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


def _changes(recipe: Recipe, index: int, rng: np.random.Generator) -> dict[str, Displacement]:
    """Each family minus the distortion-only solution, at the field centre."""
    right = _TRUE + _REL_ERROR
    wrong = right + recipe.offset
    east, north = rng.normal(0.0, _SVM_SCATTER_MAS, 2)
    return {
        "IDC": Displacement(),
        # guide stars say nothing about the scale
        "GSC240": replace(wrong, scale_ppm=0.0),
        "FIT_REL": right if index == 0 else _TRUE + _POOR_REL_ERROR,
        "FIT_SVM": _TRUE + _SVM_ERROR + Displacement(float(east), float(north)),
    }


def _candidates(
    recipe: Recipe,
    exposure: PlannedExposure,
    base: tuple[ChipWcs, ...],
    centre: Pair,
    changes: dict[str, Displacement],
) -> dict[str, Candidate]:
    detector = recipe.detector
    idc = f"IDC_{detector.reference_root}"
    file = f"{exposure.rootname}_{detector.suffix}"
    svm = f"{svm_stem(recipe, exposure)}_{detector.suffix}"
    good = exposure.filter_index == 0
    texts = {
        "IDC": (idc, f"{file}_{idc}", "undistorted not aligned", None),
        "GSC240": (
            f"{idc}-GSC240",
            f"{file}_{idc}-GSC240-hlet.fits",
            "undistorted a priori solution based on GSC240",
            None,
        ),
        "FIT_REL": (
            f"{idc}-FIT_REL_GAIAeDR3",
            f"{file}_{idc}-FIT_REL_GAIAeDR3-hlet.fits",
            "undistorted a posteriori solution relatively aligned to GAIAEDR3",
            Fit(13.0, 11.1, 46, "GAIAeDR3", "relative")
            if good
            else Fit(31.4, 27.9, 9, "GAIAeDR3", "relative"),
        ),
        "FIT_SVM": (
            f"{idc}-FIT_SVM_GAIAeDR3",
            f"{svm}_{idc}-FIT_SVM_GAIAeDR3-hlet.fits",
            "undistorted a posteriori solution relatively aligned to GAIAEDR3",
            Fit(6.4, 5.9, 52, "GAIAeDR3", "relative"),
        ),
    }
    found = {"OPUS": _telemetry(detector, file, base)}
    for family, (wcsname, hdrname, wcstype, fit) in texts.items():
        chips = tuple(as_written(displaced(chip, centre, changes[family])) for chip in base)
        found[family] = Candidate(wcsname, hdrname, wcstype, chips, fit)
    return found


def _telemetry(detector: Detector, file: str, base: tuple[ChipWcs, ...]) -> Candidate:
    """OPUS: linear, with the digits of the telemetry."""
    chips = []
    for chip in base:
        crpix = (556.0, 556.0) if detector.is_ir else chip.crpix
        ra, dec = chip.without_tables().pixel_to_sky(*crpix)
        cd = np.array([float(f"{value:.5e}") for value in chip.cd.ravel()]).reshape(2, 2)
        linear = replace(chip.linear(), crpix=crpix, crval=(float(ra), float(dec)), cd=cd)
        chips.append(as_written(linear))
    return Candidate("OPUS", f"{file}_OPUS", "pipeline default not aligned", tuple(chips))


def as_written(wcs: ChipWcs) -> ChipWcs:
    """The WCS with the 14 digits that a pipeline header holds."""
    ra, dec = (float(f"{value:.13e}") for value in wcs.crval)
    cd = np.array([float(f"{value:.13e}") for value in wcs.cd.ravel()]).reshape(2, 2)
    return replace(wcs, crval=(ra, dec), cd=cd)


def unsound(candidate: Candidate, before: Candidate) -> Candidate:
    """The archive's defect: the last chip of the headerlet is that of the solution before."""
    return replace(candidate, chips=(*candidate.chips[:-1], before.chips[-1]))


def _rootname(recipe: Recipe, index: int, number: int) -> str:
    """Rootnames as in the visit iepw14: g4, g6, ... for the first filter, ga, ge, ... for the next."""
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    first, step = ((4, 2), (10, 4))[min(index, 1)]
    block, place = divmod(first + step * number, len(digits))
    letter = chr(ord("g") + block + 4 * max(0, index - 1))
    return f"{recipe.detector.prefix}epw{VISIT}{letter}{digits[place]}q"


def _asn_id(recipe: Recipe, index: int) -> str:
    return f"{recipe.detector.prefix}epw{VISIT}{3 + index:02d}0".upper()


def svm_stem(recipe: Recipe, exposure: PlannedExposure) -> str:
    """The stem of single-visit-mosaic names: 'hst_16801_14_wfc3_uvis_f336w_iepw14g4'."""
    detector = recipe.detector
    parts = (detector.instrument, detector.detector, exposure.filter, exposure.rootname[:-1])
    return f"hst_{PROPOSAL}_{VISIT}_" + "_".join(parts).lower()
