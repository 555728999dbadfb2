"""``trueup choose``."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from trueup.cli.network import HERE, Network
from trueup.cli.output import Format, Some, console, emit, note
from trueup.errors import EXIT_FINDING, EXIT_FINE, DataError
from trueup.workflow.against import Against

_NOTHING = Against()
_FAILS = ("change", "derive")


def choose(
    *files: Some,
    hlet: Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative=())] = (),
    against: Annotated[Against, Parameter("*", negative_iterable=(), consume_multiple=True)] = _NOTHING,
    output: Annotated[str | None, Parameter(("--output", "-o"))] = None,
    network: Annotated[Network, Parameter("*")] = HERE,
    style: Annotated[Format, Parameter("--format")] = "text",
) -> int:
    """Measure every solution and choose one for the visit, with reasons; nothing is changed.

    Example: trueup choose VISIT --hlet VISIT/*_hlet.fits -o best.json

    Parameters
    ----------
    files
        Exposures, headerlet files, associations or folders.
    hlet
        Headerlet files, or a bundle of them.
    output
        Write the choice there, for `trueup apply --choice`.
    style
        text, json, jsonl or ecsv.
    """
    from trueup.report.choice import next_step, print_choice
    from trueup.workflow.choice_file import write_choice
    from trueup.workflow.choose import choose_files

    values = choose_files(files, headerlets=hlet, against=against, config=network.config).as_dict()
    if output is not None:
        write_choice(values, output)
    if style == "text":
        print_choice(values, console())
        note(next_step(values, (*files, *hlet), saved=output, plain=against == _NOTHING))
    else:
        emit("choose", values, style=style, items="exposures")
    damaged = any(out["error"] for out in values["left_out"])
    found = EXIT_FINDING if values["verdict"] in _FAILS else EXIT_FINE
    return DataError.exit_code if damaged else found
