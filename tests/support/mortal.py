"""Killing a process in the middle of its work."""

import contextlib
import os
import signal
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# a kill after a call that only reads finds the same files as one after the call before it
CALLS = (
    "open", "write", "fsync", "replace", "rename", "unlink", "mkdir", "close", "fchmod", "fchown", "utime",
    "setxattr",
)  # fmt: skip


@contextlib.contextmanager
def folder_in_memory() -> Iterator[Path]:
    """A folder where flushing to the disk costs nothing, if the machine has one."""
    memory = Path("/dev/shm")
    where = memory if memory.is_dir() and os.access(memory, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="trueup-", dir=where) as name:
        yield Path(name)


@dataclass(frozen=True)
class Mortal:
    """Runs an action in a forked child that may be killed on the way."""

    def run(self, action: Callable[[], object], *, calls: int = 0, seconds: float = 0) -> bool:
        """Kill the child after so many system calls, or seconds; True when it lived to the end."""
        with warnings.catch_warnings():
            # forking beside the idle threads of numpy is what this is about
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            _act(action, calls)
        if seconds:
            time.sleep(seconds)
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert not os.WIFEXITED(status) or os.WEXITSTATUS(status) == 0
        return os.WIFEXITED(status)

    def measure(self, action: Callable[[], object]) -> float:
        """Seconds that the action takes in a child."""
        start = time.perf_counter()
        assert self.run(action)
        return time.perf_counter() - start


def _act(action: Callable[[], object], calls: int) -> None:
    left = calls

    def fatal(function: Callable[..., object]) -> Callable[..., object]:
        def call(*args: Any, **kwargs: Any) -> object:
            nonlocal left
            try:
                return function(*args, **kwargs)
            finally:
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        return call

    if calls:
        for name in CALLS:
            setattr(os, name, fatal(getattr(os, name)))
    status = 1
    try:
        action()
        status = 0
    finally:
        os._exit(status)
