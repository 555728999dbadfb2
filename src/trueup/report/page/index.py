"""One page about many visits: what was found, what was done, and where to read more."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trueup.report.files import write_text
from trueup.report.page import asset, environment
from trueup.report.page.rows import badge, plus_minus, relative
from trueup.report.page.words import headline, separation, typeset
from trueup.report.story import Story, StoryOffset, StoryProduct


@dataclass(frozen=True, slots=True)
class Entry:
    """A visit in the index.

    Parameters
    ----------
    name : str
    verdict : str
        Of the choice; ``failed`` where there is none.
    headline : str
    filters : tuple of str
    before, after : (float, float) or None
        Worst offset between the filters and its error, mas; after is now where nothing was changed.
    findings : tuple of str
    report : str or None
        Path of its page.

    Examples
    --------
    >>> Entry("iepw14", "keep", "F275W lies 0.4 mas off F336W.").report is None
    True
    """

    name: str
    verdict: str
    headline: str
    filters: tuple[str, ...] = ()
    before: tuple[float, float] | None = None
    after: tuple[float, float] | None = None
    findings: tuple[str, ...] = ()
    report: str | None = None


def entry_of(manifest: Mapping[str, Any], folder: str | os.PathLike[str]) -> Entry:
    """The entry of a visit, from what its run left.

    Parameters
    ----------
    manifest : mapping
        As in the JSON contract of ``trueup run``.
    folder : path
        Of the run.

    Returns
    -------
    Entry

    Examples
    --------
    >>> entry = entry_of({"visit": "iepw14", "findings": ["no stars"]}, "iepw14_trueup")
    >>> entry.verdict, entry.headline
    ('failed', 'no stars')
    """
    findings = tuple(manifest.get("findings", ()))
    choice = manifest.get("choice")
    if choice is None:
        return Entry(manifest["visit"], "failed", "; ".join(findings), findings=findings)
    offsets = tuple(StoryOffset(o["a"], o["b"], o["when"], o) for o in manifest.get("offsets", ()))
    products = tuple(
        StoryProduct(p["path"], p["filter"], p["when"], p["wcsname"]) for p in manifest.get("products", ())
    )
    story = Story(manifest["visit"], {}, choice=choice, products=products, offsets=offsets)
    report = manifest.get("report")
    return Entry(
        name=story.name,
        verdict=choice["verdict"],
        headline=headline(story),
        filters=story.filters,
        before=_worst(offset for offset in offsets if offset.when != "after"),
        after=_worst(offset for offset in offsets if offset.when != "before"),
        findings=findings,
        report=os.path.join(folder, report) if report else None,
    )


def _worst(offsets: Iterable[StoryOffset]) -> tuple[float, float] | None:
    known = [found for offset in offsets if (found := separation(offset.fit)) is not None]
    return max(known, default=None)


def write_index(entries: Iterable[Entry], path: str | os.PathLike[str]) -> Path:
    """Write the index of a programme.

    Parameters
    ----------
    entries : iterable of Entry
    path : path
        The HTML file; replaced if it is there. Links to the reports are relative to it.

    Returns
    -------
    Path

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     page = write_index([Entry("iepw14", "keep", "It is well.")], f"{folder}/index.html")
    ...     "IEPW14" in page.read_text()
    True
    """
    page = Path(path)
    listed = list(entries)
    counts: dict[str, int] = {}
    for entry in listed:
        counts[entry.verdict] = counts.get(entry.verdict, 0) + 1
    facts = {
        "entries": [
            {"entry": entry, "href": relative(entry.report, page) if entry.report else None}
            for entry in listed
        ],
        "counts": counts,
        "badge": badge,
        "mas": lambda offset: plus_minus(*offset) if offset else "",
        "typeset": typeset,
        "style": asset("style.css"),
        "script": asset("index.js"),
    }
    return write_text(page, environment().get_template("index.html.j2").render(**facts))
