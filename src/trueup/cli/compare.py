"""``trueup compare``."""

from __future__ import annotations

import sys
from typing import Annotated

from cyclopts import Parameter

from trueup.cli.output import Format, emit


def compare(
    a: str,
    b: str,
    /,
    *,
    center: Annotated[tuple[float, float] | None, Parameter(negative=())] = None,
    half: int = 50,
    stretch: float = 1.0,
    output: Annotated[str, Parameter(("--output", "-o"))] = "compare",
    style: Annotated[Format, Parameter("--format")] = "text",
) -> None:
    """Show the same sky in two drizzled products and measure the offset of the second from the first.

    Example: trueup compare f336w_drc.fits f275w_drc.fits -o shift

    Parameters
    ----------
    a
        A drizzled product, of trueup or of the archive.
    b
        Another, on any grid.
    center
        Right ascension and declination of the picture, degrees; else a bright source seen in both.
    half
        Half the side of the picture, pixels.
    stretch
        Multiply the upper limit of the colour scale.
    output
        Name of the pictures, without .png and .pdf.
    style
        text, json, jsonl or ecsv.
    """
    from trueup.report.offset import describe
    from trueup.workflow.compare import compare

    found = compare(a, b, center=center, half=half, stretch=stretch, output=output)
    if style == "text":
        lines = (describe(found.fit, found.view.labels), *found.figures)
        sys.stdout.write("\n".join(lines) + "\n")
    else:
        emit("compare", found.as_dict(), style=style, items=None)
