"""List the solutions of a visit, and the edits in its folders that did not finish."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trueup.edit.journal import pending
from trueup.fits.visit import open_visit
from trueup.report.listing import listing


def list_solutions(paths: Sequence[str]) -> dict[str, Any]:
    """List every solution of the named files, folders and associations.

    Parameters
    ----------
    paths : sequence of str

    Returns
    -------
    dict
        See :func:`trueup.report.listing.listing`.

    Examples
    --------
    >>> list_solutions([])["items"]
    []
    """
    visit = open_visit(paths, strict=False)
    folders = {Path(path).parent for path in paths} | {Path(e.path).parent for e in visit.exposures}
    steps = {step.id: step for folder in sorted(folders) for step in pending(folder)}
    interrupted = [
        f"'{step.what}' of {', '.join(file.name for file in step.files)} was interrupted: "
        "the next apply or undo there finishes it"
        for step in steps.values()
    ]
    return listing(visit, interrupted)
