"""The story of a run, told from its folder."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trueup.errors import UsageError
from trueup.report.story import Residuals, Story, StoryOffset, StoryProduct
from trueup.workflow.run.folder import RunFolder
from trueup.workflow.run.job import CHOICE
from trueup.workflow.run.stages import APPLIED, DRIZZLE, FIT, LISTING, MEASUREMENT, OFFSETS

Values = Mapping[str, Any]

# what the manifest knows of a machine or a moment is not told
_TOLD = ("version", "python", "platform", "recipe", "inputs")


def story_of(folder: RunFolder) -> Story:
    """Read the files of a run.

    Parameters
    ----------
    folder : RunFolder

    Returns
    -------
    Story

    Raises
    ------
    UsageError
        Where the run did not get far enough to tell anything.

    Examples
    --------
    >>> story_of(RunFolder(Path("nowhere")))
    Traceback (most recent call last):
    trueup.errors.UsageError: nowhere: there is nothing to report yet; run `trueup run` to its end
    """
    listed = folder.values_of("list", LISTING)
    if listed is None:
        todo = "run `trueup run` to its end"
        raise UsageError("there is nothing to report yet", file=folder.path, todo=todo)
    drizzled = folder.values_of("drizzle", DRIZZLE) or {"products": []}
    offsets = folder.values_of("compare", OFFSETS) or {"offsets": []}
    choice = folder.values_of("choose", CHOICE)
    return Story(
        name=folder.manifest.get("visit", ""),
        listing=listed,
        measurement=folder.values_of("measure", MEASUREMENT),
        choice=choice,
        products=tuple(_product(folder, one) for one in drizzled["products"]),
        offsets=tuple(_offset(folder, one) for one in offsets["offsets"]),
        findings=findings(folder),
        manifest={name: folder.manifest[name] for name in _TOLD if name in folder.manifest},
        commands=_commands(folder, choice),
        pictures=tuple(str(path) for path in folder.outputs("compare") if path.suffix == ".png"),
    )


def findings(folder: RunFolder) -> tuple[str, ...]:
    """Everything that a reader must know, once."""
    found: list[str] = list(folder.manifest.get("left_out", ()))
    for stage, relative in (("list", LISTING), ("measure", MEASUREMENT), ("choose", CHOICE)):
        found += (folder.values_of(stage, relative) or {"findings": []})["findings"]
    fitted = folder.values_of("fit", FIT)
    if fitted is not None and fitted["verdict"] != "derived":
        found.append(fitted["reason"])
    found += (folder.values_of("drizzle", DRIZZLE) or {"notes": []})["notes"]
    applied = folder.values_of("apply", APPLIED)
    if applied is not None and applied["unverified"]:
        found.append(applied["unverified"])
    return tuple(dict.fromkeys(found))


def _product(folder: RunFolder, row: Values) -> StoryProduct:
    return StoryProduct(
        path=str(folder.path / row["path"]),
        filter=row["filter"],
        when=row["when"],
        wcsname=row["wcsname"],
        cosmic_rays=row["cosmic_rays"],
        sky=row["sky"],
    )


def _offset(folder: RunFolder, row: Values) -> StoryOffset:
    names = {"a", "b", "when", "star", "residuals"}
    return StoryOffset(
        a=row["a"],
        b=row["b"],
        when=row["when"],
        fit={name: value for name, value in row.items() if name not in names},
        residuals=_residuals(folder.path / row["residuals"]) if row["residuals"] else None,
        star=None if row["star"] is None else (row["star"][0], row["star"][1]),
    )


def _residuals(path: Path) -> Residuals:
    from astropy.table import Table

    table = Table.read(path, format="ascii.ecsv")
    names = ("ra", "dec", "east", "north", "magnitude")
    return Residuals(*(table[name].data.astype(float) for name in names))


def _commands(folder: RunFolder, choice: Values | None) -> tuple[tuple[str, str], ...]:
    """What to type in the folder of the run, so that they hold wherever it is."""
    found: list[tuple[str, tuple[str, ...]]] = []
    if choice is not None and any(not one["was_active"] for one in choice["exposures"]):
        files = (_from(folder, one["file"]) for one in choice["exposures"])
        found.append(("Put the choice in force, in the folder of the run", ("apply", "--choice", CHOICE)))
        found.append(("Take it back", ("undo", *files)))
    found.append(("Do it again", ("run", "-o", ".", "--redo")))
    return tuple((purpose, shlex.join(("trueup", *words))) for purpose, words in found)


def _from(folder: RunFolder, path: str) -> str:
    return os.path.relpath(path, folder.path) if os.path.isabs(path) else path
