"""Write a simulated visit to a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trueup.errors import FileAccessError
from trueup.model.cards import Cards
from trueup.model.chipwcs import Floats, Pair, sky_to_plane
from trueup.model.offset import field_center
from trueup.simulate.cards import make_cards, table_image_rows
from trueup.simulate.files import hdu, hdu_parts
from trueup.simulate.headerlets import hdrlet_hdu, headerlet_bytes
from trueup.simulate.headers import plane_header, primary_header, science_header
from trueup.simulate.history import association_bytes, wcscorr_hdu
from trueup.simulate.pixels import Readout, expose
from trueup.simulate.plan import PlannedExposure, plan_visit
from trueup.simulate.psf import Psf
from trueup.simulate.recipe import Recipe
from trueup.simulate.scene import Scene, Seen, gaia_catalog, make_scene, observe
from trueup.simulate.solutions import Candidate, unsound
from trueup.simulate.truth import TrueExposure, Truth, true_exposure, write_truth

MJD_J2000 = 51544.5
_GAIA_FRACTION = 0.15
_FEWEST_GAIA = 25


@dataclass(frozen=True, slots=True, eq=False)
class _Studio:
    """What all exposures of a visit share."""

    recipe: Recipe
    scene: Scene
    seed: int
    folder: Path


def make_visit(directory: str | os.PathLike[str], *, seed: int = 0, recipe: Recipe | None = None) -> Truth:
    """Simulate a visit: exposures with headers, solutions and headerlets, and the truth.

    The default is a visit like 16801/14: WFC3/UVIS, two dithered exposures each in F336W and F275W,
    2 x 4096 x 2051 pixels. F336W has the right solution active (FIT_REL); F275W has an a-priori one
    (GSC240) that is wrong by (+60, -35) mas east, north and 0.004 degrees. The folder gets the
    exposures, association tables, one single-visit-mosaic headerlet file per exposure, ``gaia.ecsv``
    and ``truth.ecsv``.

    Parameters
    ----------
    directory : str or path-like
        The folder; made where it does not exist, files of the same names are overwritten.
    seed : int, optional
        The same seed and recipe give the same bytes.
    recipe : Recipe, optional
        What to simulate.

    Returns
    -------
    Truth

    Raises
    ------
    FileAccessError
        Where the folder cannot be made or written.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> truth = make_visit(folder.name, recipe=Recipe(size=(96, 64), stars=20))
    >>> [path.name for path in truth.files]
    ['iepw14g4q_flc.fits', 'iepw14g6q_flc.fits', 'iepw14gaq_flc.fits', 'iepw14geq_flc.fits']
    >>> offset = truth.offset("F275W", "F336W")
    >>> round(offset.east_mas), round(offset.north_mas), round(offset.rotation_deg, 3)
    (60, -35, 0.004)
    >>> folder.cleanup()
    """
    recipe = recipe or Recipe()
    folder = Path(directory)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return _make(folder, seed, recipe)
    except OSError as error:
        reason = error.strerror or str(error)
        raise FileAccessError(reason, file=folder, todo="choose another folder") from error


def _make(folder: Path, seed: int, recipe: Recipe) -> Truth:
    planned = plan_visit(recipe, seed=seed)
    all_chips = [chip for exposure in planned for chip in exposure.truth]
    centre = field_center(all_chips)
    corners = [sky_to_plane(*chip.pixel_to_sky(*chip.corners()), centre) for chip in all_chips]
    footprint = np.hstack([c[0] for c in corners]), np.hstack([c[1] for c in corners])
    scene = make_scene(recipe, footprint, centre, seed=seed)
    studio = _Studio(recipe, scene, seed, folder)
    epoch = 2000.0 + (planned[0].expstart - MJD_J2000) / 365.25
    truth = Truth(
        directory=folder,
        exposures=tuple(_write_exposure(studio, exposure, centre) for exposure in planned),
        associations=tuple(_write_associations(studio, planned)),
        catalog=_write_catalog(studio, epoch),
        table=folder / "truth.ecsv",
        filters=recipe.filter_names,
        centre=centre,
        epoch=epoch,
        scene=scene,
        svm=planned[0].candidates["FIT_SVM"].wcsname,
    )
    write_truth(truth)
    return truth


def _write_exposure(studio: _Studio, exposure: PlannedExposure, centre: Pair) -> TrueExposure:
    detector = studio.recipe.detector
    path = studio.folder / f"{exposure.rootname}_{detector.suffix}.fits"
    headerlet = studio.folder / f"{exposure.svm_stem}_hlet.fits"
    rates = studio.scene.flux[:, exposure.filter_index]
    seen = [_observe(studio, exposure, chip=chip, rates=rates) for chip in range(len(detector.chips))]
    with path.open("wb") as file:
        for part in _exposure_parts(studio, exposure, seen):
            file.write(part)
    content, _ = headerlet_bytes(
        _headerlet(studio, exposure, "FIT_SVM"), detector, rootname=exposure.rootname
    )
    headerlet.write_bytes(content)
    return true_exposure(exposure, seen, path=path, headerlet=headerlet, centre=centre)


def _observe(studio: _Studio, exposure: PlannedExposure, *, chip: int, rates: Floats) -> Seen:
    scale = studio.recipe.detector.idcscale
    wcs = exposure.truth[chip]
    return observe(studio.scene, wcs, rates=rates, exptime=exposure.exptime, scale_arcsec=scale)


def _exposure_parts(
    studio: _Studio, exposure: PlannedExposure, seen: list[Seen]
) -> Iterator[bytes | memoryview]:
    """The HDUs of an exposure in the order of the archive's files."""
    recipe, detector = studio.recipe, studio.recipe.detector
    families = ["OPUS", "IDC", "GSC240"]
    hdrlets = [_hdrlet(studio, exposure, family=family, extver=i + 1) for i, family in enumerate(families)]
    last = _hdrlet(studio, exposure, family="FIT_REL", extver=len(families) + 1)
    tables = list(_tables(exposure))
    chips = len(detector.chips)
    planes = 5 if detector.is_ir else 3
    n_extensions = planes * chips + len(hdrlets) + 1 + len(tables) + 1
    yield primary_header(recipe, exposure, n_extensions).to_bytes()
    for chip in range(chips):
        pixels = expose(recipe, studio.scene, seen=seen[chip], readout=_readout(studio, exposure, chip))
        yield from hdu_parts(science_header(recipe, exposure, chip=chip, planes=pixels), pixels.sci)
        yield from hdu_parts(plane_header(recipe, exposure, name="ERR", chip=chip), pixels.err)
        yield from hdu_parts(plane_header(recipe, exposure, name="DQ", chip=chip), pixels.dq)
        if detector.is_ir:
            yield from _ramp_parts(recipe, exposure, chip)
    yield from hdrlets
    yield wcscorr_hdu(exposure, detector)
    yield from tables
    yield last


def _readout(studio: _Studio, exposure: PlannedExposure, chip: int) -> Readout:
    detector, index = studio.recipe.detector, exposure.filter_index
    return Readout(
        chip=chip,
        exposure=exposure.number,
        exptime=exposure.exptime,
        sky=detector.sky_rates[min(index, len(detector.sky_rates) - 1)],
        psf=psf_of(studio.recipe, exposure.filter),
        seed=studio.seed,
    )


def psf_of(recipe: Recipe, filter_name: str) -> Psf:
    """The PSF that sources in a filter have.

    Parameters
    ----------
    recipe : Recipe
    filter_name : str
        One of the recipe's filters.

    Returns
    -------
    Psf
        Pixels of the detector; ``encircled`` gives the flux in an aperture.

    Examples
    --------
    >>> psf_of(Recipe(), "F336W").core_pix
    0.78
    """
    widths = recipe.detector.psf_sigma_pix
    return Psf(widths[min(recipe.filter_names.index(filter_name), len(widths) - 1)])


def _ramp_parts(recipe: Recipe, exposure: PlannedExposure, chip: int) -> Iterator[bytes | memoryview]:
    samples = np.full(recipe.shape, 13, np.int16)
    times = np.full(recipe.shape, exposure.exptime, np.float32)
    yield from hdu_parts(plane_header(recipe, exposure, name="SAMP", chip=chip), samples)
    yield from hdu_parts(plane_header(recipe, exposure, name="TIME", chip=chip), times)


def _headerlet(studio: _Studio, exposure: PlannedExposure, family: str) -> Candidate:
    candidate = exposure.candidates[family]
    if family not in studio.recipe.unsound:
        return candidate
    before = {"GSC240": "IDC", "FIT_REL": "GSC240"}.get(family, exposure.active)
    return unsound(candidate, exposure.candidates[before])


def _hdrlet(studio: _Studio, exposure: PlannedExposure, *, family: str, extver: int) -> bytes:
    number: int | None = extver
    if studio.recipe.colliding_extvers:
        number = {3: 2, 4: None}.get(extver, extver)
    candidate = _headerlet(studio, exposure, family)
    compress = studio.recipe.gzip_headerlets
    detector = studio.recipe.detector
    return hdrlet_hdu(candidate, detector, rootname=exposure.rootname, extver=number, compress=compress)


def _tables(exposure: PlannedExposure) -> Iterator[bytes]:
    """The lookup tables of the active solution, chip by chip."""
    for chip, wcs in enumerate(exposure.truth):
        for name, tables in (("WCSDVARR", wcs.npol), ("D2IMARR", wcs.d2im)):
            for axis, table in enumerate(tables, start=1):
                if table is not None:
                    header = Cards(tuple(make_cards(table_image_rows(table, name, extver=2 * chip + axis))))
                    yield hdu(header, table.data)


def _write_associations(studio: _Studio, planned: tuple[PlannedExposure, ...]) -> Iterator[Path]:
    for asn_id in dict.fromkeys(exposure.asn_id for exposure in planned):
        members = [exposure for exposure in planned if exposure.asn_id == asn_id]
        path = studio.folder / f"{asn_id.lower()}_asn.fits"
        path.write_bytes(association_bytes(members, studio.recipe.detector))
        yield path


def _write_catalog(studio: _Studio, epoch: float) -> Path:
    from astropy.table import Table

    scene = studio.scene
    limit = min(scene.n_stars, max(_FEWEST_GAIA, round(_GAIA_FRACTION * scene.n_stars)))
    columns = gaia_catalog(scene, epoch=epoch, limit=limit, seed=studio.seed)
    table = Table(columns)
    units = {"ra": "deg", "dec": "deg", "ref_epoch": "yr", "phot_g_mean_mag": "mag"}
    for name in table.colnames:
        table[name].unit = units.get(name, "mas/yr" if name.startswith("pm") else "mas")
    path = studio.folder / "gaia.ecsv"
    table.write(path, format="ascii.ecsv", overwrite=True)
    return path
