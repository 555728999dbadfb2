"""From what was typed to visits, each in its folder; of several, one line and one entry of an index each."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from trueup.config import Config, read_config
from trueup.errors import DataError, FileAccessError, NetworkError, TrueupError, UsageError
from trueup.fits.visit import open_visit
from trueup.report.files import write_text
from trueup.workflow.against import Against
from trueup.workflow.fetch import find
from trueup.workflow.run.folder import MANIFEST, claimed, open_folder, read_manifest, runs_in
from trueup.workflow.run.pages import INDEX, index
from trueup.workflow.run.recipe import RunRecipe, recipe_of, rooted
from trueup.workflow.run.visit import Given, Run, run_visit
from trueup.workflow.stars import require_owners

Say = Callable[[str], None]
PathLike = str | os.PathLike[str]

BATCH, ARCHIVE = "batch.jsonl", "archive"
_KINDS = ("FLC", "FLT", "ASN", "HLET")
_VISIT_LETTERS = 6
_ROOTNAME = re.compile(r"[a-z0-9]{9}_")
_OF_SEVERAL = "programme"


@dataclass(frozen=True, slots=True)
class _Task:
    """What is to be done with every visit."""

    typed: tuple[str, ...]
    recipe: RunRecipe
    config: Config
    say: Say
    redo: bool


def run(
    targets: Iterable[PathLike],
    *,
    out: PathLike | None = None,
    recipe: RunRecipe | None = None,
    config: Config | None = None,
    say: Say = lambda _: None,
    redo: bool = False,
) -> tuple[Run, ...]:
    """Do the whole job for every visit among some files or observation ids.

    Parameters
    ----------
    targets : iterable of path or str
        Exposures, associations, folders; what is no file is an observation id, which is fetched. Blank to
        do an earlier run again, whose folder is `out`.
    out : path, optional
        Folder of the run, by default VISIT_trueup; of several visits, by default programme_trueup, each has
        a folder in it, beside an index.
    recipe : RunRecipe, optional
        By default that of the earlier run, or the usual one.
    config : Config, optional
        Instead of the settings that hold.
    say : callable
        Told each stage in a line.
    redo : bool
        Do every stage again.

    Returns
    -------
    tuple of Run
        One per visit. Of several, one that failed has its error among the findings of its manifest.

    Raises
    ------
    DataError
        Where there is no exposure among the files.
    NetworkError
        Where observations cannot be fetched.
    FileAccessError, UsageError
        Where a file is not there, or the folder cannot be written or holds something else.

    Examples
    --------
    >>> import tempfile
    >>> from trueup.simulate import Recipe, make_visit
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     truth = make_visit(f"{folder}/visit", recipe=Recipe(size=(400, 300), stars=150, galaxies=0))
    ...     done = run(truth.files, out=f"{folder}/run", recipe=RunRecipe(skip=("drizzle", "compare")))
    ...     (done[0].folder / "report.html").is_file(), done[0].manifest["visit"]
    (True, 'iepw14')
    """
    root = Path(out) if out is not None else None
    typed = tuple(os.fspath(target) for target in targets)
    if not typed:
        if root is None:
            raise UsageError("nothing to do", todo="name exposures, a folder or observations, or -o FOLDER")
        typed, earlier = _typed_earlier(root)
        recipe = recipe or earlier
    typed = tuple(os.path.abspath(name) if os.path.exists(name) else name for name in typed)
    files, ids = _sorted_out(typed)
    task = _Task(typed, rooted(recipe or RunRecipe()), config or read_config(), say, redo)
    root = root or _usual_root({*_members(files), *(name[:_VISIT_LETTERS].lower() for name in ids)})
    with claimed(root):
        if ids:
            fetched = _fetched(ids, root / ARCHIVE, _where_kept(ids, root, task))
            headerlets = [path for path in fetched if path.endswith("_hlet.fits")]
            files += [path for path in fetched if path not in headerlets]
            wanted = (*task.recipe.headerlets, *map(os.path.abspath, headerlets))
            task = replace(task, recipe=replace(task.recipe, headerlets=wanted))
        return _run_all(root, _members(files, task.recipe.against), task)


def _typed_earlier(root: Path) -> tuple[tuple[str, ...], RunRecipe]:
    """What was typed for the runs in a folder, and the recipe that they had in common."""
    several = (root / BATCH).is_file()
    earlier = [read_manifest(place) for place in runs_in(root)] if several else [read_manifest(root)]
    recipes = [recipe_of(one["recipe"]) for one in earlier]
    typed = dict.fromkeys(name for one in earlier for name in one["typed"])
    # each holds the files that are for its visit
    headerlets = dict.fromkeys(path for recipe in recipes for path in recipe.headerlets)
    centroids = dict.fromkeys(path for recipe in recipes for path in recipe.against.centroids)
    psfs = dict.fromkeys(path for recipe in recipes for path in recipe.against.psf)
    against = replace(recipes[0].against, centroids=tuple(centroids), psf=tuple(psfs))
    return tuple(typed), replace(recipes[0], headerlets=tuple(headerlets), against=against)


def _sorted_out(typed: Iterable[str]) -> tuple[list[str], list[str]]:
    """Files and observation ids."""
    files = [name for name in typed if os.path.exists(name)]
    ids = [name for name in typed if not os.path.exists(name)]
    for name in ids:
        if not name.isalnum():
            raise FileAccessError("No such file or directory", file=name)
    return files, ids


def _usual_root(visits: Iterable[str]) -> Path:
    names = tuple(visits)
    return Path(f"{names[0] if len(names) == 1 else _OF_SEVERAL}_trueup")


def _members(files: Sequence[str], against: Against | None = None) -> dict[str, Given]:
    """The files of each visit; a damaged one belongs where its name says."""
    if not files:
        return {}
    visit = open_visit(files, strict=False)
    if against is not None:
        require_owners(visit.exposures, against)
    unused = len(visit.offered)
    notes = (f"{unused} headerlet files lie there unused: name them with --hlet",) if unused else ()
    paths = {name: [e.path for e in exposures] for name, exposures in visit.by_visit().items()}
    damaged: dict[str, list[str]] = {}
    for out in visit.left_out:
        if out.is_error:
            name = os.path.basename(out.path)[:_VISIT_LETTERS].lower()
            owner = (
                name
                if name in paths or _ROOTNAME.match(os.path.basename(out.path))
                else next(iter(paths), "")
            )
            damaged.setdefault(owner, []).append(f"{out.path} is left out: {out.why}")
    names = sorted({*paths, *damaged})
    if not names:
        raise DataError("there is no exposure among the files given", todo="give FLT, FLC or C0M files")
    return {name: Given(tuple(paths.get(name, ())), tuple(damaged.get(name, ())), notes) for name in names}


def _where_kept(ids: list[str], root: Path, task: _Task) -> _Task:
    """Offline, what an earlier run here fetched is the archive, if all it worked on is there."""
    if not task.config.http.offline:
        return task
    places = runs_in(root) if (root / BATCH).is_file() else [root]
    earlier = [read_manifest(place) for place in places if (place / MANIFEST).is_file()]
    typed = {name.lower() for one in earlier for name in one["typed"]}
    inputs = [entry["path"] for one in earlier for entry in one["inputs"]]
    if not typed.issuperset(name.lower() for name in ids) or not all(map(os.path.exists, inputs)):
        return task
    return replace(task, recipe=replace(task.recipe, source=str(root / ARCHIVE)))


def _fetched(ids: list[str], place: Path, task: _Task) -> list[str]:
    """Exposures, associations and headerlets of some observations."""
    if "fetch" in task.recipe.skip:
        return [str(path) for path in sorted(place.glob("*.fits"))]
    found = find(ids, source=task.recipe.source, kinds=_KINDS, config=task.config)
    # of an exposure that was corrected for charge transfer, the other version is never used
    better = {p.filename.replace("_flc.", "_flt.") for p in found.products if p.kind == "FLC"}
    wanted = (product for product in found.products if product.filename not in better)
    found = replace(found, products=tuple(wanted))
    place.mkdir(parents=True, exist_ok=True)
    manifest = found.deliver(place)
    for problem in manifest.problems:
        task.say(problem)
    if manifest.failed:
        names = ", ".join(row.product.filename for row in manifest.failed)
        raise NetworkError(f"{names} could not be fetched", todo="run it again: what is here is kept")
    task.say(f"        fetch: {len(manifest.rows)} files from {manifest.source}")
    return [str(place / row.product.filename) for row in manifest.rows]


def _run_all(root: Path, visits: Mapping[str, Given], task: _Task) -> tuple[Run, ...]:
    """One visit in the folder itself, several in folders in it."""
    if len(visits) == 1 and not (root / BATCH).is_file():
        return tuple(_run_one(root, given, task) for given in visits.values())
    if (root / MANIFEST).is_file():
        found = "holds the run of one visit, and here are several"
        raise UsageError(found, file=root, todo="give another folder with -o")
    done = []
    for name, given in visits.items():
        try:
            with claimed(root / name):
                done.append(_run_one(root / name, given, task))
        except TrueupError as error:
            task.say(str(error))
            done.append(Run(root / name, _failed(root / name, task, error)))
    write_batch(root)
    return tuple(done)


def _run_one(place: Path, given: Given, task: _Task) -> Run:
    task.say(f"{len(given.paths)} exposures, in {place}:")
    folder = open_folder(place, task.say, redo=task.redo)
    return run_visit(folder, replace(given, typed=task.typed), task.recipe, config=task.config)


def _failed(place: Path, task: _Task, error: TrueupError) -> dict[str, Any]:
    """The manifest of a visit that could not be done, kept where that can be written."""
    words = {
        "visit": place.name,
        "typed": list(task.typed),
        "recipe": task.recipe.as_dict(),
        "findings": [str(error)],
        "exit_code": error.exit_code,
    }
    try:
        with claimed(place):
            folder = open_folder(place, task.say)
            folder.begin(folder.manifest | words)
            return folder.manifest
    except TrueupError:
        return words


def write_batch(root: Path) -> None:
    """Write a line per visit, in the order of their names, and the index page.

    Parameters
    ----------
    root : Path
        Folder of several runs.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_batch(Path(folder))
    """
    told = ("visit", "choice", "offsets", "report", "findings", "exit_code")
    lines = []
    for place in runs_in(root):
        manifest = read_manifest(place)
        values = {name: manifest.get(name) for name in told}
        lines.append(json.dumps({"schema": "trueup.run/1", "folder": place.name, **values}))
    write_text(root / BATCH, "".join(f"{line}\n" for line in lines))
    index(root, root / INDEX)
