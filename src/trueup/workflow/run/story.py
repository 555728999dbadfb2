"""The story of a run, told from its folder."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trueup.errors import UsageError
from trueup.report.page import write_page
from trueup.report.story import Residuals, Story, StoryOffset, StoryProduct
from trueup.workflow.run.folder import RunFolder
from trueup.workflow.run.job import CHOICE
from trueup.workflow.run.stages import DRIZZLE, FIT, LISTING, MEASUREMENT, OFFSETS

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
    >>> story_of(RunFolder(Path("nowhere"), print))
    Traceback (most recent call last):
    trueup.errors.UsageError: nowhere: there is nothing to report yet; run `trueup run` to its end
    """
    if not (folder.path / LISTING).is_file():
        todo = "run `trueup run` to its end"
        raise UsageError("there is nothing to report yet", file=folder.path, todo=todo)
    drizzled = _values(folder, DRIZZLE) or {"products": [], "notes": []}
    offsets = (_values(folder, OFFSETS) or {"offsets": []})["offsets"]
    choice = _values(folder, CHOICE)
    return Story(
        name=folder.manifest.get("visit", ""),
        listing=folder.values(LISTING),
        measurement=_values(folder, MEASUREMENT),
        choice=choice,
        products=tuple(_product(folder, one) for one in drizzled["products"]),
        offsets=tuple(_offset(folder, one) for one in offsets),
        findings=findings(folder),
        manifest={name: folder.manifest[name] for name in _TOLD if name in folder.manifest},
        commands=_commands(folder, choice),
    )


def findings(folder: RunFolder) -> tuple[str, ...]:
    """Everything that a reader must know, once."""
    found: list[str] = list(folder.manifest.get("left_out", ()))
    for relative, name in ((LISTING, "findings"), (MEASUREMENT, "findings"), (CHOICE, "findings")):
        found += (_values(folder, relative) or {}).get(name, [])
    fitted = _values(folder, FIT)
    if fitted is not None and fitted["verdict"] != "derived":
        found.append(fitted["reason"])
    found += (_values(folder, DRIZZLE) or {}).get("notes", [])
    return tuple(dict.fromkeys(found))


def report(folder: RunFolder, draft: Path, *, full: bool, private: bool) -> None:
    """Write the page into the draft folder, with paths as they will be."""
    page = write_page(story_of(folder), draft / "report.html", full=full, private=private)
    text = page.read_text(encoding="utf-8")
    # the page is made one folder below its place
    page.write_text(text.replace('href="../', 'href="'), encoding="utf-8")


def _values(folder: RunFolder, relative: str) -> dict[str, Any] | None:
    return folder.values(relative) if (folder.path / relative).is_file() else None


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
        residuals=_residuals(folder.path / row["residuals"]),
        star=None if row["star"] is None else (row["star"][0], row["star"][1]),
    )


def _residuals(path: Path) -> Residuals:
    from astropy.table import Table

    table = Table.read(path, format="ascii.ecsv")
    names = ("ra", "dec", "east", "north", "magnitude")
    return Residuals(*(table[name].data.astype(float) for name in names))


def _commands(folder: RunFolder, choice: Values | None) -> tuple[tuple[str, str], ...]:
    place = os.path.relpath(folder.path)
    found: list[tuple[str, tuple[str, ...]]] = []
    if choice is not None and any(not one["was_active"] for one in choice["exposures"]):
        files = (os.path.basename(one["file"]) for one in choice["exposures"])
        found.append(("Put the choice in force", ("apply", "--choice", f"{place}/{CHOICE}")))
        found.append(("Take it back", ("undo", *files)))
    found.append(("Do it again", ("run", "-o", place, "--redo")))
    return tuple((purpose, shlex.join(("trueup", *words))) for purpose, words in found)
