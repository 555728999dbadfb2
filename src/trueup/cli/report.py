"""``trueup report``."""

from __future__ import annotations

import sys
from typing import Annotated

from cyclopts import Parameter

_Flag = Annotated[bool, Parameter(negative=())]


def report(
    folder: str,
    *,
    output: Annotated[str | None, Parameter(("--output", "-o"))] = None,
    full: _Flag = False,
    private: _Flag = False,
) -> None:
    """Write the page of a run again, or the index of a folder of runs.

    Example: trueup report aligned --private -o for-everybody.html

    Parameters
    ----------
    folder
        Of an earlier run, or of several.
    output
        The HTML file, by default report.html or index.html in the folder.
    full
        Embed the products at full resolution.
    private
        Leave target, coordinates and pixels out.
    """
    from trueup.workflow.run.pages import report_again

    page = report_again(folder, output=output, full=full, private=private)
    sys.stdout.write(f"{page}\n")
