"""The WCS solutions that a simulated exposure carries, right and wrong ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from trueup.model.chipwcs import ChipWcs, Pair
from trueup.model.displacement import Displacement, displaced
from trueup.simulate.detectors import Detector
from trueup.simulate.recipe import Recipe

Chips = tuple[ChipWcs, ...]

# the truth minus the distortion-only solution: guide star errors, and the scale that fits find
TRUE = Displacement(310.0, 240.0, -0.003, -100.0)
_REL_ERROR = Displacement(0.6, -0.4, 0.0001, 1.0)
_POOR_REL_ERROR = Displacement(12.0, -18.0, 0.002, 20.0)
_SVM_ERROR = Displacement(-0.3, 0.5, -0.0001, -1.0)
_SVM_SCATTER_MAS = 0.2
_APOSTERIORI = "undistorted a posteriori solution relatively aligned to GAIAEDR3"


@dataclass(frozen=True, slots=True)
class Fit:
    """What the header says about a fit to a catalogue; mas."""

    rms_ra_mas: float
    rms_dec_mas: float
    nmatches: int
    catalog: str = "GAIAeDR3"
    method: str = "relative"


_GOOD_REL, _POOR_REL, _SVM = Fit(13.0, 11.1, 46), Fit(31.4, 27.9, 9), Fit(6.4, 5.9, 52)


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
    chips: Chips
    fit: Fit | None = None


@dataclass(frozen=True, slots=True)
class Names:
    """Where the names of an exposure's solutions come from.

    Parameters
    ----------
    file : str
        Rootname and suffix: 'iepw14g4q_flc'.
    svm : str
        Stem of the single-visit-mosaic names: 'hst_16801_14_wfc3_uvis_f336w_iepw14g4_flc'.
    """

    file: str
    svm: str


def candidates(
    base: Chips, changes: dict[str, Displacement], *, names: Names, detector: Detector, centre: Pair
) -> dict[str, Candidate]:
    """All solutions of an exposure by family.

    Parameters
    ----------
    base : tuple of ChipWcs
        The distortion-only solution.
    changes : dict of str to Displacement
        Each family minus the distortion-only solution, of :func:`changes_of`.
    names : Names
    detector : Detector
    centre : (float, float)
        Field centre, about which the changes are.
    """
    idc = f"IDC_{detector.reference_root}"
    rel, svm = f"{idc}-FIT_REL_GAIAeDR3", f"{idc}-FIT_SVM_GAIAeDR3"
    rel_fit = _GOOD_REL if changes["FIT_REL"] == TRUE + _REL_ERROR else _POOR_REL
    texts: dict[str, tuple[str, str, str, Fit | None]] = {
        "IDC": (idc, f"{names.file}_{idc}", "undistorted not aligned", None),
        "GSC240": (
            f"{idc}-GSC240",
            f"{names.file}_{idc}-GSC240-hlet.fits",
            "undistorted a priori solution based on GSC240",
            None,
        ),
        "FIT_REL": (rel, f"{names.file}_{rel}-hlet.fits", _APOSTERIORI, rel_fit),
        "FIT_SVM": (svm, f"{names.svm}_{svm}-hlet.fits", _APOSTERIORI, _SVM),
    }
    found = {"OPUS": _telemetry(base, detector, file=names.file)}
    for family, (wcsname, hdrname, wcstype, fit) in texts.items():
        chips = tuple(as_written(displaced(chip, changes[family], centre=centre)) for chip in base)
        found[family] = Candidate(wcsname, hdrname, wcstype, chips, fit)
    return found


def changes_of(recipe: Recipe, *, right: bool, seed: Sequence[int]) -> dict[str, Displacement]:
    """Each family minus the distortion-only solution, at the field centre.

    Parameters
    ----------
    recipe : Recipe
    right : bool
        Whether the exposure is in the filter whose fit is right.
    seed : sequence of int
        Of the exposure.
    """
    rel = TRUE + _REL_ERROR
    east, north = np.random.default_rng(seed).normal(0.0, _SVM_SCATTER_MAS, 2)
    return {
        "IDC": Displacement(),
        # guide stars say nothing about the scale
        "GSC240": replace(rel + recipe.offset, scale_ppm=0.0),
        "FIT_REL": rel if right else TRUE + _POOR_REL_ERROR,
        "FIT_SVM": TRUE + _SVM_ERROR + Displacement(float(east), float(north)),
    }


def _telemetry(base: Chips, detector: Detector, *, file: str) -> Candidate:
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
