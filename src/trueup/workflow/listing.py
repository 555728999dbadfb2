"""List the solutions of a visit, and the edits in its folders that did not finish."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from trueup.config import Config, read_config
from trueup.edit.journal import pending
from trueup.fits.visit import open_visit
from trueup.fits.walk import ByteSource
from trueup.model.visit import LeftOut, Visit
from trueup.report.listing import listing


def list_solutions(
    paths: Sequence[str], *, obs_ids: Sequence[str] = (), config: Config | None = None
) -> dict[str, Any]:
    """List every solution of the named files, folders, associations and remote files.

    Parameters
    ----------
    paths : sequence of str
        Also URLs (``https://``, ``s3://``), of which only headers, tables and headerlets are read.
    obs_ids : sequence of str
        Associations, rootnames or visits of MAST, read in the same way.
    config : Config, optional
        How services are reached; by default the settings that hold.

    Returns
    -------
    dict
        See :func:`trueup.report.listing.listing`.

    Examples
    --------
    >>> list_solutions([])["items"]
    []
    """
    local = [path for path in paths if "://" not in path]
    urls = [path for path in paths if "://" in path]
    sources, unread = _remote(urls, obs_ids, config) if urls or obs_ids else ([], [])
    visit = open_visit([*local, *sources], strict=False)
    visit = replace(visit, left_out=(*visit.left_out, *unread))
    here = [e.path for e in visit.exposures if e.path not in {source.name for source in sources}]
    folders = {Path(path).parent for path in (*local, *here)}
    steps = {step.id: step for folder in sorted(folders) for step in pending(folder)}
    interrupted = [
        f"'{step.what}' of {', '.join(file.name for file in step.files)} was interrupted: "
        "the next apply or undo there finishes it"
        for step in steps.values()
    ]
    values = listing(visit, interrupted)
    return values | {"next": _fetch_command(visit)} if sources else values


def _remote(
    urls: Sequence[str], obs_ids: Sequence[str], config: Config | None
) -> tuple[Sequence[ByteSource], Sequence[LeftOut]]:
    # local files need nothing of the archive
    from trueup.workflow.remote import open_sources

    return open_sources(urls, obs_ids, config or read_config())


def _fetch_command(visit: Visit) -> str | None:
    names = dict.fromkeys(exposure.association for exposure in visit.exposures)
    return f"trueup fetch {' '.join(names)}" if names else None
