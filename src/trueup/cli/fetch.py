"""``trueup fetch``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from trueup.cli.network import HERE, Network, transfer, words
from trueup.cli.output import Format, Some, console, emit, note
from trueup.errors import EXIT_FINE, NetworkError

if TYPE_CHECKING:
    from trueup.config import Config
    from trueup.workflow.fetch import Found


@dataclass(frozen=True, slots=True)
class Which:
    """Which files, and where from.

    Parameters
    ----------
    kind
        With commas: FLC,FLT,ASN,DRC,DRZ,HLET or any other.
    project
        With commas: CALWF3,CALACS,HAP-SVM or any other.
    source
        mast, s3 (the public bucket; what it lacks comes from MAST), astrometry (the database of all
        solutions: a headerlet each) or a folder.
    """

    kind: str = ""
    project: str = ""
    source: str = "mast"

    def find(self, ids: Sequence[str], config: Config) -> Found:
        """The files of some observations."""
        from trueup.workflow.fetch import find

        kinds, projects = words(self.kind), words(self.project)
        return find(ids, source=self.source, kinds=kinds, projects=projects, config=config)


_USUAL = Which()


def fetch(
    *obs_id: Some,
    dest: str = ".",
    which: Annotated[Which, Parameter("*")] = _USUAL,
    dry_run: Annotated[bool, Parameter(negative=())] = False,
    network: Annotated[Network, Parameter("*")] = HERE,
    style: Annotated[Format, Parameter("--format")] = "text",
) -> int:
    """Fetch exposures, associations, drizzled products and headerlets: whole and checked, or not at all.

    Typed again it fetches what is missing. The exit code is 4 where a file could not be had.

    Example: trueup fetch IEPW14030 IEPW14040 --dest DOWNLOADS

    Example: trueup fetch iepw14gaq --source astrometry --dry-run

    Parameters
    ----------
    obs_id
        Associations, rootnames or visits.
    dest
        The folder they go to.
    dry_run
        List files and sizes; fetch nothing.
    style
        text, json, jsonl or ecsv.
    """
    from trueup.report.fetch import print_manifest, print_plan

    found = which.find(obs_id, network.config)
    manifest = found.planned(Path(dest))
    if not dry_run:
        print_plan(manifest, console(stderr=True))
        with transfer(found.size) as tell:
            manifest = found.deliver(Path(dest), tell)
    for problem in manifest.problems:
        note(problem)
    if style == "text":
        (print_plan if dry_run else print_manifest)(manifest, console())
    else:
        emit("fetch", manifest.as_dict(), style=style, items="files")
    return NetworkError.exit_code if manifest.failed else EXIT_FINE
