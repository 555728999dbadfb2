"""``trueup ls``."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from trueup.cli.network import HERE, Network
from trueup.cli.output import Format, console, emit
from trueup.errors import EXIT_FINDING, EXIT_FINE, DataError, NetworkError


def ls(
    *files: str,
    obs_id: Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative=())] = (),
    check: bool = False,
    network: Annotated[Network, Parameter("*")] = HERE,
    style: Annotated[Format, Parameter("--format")] = "text",
) -> int:
    """List every WCS solution, where it is stored, whether it is sound and which one is active.

    With --obs-id it looks into the archive, without fetching pixels.

    Example: trueup ls VISIT

    Example: trueup ls VISIT --check

    Example: trueup ls --obs-id IEPW14030

    Parameters
    ----------
    files
        Exposures, headerlet files, associations, drizzled products, folders, or URLs (https://, s3://).
    obs_id
        Associations, rootnames or visits of MAST, read where they are.
    check
        Exit with 1 where exposures disagree or an active solution is unsound.
    style
        text, json, jsonl or ecsv.
    """
    from trueup.report.listing import print_listing
    from trueup.workflow.listing import list_solutions

    given = files or (() if obs_id else (".",))
    values = list_solutions(given, obs_ids=obs_id, config=network.config)
    if style == "text":
        print_listing(values, console())
    else:
        emit("ls", values, style=style)
    errors = [out for out in values["left_out"] if out["error"]]
    if errors:
        return (NetworkError if all(out["remote"] for out in errors) else DataError).exit_code
    return EXIT_FINDING if check and values["findings"] else EXIT_FINE
