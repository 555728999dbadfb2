"""``trueup drizzle``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from trueup.cli.drizzle_options import DrizzleOptions, typed
from trueup.cli.network import HERE, Network
from trueup.cli.output import note
from trueup.cli.progress import progress
from trueup.errors import EXIT_FINE, DataError

if TYPE_CHECKING:
    from trueup.workflow.drizzle import DrizzleRun

_NONE_TYPED = DrizzleOptions()


def drizzle(
    *files: str,
    solution: str | None = None,
    output: Annotated[str | None, Parameter(("--output", "-o"))] = None,
    overwrite: bool = False,
    params: str | None = None,
    mdriztab: str | None = None,
    options: Annotated[DrizzleOptions, Parameter("*", negative_iterable=())] = _NONE_TYPED,
    network: Annotated[Network, Parameter("*")] = HERE,
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
    params
        Settings as JSON text, a file of it, or a product of trueup; options typed beside it count more.
    mdriztab
        MDRIZTAB reference table, for settings that neither options nor --params give; by default the
        one that the first exposure names, from the cache of CRDS or from CRDS itself.
    """
    from trueup.workflow.drizzle import drizzle_files
    from trueup.workflow.drizzle_settings import layered
    from trueup.workflow.references import NamedTables

    tables = NamedTables(network.config)
    threads = tables.config.run.threads
    settings = layered(
        typed(options), stored=params, mdriztab=mdriztab, row_for=tables.settings, threads=threads
    )
    with progress() as tell:
        run = drizzle_files(
            files or (".",), solution=solution, params=settings, output=output, overwrite=overwrite, tell=tell
        )
    _print(run, tables.notes)
    return DataError.exit_code if any(out.is_error for out in run.left_out) else EXIT_FINE


def _print(run: DrizzleRun, notes: Sequence[str]) -> None:
    left_out = (f"{out.path}: left out: {out.why}" for out in run.left_out)
    for line in (*left_out, *notes, *run.warnings):
        note(line)
    for p in run.products:
        sys.stdout.write(f"{p.path}  {p.filter}  {p.exposures} exposures, {p.chips} chips  {p.wcsname}\n")
