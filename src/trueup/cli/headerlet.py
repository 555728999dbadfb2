"""``trueup headerlet``."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Annotated

from cyclopts import App, Parameter

from trueup.cli.output import Some
from trueup.errors import EXIT_FINE

app = App(
    name="headerlet",
    help="Extract, attach, delete or bundle headerlets.",
    help_format="plaintext",
    result_action="return_value",
)
Many = Parameter(consume_multiple=True, negative=())


@app.command
def extract(*files: Some, solution: str | None = None, out: str = ".", overwrite: bool = False) -> int:
    """Write solutions as headerlet files, ROOTNAME_WCSNAME_hlet.fits.

    Parameters
    ----------
    files
        Exposures, associations or folders.
    solution
        One solution; every one by default.
    out
        Folder of the headerlet files.
    overwrite
        Replace files of the same name.
    """
    from trueup.edit.headerlets import extract as write

    return _print(write(files, solution, dest=out, overwrite=overwrite))


@app.command
def attach(*files: Some, hlet: Annotated[tuple[str, ...], Many], follow_links: bool = False) -> int:
    """Put headerlet files into their exposures as HDRLET extensions; the active WCS stays.

    Parameters
    ----------
    files
        Exposures, associations or folders.
    hlet
        Headerlet files; each goes to the exposure of its DESTIM.
    follow_links
        Edit targets of symbolic links, and files with several hard links.
    """
    from trueup.edit.headerlets import attach as put_in

    told = put_in(files, hlet, follow_links=follow_links)
    nothing = ("holds these headerlets already",)
    return _print(f"{file}: {change}" for file, changes in told.items() for change in changes or nothing)


@app.command
def delete(*files: Some, solution: str, follow_links: bool = False) -> int:
    """Remove HDRLET extensions; `trueup undo` brings them back.

    Parameters
    ----------
    files
        Exposures, associations or folders.
    solution
        The solution: by name all its copies, by #3 only that one.
    follow_links
        Edit targets of symbolic links, and files with several hard links.
    """
    from trueup.edit.headerlets import delete as take_out

    told = take_out(files, solution, follow_links=follow_links)
    return _print(f"{file}: {change}" for file, changes in told.items() for change in changes)


@app.command
def bundle(
    *files: Some,
    output: Annotated[str, Parameter(("--output", "-o"))],
    solution: str | None = None,
    overwrite: bool = False,
) -> int:
    """Write a zip file with one headerlet per exposure, for `trueup apply --hlet` elsewhere.

    Parameters
    ----------
    files
        Exposures, associations or folders.
    output
        The zip file.
    solution
        The solution; the active one by default.
    overwrite
        Replace a file of that name.
    """
    from trueup.edit.headerlets import bundle as write

    return _print([write(files, output, selection=solution, overwrite=overwrite)])


def _print(lines: Iterable[object]) -> int:
    for line in lines:
        sys.stdout.write(f"{line}\n")
    return EXIT_FINE
