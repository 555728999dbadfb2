"""Drizzle whatever the user names: one product per association or filter, on one grid."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trueup.drizzle.grid import output_frame
from trueup.drizzle.params import DrizzleParams
from trueup.drizzle.pipeline import Selection, drizzle_onto, require_same_kind, under, why_not
from trueup.errors import DataError, UsageError
from trueup.fits.product import require_free, write_product
from trueup.fits.visit import open_visit
from trueup.model.exposure import Exposure
from trueup.model.mosaic import Mosaic
from trueup.model.soundness import judge
from trueup.model.visit import LeftOut, Visit


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
    """

    path: str
    name: str
    filter: str
    wcsname: str
    exposures: int
    chips: int
    shape: tuple[int, int]


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


def drizzle_files(
    paths: Sequence[str | os.PathLike[str]],
    *,
    solution: Selection | None = None,
    params: DrizzleParams | None = None,
    output: str | None = None,
    overwrite: bool = False,
) -> DrizzleRun:
    """Drizzle files, folders or associations to one product per association or filter.

    Parameters
    ----------
    paths : sequence of str or path-like
        Exposures, headerlet files, associations, folders.
    solution : str, mapping or callable, optional
        As in :func:`trueup.drizzle`; by default the solution in force.
    params : DrizzleParams, optional
    output : str, optional
        File for a single product, or folder; by default ``<name>_trueup_drc.fits`` here.
    overwrite : bool
        Whether files that trueup did not write may be replaced.

    Returns
    -------
    DrizzleRun

    Raises
    ------
    DataError
        Where nothing can be drizzled.
    SolutionError
        Where the exposures are under solutions of different kinds.
    UsageError
        Where `output` is one file and there are several products.

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
    params = params or DrizzleParams()
    visit = open_visit(paths, strict=False)
    refused = tuple(LeftOut(e.path, why) for e in visit.exposures if (why := why_not(e)))
    exposures = under((e for e in visit.exposures if not why_not(e)), solution)
    left_out = visit.left_out + refused
    if not exposures:
        raise DataError("nothing to drizzle", todo="; ".join(f"{out.path}: {out.why}" for out in left_out))
    if not params.allow_mixed:
        require_same_kind(exposures)
    groups = product_groups(exposures)
    targets = {name: _target(name, output, len(groups)) for name in groups}
    for target in targets.values():
        require_free(target, overwrite=overwrite)
    common = None if params.grid == "own" else output_frame(exposures, params)
    written = []
    for name, members in groups.items():
        mosaic = drizzle_onto(common or output_frame(members, params), members, params)
        mosaic = write_product(mosaic, targets[name], rootname=name, overwrite=overwrite)
        written.append(_summary(mosaic, name))
    return DrizzleRun(tuple(written), left_out, _warnings(exposures))


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
    if os.path.isdir(output) or output.endswith(os.sep):
        return Path(output) / file
    if products > 1:
        raise UsageError(
            f"-o {output} names one file, and there are {products} products", todo="give a folder"
        )
    return Path(output if output.lower().endswith((".fits", ".fit")) else f"{output}_trueup_drc.fits")


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
    )


def _warnings(exposures: Sequence[Exposure]) -> tuple[str, ...]:
    lines = []
    plain = [exposure.rootname for exposure in exposures if not exposure.solution.has_sip]
    if plain:
        lines.append(f"the WCS of {', '.join(plain)} has no distortion, so the picture is smeared")
    for exposure in exposures:
        for solution, verdict in zip(exposure.solutions, judge(exposure), strict=True):
            if solution is exposure.solution and verdict.sound is False:
                faults = "; ".join(fault.text for fault in verdict.faults)
                lines.append(f"{exposure.path}: solution {solution.name} is unsound: {faults}")
    return tuple(lines)
