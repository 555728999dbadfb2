"""``trueup drizzle``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from trueup.cli.drizzle_options import DrizzleOptions, typed
from trueup.cli.network import HERE, Network
from trueup.cli.output import Format, emit, note
from trueup.cli.progress import progress
from trueup.errors import EXIT_FINE, DataError

if TYPE_CHECKING:
    from trueup.workflow.drizzle import DrizzleRun
    from trueup.workflow.drizzle_settings import ParamsFor
    from trueup.workflow.references import NamedTables


@dataclass(frozen=True, slots=True)
class Stored:
    """Settings that are not typed.

    Parameters
    ----------
    params
        Settings as JSON text, a file of it, or a product of trueup; options typed beside it count more.
    mdriztab
        MDRIZTAB reference table, for settings that neither options nor --params give; by default the
        one that the first exposure names, from the cache of CRDS or from CRDS itself.
    """

    params: str | None = None
    mdriztab: str | None = None


_USUAL = Stored()
_NONE_TYPED = DrizzleOptions()


def drizzle(
    *files: str,
    solution: str | None = None,
    output: Annotated[str | None, Parameter(("--output", "-o"))] = None,
    overwrite: bool = False,
    stored: Annotated[Stored, Parameter("*")] = _USUAL,
    options: Annotated[DrizzleOptions, Parameter("*", negative_iterable=())] = _NONE_TYPED,
    network: Annotated[Network, Parameter("*")] = HERE,
    style: Annotated[Format, Parameter("--format")] = "text",
) -> int:
    """Drizzle exposures, one product per association or filter, on one common grid.

    Example: trueup drizzle VISIT VISIT/*_hlet.fits --solution svm -o PRODUCTS

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
    style
        text, json, jsonl or ecsv.
    """
    from trueup.workflow.drizzle import drizzle_files
    from trueup.workflow.references import NamedTables

    tables = NamedTables(network.config)
    params = _settings(options, stored, tables)
    with progress() as tell:
        run = drizzle_files(
            files or (".",), solution=solution, params=params, output=output, overwrite=overwrite, tell=tell
        )
    _print(run, tables.notes, style)
    return DataError.exit_code if any(out.is_error for out in run.left_out) else EXIT_FINE


def _settings(options: Any, stored: Stored, tables: NamedTables) -> ParamsFor:
    from trueup.workflow.drizzle_settings import layered

    return layered(
        typed(options),
        stored=stored.params,
        mdriztab=stored.mdriztab,
        row_for=tables.settings,
        threads=tables.config.run.threads,
    )


def _print(run: DrizzleRun, notes: Sequence[str], style: Format) -> None:
    from trueup.model.visit import left_out_lines

    for line in (*left_out_lines(run.left_out), *notes, *run.warnings):
        note(line)
    if style == "text":
        sys.stdout.write("".join(f"{product}\n" for product in run.products))
    else:
        emit("drizzle", run.as_dict(), style=style)
