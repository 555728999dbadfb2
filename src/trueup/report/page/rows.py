"""The tables of the page: solutions, offsets, statistics, files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trueup.report.story import Story, is_measured

Values = Mapping[str, Any]


def plus_minus(value: float | None, sigma: float | None, digits: int = 1) -> str:
    """A number with its error.

    Examples
    --------
    >>> plus_minus(34.7, 0.2), plus_minus(None, None)
    ('34.7 ± 0.2', '')
    """
    if value is None:
        return ""
    # z: what rounds to nothing has no sign
    text = f"{value:z.{digits}f}".replace("-", "\N{MINUS SIGN}")
    return text if sigma is None else f"{text} \N{PLUS-MINUS SIGN} {sigma:.{digits}f}"


def badge(verdict: str) -> Any:
    """A verdict as a coloured word.

    Examples
    --------
    >>> str(badge("pass"))
    '<span class="badge pass">pass</span>'
    """
    from markupsafe import Markup

    return Markup('<span class="badge {0}">{0}</span>').format(verdict)


def matrix(story: Story) -> dict[str, Any]:
    """Worst corner between each pair of exposures: as found above the diagonal, as chosen below.

    Parameters
    ----------
    story : Story

    Returns
    -------
    dict
        ``names`` and ``rows``; rows are blank where nothing was measured.

    Examples
    --------
    >>> matrix(Story("iepw14", {"items": []}))["rows"]
    []
    """
    pairs = (story.choice or {}).get("pairs", [])
    names = [item["rootname"] for item in story.listing.get("items", [])]
    names = [name for name in names if any(name in (pair["a"], pair["b"]) for pair in pairs)]
    cells = {}
    for pair in pairs:
        first, second = sorted((pair["a"], pair["b"]), key=names.index)
        cells[first, second] = _cell(pair["before"])
        cells[second, first] = _cell(pair["after"])
    rows = [{"name": a, "cells": [cells.get((a, b)) for b in names]} for a in names]
    return {"names": names, "rows": rows}


def _cell(fit: Values | None) -> dict[str, str] | None:
    if fit is None:
        return None
    text = plus_minus(fit["corner_mas"], fit["corner_sigma_mas"]) if is_measured(fit) else ""
    verdict = fit["verdict"]
    # colour alone must not tell what fails
    shown = text if verdict == "pass" else f"{text} {verdict}".strip()
    return {"text": shown, "verdict": verdict, "why": fit["why"]}


def statistics(story: Story) -> list[dict[str, Any]]:
    """Cosmic rays and sky of each chip in each product.

    Parameters
    ----------
    story : Story

    Returns
    -------
    list of dict

    Examples
    --------
    >>> statistics(Story("iepw14", {}))
    []
    """
    return [
        {
            "product": product.label,
            "chip": chip,
            "cosmic_rays": f"{100 * share:.2f}",
            "sky": f"{product.sky[chip]:.4g}" if chip in product.sky else "",
        }
        for product in story.products
        for chip, share in product.cosmic_rays.items()
    ]


def inputs(story: Story) -> list[dict[str, Any]]:
    """Names, sizes and digests of the input files."""
    return [{**one, "name": os.path.basename(one["path"])} for one in story.manifest.get("inputs", [])]


def products(story: Story, page: Path) -> list[dict[str, str]]:
    """The products with their paths relative to the page."""
    return [
        {
            "name": os.path.basename(one.path),
            "href": relative(one.path, page),
            "filter": one.filter,
            "when": one.when,
            "wcsname": one.wcsname,
        }
        for one in story.products
    ]


def relative(path: str, page: Path) -> str:
    """A path as a link of a page.

    Examples
    --------
    >>> relative("run/a b.fits", Path("run/report.html"))
    'a%20b.fits'
    """
    from urllib.parse import quote

    return quote(os.path.relpath(path, page.parent).replace(os.sep, "/"))


def seen_from(value: Any, page: Path) -> Any:
    """Options with their paths as they are from the folder of a page.

    Examples
    --------
    >>> seen_from({"headerlets": ["/run/archive/a_hlet.fits"], "full": False}, Path("/run/report.html"))
    {'headerlets': ['archive/a_hlet.fits'], 'full': False}
    """
    if isinstance(value, Mapping):
        return {name: seen_from(one, page) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [seen_from(one, page) for one in value]
    if isinstance(value, str) and os.path.isabs(value):
        return os.path.relpath(value, page.parent)
    return value


def presets(story: Story) -> list[dict[str, Any]]:
    """Pairs of layers worth a button: two filters before or after, one filter before and after.

    Parameters
    ----------
    story : Story

    Returns
    -------
    list of dict
        ``label`` and the indices ``a`` and ``b`` into the products.

    Examples
    --------
    >>> from trueup.report.story import StoryProduct
    >>> two = [StoryProduct("", name, "before", "") for name in ("F336W", "F275W")]
    >>> presets(Story("iepw14", {}, products=tuple(two)))
    [{'label': 'Filters before', 'a': 0, 'b': 1}]
    """
    place = {(product.filter, product.when): i for i, product in enumerate(story.products)}
    first, others = story.filters[:1], story.filters[1:]
    wanted = []
    for when in ("before", "after", "now"):
        for a, b in ((a, b) for a in first for b in others):
            pair = "Filters" if len(others) == 1 else f"{b} on {a}"
            wanted.append((pair if when == "now" else f"{pair} {when}", (a, when), (b, when)))
    wanted += [(f"{name} before, after", (name, "before"), (name, "after")) for name in story.filters]
    return [
        {"label": label, "a": place[a], "b": place[b]} for label, a, b in wanted if a in place and b in place
    ]
