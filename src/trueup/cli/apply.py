"""``trueup apply``."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from typing import Annotated

from cyclopts import Parameter

from trueup.cli.output import Format, Some, emit, note
from trueup.errors import EXIT_FINE, DataError

Many = Parameter(consume_multiple=True, negative=())


@dataclass(frozen=True, slots=True)
class Place:
    """Where an edit goes, and what of the old solution stays.

    Parameters
    ----------
    out
        Write changed copies into this folder and leave the files alone.
    archive
        Keep the replaced solution as a HDRLET.
    follow_links
        Edit targets of symbolic links, and files with several hard links.
    """

    out: str | None = None
    archive: bool = True
    follow_links: bool = False


_IN_PLACE = Place()


def apply(
    *files: Some,
    solution: str | None = None,
    hlet: Annotated[tuple[str, ...], Many] = (),
    dry_run: bool = False,
    allow: str = "",
    place: Annotated[Place, Parameter("*")] = _IN_PLACE,
    style: Annotated[Format, Parameter("--format")] = "text",
) -> int:
    """Put one solution in force in all files, or in none; `trueup undo` takes it back.

    Parameters
    ----------
    files
        Exposures, associations or folders.
    solution
        A WCSNAME, HDRNAME or glob, #3, or a family: distortion-only, apriori, rel, img, svm.
    hlet
        Headerlet files, or a bundle of them; without --solution each exposure gets its headerlet.
    dry_run
        Print what would change; write nothing.
    allow
        What is refused otherwise: unsound, distortion, or both with a comma.
    style
        text, json, jsonl or ecsv.
    """
    from trueup.edit.apply import apply as apply_solution

    allowed = [word.strip() for word in allow.split(",") if word.strip()]
    plan = apply_solution(files, solution, headerlets=hlet, dry_run=dry_run, allow=allowed, **asdict(place))
    for text in plan.warnings:
        note(f"warning: {text}")
    if style == "text":
        sys.stdout.write(f"{plan if dry_run else plan.summary}\n")
    else:
        emit("apply", {"files": [file.as_dict() for file in plan.files]}, style=style, items="files")
    return DataError.exit_code if any(out.is_error for out in plan.left_out) else EXIT_FINE
