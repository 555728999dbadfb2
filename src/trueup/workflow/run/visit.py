"""All stages of one visit."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trueup import __version__
from trueup.config import Config
from trueup.edit.commit import finish_interrupted
from trueup.edit.undo import undo
from trueup.errors import EXIT_FINDING, EXIT_FINE, DataError
from trueup.workflow.run import stages
from trueup.workflow.run.edited import own_edits
from trueup.workflow.run.folder import RunFolder
from trueup.workflow.run.job import Job, prepare
from trueup.workflow.run.pages import REPORT, report_stage
from trueup.workflow.run.recipe import RunRecipe
from trueup.workflow.run.story import findings


@dataclass(frozen=True, slots=True)
class Given:
    """What there is of a visit.

    Parameters
    ----------
    paths : tuple of str
        Its exposures.
    damaged : tuple of str
        A sentence about each file that should have been one.
    notes : tuple of str
        What else a reader must know of the files.
    typed : tuple of str
        What was asked for, kept for repeating it.

    Examples
    --------
    >>> Given(("iepw14g4q_flc.fits",)).damaged
    ()
    """

    paths: tuple[str, ...]
    damaged: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    typed: tuple[str, ...] = ()


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


def run_visit(folder: RunFolder, given: Given, recipe: RunRecipe, *, config: Config) -> Run:
    """Do all stages of one visit that are not done yet.

    Parameters
    ----------
    folder : RunFolder
        Of which this process has the claim.
    given : Given
    recipe : RunRecipe
    config : Config

    Returns
    -------
    Run

    Raises
    ------
    DataError, NetworkError, FileAccessError, UsageError
        What is done already is kept.

    Examples
    --------
    >>> run_visit(RunFolder(Path("nowhere")), Given(()), RunRecipe(), config=Config())
    Traceback (most recent call last):
    trueup.errors.DataError: there is no exposure among the files given; give FLT, FLC or C0M files
    """
    if given.damaged and not given.paths:
        raise DataError("no exposure of the visit can be read", todo="; ".join(given.damaged))
    earlier = folder.manifest
    if recipe.in_place:
        finish_interrupted({Path(path).resolve().parent for path in given.paths})
    job = prepare(folder, given.paths, recipe, config=config)
    if recipe.in_place and (own := own_edits(job, earlier)):
        if _is_done(job, earlier):
            folder.repeat()
            return Run(folder.path, folder.manifest)
        # the run is of the exposures as they were, and makes the same edit again if it still holds
        undo(own)
        job = prepare(folder, given.paths, recipe, config=config)
    folder.begin(
        {**_first_words(job), "typed": list(given.typed), "left_out": [*given.damaged, *given.notes]}
    )
    for name, stage in _STAGES.items():
        if name in recipe.skip or (name == "apply" and not (recipe.write_exposures or recipe.in_place)):
            folder.skip(name)
        else:
            stage(job)
    code = DataError.exit_code if given.damaged else EXIT_FINE
    folder.update(_last_words(job))
    folder.update({"exit_code": code or _exit_code(job)})
    return Run(folder.path, folder.manifest)


def _exit_code(job: Job) -> int:
    return EXIT_FINDING if job.choice()["verdict"] == "derive" else EXIT_FINE


def _is_done(job: Job, earlier: dict[str, Any]) -> bool:
    """Whether the same was done to the end, of which an edit of the exposures was the last part."""
    others = {path: digest for path, digest in job.sha256.items() if path not in job.files}
    before = {one["path"]: one["sha256"] for one in earlier["inputs"]}
    words = _first_words(job)
    return (
        not job.folder.redo
        and "exit_code" in earlier
        and (earlier["version"], earlier["recipe"]) == (__version__, words["recipe"])
        and before.keys() == job.sha256.keys()
        and all(before[path] == digest for path, digest in others.items())
        and job.folder.is_whole
    )


def _first_words(job: Job) -> dict[str, Any]:
    """What the manifest says before anything is done."""
    inputs = [
        {"path": path, "sha256": digest, "bytes": os.path.getsize(path)}
        for path, digest in job.sha256.items()
    ]
    return {
        "visit": job.visit.exposures[0].visit,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "recipe": json.loads(json.dumps(job.recipe.as_dict())),
        "inputs": inputs,
    }


def _last_words(job: Job) -> dict[str, Any]:
    """What the manifest says when all is done."""
    folder, choice = job.folder, job.choice()
    offsets = folder.values_of("compare", stages.OFFSETS) or {"offsets": []}
    drizzled = folder.values_of("drizzle", stages.DRIZZLE) or {"products": []}
    record = folder.record("drizzle")
    digests = {one["path"]: one["sha256"] for one in record["outputs"]} if record else {}
    told = ("path", "filter", "wcsname", "when")
    return {
        "choice": {name: choice[name] for name in ("verdict", "common", "reason", "exposures")},
        "offsets": offsets["offsets"],
        "products": [
            {name: one[name] for name in told} | {"sha256": digests[one["path"]]}
            for one in drizzled["products"]
        ],
        "report": REPORT if folder.outputs("report") else None,
        "findings": list(findings(folder)),
    }


def _tell(job: Job) -> None:
    report_stage(job.folder, full=job.recipe.full, private=job.recipe.private)


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
