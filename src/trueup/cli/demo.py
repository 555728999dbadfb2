"""``trueup demo``."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

from trueup.cli.output import console, emit, note


def demo(
    directory: str = "trueup-demo",
    *,
    seed: int = 0,
    style: Annotated[Literal["text", "json"], Parameter("--format")] = "text",
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
        text or json.
    """
    from trueup.report.demo import print_demo
    from trueup.workflow.demo import demo

    result = demo(directory, seed=seed, say=note)
    if style == "json":
        emit("demo", result.as_dict(), style=style)
    else:
        print_demo(result.as_dict(), result.labels, console())
