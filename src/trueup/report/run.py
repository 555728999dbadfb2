"""What became of the visits of a run, in a few lines."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from trueup.report.page.words import length_text


def print_runs(runs: Iterable[tuple[Path, Mapping[str, Any]]]) -> None:
    """Print verdict, offsets, the report and the command that applies the choice, visit by visit.

    Parameters
    ----------
    runs : iterable of (Path, mapping)
        Folder and manifest of each visit.

    Examples
    --------
    >>> print_runs([])
    """
    for folder, manifest in runs:
        sys.stdout.write("".join(f"{line}\n" for line in run_lines(folder, manifest)))


def run_lines(folder: Path, manifest: Mapping[str, Any]) -> list[str]:
    """The lines about one visit.

    Parameters
    ----------
    folder : Path
    manifest : mapping

    Returns
    -------
    list of str

    Examples
    --------
    >>> run_lines(Path("run"), {"visit": "iepw14", "findings": ["no stars"]})
    ['iepw14: failed: no stars']
    """
    choice = manifest.get("choice")
    if choice is None:
        return [f"{manifest['visit']}: failed: {'; '.join(manifest['findings'])}"]
    lines = [f"{manifest['visit']}: {choice['verdict'].upper()}: {choice['reason']}"]
    for one in manifest["offsets"]:
        when = "" if one["when"] == "now" else f" {one['when']}"
        lines.append(f"  {one['b']} - {one['a']}{when}: {length_text(one)}")
    lines += [f"  {folder / product['path']}" for product in manifest["products"]]
    if manifest["report"]:
        lines.append(f"Report: {folder / manifest['report']}")
    if any(not one["was_active"] for one in choice["exposures"]) and choice["verdict"] == "change":
        command = ["trueup", "apply", "--choice", os.path.join(folder, "choice.json")]
        lines.append(f"To put it in force: {shlex.join(command)}")
    return lines
