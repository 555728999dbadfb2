"""The files of a fetch: what is going to come, and what has come."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

from trueup.archive.manifest import Manifest

if TYPE_CHECKING:
    from rich.console import Console

_UNITS = ("B", "kB", "MB", "GB", "TB")


def size_text(size: int | None) -> str:
    """A number of bytes as people read it.

    Parameters
    ----------
    size : int or None

    Returns
    -------
    str

    Examples
    --------
    >>> size_text(168_696_000), size_text(512), size_text(None)
    ('168.7 MB', '512 B', '?')
    """
    if size is None:
        return "?"
    value, unit = float(size), 0
    while value >= 999.95 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.1f} {_UNITS[unit]}" if unit else f"{size} B"


def print_plan(manifest: Manifest, console: Console) -> None:
    """Print the files that are going to be fetched, with their listed sizes.

    Parameters
    ----------
    manifest : Manifest
        Its rows have no status yet.
    console : rich.console.Console
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD)
    table.add_column("file", no_wrap=True)
    table.add_column("kind")
    table.add_column("size", justify="right", no_wrap=True)
    table.add_column("")
    for row in manifest.rows:
        product = row.product
        notes = [f"proprietary until {product.released or 'an unknown date'}"] if product.proprietary else []
        notes += ["is there"] if os.path.exists(row.path) else []
        table.add_row(product.filename, product.kind, size_text(product.size), ", ".join(notes))
    console.print(table)
    here = f"{_files(len(manifest.rows))}, {_total(manifest)}, from {manifest.source}"
    console.print(f"{here}{_of_others(manifest)}", soft_wrap=True)


def _total(manifest: Manifest) -> str:
    sizes = [row.product.size for row in manifest.rows]
    known = [size for size in sizes if size is not None]
    if not known:
        return "of unknown size"
    return f"{'more than ' if len(known) < len(sizes) else ''}{size_text(sum(known))}"


def _of_others(manifest: Manifest) -> str:
    """How many files come from another archive than the one that was asked."""
    others = Counter(row.product.uri.partition(":")[0] for row in manifest.rows)
    del others[manifest.source]
    told = manifest.source == "s3" and others
    return f" ({', '.join(f'{count} of them from {name}' for name, count in others.items())})" if told else ""


def print_manifest(manifest: Manifest, console: Console) -> None:
    """Print what became of each file, and the next thing to type.

    Parameters
    ----------
    manifest : Manifest
    console : rich.console.Console
    """
    for row in manifest.complete:
        console.print(f"{row.status:9} {size_text(row.size):>9}  {row.path}", soft_wrap=True)
    transferred = size_text(sum(row.transferred for row in manifest.rows))
    done = f"{_files(len(manifest.complete))} complete, {len(manifest.failed)} failed"
    console.print(f"{done}, {transferred} transferred")
    if manifest.complete:
        console.print(f"next: trueup ls {manifest.complete[0].path.parent}", soft_wrap=True)


def _files(count: int) -> str:
    return f"{count} file" if count == 1 else f"{count} files"
