"""Drizzle whatever the user names: one product per association or filter, on one grid."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trueup.drizzle.admission import Selection, require_same_kind, under, why_not
from trueup.drizzle.agreement import disagreements, require_agreement
from trueup.drizzle.grid import output_frame
from trueup.drizzle.params import DrizzleParams
from trueup.drizzle.pipeline import drizzle_onto
from trueup.drizzle.run import Hooks
from trueup.edit.dq import write_masks
from trueup.edit.guard import editable
from trueup.errors import DataError, UsageError
from trueup.fits.product import companion_path, require_free, write_image, write_product
from trueup.fits.visit import open_visit
from trueup.model.exposure import Exposure
from trueup.model.mosaic import ChipKey, Mosaic
from trueup.model.visit import LeftOut, Visit
from trueup.workflow.drizzle_settings import ParamsFor

Tell = Callable[[str, float], None]

# which part of the time a step takes, about
_SHARES = {
    "static mask": (0.0, 0.05),
    "sky": (0.05, 0.15),
    "separate drizzle": (0.15, 0.4),
    "median": (0.4, 0.55),
    "cosmic rays and final drizzle": (0.55, 0.9),
    "write": (0.9, 1.0),
}


@dataclass(frozen=True, slots=True)
class Written:
    """One product of a run.

    Attributes
    ----------
    path, name, filter, wcsname : str
        `name` is the association, or the first exposure of a filter without one.
    exposures, chips : int
    shape : (int, int)
        Size (ny, nx).
    sky, cosmic_rays : mapping of (str, int) to float
        Sky that was subtracted, and share of the pixels that cosmic rays hit, by ROOTNAME and SCI EXTVER.
    """

    path: str
    name: str
    filter: str
    wcsname: str
    exposures: int
    chips: int
    shape: tuple[int, int]
    sky: Mapping[ChipKey, float]
    cosmic_rays: Mapping[ChipKey, float]

    def as_dict(self) -> dict[str, Any]:
        """One item of ``trueup drizzle --format json``."""
        values = {word: getattr(self, word) for word in ("path", "name", "filter", "wcsname")}
        return {
            **values,
            "exposures": self.exposures,
            "chips": [
                {
                    "rootname": rootname,
                    "extver": extver,
                    "sky": sky,
                    "cosmic_rays": self.cosmic_rays.get((rootname, extver)),
                }
                for (rootname, extver), sky in self.sky.items()
            ],
            "shape": list(self.shape),
        }

    def __str__(self) -> str:
        return f"{self.path}  {self.filter}  {self.exposures} exposures, {self.chips} chips  {self.wcsname}"


@dataclass(frozen=True, slots=True)
class DrizzleRun:
    """What a run wrote and left out.

    Attributes
    ----------
    products : tuple of Written
    left_out : tuple of LeftOut
    warnings : tuple of str
        What to know about the products, a line each.
    """

    products: tuple[Written, ...]
    left_out: tuple[LeftOut, ...]
    warnings: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """The run as in ``trueup drizzle --format json``."""
        return {
            "items": [product.as_dict() for product in self.products],
            "left_out": [{"file": out.path, "why": out.why, "error": out.is_error} for out in self.left_out],
            "warnings": list(self.warnings),
        }


def drizzle_files(
    paths: Sequence[str | os.PathLike[str]],
    *,
    solution: Selection | None = None,
    params: DrizzleParams | ParamsFor | None = None,
    output: str | None = None,
    overwrite: bool = False,
    tell: Tell | None = None,
) -> DrizzleRun:
    """Drizzle files, folders or associations to one product per association or filter.

    Parameters
    ----------
    paths : sequence of str or path-like
        Exposures, headerlet files, associations, folders.
    solution : str, mapping or callable, optional
        As in :func:`trueup.drizzle`; by default the solution in force.
    params : DrizzleParams or callable, optional
        The settings, or a function that gives those of the exposures of each product.
    output : str, optional
        File for a single product, or folder; by default ``<name>_trueup_drc.fits`` here. A folder
        is made: what ends in ``/``, and of several products what does not end in ``.fits``.
    overwrite : bool
        Whether files that trueup did not write may be replaced.
    tell : callable, optional
        Called with what is being done, and the share of the run that is done.

    Returns
    -------
    DrizzleRun

    Raises
    ------
    DataError
        Where nothing can be drizzled.
    SolutionError
        Where the exposures are under solutions of different kinds, or that disagree on the sky.
    UsageError
        Where `output` is one FITS file and there are several products.

    Examples
    --------
    >>> from trueup.simulate import Recipe, make_visit
    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> _ = make_visit(folder, recipe=Recipe(size=(64, 48), stars=5, galaxies=0))
    >>> run = drizzle_files([folder], solution="rel", output=folder)
    >>> [(product.name, product.filter, product.chips) for product in run.products]
    [('iepw14030', 'F336W', 4), ('iepw14040', 'F275W', 4)]
    """
    visit = open_visit(paths, strict=False)
    refused = tuple(LeftOut(e.path, why) for e in visit.exposures if (why := why_not(e)))
    exposures = under((e for e in visit.exposures if not why_not(e)), solution)
    left_out = visit.left_out + refused
    if not exposures:
        raise DataError("nothing to drizzle", todo="; ".join(f"{out.path}: {out.why}" for out in left_out))
    jobs = _jobs(exposures, params, output)
    if not all(job.params.allow_mixed for job in jobs):
        require_same_kind(exposures)
        require_agreement(exposures)
    for job in jobs:
        job.require_writable(overwrite=overwrite)
    common = output_frame(exposures, jobs[0].params)
    if _is_folder(output, len(jobs)):
        jobs[0].target.parent.mkdir(parents=True, exist_ok=True)
    written = []
    for index, job in enumerate(jobs):
        frame = output_frame(job.exposures, job.params) if job.params.grid == "own" else common
        told = _shared(tell or (lambda *_: None), job, index=index, products=len(jobs))
        hooks = job.hooks(told, overwrite=overwrite)
        mosaic = drizzle_onto(frame, job.exposures, job.params, hooks=hooks)
        hooks.tell("write", 0, 1)
        mosaic = write_product(mosaic, job.target, rootname=job.name, overwrite=overwrite)
        if job.params.write_dq:
            write_masks(mosaic.exposures, mosaic.masks)
        written.append(_summary(mosaic, job.name))
    return DrizzleRun(tuple(written), left_out, _warnings(exposures, jobs))


@dataclass(frozen=True, slots=True)
class _Job:
    """One product to be made."""

    name: str
    exposures: tuple[Exposure, ...]
    params: DrizzleParams
    target: Path

    def require_writable(self, *, overwrite: bool) -> None:
        """Find out before the work is done."""
        require_free(self.target, overwrite=overwrite)
        if self.params.planes:
            require_free(companion_path(self.target), overwrite=overwrite)
        if self.params.write_dq:
            for exposure in self.exposures:
                editable(exposure.path)

    def hooks(self, tell: Callable[[str, int, int], None], *, overwrite: bool) -> Hooks:
        """What the run is to report while it goes on."""
        if self.params.keep is None:
            return Hooks(tell)
        os.makedirs(self.params.keep, exist_ok=True)
        start = os.path.join(self.params.keep, self.name)
        return Hooks(tell, partial(_keep, start, overwrite=overwrite))


def _keep(start: str, name: str, pixels: NDArray[np.generic], *, overwrite: bool) -> None:
    write_image(pixels, f"{start}_{name}.fits", overwrite=overwrite)


def _shared(tell: Tell, job: _Job, *, index: int, products: int) -> Callable[[str, int, int], None]:
    """What tells the share of the whole run from the parts of a step of one product."""
    chips = [exposure.rootname for exposure in job.exposures for _ in exposure.chips]

    def told(step: str, done: int, total: int) -> None:
        begin, end = _SHARES.get(step, (0.0, 0.0))
        share = begin + (end - begin) * done / max(total, 1)
        part = f" {done + 1}/{total}" if total > 1 else ""
        # a step of as many parts as there are chips goes chip by chip
        which = f", {chips[done]}" if total == len(chips) and done < total else ""
        tell(f"{job.name}: {step}{which}{part}", (index + share) / products)

    return told


def _jobs(
    exposures: Sequence[Exposure], params: DrizzleParams | ParamsFor | None, output: str | None
) -> tuple[_Job, ...]:
    groups = product_groups(exposures)
    settings = {
        name: params(members) if callable(params) else params or DrizzleParams()
        for name, members in groups.items()
    }
    return tuple(
        _Job(name, members, settings[name], _target(name, output, len(groups)))
        for name, members in groups.items()
    )


def product_groups(exposures: Sequence[Exposure]) -> dict[str, tuple[Exposure, ...]]:
    """The exposures of each product, by its name.

    An association of one filter is a product; one of several filters is a product per filter.
    Exposures without association are a product per visit, detector and filter.

    Parameters
    ----------
    exposures : sequence of Exposure

    Returns
    -------
    dict of str to tuple of Exposure

    Examples
    --------
    >>> product_groups([])
    {}
    """
    groups: dict[str, tuple[Exposure, ...]] = {}
    for members in Visit(tuple(exposures)).by(_association_or_visit).values():
        filters = Visit(members).by_filter()
        for label, group in filters.items():
            name = group[0].association
            if not _is_single(group[0]) and len(filters) > 1:
                name = f"{name}_{label.lower().replace(' ', '_').replace(';', '_')}"
            groups[name] = group
    return groups


def _is_single(exposure: Exposure) -> bool:
    return exposure.association == exposure.rootname


def _association_or_visit(exposure: Exposure) -> str:
    return f"visit {exposure.visit}" if _is_single(exposure) else exposure.association


def _target(name: str, output: str | None, products: int) -> Path:
    file = f"{name}_trueup_drc.fits"
    if output is None:
        return Path(file)
    if _is_folder(output, products):
        return Path(output) / file
    if products > 1:
        raise UsageError(
            f"-o {output} names one file, and there are {products} products", todo="give a folder"
        )
    return Path(output if _names_file(output) else f"{output}_trueup_drc.fits")


def _is_folder(output: str | None, products: int) -> bool:
    """Whether products go into a folder that was named, there or not."""
    if output is None:
        return False
    several = products > 1 and not _names_file(output)
    return several or output.endswith(os.sep) or os.path.isdir(output)


def _names_file(output: str) -> bool:
    return output.lower().endswith((".fits", ".fit"))


def _summary(mosaic: Mosaic, name: str) -> Written:
    ny, nx = mosaic.sci.shape
    return Written(
        path=str(mosaic.path),
        name=name,
        filter=mosaic.exposures[0].filter,
        wcsname=mosaic.wcsname or "(no WCSNAME)",
        exposures=len(mosaic.exposures),
        chips=len(mosaic.chips),
        shape=(ny, nx),
        sky=mosaic.sky,
        cosmic_rays=mosaic.cosmic_rays,
    )


def _warnings(exposures: Sequence[Exposure], jobs: Sequence[_Job]) -> tuple[str, ...]:
    lines = []
    plain = [exposure.rootname for exposure in exposures if not exposure.solution.has_sip]
    if plain:
        lines.append(f"the WCS of {', '.join(plain)} has no distortion, so the picture is smeared")
    if all(job.params.allow_mixed for job in jobs):
        lines += disagreements(exposures)
    for job in jobs:
        if len(job.exposures) == 1:
            lines.append(f"{job.name}: one exposure, so cosmic rays are not rejected")
    return tuple(lines)
