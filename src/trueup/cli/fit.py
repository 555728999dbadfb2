"""``trueup fit``."""

from __future__ import annotations

import sys
from typing import Annotated

from cyclopts import Parameter

from trueup.cli.network import HERE, Network
from trueup.cli.output import Format, Some, emit
from trueup.errors import EXIT_FINE, DataError
from trueup.workflow.against import Against
from trueup.workflow.fit import Task, Writing

_ITSELF = Against()
_USUAL = Task()
_FILES_ONLY = Writing()


def fit(
    *files: Some,
    against: Annotated[Against, Parameter("*", negative_iterable=(), consume_multiple=True)] = _ITSELF,
    task: Annotated[Task, Parameter("*", negative_bool=())] = _USUAL,
    out: Annotated[str, Parameter(("--out", "-o"))] = ".",
    writing: Annotated[Writing, Parameter("*", negative_bool=())] = _FILES_ONLY,
    network: Annotated[Network, Parameter("*")] = HERE,
    style: Annotated[Format, Parameter("--format")] = "text",
) -> int:
    """Derive a better solution for a visit and write it as headerlets; nothing where there is none.

    All exposures are aligned to each other, then the group once to the catalogue. What was written is read
    back and measured again.

    Example: trueup fit VISIT --catalog gaia.ecsv -o fitted

    Parameters
    ----------
    files
        Exposures, associations or folders; headerlet files to compare with.
    out
        Folder of the headerlet files.
    style
        text, json, jsonl or ecsv.
    """
    from trueup.report.fit import fit_text, fit_values
    from trueup.workflow.fit import fit as fit_visit

    fitted = fit_visit(files, task, against=against, out=out, writing=writing, config=network.config)
    if style == "text":
        sys.stdout.write(f"{fit_text(fitted)}\n")
    else:
        emit("fit", fit_values(fitted), style=style, items="exposures")
    damaged = any(out.is_error for out in fitted.before.visit.left_out)
    return DataError.exit_code if damaged else EXIT_FINE
