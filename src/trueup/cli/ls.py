"""``trueup ls``."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from trueup.cli.output import Format, console, emit
from trueup.errors import EXIT_FINDING, EXIT_FINE, DataError


def ls(
    *files: str,
    check: bool = False,
    style: Annotated[Format, Parameter("--format")] = "text",
) -> int:
    """List every WCS solution, where it is stored, whether it is sound and which one is active.

    Parameters
    ----------
    files
        Exposures, headerlet files, associations, drizzled products or folders.
    check
        Exit with 1 where exposures disagree or an active solution is unsound.
    style
        text, json, jsonl or ecsv.
    """
    from trueup.report.listing import print_listing
    from trueup.workflow.listing import list_solutions

    values = list_solutions(files or (".",))
    if style == "text":
        print_listing(values, console())
    else:
        emit("ls", values, style=style)
    if any(out["error"] for out in values["left_out"]):
        return DataError.exit_code
    return EXIT_FINDING if check and values["findings"] else EXIT_FINE
