"""Apply a solution to files: the plan and its commit in one step."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import TypedDict, Unpack

from trueup.edit.bundle import unpacked
from trueup.edit.commit import exclusive, finish_interrupted
from trueup.edit.plan import Plan, Selection, plan
from trueup.errors import ChangedError, DataError
from trueup.fits.visit import open_visit

PathLike = str | os.PathLike[str]


class Options(TypedDict, total=False):
    """What :func:`trueup.edit.plan.plan` takes by keyword."""

    allow: Collection[str]
    archive: bool
    out: PathLike | None
    follow_links: bool


def apply(
    paths: Iterable[PathLike],
    selection: Selection = None,
    *,
    headerlets: Sequence[PathLike] = (),
    dry_run: bool = False,
    **options: Unpack[Options],
) -> Plan:
    """Put one solution in force in some exposures, all or none.

    What was interrupted in their folders is finished first. Of two processes the second waits,
    and plans again.

    Parameters
    ----------
    paths : iterable of path
        Exposures, associations or folders.
    selection : str, Solution, mapping or None
        As for :func:`trueup.edit.plan.plan`.
    headerlets : sequence of path
        Headerlet files, and bundles of them.
    dry_run : bool
        Only plan.
    **options
        `allow`, `archive`, `out` and `follow_links` of :func:`trueup.edit.plan.plan`.

    Returns
    -------
    Plan
        What was done, or would be.

    Raises
    ------
    SelectionError, SolutionError, FileAccessError, FormatError, ChangedError
        Every file is then untouched.

    Examples
    --------
    >>> apply([], "svm").files
    ()
    """
    given = [os.fspath(path) for path in paths]
    visit = open_visit(given)
    if given and not visit.exposures:
        raise DataError("there is no exposure among the files given", todo="give FLT, FLC or C0M files")
    roots = {exposure.rootname for exposure in visit.exposures}
    with unpacked(headerlets, roots) as files:

        def planned() -> Plan:
            return plan(open_visit([*given, *files]), selection, **options)

        if dry_run:
            return planned()
        finish_interrupted({Path(exposure.path).parent for exposure in visit.exposures})
        try:
            made = planned()
        except ChangedError:
            # another process committed between two looks at a file
            made = planned()
        return _commit(made, planned)


def _commit(made: Plan, again: Callable[[], Plan]) -> Plan:
    """Commit the plan, or one made again where the files are no longer the same."""
    with exclusive(file.change.destination for file in made.files):
        if not made.is_current:
            made = again()
        made.write()
    return made
