"""Options of every command that may ask a service for something."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from trueup.config import Config, read_config
from trueup.errors import UsageError


@dataclass(frozen=True, slots=True)
class Network:
    """How services are reached; what is not given comes from the environment or the settings file.

    Parameters
    ----------
    offline
        Reach no service: what is not here is an error.
    parallel
        Transfers at a time.
    token
        For proprietary data; other users of the machine can see it here, TRUEUP_MAST_TOKEN is better.
    set_
        Any setting: section.key=value, as in mast.url=https://mast.stsci.edu.
    """

    offline: Annotated[bool | None, Parameter(negative=())] = None
    parallel: int | None = None
    token: str | None = None
    set_: Annotated[tuple[str, ...], Parameter("--set", negative=())] = ()

    @property
    def arguments(self) -> dict[str, object]:
        """The settings that were typed."""
        pairs = dict(_pair(text) for text in self.set_)
        own = {"http.offline": self.offline, "http.parallel": self.parallel, "mast.token": self.token}
        return pairs | {name: value for name, value in own.items() if value is not None}

    @property
    def config(self) -> Config:
        """The settings that hold under these options."""
        return read_config(self.arguments)


HERE = Network()


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"--set {text} has no value", todo="write section.key=value")
    return name, value


def words(text: str) -> tuple[str, ...]:
    """The words between commas."""
    return tuple(word.strip() for word in text.split(",") if word.strip())


@contextlib.contextmanager
def transfer(total: int) -> Iterator[Callable[[int], None]]:
    """A line with the bytes that have come and the time left, on a terminal only.

    Parameters
    ----------
    total : int
        Bytes; 0 where nobody knows.

    Yields
    ------
    callable
        To be called with the number of bytes of each piece.
    """
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich import progress
    from rich.console import Console

    columns = (
        progress.BarColumn(bar_width=30),
        progress.DownloadColumn(),
        progress.TransferSpeedColumn(),
        progress.TimeRemainingColumn(),
    )
    with progress.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total or None)
        yield lambda count: bar.advance(task, count)
