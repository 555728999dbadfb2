"""What the stages of a run share: the files, the options, and the measurement, which is made at most once."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any
from zipfile import is_zipfile

from trueup.astrometry.choosing.choice import Choice, Chosen
from trueup.config import Config
from trueup.errors import DataError, UsageError
from trueup.fits.splice import sha256_of
from trueup.fits.visit import open_visit
from trueup.model.exposure import Exposure
from trueup.model.select import select
from trueup.model.solution import Solution
from trueup.model.visit import Visit
from trueup.workflow.choice_file import inputs_of, read_choice
from trueup.workflow.choose import Proposal, choose_files
from trueup.workflow.gaia import catalog_path
from trueup.workflow.run.folder import RunFolder
from trueup.workflow.run.recipe import RunRecipe
from trueup.workflow.stars import part_of

CHOICE = "choice.json"


@dataclass(slots=True, eq=False)
class Job:
    """One visit on its way through the stages.

    Parameters
    ----------
    folder : RunFolder
    visit : Visit
        As found, without headerlet files.
    recipe : RunRecipe
        With absolute paths, and the catalogue as a file.
    config : Config
    sha256 : mapping of str to str
        Of every file that was given, by path.

    Examples
    --------
    >>> Job.__slots__[:2]
    ('folder', 'visit')
    """

    folder: RunFolder
    visit: Visit
    recipe: RunRecipe
    config: Config
    sha256: Mapping[str, str]
    _proposal: Proposal | None = None

    @property
    def files(self) -> tuple[str, ...]:
        """Paths of the exposures."""
        return tuple(exposure.path for exposure in self.visit.exposures)

    @property
    def exposures_key(self) -> Any:
        """The exposures, for the key of a stage."""
        return {path: self.sha256[path] for path in self.files}

    @property
    def solutions_key(self) -> Any:
        """The exposures and the headerlets that were given."""
        return {path: self.sha256[path] for path in (*self.files, *self.recipe.headerlets)}

    @property
    def measured_key(self) -> Any:
        """All that decides what is measured."""
        against = asdict(self.recipe.against)
        return self.solutions_key, against, {path: self.sha256[path] for path in _frame(self.recipe)}

    def proposal(self) -> Proposal:
        """All solutions measured, and one chosen for each exposure."""
        if self._proposal is None:
            self._proposal = self.proposal_with(self.recipe.headerlets)
        return self._proposal

    def proposal_with(self, headerlets: Sequence[str]) -> Proposal:
        """The same with these headerlet files considered."""
        found = choose_files(self.files, headerlets=headerlets, against=self.recipe.against)
        if self.recipe.solution is None:
            return found
        return replace(found, choice=_as_asked(found.measurement.visit, self.recipe.solution))

    def choice(self) -> dict[str, Any]:
        """The choice that was written."""
        return read_choice(self.folder.path / CHOICE)

    @property
    def choice_key(self) -> Any:
        """Which solutions were chosen, whatever the measurement that led to them."""
        values = self.choice()
        chosen = {one["rootname"]: one["solution"] for one in values["exposures"]}
        return self.exposures_key, chosen, [one["sha256"] for one in values["headerlets"]]

    def chosen(self) -> dict[str, Solution]:
        """The chosen solutions by rootname."""
        values = self.choice()
        inputs = inputs_of(values, {}, folder=self.folder.path)
        number = {one["rootname"]: one["solution"]["index"] for one in values["exposures"]}
        exposures = open_visit([*inputs.exposures.values(), *inputs.headerlets]).exposures
        return {e.rootname: e.solutions[number[e.rootname] - 1] for e in exposures}


def _as_asked(visit: Visit, selection: str) -> Choice:
    """The choice of somebody who knows."""
    reason = f"{selection} was asked for"
    chosen = tuple(Chosen(e, select(e, selection), reason) for e in visit.exposures)
    names = {one.solution.wcsname for one in chosen}
    unchanged = all(one.was_active for one in chosen)
    return Choice(
        "keep" if unchanged else "change", reason, chosen, common=names.pop() if len(names) == 1 else None
    )


def prepare(folder: RunFolder, paths: Sequence[str], recipe: RunRecipe, *, config: Config) -> Job:
    """Read the headers of a visit and the digests of its files.

    Parameters
    ----------
    folder : RunFolder
    paths : sequence of str
        Exposures of one visit.
    recipe : RunRecipe
    config : Config

    Returns
    -------
    Job

    Raises
    ------
    DataError
        Where there is no exposure among the files.

    Examples
    --------
    >>> from pathlib import Path
    >>> prepare(RunFolder(Path("nowhere")), [], RunRecipe(), config=Config())
    Traceback (most recent call last):
    trueup.errors.DataError: there is no exposure among the files given; give FLT, FLC or C0M files
    """
    visit = open_visit([os.path.abspath(path) for path in paths], strict=False)
    if not visit.exposures:
        raise DataError("there is no exposure among the files given", todo="give FLT, FLC or C0M files")
    recipe = _located(recipe, visit.exposures, config)
    files = [*(exposure.path for exposure in visit.exposures), *recipe.headerlets]
    given = [*files, *_frame(recipe), *drizzle_files_of(recipe)]
    return Job(folder, visit, recipe, config, {path: sha256_of(path) for path in given})


def drizzle_files_of(recipe: RunRecipe) -> tuple[str, ...]:
    """Files that the drizzle settings name.

    Examples
    --------
    >>> drizzle_files_of(RunRecipe(drizzle={"grid": "mosaic_drc.fits"}))
    ('mosaic_drc.fits',)
    """
    grid, sky = recipe.drizzle.get("grid"), recipe.drizzle.get("sky_values")
    return tuple(path for path in (grid, sky) if path not in (None, "common"))


def _frame(recipe: RunRecipe) -> tuple[str, ...]:
    """Files that define what is measured against."""
    against = recipe.against
    files = (against.catalog, against.reference, *against.centroids, *against.psf)
    return tuple(path for path in files if path)


def _located(recipe: RunRecipe, exposures: Sequence[Exposure], config: Config) -> RunRecipe:
    """The recipe for one visit: the files that are for it, and Gaia's stars fetched where they are wanted."""
    against = recipe.against
    catalog = None if against.catalog is None else catalog_path(against.catalog, exposures, config)
    roots = {exposure.rootname for exposure in exposures}
    headerlets = dict.fromkeys(path for path in recipe.headerlets if _is_for(path, roots))
    return replace(
        recipe,
        headerlets=tuple(headerlets),
        against=replace(part_of(exposures, against), catalog=catalog and os.path.abspath(catalog)),
    )


def _is_for(headerlet: str, roots: set[str]) -> bool:
    """Whether a headerlet file is of the visit."""
    if is_zipfile(headerlet):
        todo = "give the headerlet files; `trueup headerlet attach` takes bundles"
        raise UsageError("is a bundle, which a run does not take", file=headerlet, todo=todo)
    return any(solution.destim.lower() in roots for _, solution in open_visit([headerlet]).headerlets)
