"""The tables of the page: solutions, offsets, statistics, files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from trueup.report.story import Story

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
    text = f"{value:.{digits}f}".replace("-", "\N{MINUS SIGN}")
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


def exposures(story: Story) -> list[dict[str, Any]]:
    """Every exposure with every solution: soundness, measured quality, claims, the choice.

    Parameters
    ----------
    story : Story

    Returns
    -------
    list of dict

    Examples
    --------
    >>> exposures(Story("iepw14", {"items": []}))
    []
    """
    chosen = {one["rootname"]: one for one in (story.choice or {}).get("exposures", [])}
    rejected = {
        (one["rootname"], one["solution"]["index"]): one["reason"]
        for one in (story.choice or {}).get("rejected", [])
    }
    found = []
    for item in story.listing.get("items", []):
        mine = chosen.get(item["rootname"])
        found.append(
            {
                "rootname": item["rootname"],
                "detector": item["detector"],
                "filter": item["filter"] or "",
                "exptime": f"{item['exptime']:.0f}" if item["exptime"] else "?",
                "reason": mine["reason"] if mine else "",
                "solutions": [
                    _solution(story, item, s, mine, rejected.get((item["rootname"], s["index"]), ""))
                    for s in item["solutions"]
                ],
            }
        )
    return found


def _solution(
    story: Story, item: Values, solution: Values, chosen: Values | None, rejected: str
) -> dict[str, Any]:
    indices = {solution["index"], *solution["same_as"]}
    return {
        "index": solution["index"],
        "wcsname": solution["wcsname"] or "(no WCSNAME)",
        "origin": solution["origin"],
        "sound": solution["sound"],
        "faults": [fault["text"] for fault in solution["faults"]],
        "offset": plus_minus(solution["offset_max_mas"], None),
        "relative": _worst_pair(story, item["rootname"], indices),
        "absolute": _against_catalog(story, item["rootname"], indices),
        "claims": _claims(solution),
        "active": solution["active"],
        "chosen": chosen is not None and chosen["solution"]["index"] == solution["index"],
        "rejected": rejected,
    }


def _worst_pair(story: Story, rootname: str, indices: set[int]) -> str:
    """The largest corner displacement against the chosen solutions of the other exposures."""
    others = {o["rootname"]: o["solution"]["index"] for o in (story.choice or {}).get("exposures", [])}
    groups = {i["rootname"]: _same(i) for i in story.listing.get("items", [])}
    rows = []
    for row in (story.measurement or {}).get("relative", []):
        for me, other in (("a", "b"), ("b", "a")):
            if row[me] != rootname or row[f"{me}_solution"]["index"] not in indices:
                continue
            same = groups.get(row[other], {}).get(others.get(row[other]), set())
            if row[f"{other}_solution"]["index"] in same and row["corner_mas"] is not None:
                rows.append(row)
    if not rows:
        return ""
    worst = max(rows, key=lambda row: float(row["corner_mas"]))
    return plus_minus(worst["corner_mas"], worst["corner_sigma_mas"])


def _same(item: Values) -> dict[int | None, set[int]]:
    return {s["index"]: {s["index"], *s["same_as"]} for s in item["solutions"]}


def _against_catalog(story: Story, rootname: str, indices: set[int]) -> str:
    for row in (story.measurement or {}).get("absolute", []):
        if row["rootname"] == rootname and row["solution"]["index"] in indices:
            if row["east_mas"] is None:
                return "not measurable"
            length = (row["east_mas"] ** 2 + row["north_mas"] ** 2) ** 0.5
            return plus_minus(length, max(row["sigma_east_mas"], row["sigma_north_mas"]))
    return ""


def _claims(solution: Values) -> str:
    words = []
    if solution["nmatches"]:
        words.append(f"{solution['nmatches']} matches")
    if solution["rms_ra_mas"] is not None and solution["rms_dec_mas"] is not None:
        words.append(f"rms {solution['rms_ra_mas']:.0f}, {solution['rms_dec_mas']:.0f} mas")
    return ", ".join(words)


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
    text = "?" if fit["corner_mas"] is None else plus_minus(fit["corner_mas"], fit["corner_sigma_mas"])
    return {"text": text, "verdict": fit["verdict"], "why": fit["why"]}


def statistics(story: Story) -> list[dict[str, str]]:
    """Cosmic rays and sky of each exposure in each product.

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
    rows = []
    for product in story.products:
        for rootname, share in product.cosmic_rays.items():
            sky = [
                f"{name.split(' ', 1)[-1]}: {value:.4g}"
                for name, value in product.sky.items()
                if name.startswith(rootname)
            ]
            rows.append(
                {
                    "product": product.label,
                    "rootname": rootname,
                    "cosmic_rays": f"{100 * share:.2f}",
                    "sky": ", ".join(sky),
                }
            )
    return rows


def inputs(story: Story) -> list[dict[str, Any]]:
    """Names, sizes and digests of the input files."""
    return [{**one, "name": os.path.basename(one["path"])} for one in story.manifest.get("inputs", [])]


def products(story: Story, page: Path) -> list[dict[str, str]]:
    """The products with their paths relative to the page."""
    return [
        {
            "name": os.path.basename(one.path),
            "href": _relative(one.path, page),
            "filter": one.filter,
            "when": one.when,
            "wcsname": one.wcsname,
        }
        for one in story.products
    ]


def _relative(path: str, page: Path) -> str:
    from urllib.parse import quote

    return quote(os.path.relpath(path, page.parent).replace(os.sep, "/"))


def presets(story: Story) -> list[dict[str, Any]]:
    """Pairs of layers worth a button: the filters before, the filters after, each filter before and after.

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
    place = {(p.filter, p.when): i for i, p in enumerate(story.products)}
    found = []
    for when in ("before", "after"):
        shown = [place[name, when] for name in story.filters if (name, when) in place]
        if len(shown) > 1:
            found.append({"label": f"Filters {when}", "a": shown[0], "b": shown[1]})
    return found + list(_both(story.filters, place))


def _both(filters: Iterable[str], place: Mapping[tuple[str, str], int]) -> Iterable[dict[str, Any]]:
    for name in filters:
        if (name, "before") in place and (name, "after") in place:
            label = f"{name} before, after"
            yield {"label": label, "a": place[name, "before"], "b": place[name, "after"]}
