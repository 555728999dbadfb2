"""The command line: one file per verb, loaded when it is typed."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from types import ModuleType

from cyclopts import App, CycloptsError

from trueup import __version__
from trueup.errors import FileAccessError, TrueupError

_INTERRUPTED = 130
_USAGE = 2
_INTERNAL = 70

app = App(
    name="trueup",
    help="Put Hubble exposures on the right sky: list, check and apply WCS solutions, drizzle, compare.",
    version=__version__,
    help_format="plaintext",
    version_flags=["--version"],
    result_action="return_value",
    suppress_keyboard_interrupt=False,
)
# said here, so that `trueup --help` loads no command
_VERBS = {
    "ls": "List every WCS solution, whether it is sound, and which one is active.",
    "search": "Search the archive for observations.",
    "fetch": "Fetch exposures, associations, drizzled products and headerlets from the archive.",
    "measure": "Measure how well every solution aligns the exposures, and where it puts them.",
    "choose": "Measure every solution and choose one for the visit, with reasons.",
    "apply": "Put one solution in force, in one atomic edit that can be undone.",
    "fit": "Derive a better solution for a visit and write it as headerlets.",
    "undo": "Restore the bytes from before the last edit.",
    "drizzle": "Drizzle exposures, under any solution, without touching them.",
    "compare": "Show the same sky in two products and measure the offset between them.",
    "run": "Do the whole job: fetch, measure, choose, drizzle before and after, report.",
    "report": "Write the page of a run again.",
    "demo": "Run the whole job on a simulated visit, offline.",
    "doctor": "Look at versions, kernels, folders and settings, and whether services answer.",
}
for _verb, _help in _VERBS.items():
    app.command(f"trueup.cli.{_verb}:{_verb}", name=_verb, help=_help)
app.command(
    "trueup.cli.headerlet:app",
    name="headerlet",
    help="Extract, attach, delete or bundle headerlets.",
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run trueup on the arguments of the process and exit with its code.

    Exit codes: 0 fine, 1 a finding, 2 usage, 3 bad data, 4 network, 70 internal error.
    """
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; every error becomes one line on stderr.

    Parameters
    ----------
    arguments : sequence of str
        As typed after ``trueup``.

    Returns
    -------
    int
    """
    try:
        _show_docstring(arguments)
        code = app(list(arguments), exit_on_error=False, print_error=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except (BrokenPipeError, SystemExit):
        # whoever read the output has gone (rich exits then): nothing is wrong, and nothing more can be said
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - it lives as long as the process
        return 0
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - one line, never a traceback
        return _fail(*_told(error))


def _show_docstring(arguments: Sequence[str]) -> None:
    """The line above is for the list of verbs; the help of a verb is its docstring, with examples."""
    if arguments and arguments[0] in _VERBS:
        app[arguments[0]].help = None


def _told(error: BaseException) -> tuple[str, int]:
    if isinstance(error, TrueupError):
        return str(error), error.exit_code
    if isinstance(error, CycloptsError):
        return str(error), _USAGE
    if isinstance(error, KeyboardInterrupt):
        return "interrupted", _INTERRUPTED
    if isinstance(error, OSError):
        return str(error), FileAccessError.exit_code
    return f"internal error, please report it: {_where(error)}", _INTERNAL


def _fail(message: str, code: int) -> int:
    sys.stderr.write(f"trueup: {' '.join(message.split())}\n")
    return code


def _where(error: BaseException) -> str:
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    place = f" in {frame.tb_frame.f_code.co_qualname}, line {frame.tb_lineno}" if frame else ""
    return f"{type(error).__name__}: {error}{place}"


class _Package(ModuleType):
    """A package whose function ``run`` is not hidden by the module of the verb ``run``."""

    def __setattr__(self, name: str, value: object) -> None:
        # the import system binds each loaded submodule to its package
        if not (name == "run" and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
