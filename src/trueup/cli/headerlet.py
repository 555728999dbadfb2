"""``trueup headerlet``."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from trueup.cli.output import Format, Some, emit
from trueup.errors import EXIT_FINE

if TYPE_CHECKING:
    from trueup.edit.diff import HduChange

app = App(
    name="headerlet",
    help="Extract, attach, delete or bundle headerlets.",
    help_format="plaintext",
    result_action="return_value",
)
Many = Parameter(consume_multiple=True, negative=())
Style = Annotated[Format, Parameter("--format")]


@app.command
def extract(
    *files: Some,
    solution: str | None = None,
    out: str = ".",
    overwrite: bool = False,
    style: Style = "text",
) -> int:
    """Write solutions as headerlet files, ROOTNAME_WCSNAME_hlet.fits.

    Example: trueup headerlet extract VISIT --solution rel --out HEADERLETS

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
    style
        text, json, jsonl or ecsv.
    """
    from trueup.edit.headerlets import extract as write

    return _print_files(write(files, solution, dest=out, overwrite=overwrite), style)


@app.command
def attach(
    *files: Some,
    hlet: Annotated[tuple[str, ...], Many],
    follow_links: bool = False,
    style: Style = "text",
) -> int:
    """Put headerlet files into their exposures as HDRLET extensions; the active WCS stays.

    Example: trueup headerlet attach VISIT --hlet VISIT/*_hlet.fits

    Parameters
    ----------
    files
        Exposures, associations or folders.
    hlet
        Headerlet files, or a bundle of them; each goes to the exposure of its DESTIM.
    follow_links
        Edit targets of symbolic links, and files with several hard links.
    style
        text, json, jsonl or ecsv.
    """
    from trueup.edit.headerlets import attach as put_in

    return _print_changes(put_in(files, hlet, follow_links=follow_links), style)


@app.command
def delete(*files: Some, solution: str, follow_links: bool = False, style: Style = "text") -> int:
    """Remove HDRLET extensions; `trueup undo` brings them back.

    Example: trueup headerlet delete VISIT --solution rel

    Parameters
    ----------
    files
        Exposures, associations or folders.
    solution
        The solution: by name all its copies, by #3 only that one.
    follow_links
        Edit targets of symbolic links, and files with several hard links.
    style
        text, json, jsonl or ecsv.
    """
    from trueup.edit.headerlets import delete as take_out

    return _print_changes(take_out(files, solution, follow_links=follow_links), style)


@app.command
def bundle(
    *files: Some,
    output: Annotated[str, Parameter(("--output", "-o"))],
    solution: str | None = None,
    overwrite: bool = False,
    style: Style = "text",
) -> int:
    """Write a zip file with one headerlet per exposure, for `trueup apply --hlet` elsewhere.

    Example: trueup headerlet bundle VISIT --solution rel -o aligned.zip

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
    style
        text, json, jsonl or ecsv.
    """
    from trueup.edit.headerlets import bundle as write

    return _print_files([write(files, output, selection=solution, overwrite=overwrite)], style)


def _print_files(paths: Sequence[object], style: Format) -> int:
    if style == "text":
        sys.stdout.write("".join(f"{path}\n" for path in paths))
    else:
        emit("headerlet", {"items": [{"file": str(path)} for path in paths]}, style=style)
    return EXIT_FINE


def _print_changes(told: Mapping[str, Sequence[HduChange]], style: Format) -> int:
    if style != "text":
        items = [{"file": file, **asdict(change)} for file, changes in told.items() for change in changes]
        emit("headerlet", {"items": items}, style=style)
        return EXIT_FINE
    for file, changes in told.items():
        for change in changes or ("holds these headerlets already",):
            sys.stdout.write(f"{file}: {change}\n")
    return EXIT_FINE
