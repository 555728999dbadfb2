"""``trueup doctor``."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from trueup.cli.network import HERE, Network
from trueup.cli.output import Format, console, emit
from trueup.errors import EXIT_FINE, FileAccessError, NetworkError


def doctor(
    *,
    network: Annotated[Network, Parameter("*")] = HERE,
    style: Annotated[Format, Parameter("--format")] = "text",
) -> int:
    """Look at versions, compiled kernels, folders and settings, and ask every service whether it is there.

    The exit code is 3 where this installation is not sound, 4 where a service cannot be reached.

    Example: trueup doctor

    Example: trueup doctor --offline --format json

    Parameters
    ----------
    style
        text, json, jsonl or ecsv.
    """
    from trueup.report.doctor import print_diagnosis
    from trueup.workflow.doctor import diagnose

    found = diagnose(network.arguments)
    if style == "text":
        print_diagnosis(found.as_dict(), console())
    else:
        emit("doctor", found.as_dict(), style=style)
    if not found.sound:
        return FileAccessError.exit_code
    return NetworkError.exit_code if found.reachable is False else EXIT_FINE
