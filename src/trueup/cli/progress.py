"""How far a long command is, on stderr and on a terminal only."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

Tell = Callable[[str, float], None]


@contextlib.contextmanager
def progress() -> Iterator[Tell]:
    """A line that says what is being done, how far it is and the time left.

    Yields
    ------
    callable
        To be called with what is being done, and the share of the whole that is done, 0 to 1.
    """
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("{task.description}"), BarColumn(bar_width=20), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading headers", total=1.0)
        yield lambda what, share: bar.update(task, description=what, completed=share)
