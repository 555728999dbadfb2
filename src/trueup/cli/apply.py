"""``trueup apply``."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from typing import Annotated

from cyclopts import Parameter

from trueup.cli.output import Format, emit, note
from trueup.errors import EXIT_FINDING, EXIT_FINE, DataError
from trueup.workflow.against import Against

Many = Parameter(consume_multiple=True, negative=())


@dataclass(frozen=True, slots=True)
class Place:
    """Where an edit goes, if anywhere, and what of the old solution stays.

    Parameters
    ----------
    dry_run
        Print what would change; write nothing.
    out
        Write changed copies into this folder and leave the files alone.
    archive
        Keep the replaced solution as a HDRLET.
    follow_links
        Edit targets of symbolic links, and files with several hard links.
    """

    dry_run: bool = False
    out: str | None = None
    archive: bool = True
    follow_links: bool = False


_IN_PLACE = Place()
_NOTHING = Against()


def apply(
    *files: str,
    solution: str | None = None,
    hlet: Annotated[tuple[str, ...], Many] = (),
    choice: str | None = None,
    allow: str = "",
    against: Annotated[Against, Parameter("*", negative_iterable=(), consume_multiple=True)] = _NOTHING,
    place: Annotated[Place, Parameter("*")] = _IN_PLACE,
    style: Annotated[Format, Parameter("--format")] = "text",
) -> int:
    """Put one solution in force in all files, or in none; `trueup undo` takes it back.

    Example: trueup apply VISIT --hlet VISIT/*_hlet.fits --dry-run

    Example: trueup apply VISIT --hlet VISIT/*_hlet.fits --solution best

    Example: trueup apply --choice choice.json --out CORRECTED

    Parameters
    ----------
    files
        Exposures, associations or folders; with --choice those of the choice by default.
    solution
        A WCSNAME, HDRNAME or glob, #3, a family: distortion-only, apriori, rel, img, svm; or best: measure,
        choose and apply.
    hlet
        Headerlet files, or a bundle of them; without --solution each exposure gets its headerlet.
    choice
        A file that `trueup choose -o` wrote: each exposure gets what was chosen for it.
    allow
        What is refused otherwise: unsound, distortion, or both with a comma.
    style
        text, json, jsonl or ecsv.
    """
    from trueup.workflow.apply import apply as apply_files

    allowed = [word.strip() for word in allow.split(",") if word.strip()]
    done = apply_files(
        files, solution, headerlets=hlet, choice=choice, against=against, allow=allowed, **asdict(place)
    )
    for text in done.plan.warnings:
        note(f"warning: {text}")
    if style == "text":
        sys.stdout.write(f"{done.text(details=place.dry_run)}\n")
    else:
        emit("apply", done.as_dict(), style=style, items="files")
    if any(out.is_error for out in done.plan.left_out):
        return DataError.exit_code
    return EXIT_FINDING if done.failed else EXIT_FINE
