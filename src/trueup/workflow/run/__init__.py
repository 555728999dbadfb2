"""The whole job: from observation ids or files to aligned products and a page that says what was done."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from trueup import __version__
from trueup.config import Config, read_config
from trueup.errors import EXIT_FINDING, EXIT_FINE, DataError, NetworkError, TrueupError
from trueup.fits.visit import open_visit
from trueup.workflow.fetch import find
from trueup.workflow.run import stages
from trueup.workflow.run.folder import RunFolder, key_of, read_manifest, run_folder
from trueup.workflow.run.job import CHOICE, Job, prepare
from trueup.workflow.run.recipe import RunRecipe, recipe_of
from trueup.workflow.run.story import findings, report

Say = Callable[[str], None]
PathLike = str | os.PathLike[str]

_KINDS = ("FLC", "FLT", "ASN", "HLET")


@dataclass(frozen=True, slots=True)
class Run:
    """What became of one visit.

    Parameters
    ----------
    folder : Path
    manifest : dict
        As in the JSON contract.

    Examples
    --------
    >>> Run(Path("iepw14_trueup"), {"exit_code": 0}).exit_code
    0
    """

    folder: Path
    manifest: dict[str, Any]

    @property
    def exit_code(self) -> int:
        """0 fine, 1 nothing at hand is good enough, 3 bad data, 4 network."""
        code: int = self.manifest["exit_code"]
        return code


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
        Folder of the run; of several visits, each gets a folder in it, beside an index. By default named
        after the visit, here.
    recipe : RunRecipe, optional
    config : Config, optional
        Instead of the settings that hold.
    say : callable
        Told each stage in a line.
    redo : bool
        Do every stage again.

    Returns
    -------
    tuple of Run
        One per visit. A visit that failed has its error among the findings of its manifest.

    Raises
    ------
    DataError
        Where there is no exposure among the files.
    NetworkError
        Where observations cannot be fetched.
    FileAccessError, UsageError
        Where the folder cannot be written, or holds something else.

    Examples
    --------
    >>> import tempfile
    >>> from trueup.simulate import Recipe, make_visit
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     truth = make_visit(f"{folder}/visit", recipe=Recipe(size=(400, 300), stars=150, galaxies=0))
    ...     done = run(truth.files, out=f"{folder}/run", recipe=RunRecipe(skip=("drizzle", "compare")))
    ...     (done[0].folder / "report.html").is_file(), done[0].manifest["choice"]["verdict"]
    (True, 'derive')
    """
    typed = [os.fspath(target) for target in targets]
    root = Path(out) if out is not None else None
    if not typed and root is not None:
        earlier = read_manifest(root)
        typed, recipe = earlier["typed"], recipe or recipe_of(earlier["recipe"])
    recipe, config = recipe or RunRecipe(), config or read_config()
    files = [name for name in typed if os.path.exists(name)]
    ids = [name for name in typed if not os.path.exists(name)]
    if ids:
        root = root or Path(f"{ids[0].lower()}_trueup")
        fetched = _fetched(ids, root / "archive", recipe, config, say)
        files += [path for path in fetched if not path.endswith("_hlet.fits")]
        hlets = (path for path in fetched if path.endswith("_hlet.fits"))
        recipe = replace(recipe, headerlets=(*recipe.headerlets, *hlets))
    visits = open_visit(files, strict=False).by_visit() if files else {}
    if not visits:
        raise DataError("there is no exposure among the files given", todo="give FLT, FLC or C0M files")
    done = []
    for name, exposures in visits.items():
        place = _place(root, name, alone=len(visits) == 1)
        with run_folder(place, say) as folder:
            folder.redo = redo
            folder.update({"visit": name, "typed": typed})
            paths = [exposure.path for exposure in exposures]
            done.append(_run_visit(folder, paths, recipe, config, survive=len(visits) > 1))
    if len(visits) > 1 and root is not None:
        _write_batch(root, done)
    return tuple(done)


def _fetched(ids: list[str], place: Path, recipe: RunRecipe, config: Config, say: Say) -> list[str]:
    """Exposures, associations and headerlets of some observations."""
    if "fetch" in recipe.skip:
        return [str(path) for path in sorted(place.glob("*.fits"))]
    found = find(ids, source=recipe.source, kinds=_KINDS, config=config)
    if not found.products:
        raise DataError(f"the archive has nothing for {', '.join(ids)}", todo="check the observation ids")
    place.mkdir(parents=True, exist_ok=True)
    manifest = found.deliver(place)
    for problem in manifest.problems:
        say(problem)
    if manifest.failed:
        names = ", ".join(row.product.filename for row in manifest.failed)
        raise NetworkError(f"{names} could not be fetched", todo="run it again: what is here is kept")
    say(f"        fetch: {len(manifest.rows)} files from {manifest.source}")
    return [str(place / row.product.filename) for row in manifest.rows]


def _place(root: Path | None, visit: str, *, alone: bool) -> Path:
    if root is None:
        return Path(f"{visit}_trueup")
    return root if alone else root / visit


def _run_visit(
    folder: RunFolder, paths: Sequence[str], recipe: RunRecipe, config: Config, *, survive: bool
) -> Run:
    """All stages of one visit; of several visits, one that fails does not stop the others."""
    try:
        job = prepare(folder, paths, recipe, config)
        _describe(job)
        for name, stage in _STAGES.items():
            if name in job.recipe.skip or (name == "apply" and not _edits(job.recipe)):
                folder.skip(name)
            else:
                stage(job)
        code = EXIT_FINDING if folder.values(CHOICE)["verdict"] == "derive" else EXIT_FINE
        damaged = any(out.is_error for out in job.visit.left_out)
        folder.update({**_summary(folder), "exit_code": DataError.exit_code if damaged else code})
    except TrueupError as error:
        folder.update({"findings": [str(error)], "exit_code": error.exit_code})
        if not survive:
            raise
        folder.say(str(error))
    return Run(folder.path, folder.manifest)


def _edits(recipe: RunRecipe) -> bool:
    return recipe.write_exposures or recipe.in_place


def _describe(job: Job) -> None:
    """What the manifest says before anything is done."""
    inputs = [
        {"path": path, "sha256": digest, "bytes": os.path.getsize(path)}
        for path, digest in job.sha256.items()
    ]
    left_out = [f"{out.path} is left out: {out.why}" for out in job.visit.left_out]
    job.folder.update(
        {
            "version": __version__,
            "python": platform.python_version(),
            "platform": platform.platform(),
            "recipe": job.recipe.as_dict(),
            "inputs": inputs,
            "left_out": left_out,
        }
    )


def _summary(folder: RunFolder) -> dict[str, Any]:
    """What the manifest says when all is done."""
    choice = folder.values(CHOICE)
    offsets = folder.values(stages.OFFSETS)["offsets"] if folder.outputs("compare") else []
    products = folder.values(stages.DRIZZLE)["products"] if folder.outputs("drizzle") else []
    record = folder.record("drizzle")
    digests = {one["path"]: one["sha256"] for one in record["outputs"]} if record else {}
    return {
        "choice": {name: choice[name] for name in ("verdict", "common", "reason", "exposures")},
        "offsets": offsets,
        "products": [
            {name: one[name] for name in ("path", "filter", "wcsname", "when")}
            | {"sha256": digests[one["path"]]}
            for one in products
        ],
        "report": "report.html" if folder.outputs("report") else None,
        "findings": list(findings(folder)),
    }


def _tell(job: Job) -> None:
    """The page."""
    full, private = job.recipe.full, job.recipe.private
    made = [one for record in job.folder.stages if record["name"] != "report" for one in record["outputs"]]
    decided = sorted((one["path"], one["sha256"]) for one in made)

    def make(draft: Path) -> None:
        report(job.folder, draft, full=full, private=private)

    job.folder.stage("report", key_of("report", decided, full, private, job.recipe.as_dict()), make)


def _write_batch(root: Path, done: Sequence[Run]) -> None:
    """One line per visit, in the order of their names."""
    lines = [
        json.dumps(
            {"schema": "trueup.run/1", "visit": run.manifest["visit"], "folder": run.folder.name}
            | {name: run.manifest.get(name) for name in ("choice", "offsets", "findings", "exit_code")}
        )
        for run in done
    ]
    draft = root / ".batch.jsonl.part"
    draft.write_text("\n".join(lines) + "\n", encoding="utf-8")
    draft.replace(root / "batch.jsonl")


_STAGES = {
    "list": stages.list_solutions,
    "measure": stages.measure,
    "fit": stages.derive,
    "choose": stages.choose,
    "headerlets": stages.keep_headerlets,
    "drizzle": stages.drizzle,
    "compare": stages.compare,
    "apply": stages.put_in_force,
    "report": _tell,
}
