"""``trueup undo``."""

from __future__ import annotations

import sys
from typing import Annotated

from cyclopts import Parameter

from trueup.cli.output import Format, Some, emit
from trueup.errors import EXIT_FINE


def undo(
    *files: Some,
    list_: Annotated[bool, Parameter("--list", negative=())] = False,
    follow_links: bool = False,
    style: Annotated[Format, Parameter("--format")] = "text",
) -> int:
    """Restore the bytes from before the last edit, of all files or none; again for one step more.

    Example: trueup undo VISIT --list

    Example: trueup undo VISIT

    Parameters
    ----------
    files
        Exposures, or folders: all in them that trueup has changed.
    list_
        List the steps that can be taken back; change nothing.
    follow_links
        Edit targets of symbolic links, and files with several hard links.
    style
        text, json, jsonl or ecsv.
    """
    from trueup.edit.undo import recorded
    from trueup.edit.undo import undo as take_back

    steps = recorded(files) if list_ else take_back(files, follow_links=follow_links)
    if style != "text":
        emit("undo", {"items": [step.as_dict() for step in steps]}, style=style)
    for step in steps if style == "text" else ():
        sys.stdout.write(f"{step.file}: {'' if list_ else 'took back '}{step}\n")
    return EXIT_FINE
