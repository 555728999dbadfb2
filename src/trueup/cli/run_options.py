"""Options of ``trueup run``: those typed count more than a recipe file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from trueup.config import Config
from trueup.workflow.against import Against
from trueup.workflow.run.recipe import RunRecipe, read_recipe

_Flag = Annotated[bool, Parameter(negative=())]


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What to do with a visit.

    Parameters
    ----------
    recipe
        A TOML file with these options; the manifest of every run holds them, too.
    hlet
        Headerlet files to be considered.
    solution
        Take this solution instead of the measured best one.
    skip
        Stages to leave out: fetch, measure, fit, headerlets, drizzle, compare or report; may be repeated.
    source
        Where observation ids are fetched: mast, s3 or a folder.
    write_exposures
        Leave corrected copies of the exposures in the folder of the run.
    in_place
        Edit the exposures; `trueup undo` takes it back.
    full
        Embed the products at full resolution in the report.
    private
        Leave target, coordinates and pixels out of the report.
    workdir
        Keep reference files and catalogues there instead of in the home directory.
    """

    recipe: str | None = None
    hlet: Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative=())] = ()
    solution: str | None = None
    skip: Annotated[tuple[str, ...], Parameter(negative=())] = ()
    source: str | None = None
    write_exposures: _Flag = False
    in_place: _Flag = False
    full: _Flag = False
    private: _Flag = False
    workdir: str | None = None

    def merged(self, against: Against, drizzle: Mapping[str, Any]) -> RunRecipe:
        """The recipe file with what was typed in place of what it says."""
        stored = RunRecipe() if self.recipe is None else read_recipe(self.recipe)
        names = ("solution", "skip", "source", "write_exposures", "in_place", "full", "private")
        given = {name: value for name in names if (value := getattr(self, name))}
        asked = {f.name: v for f in fields(Against) if (v := getattr(against, f.name)) not in (None, "", ())}
        return replace(
            stored,
            headerlets=self.hlet or stored.headerlets,
            against=replace(stored.against, **asked),
            drizzle={**stored.drizzle, **drizzle},
            **given,
        )

    def settled(self, config: Config) -> Config:
        """The settings, with caches in the work folder where one is named, that of matplotlib included."""
        if self.workdir is None:
            return config
        place = Path(self.workdir)
        # which asks nothing but the environment where to keep its list of fonts
        os.environ.setdefault("MPLCONFIGDIR", str(place / "matplotlib"))
        return replace(
            config,
            crds=replace(config.crds, cache=str(place / "crds")),
            gaia=replace(config.gaia, cache=str(place / "gaia")),
        )
