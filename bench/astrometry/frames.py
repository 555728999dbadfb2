"""Exposures with a known error of their WCS, written as FLC files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.astrometry.cases import CASES, SERIES, Case
from bench.astrometry.pixels import Conditions, Psf, Stars, expose
from bench.astrometry.psf import GaussianPsf, TelescopePsf
from bench.astrometry.sky import GAIA_EPOCH, YEARS, Sky, make_sky, write_catalog
from trueup.model.cards import Cards
from trueup.model.chipwcs import ChipWcs
from trueup.model.displacement import Displacement, displaced
from trueup.model.offset import field_center
from trueup.simulate import Recipe
from trueup.simulate.cards import make_cards, table_image_rows
from trueup.simulate.files import hdu, hdu_parts
from trueup.simulate.headers import plane_header, primary_header, science_header
from trueup.simulate.pixels import Planes
from trueup.simulate.plan import PlannedExposure, plan_visit

Floats = NDArray[np.float64]

INJECTED = Displacement(60.0, -35.0, 0.004)
CHROMATIC_PPM = 60.0  # between the filters, in series R
_RECIPE = Recipe(filters=("F336W", "F275W"))
_EXPTIME_S = 600.0
SKY_ELECTRONS = {"F336W": 4.0, "F275W": 1.5}
_RAYS = 0.03, 0.05
_FOCUS_NM = 15.0
_EPOCH_MJD = 51544.5 + (GAIA_EPOCH + YEARS - 2000.0) * 365.25
# shift by imperfect charge transfer of a faint star, the mean over a chip
_CTE_PIX, _CTE_FAINT, _CTE_NONE = 0.05, 400.0, 1e5


@dataclass(frozen=True, slots=True)
class Trial:
    """One realisation of a case."""

    series: str
    case: Case
    seed: int

    @property
    def name(self) -> str:
        return f"{self.series}-{self.case.name}-{self.seed}"

    def stream(self, *tags: int) -> list[int]:
        """The seed of one of its random streams."""
        return [self.seed, SERIES.index(self.series), CASES.index(self.case), *tags]


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """The files of a trial and the truth about them.

    Parameters
    ----------
    trial : Trial
    paths : tuple of Path
        One or two exposures; the WCS of the last is wrong.
    catalog : Path or None
    truth : tuple of tuple of ChipWcs
        What the pixels obey, chromatic scale apart: per exposure and chip.
    injected : Displacement
        Of the last exposure, about the centre.
    centre : (float, float)
        Field centre, degrees.
    sky : Sky
    """

    trial: Trial
    paths: tuple[Path, ...]
    catalog: Path | None
    truth: tuple[tuple[ChipWcs, ...], ...]
    injected: Displacement
    centre: tuple[float, float]
    sky: Sky


def make_frames(trial: Trial, folder: Path) -> Frames:
    """Write the exposures of a trial, and its catalogue, to a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    planned = list(_planned(trial))
    centre = field_center([chip for exposure in planned for chip in exposure.truth])
    ppm = CHROMATIC_PPM if trial.case.across and trial.series == "R" else 0.0
    injected = replace(INJECTED, scale_ppm=ppm)
    sky = make_sky(trial.case, planned[0].truth, np.random.default_rng(trial.stream(0)))
    planned = [_with_wcs(exposure, exposure.truth) for exposure in planned]
    wrong = tuple(displaced(chip, injected, centre=centre) for chip in planned[-1].truth)
    planned[-1] = _with_wcs(planned[-1], wrong)
    paths = tuple(_write(trial, exposure, number, sky, folder) for number, exposure in enumerate(planned))
    catalog = folder / "gaia.ecsv" if trial.case.gaia else None
    if catalog:
        write_catalog(sky, catalog, np.random.default_rng(trial.stream(1)))
    truth = tuple(exposure.truth for exposure in planned)
    return Frames(trial, paths, catalog, truth, injected, centre, sky)


def _planned(trial: Trial) -> Iterator[PlannedExposure]:
    """Two exposures at different places of the dither pattern, or one."""
    visit = plan_visit(_RECIPE, seed=trial.seed)  # two exposures per filter
    first = 2 * _RECIPE.filter_names.index(trial.case.filters[0])
    second = 2 * _RECIPE.filter_names.index(trial.case.filters[1]) + 1
    for number in (first,) if trial.case.gaia else (first, second):
        yield replace(visit[number], exptime=_EXPTIME_S, expstart=_EPOCH_MJD + number * 0.01)


def _with_wcs(exposure: PlannedExposure, chips: tuple[ChipWcs, ...]) -> PlannedExposure:
    active = replace(exposure.candidates[exposure.active], chips=chips)
    return replace(exposure, candidates={**exposure.candidates, exposure.active: active})


def _write(trial: Trial, exposure: PlannedExposure, number: int, sky: Sky, folder: Path) -> Path:
    path = folder / f"{exposure.rootname}_flc.fits"
    chips = range(len(exposure.truth))
    with path.open("wb") as file:
        tables = list(_tables(exposure))
        file.write(primary_header(_RECIPE, exposure, 3 * len(chips) + len(tables)).to_bytes())
        for chip in chips:
            for part in _chip_parts(exposure, chip, _planes(trial, exposure, number, sky, chip)):
                file.write(part)
        for table in tables:
            file.write(table)
    return path


def _chip_parts(exposure: PlannedExposure, chip: int, planes: Planes) -> Iterator[bytes | memoryview]:
    yield from hdu_parts(science_header(_RECIPE, exposure, chip=chip, planes=planes), planes.sci)
    yield from hdu_parts(plane_header(_RECIPE, exposure, name="ERR", chip=chip), planes.err)
    yield from hdu_parts(plane_header(_RECIPE, exposure, name="DQ", chip=chip), planes.dq)


def _tables(exposure: PlannedExposure) -> Iterator[bytes]:
    for chip, wcs in enumerate(exposure.truth):
        for name, tables in (("WCSDVARR", wcs.npol), ("D2IMARR", wcs.d2im)):
            for axis, table in enumerate(tables, start=1):
                assert table is not None
                header = Cards(tuple(make_cards(table_image_rows(table, name, extver=2 * chip + axis))))
                yield hdu(header, table.data)


def _planes(trial: Trial, exposure: PlannedExposure, number: int, sky: Sky, chip: int) -> Planes:
    rng = np.random.default_rng(trial.stream(2, number))
    rays, focus = rng.uniform(*_RAYS), rng.normal(0, _FOCUS_NM)
    conditions = Conditions(
        sky=SKY_ELECTRONS[exposure.filter],
        rays=rays,
        seed=tuple(trial.stream(3, number, chip)),
        defects=tuple(trial.stream(4, chip)),
    )
    stars = _on_chip(sky, exposure.truth[chip], filter_number=number)
    psf: Psf = GaussianPsf(exposure.filter)
    if trial.series == "R":
        psf = TelescopePsf(exposure.filter, upper=chip == 1, focus_nm=focus)
        stars = (stars[0], stars[1] + _cte(stars, lower=chip == 0), stars[2])
    return expose(psf, stars, conditions)


def _on_chip(sky: Sky, wcs: ChipWcs, *, filter_number: int) -> Stars:
    ny, nx = wcs.shape
    x, y = wcs.sky_to_pixel(sky.ra, sky.dec)
    near = (x > -20) & (x < nx + 20) & (y > -20) & (y < ny + 20)
    return x[near], y[near], sky.electrons[filter_number][near]


def _cte(stars: Stars, *, lower: bool) -> Floats:
    """Charge lags behind on its way to the amplifiers, which are at the outer edges of the two chips."""
    _, y, electrons = stars
    rows = _RECIPE.shape[0]
    travelled = y / rows if lower else 1 - y / rows
    faint = np.log(_CTE_NONE / electrons) / np.log(_CTE_NONE / _CTE_FAINT)
    return np.asarray((1 if lower else -1) * 2 * _CTE_PIX * travelled * np.clip(faint, 0.0, 1.5))
