"""``trueup measure``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from trueup.cli.network import HERE, Network
from trueup.cli.output import Format, console, emit, note
from trueup.errors import EXIT_FINDING, EXIT_FINE, DataError
from trueup.workflow.against import Against


@dataclass(frozen=True, slots=True)
class Saving:
    """What is kept of a measurement.

    Parameters
    ----------
    save
        A folder for star lists, matches, residuals with a page about each pair, regions, and the
        catalogue as it was used.
    overwrite
        Replace files of an earlier --save.
    """

    save: str | None = None
    overwrite: Annotated[bool, Parameter(negative=())] = False


_NOTHING = Against()
_UNSAVED = Saving()


def measure(
    *files: str,
    against: Annotated[Against, Parameter("*", negative_iterable=(), consume_multiple=True)] = _NOTHING,
    solution: Annotated[tuple[str, ...], Parameter(negative=())] = (),
    everything: Annotated[bool, Parameter("--all", negative=())] = False,
    saving: Annotated[Saving, Parameter("*")] = _UNSAVED,
    network: Annotated[Network, Parameter("*")] = HERE,
    style: Annotated[Format, Parameter("--format")] = "text",
) -> int:
    """Measure on the stars how well every solution aligns the exposures, and where it puts them.

    Example: trueup measure VISIT

    Example: trueup measure VISIT/*_flc.fits VISIT/*_hlet.fits --catalog gaia.ecsv

    Parameters
    ----------
    files
        Exposures, headerlet files, associations or folders.
    solution
        Measure only the solutions in force and this one; may be repeated.
    everything
        Print every pair of solutions.
    style
        text, json, jsonl or ecsv; the last two list the pairs.
    """
    from trueup.report.measurement import measurement_values, print_measurement
    from trueup.workflow.measure import fails, measure_files
    from trueup.workflow.save import save_measurement

    only, config = solution or None, network.config
    found = measure_files(files or (".",), against=against, solutions=only, config=config)
    if saving.save is not None:
        kept = save_measurement(found, saving.save, overwrite=saving.overwrite)
        note(f"{len(kept)} files in {saving.save}")
    if style == "text":
        print_measurement(found, console(), everything=everything)
    else:
        emit("measure", measurement_values(found), style=style, items="relative")
    damaged = any(out.is_error for out in found.visit.left_out)
    return DataError.exit_code if damaged else EXIT_FINDING if fails(found) else EXIT_FINE
