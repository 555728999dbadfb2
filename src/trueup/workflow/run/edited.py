"""The edit of the exposures that an earlier run in the same folder made."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trueup.edit.record import steps
from trueup.workflow.run.job import Job


def own_edits(job: Job, earlier: Mapping[str, Any]) -> tuple[str, ...]:
    """The exposures that are what the last edit made of the inputs of an earlier run.

    Parameters
    ----------
    job : Job
    earlier : mapping
        The manifest of that run.

    Returns
    -------
    tuple of str
        Paths; blank where another program has changed them since, or nobody.

    Examples
    --------
    >>> from trueup.config import Config
    >>> from trueup.model.visit import Visit
    >>> from trueup.workflow.run.folder import RunFolder
    >>> from trueup.workflow.run.recipe import RunRecipe
    >>> own_edits(Job(RunFolder(Path("run")), Visit(()), RunRecipe(), Config(), {}), {})
    ()
    """
    known = {one["path"]: one["sha256"] for one in earlier.get("inputs", ())}
    found = []
    for path in job.files:
        last = next(iter(steps(Path(path).resolve())), None)
        if last is not None and (last.before, last.after) == (known.get(path), job.sha256[path]):
            found.append(path)
    return tuple(found)
