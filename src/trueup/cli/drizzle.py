"""``trueup drizzle``."""

from __future__ import annotations

import sys
from typing import Annotated

from cyclopts import Parameter

from trueup.cli.output import note
from trueup.drizzle.params import DrizzleParams
from trueup.errors import EXIT_FINE, DataError

_DEFAULTS = DrizzleParams()


def drizzle(
    *files: str,
    solution: str | None = None,
    output: Annotated[str | None, Parameter(("--output", "-o"))] = None,
    overwrite: bool = False,
    params: Annotated[DrizzleParams, Parameter("*", negative_iterable=())] = _DEFAULTS,
) -> int:
    """Drizzle exposures, one product per association or filter, on one common grid.

    Parameters
    ----------
    files
        Exposures, headerlet files, associations or folders.
    solution
        Solution for all: a name, glob, #3 or family; by default the one in force.
    output
        File of a single product, or folder; by default NAME_trueup_drc.fits here.
    overwrite
        Replace files that trueup did not write.
    """
    from trueup.workflow.drizzle import drizzle_files

    run = drizzle_files(files or (".",), solution=solution, params=params, output=output, overwrite=overwrite)
    for line in (*(f"{out.path}: left out: {out.why}" for out in run.left_out), *run.warnings):
        note(line)
    for p in run.products:
        sys.stdout.write(f"{p.path}  {p.filter}  {p.exposures} exposures, {p.chips} chips  {p.wcsname}\n")
    return DataError.exit_code if any(out.is_error for out in run.left_out) else EXIT_FINE
