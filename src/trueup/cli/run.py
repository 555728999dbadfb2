"""``trueup run``."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from trueup.cli.drizzle_options import DrizzleOptions, typed
from trueup.cli.network import HERE, Network
from trueup.cli.output import Format, emit, note
from trueup.cli.run_options import RunOptions
from trueup.workflow.against import Against

_NONE_TYPED = DrizzleOptions()
_ITSELF = Against()
_USUAL = RunOptions()


def run(
    *targets: str,
    output: Annotated[str | None, Parameter(("--output", "-o"))] = None,
    redo: Annotated[bool, Parameter(negative=())] = False,
    options: Annotated[RunOptions, Parameter("*")] = _USUAL,
    against: Annotated[Against, Parameter("*", negative_iterable=(), consume_multiple=True)] = _ITSELF,
    drizzle: Annotated[DrizzleOptions, Parameter("*", negative_iterable=())] = _NONE_TYPED,
    network: Annotated[Network, Parameter("*")] = HERE,
    style: Annotated[Format, Parameter("--format")] = "text",
) -> int:
    """Do the whole job: fetch, list, measure, choose or derive, drizzle before and after, compare, report.

    The exposures stay as they are unless --in-place is given. Typed again, only what changed is redone;
    `trueup run -o FOLDER` alone takes files and options from an earlier run.

    Example: trueup run VISIT --hlet VISIT/*_hlet.fits -o aligned

    Parameters
    ----------
    targets
        Observation ids, associations, exposures or folders.
    output
        Folder of the run, by default VISIT_trueup; of several visits, each gets a folder in it.
    redo
        Do every stage again.
    style
        text, json, jsonl or ecsv; the last two have a line per visit.
    """
    from trueup.report.run import print_runs
    from trueup.workflow.run import run

    recipe = options.merged(against, typed(drizzle)) if targets else None
    config = options.settled(network.config)
    done = run(targets, out=output, recipe=recipe, config=config, say=note, redo=redo)
    if style == "text":
        print_runs([(one.folder, one.manifest) for one in done])
    else:
        emit("run", {"visits": [one.manifest for one in done]}, style=style, items="visits")
    codes = {one.exit_code for one in done}
    return next((code for code in (3, 4, 1) if code in codes), max(codes))
