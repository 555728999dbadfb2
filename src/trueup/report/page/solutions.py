"""The table of every solution: soundness, measured quality, claims, the choice and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from trueup.report.page.rows import plus_minus
from trueup.report.story import Story, is_measured

Values = Mapping[str, Any]

_NOT_MEASURABLE = "not measurable"
_ORIGINS = {
    "primary": "in force in the header",
    "alternate": "alternate WCS",
    "hdrlet": "headerlet extension",
    "file": "headerlet file",
}


def exposures(story: Story) -> list[dict[str, Any]]:
    """Every exposure with every solution, those that are the same in one row.

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
    return [
        {
            "rootname": item["rootname"],
            "title": _title(item),
            "solutions": _solutions(story, item, chosen.get(item["rootname"])),
        }
        for item in story.listing.get("items", [])
    ]


def _title(item: Values) -> str:
    exptime = f"{item['exptime']:.0f} s" if item["exptime"] else ""
    words = (item["detector"], item["filter"], exptime)
    return " ".join(word for word in words if word)


def _solutions(story: Story, item: Values, chosen: Values | None) -> list[dict[str, Any]]:
    rejected = {
        one["solution"]["index"]: one["reason"]
        for one in (story.choice or {}).get("rejected", [])
        if one["rootname"] == item["rootname"]
    }
    rows = []
    told: set[int] = set()
    for first in item["solutions"]:
        if first["index"] in told:
            continue
        same = {first["index"], *first["same_as"]}
        told |= same
        group = [one for one in item["solutions"] if one["index"] in same]
        is_chosen = chosen is not None and _is_among(chosen["solution"], group)
        why = next((rejected[one["index"]] for one in group if one["index"] in rejected), "")
        row = _row(story, item["rootname"], group)
        rows.append({**row, "chosen": is_chosen, "why": _why(chosen) if is_chosen and chosen else why})
    if chosen is not None and not any(row["chosen"] for row in rows):
        rows.append(_from_outside(chosen))
    return rows


def is_derived(story: Story, chosen: Values) -> bool:
    """Whether a chosen solution is one that the files did not hold, and no other exposure's either.

    Parameters
    ----------
    story : Story
    chosen : mapping
        An exposure of the choice.

    Returns
    -------
    bool

    Examples
    --------
    >>> chosen = {"rootname": "iepw14g4q", "solution": {"index": 9, "wcsname": "IDC_x-FIT_REL_GAIA"}}
    >>> is_derived(Story("iepw14", {"items": [{"rootname": "iepw14g4q", "solutions": []}]}), chosen)
    True
    """
    items = [item for item in story.listing.get("items", []) if item["rootname"] == chosen["rootname"]]
    listed = any(_is_among(chosen["solution"], item["solutions"]) for item in items)
    return bool(items) and not listed and not chosen.get("carried_from")


def _is_among(chosen: Values, group: Iterable[Values]) -> bool:
    # the listing was made before solutions were derived: numbers alone could meet another one
    return any((o["index"], o["wcsname"]) == (chosen["index"], chosen["wcsname"]) for o in group)


def _why(chosen: Values) -> str:
    carried = chosen.get("carried_from")
    return f"{chosen['reason']}; carried over from {carried}" if carried else str(chosen["reason"])


def _row(story: Story, rootname: str, group: list[Values]) -> dict[str, Any]:
    first = group[0]
    indices = {one["index"] for one in group}
    origins = dict.fromkeys(str(_ORIGINS.get(one["origin"], one["origin"])) for one in group)
    return {
        "numbers": ", ".join(str(one["index"]) for one in group),
        "wcsname": first["wcsname"] or "(no WCSNAME)",
        "origins": ", ".join(origins),
        "sound": first["sound"],
        "faults": [fault["text"] for fault in first["faults"]],
        "offset": plus_minus(first["offset_max_mas"], None),
        "relative": _worst_pair(story, rootname, indices),
        "absolute": _against_catalog(story, rootname, indices),
        "claims": next((text for text in map(_claims, group) if text), ""),
        "active": any(one["active"] for one in group),
    }


def _from_outside(chosen: Values) -> dict[str, Any]:
    """A chosen solution that the files did not hold: derived here, or carried over from another exposure."""
    carried = chosen.get("carried_from")
    return {
        "numbers": "new",
        "wcsname": chosen["solution"]["wcsname"] or "(no WCSNAME)",
        "origins": f"carried over from {carried}" if carried else "derived by this run",
        "sound": True,
        "faults": [],
        "offset": "",
        "relative": plus_minus(chosen.get("relative_corner_mas"), chosen.get("relative_sigma_mas")),
        "absolute": plus_minus(chosen.get("absolute_mas"), chosen.get("absolute_sigma_mas")),
        "claims": "",
        "active": False,
        "chosen": True,
        "why": chosen["reason"],
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
            if row[f"{other}_solution"]["index"] in same:
                rows.append(row)
    if not rows:
        return ""
    rows = [row for row in rows if is_measured(row)]
    if not rows:
        return _NOT_MEASURABLE
    worst = max(rows, key=lambda row: float(row["corner_mas"]))
    return plus_minus(worst["corner_mas"], worst["corner_sigma_mas"])


def _same(item: Values) -> dict[int | None, set[int]]:
    return {s["index"]: {s["index"], *s["same_as"]} for s in item["solutions"]}


def _against_catalog(story: Story, rootname: str, indices: set[int]) -> str:
    for row in (story.measurement or {}).get("absolute", []):
        if row["rootname"] == rootname and row["solution"]["index"] in indices:
            if not is_measured(row):
                return _NOT_MEASURABLE
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
