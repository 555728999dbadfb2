"""The pages of runs: one about a visit, one about many; and both told again from what a run left."""

from __future__ import annotations

import os
from pathlib import Path

from trueup.errors import UsageError
from trueup.report.page import write_page
from trueup.report.page.index import entry_of, write_index
from trueup.workflow.run.folder import RunFolder, claimed, key_of, open_folder, read_manifest, runs_in
from trueup.workflow.run.story import story_of

REPORT, INDEX = "report.html", "index.html"


def report_stage(folder: RunFolder, *, full: bool, private: bool) -> None:
    """The page as the last stage of a run.

    Parameters
    ----------
    folder : RunFolder
    full, private : bool
        As in :class:`trueup.workflow.run.RunRecipe`.

    Examples
    --------
    >>> report_stage(RunFolder(Path("nowhere")), full=False, private=False)
    Traceback (most recent call last):
    KeyError: 'recipe'
    """
    before = {one["name"]: folder.digests(one["name"]) for one in folder.stages if one["name"] != "report"}
    told = {name: folder.manifest[name] for name in ("recipe", "inputs", "left_out")}

    def make(draft: Path) -> None:
        place = folder.path / REPORT
        write_page(story_of(folder), draft / REPORT, place=place, full=full, private=private)

    folder.stage("report", key_of("report", before, told, full, private), make=make)


def report_again(
    folder: str | os.PathLike[str],
    *,
    output: str | os.PathLike[str] | None = None,
    full: bool = False,
    private: bool = False,
) -> Path:
    """Write the page of a run again, or the index of a folder of runs.

    Parameters
    ----------
    folder : path
    output : path, optional
        By default report.html or index.html in the folder; its links are relative to where it is.
    full, private : bool
        As in :class:`trueup.workflow.run.RunRecipe`.

    Returns
    -------
    Path

    Raises
    ------
    FileAccessError, FormatError
        Where there is no run in the folder.
    UsageError
        Where the run did not get to its end.

    Examples
    --------
    >>> report_again("nowhere")
    Traceback (most recent call last):
    trueup.errors.FileAccessError: nowhere/manifest.json: No such file or directory
    """
    root = Path(folder)
    if runs_in(root):
        return index(root, Path(output) if output is not None else root / INDEX)
    if "choice" not in read_manifest(root):
        raise UsageError("the run did not get to its end", file=root, todo=f"trueup run -o {root}")
    with claimed(root):
        run = open_folder(root)
        if output is not None:
            return write_page(story_of(run), output, full=full, private=private)
        report_stage(run, full=full, private=private)
        run.update({"report": REPORT})
    return root / REPORT


def index(root: Path, page: Path) -> Path:
    """Write the index of the runs in a folder.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     index(Path(folder), Path(folder, "index.html")).name
    'index.html'
    """
    return write_index((entry_of(read_manifest(place), place) for place in runs_in(root)), page)
