"""``trueup demo``."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from trueup.cli.output import Format, console, emit, note


def demo(
    directory: str = "trueup-demo",
    *,
    seed: int = 0,
    style: Annotated[Format, Parameter("--format")] = "text",
) -> None:
    """Run the whole job on a simulated visit in a simulated archive, offline.

    Example: trueup demo my-demo

    Parameters
    ----------
    directory
        A new folder, or that of an earlier demo.
    seed
        Of the simulated sky and noise.
    style
        text, json, jsonl or ecsv.
    """
    from trueup.report.demo import print_demo
    from trueup.workflow.demo import demo

    result = demo(directory, seed=seed, say=note)
    if style == "text":
        print_demo(result.as_dict(), result.labels, console())
    else:
        emit("demo", result.as_dict(), style=style, items=None)
