"""A new solution: an old one, moved on the sky, with the record of the fit that moved it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from trueup.errors import SolutionError, UsageError
from trueup.fits.keywords import MODEL, wcs_type
from trueup.model.cards import Card, Cards, make_card
from trueup.model.chipwcs import ChipWcs, Pair
from trueup.model.displacement import Displacement, displaced
from trueup.model.exposure import Exposure
from trueup.model.names import WcsName
from trueup.model.offset import MAS_PER_DEG
from trueup.model.solution import ChipSolution, FitStatistics, Origin, Solution

_MODES = ("REL", "IMG", "EVM", "SVM")
_LEGAL_NAME = re.compile(r"[A-Za-z0-9_.+-]{1,68}")
_GEOMETRY = "rscale"
_FOREIGN = (
    "WCSNAME", "WCSTYPE", "HDRNAME", "FITNAME", "CRDER1", "CRDER2", "RMS_RA", "RMS_DEC", "NMATCH", "NMATCHES",
    "CATALOG", "FITGEOM", "RELGEOM", "RELMATCH", "RELRMS_R", "RELRMS_D", "RELREFIM", "ORIENTAT", "S_REGION",
    "CDELT1", "CDELT2", "PC1_1", "PC1_2", "PC2_1", "PC2_2", "LATPOLE",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Record:
    """What a headerlet says of the fit that made it.

    Parameters
    ----------
    wcsname : str
    catalog : str
        Catalogue of the absolute position; ``NONE`` for a relative fit.
    nmatches : int
        Stars that the fit of this exposure rests on; 0 where it takes the correction of another.
    rms_mas : (float, float)
        Scatter of the stars about the fit, right ascension and declination; 0 where there were none.
    sigma_mas : (float, float)
        Error of the position itself.
    history : tuple of str
        Lines of at most 72 characters.

    Examples
    --------
    >>> Record("IDC_2731450pi-FIT_REL_NONE", "NONE", 46, (4.0, 4.1), (0.6, 0.6)).history
    ()
    """

    wcsname: str
    catalog: str
    nmatches: int
    rms_mas: tuple[float, float]
    sigma_mas: tuple[float, float]
    history: tuple[str, ...] = ()


def corrected(
    solution: Solution, exposure: Exposure, *, by: Displacement, centre: Pair, record: Record
) -> Solution:
    """Move a solution on the sky: shift, rotation and scale about a point, the same for all chips.

    Only CRVAL and CD change; the cards of the distortion keep their characters.

    Parameters
    ----------
    solution : Solution
        The one to start from, with its distortion.
    exposure : Exposure
        That it belongs to.
    by : Displacement
        How to move it.
    centre : (float, float)
        Right ascension and declination about which to turn, degrees.
    record : Record

    Returns
    -------
    Solution
        With its own HDRNAME, which depends on its numbers.

    Raises
    ------
    SolutionError
        Where the solution has no distortion, or tables are missing.

    Examples
    --------
    >>> from trueup.simulate import Recipe, make_visit
    >>> from trueup.fits.exposure import read_exposure
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     visit = make_visit(folder, recipe=Recipe(size=(64, 48), stars=5, galaxies=0))
    ...     exposure = read_exposure(visit.files[0])
    >>> record = Record("IDC_2731450pi-FIT_REL_NONE", "NONE", 46, (4.0, 4.1), (0.6, 0.6))
    >>> moved = corrected(
    ...     exposure.active, exposure, by=Displacement(north_mas=3600.0), centre=visit.centre, record=record
    ... )
    >>> round(moved.chips[0].wcs.crval[1] - exposure.active.chips[0].wcs.crval[1], 9)
    0.001
    """
    _require_distortion(solution, exposure)
    moved = [displaced(part.wcs, by, centre=centre) for part in solution.chips]
    hdrname = f"{file_stem(exposure)}_trueup_{_digest(moved)}_hlet"
    chips = tuple(
        ChipSolution(part.chip, wcs, _chip_cards(part.cards, wcs, hdrname=hdrname, record=record))
        for part, wcs in zip(solution.chips, moved, strict=True)
    )
    rms_ra, rms_dec = (rms or None for rms in record.rms_mas)
    return replace(
        solution,
        name=WcsName.parse(record.wcsname),
        origin=Origin("file"),
        hdrname=hdrname,
        destim=exposure.rootname,
        author="trueup",
        descrip=f"{solution.wcsname or 'nameless solution'}, moved as the stars say",
        fit=FitStatistics(record.nmatches or None, rms_ra, rms_dec, record.catalog, _GEOMETRY),
        chips=chips,
        cards=_main_cards(solution, record),
    )


def fit_name(solution: Solution, exposure: Exposure, *, catalog: str, taken: Iterable[str] = ()) -> str:
    """The WCSNAME of a new fit: ``IDC_<root>-FIT_REL_<CATALOG>``.

    Parameters
    ----------
    solution : Solution
        The one that was moved.
    exposure : Exposure
        Names the distortion table where the solution does not.
    catalog : str
        Any name; only its letters and digits are used, and ``NONE`` where there are none.
    taken : iterable of str
        Names that are in use: ``-2``, ``-3`` tell the new solution from those.

    Returns
    -------
    str

    Examples
    --------
    >>> opus = Solution(WcsName.parse("OPUS"), Origin("primary"), idctab="iref$2731450pi_idc.fits")
    >>> exposure = Exposure("a_flc.fits", Cards(), (), (opus,), opus)
    >>> fit_name(opus, exposure, catalog="Gaia DR3", taken=["idc_2731450pi-fit_rel_gaiadr3"])
    'IDC_2731450pi-FIT_REL_GaiaDR3-2'
    """
    base = solution.name.base
    if not base.upper().startswith("IDC_"):
        table = solution.idctab or exposure.header.text("IDCTAB")
        base = f"IDC_{Path(table.rpartition('$')[2]).name.removesuffix('_idc.fits')}"
    name = f"{base}-FIT_REL_{re.sub('[^A-Za-z0-9]', '', catalog) or 'NONE'}"
    used = {other.upper() for other in taken}
    copies = (f"{name}-{count}" for count in range(2, len(used) + 3))
    return next(text for text in (name, *copies) if text.upper() not in used)


def file_stem(exposure: Exposure) -> str:
    """The names of an exposure's headerlets begin with this: rootname and kind of file.

    Parameters
    ----------
    exposure : Exposure

    Returns
    -------
    str

    Examples
    --------
    >>> opus = Solution(WcsName.parse("OPUS"), Origin("primary"))
    >>> header = Cards((make_card("ROOTNAME", "IEPW14G4Q"),))
    >>> file_stem(Exposure("data/iepw14g4q_flc.fits.gz", header, (), (opus,), opus))
    'iepw14g4q_flc'
    """
    kind = Path(exposure.path).name.partition(".")[0].rpartition("_")[2]
    return f"{exposure.rootname}_{kind}"


def check_name(name: str) -> str:
    """A WCSNAME that a user wants for a fit, if stwcs and drizzlepac can live with it.

    Parameters
    ----------
    name : str

    Returns
    -------
    str

    Raises
    ------
    UsageError
        Where it would pass for something else, or its mode is not REL, IMG, EVM or SVM.

    Examples
    --------
    >>> check_name("IDC_2731450pi-FIT_SVM_MINE")
    'IDC_2731450pi-FIT_SVM_MINE'
    """
    parsed = WcsName.parse(name)
    if not _LEGAL_NAME.fullmatch(name):
        raise UsageError(f"'{name}' is no WCSNAME", todo="use up to 68 of A-Z a-z 0-9 _ . + -")
    if parsed.family not in {"fit", "user"}:
        raise UsageError(f"the WCSNAME '{name}' is not that of a fit", todo="use IDC_x-FIT_REL_CATALOG")
    if parsed.family == "fit" and parsed.mode not in _MODES:
        raise UsageError(f"FIT_{parsed.mode} is not known to stwcs", todo=f"use {', '.join(_MODES)}")
    return name


def _require_distortion(solution: Solution, exposure: Exposure) -> None:
    missing = [table for part in solution.chips for table in part.missing]
    if solution.has_sip and not missing:
        return
    lost = f"lookup tables {', '.join(missing)} are missing" if missing else "it has no distortion"
    raise SolutionError(
        f"{lost}: no shift or rotation can stand for that",
        file=exposure.path,
        solution=solution.name,
        todo="download the exposure again, or run updatewcs on it",
    )


def _digest(chips: Iterable[ChipWcs]) -> str:
    numbers = ";".join(repr((wcs.crval, wcs.cd.tolist())) for wcs in chips)
    return hashlib.sha256(numbers.encode()).hexdigest()[:8]


def _chip_cards(cards: Cards, wcs: ChipWcs, *, hdrname: str, record: Record) -> Cards:
    """The cards of one chip: distortion as it was, the rest new."""
    kept = cards.without(_FOREIGN)
    for axis in (0, 1):
        kept = _renumbered(kept, f"CRVAL{axis + 1}", wcs.crval[axis])
        for other in (0, 1):
            kept = _renumbered(kept, f"CD{axis + 1}_{other + 1}", float(wcs.cd[axis, other]))
    story = [
        make_card("WCSNAME", record.wcsname, "Coordinate system title"),
        make_card("WCSTYPE", wcs_type(WcsName.parse(record.wcsname)), "Kind of the solution"),
        make_card("HDRNAME", hdrname, "Headerlet name"),
        make_card("FITGEOM", _GEOMETRY, "Shift, rotation and scale were fitted"),
    ]
    for axis, word in ((0, "RA"), (1, "DEC")):
        error = record.sigma_mas[axis] / MAS_PER_DEG
        story.append(make_card(f"CRDER{axis + 1}", error, "[deg] Random error in coordinate"))
        if record.rms_mas[axis] > 0:
            story.append(make_card(f"RMS_{word}", record.rms_mas[axis], f"RMS in {word} of WCS fit(mas)"))
    if record.nmatches:
        story.append(make_card("NMATCHES", record.nmatches, "Number of stars of the fit"))
    return kept.append(*story)


def _renumbered(cards: Cards, keyword: str, number: float) -> Cards:
    old = cards.find(keyword)
    return cards.replace(keyword, make_card(keyword, number, old.comment if old else ""))


def _main_cards(solution: Solution, record: Record) -> Cards:
    """Cards of the headerlet's main header beside those that every headerlet has."""
    model = (card for word in MODEL if (card := solution.cards.find(word)) is not None)
    rms = sum(value**2 for value in record.rms_mas) ** 0.5
    method = [make_card("FITMETH", "relative", "Exposures to each other, then all to the catalog")]
    if rms > 0:
        method.append(make_card("FIT_RMS", rms, "RMS (mas) of the 2D fit"))
    lines = (Card(f"HISTORY {line}"[:80].ljust(80)) for line in record.history)
    return Cards((*model, *method, *lines))
