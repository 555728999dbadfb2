"""Work done chip by chip: a few chips in memory at a time, results in order."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from trueup.drizzle.inputs import ChipInput

Result = TypeVar("Result")

# a large chip takes about 100 MB while it is worked on
_MOST_CHIPS = 4


def each_chip(
    inputs: Sequence[ChipInput], work: Callable[[ChipInput], Result], threads: int = 0
) -> list[Result]:
    """Call a function for each chip, on a few threads.

    Parameters
    ----------
    inputs : sequence of ChipInput
    work : callable
        Called with each chip.
    threads : int
        0 takes one per processor; never more than 4, to save memory.

    Returns
    -------
    list
        Results in the order of the chips.

    Examples
    --------
    >>> each_chip([], print)
    []
    """
    workers = min(threads or os.cpu_count() or 1, _MOST_CHIPS, len(inputs))
    if workers <= 1:
        return [work(one) for one in inputs]
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(work, inputs))
