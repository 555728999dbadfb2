"""``trueup apply``."""

from __future__ import annotations

import sys
from typing import Annotated

from cyclopts import Parameter

from trueup.cli.output import Format, emit, note
from trueup.errors import EXIT_FINE

Many = Parameter(consume_multiple=True, negative=())


def apply(
    *files: str,
    solution: str | None = None,
    hlet: Annotated[tuple[str, ...], Many] = (),
    dry_run: bool = False,
    out: str | None = None,
    archive: bool = True,
    allow: str = "",
    follow_links: bool = False,
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
    out
        Write changed copies into this folder and leave the files alone.
    archive
        Keep the replaced solution as a HDRLET.
    allow
        What is refused otherwise: unsound, distortion, or both with a comma.
    follow_links
        Edit targets of symbolic links, and files with several hard links.
    style
        text, json, jsonl or ecsv.
    """
    from trueup.edit.apply import apply as apply_solution

    allowed = [word.strip() for word in allow.split(",") if word.strip()]
    plan = apply_solution(
        files, solution, headerlets=hlet, dry_run=dry_run,
        allow=allowed, archive=archive, out=out, follow_links=follow_links,
    )  # fmt: skip
    for text in plan.warnings:
        note(f"warning: {text}")
    if style == "text":
        sys.stdout.write(f"{plan if dry_run else plan.summary}\n")
    else:
        emit("apply", {"files": [file.as_dict() for file in plan.files]}, style=style, items="files")
    return EXIT_FINE
