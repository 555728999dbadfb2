"""A choice as plain values, and in words."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from trueup.astrometry.choosing.choice import Choice, Chosen
from trueup.astrometry.choosing.evidence import counts, gather
from trueup.astrometry.choosing.standing import distance, pair_fits
from trueup.astrometry.measuring.measurement import Candidate, Measurement
from trueup.astrometry.pairs.fit import Fit
from trueup.model.exposure import Exposure
from trueup.model.solution import Solution
from trueup.report.columns import Column, fitted_table
from trueup.report.listing import solution_id

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

Values = dict[str, Any]

_STYLES = {"keep": "bold green", "change": "bold", "derive": "bold red", "unmeasurable": "yellow"}


def choice_values(choice: Choice, measurement: Measurement) -> Values:
    """A choice in the shape of the JSON contract, with what was measured of every pair before and after.

    Parameters
    ----------
    choice : Choice
    measurement : Measurement
        That it was made from.

    Returns
    -------
    dict
        ``verdict``, ``common``, ``reason``, ``exposures``, ``pairs``, ``sky``, ``rejected`` and ``findings``.

    Examples
    --------
    >>> from trueup.model.visit import Visit
    >>> choice_values(Choice("unmeasurable", "no exposure was given"), Measurement(Visit(())))["pairs"]
    []
    """
    return {
        "verdict": choice.verdict,
        "common": choice.common or None,
        "reason": choice.reason,
        "exposures": [_exposure_values(one) for one in choice.exposures],
        "pairs": _pairs(choice, measurement),
        "sky": list(_sky(choice, measurement)),
        "rejected": [
            {
                "rootname": one.rootname,
                "solution": _solution(measurement.exposure(one.rootname), one.solution),
                "reason": one.reason,
            }
            for one in choice.rejected
        ],
        "findings": list(choice.findings),
    }


def _exposure_values(chosen: Chosen) -> Values:
    fit = chosen.solution.fit
    return {
        "file": chosen.exposure.path,
        "rootname": chosen.exposure.rootname,
        "filter": chosen.exposure.filter or None,
        "solution": _solution(chosen.exposure, chosen.solution),
        "was_active": chosen.was_active,
        "active": chosen.exposure.active.wcsname or None,
        "reason": chosen.reason,
        "relative_corner_mas": chosen.relative_corner_mas,
        "relative_sigma_mas": chosen.relative_sigma_mas,
        "absolute_mas": chosen.absolute_mas,
        "absolute_sigma_mas": chosen.absolute_sigma_mas,
        "carried_from": chosen.carried_from or None,
        "header_nmatches": fit.nmatches,
        "header_rms_ra_mas": fit.rms_ra_mas,
        "header_rms_dec_mas": fit.rms_dec_mas,
    }


def _solution(exposure: Exposure, solution: Solution) -> Values:
    return solution_id(solution, exposure.solutions.index(solution) + 1)


def _pairs(choice: Choice, measurement: Measurement) -> list[Values]:
    """What was measured between exposures under the solutions in force, and under the chosen ones."""
    evidence = gather(measurement)
    roots = [one.exposure.rootname for one in choice.exposures]
    before = pair_fits(evidence, {root: Candidate(root, 0) for root in roots})
    after = pair_fits(
        evidence,
        {
            one.exposure.rootname: Candidate(
                one.exposure.rootname, one.exposure.solutions.index(one.solution)
            )
            for one in choice.exposures
        },
    )
    return [
        {"a": a, "b": b, "before": _fit(before.get((a, b))), "after": _fit(after.get((a, b)))}
        for a, b in dict.fromkeys((*before, *after))
    ]


def _sky(choice: Choice, measurement: Measurement) -> Iterator[Values]:
    """What was measured against the catalogue under the solution in force, and under the chosen one."""
    for one in choice.exposures:
        rootname, solutions = one.exposure.rootname, one.exposure.solutions
        places = (0, solutions.index(one.solution))
        rows = [measurement.against_catalog(Candidate(rootname, place)) for place in places]
        before, after = (row.fit if row and counts(row.fit) else None for row in rows)
        catalog = next((row.catalog for row in rows if row), None)
        if catalog is not None:
            yield {"catalog": catalog, "rootname": rootname, "before": _fit(before), "after": _fit(after)}


def _fit(fit: Fit | None) -> Values | None:
    return None if fit is None else asdict(fit)


def print_choice(values: Mapping[str, Any], console: Console) -> None:
    """Print a choice for people: the verdict, a line per exposure, what was rejected, what to type next.

    Parameters
    ----------
    values : mapping
        Of :func:`choice_values`.
    console : rich.console.Console

    Examples
    --------
    >>> from rich.console import Console
    >>> none = {"exposures": [], "rejected": [], "findings": ["one file is damaged"]}
    >>> print_choice({**none, "verdict": "keep", "reason": "all agree"}, Console(width=80))
    KEEP: all agree.
    ! one file is damaged
    """
    verdict = values["verdict"]
    console.print(f"{verdict.upper()}: {values['reason']}.", style=_STYLES[verdict])
    if values["exposures"]:
        console.print(_table(values["exposures"], console.width))
    for one in values["exposures"]:
        console.print(f"{one['rootname']}: {one['reason']}")
    for name, reasons in _rejections(values["rejected"]).items():
        console.print(f"rejected {name}: {'; '.join(reasons)}", style="dim")
    for finding in values["findings"]:
        console.print(f"! {finding}", style="yellow")


def _rejections(rejected: Sequence[Values]) -> dict[str, list[str]]:
    """Reasons by the name of the solution; exposures that share one are named together."""
    found: dict[str, dict[str, list[str]]] = {}
    for one in rejected:
        name = one["solution"]["wcsname"] or "(no WCSNAME)"
        where = f"{one['rootname']} #{one['solution']['index']}"
        found.setdefault(name, {}).setdefault(one["reason"], []).append(where)
    return {
        name: [f"{', '.join(where)}: {reason}" for reason, where in reasons.items()]
        for name, reasons in found.items()
    }


def next_step(values: Mapping[str, Any], files: Sequence[str], *, saved: str | None, plain: bool) -> str:
    """What to do after a choice.

    Parameters
    ----------
    values : mapping
        Of :func:`choice_values`.
    files : sequence of str
        As typed for the choice.
    saved : str or None
        Where the choice was written.
    plain : bool
        Whether nothing but the files decided: then measuring again gives the same choice.

    Returns
    -------
    str

    Examples
    --------
    >>> next_step({"verdict": "derive"}, ["my visit"], saved=None, plain=True)
    "Next: trueup fit 'my visit'"
    """
    if values["verdict"] == "derive":
        return f"Next: trueup fit {shlex.join(files)}{'' if plain else ', with the same options'}"
    if all(one["was_active"] for one in values["exposures"]):
        return "Nothing to apply."
    if saved is not None:
        return f"Next: trueup apply --choice {shlex.quote(saved)}"
    if plain:
        return f"Next: trueup apply {shlex.join(files)} --solution best"
    return "Next: the same with -o choice.json, then trueup apply --choice choice.json"


_COLUMNS = (
    Column("exposure"),
    Column("filter", spare=1),
    Column("solution", "name"),
    Column("", "name"),
    Column("others mas", "number"),
    Column("catalogue mas", "number"),
    Column("header says", "number", spare=2),
)


def _table(exposures: Sequence[Values], width: int) -> Table:
    rows = []
    for one in exposures:
        state = "kept" if one["was_active"] else "new"
        if one["carried_from"]:
            state = f"{state}, as {one['carried_from']}"
        rows.append(
            (
                one["rootname"],
                one["filter"] or "",
                one["solution"]["wcsname"] or "(no WCSNAME)",
                state,
                _length(one["relative_corner_mas"], one["relative_sigma_mas"]),
                _length(one["absolute_mas"], one["absolute_sigma_mas"]),
                _header(one),
            )
        )
    return fitted_table(_COLUMNS, rows, width=width)


def _length(mas: float | None, sigma_mas: float | None) -> str:
    return "-" if mas is None or sigma_mas is None else f"{mas:.1f} +- {sigma_mas:.1f}"


def _header(one: Values) -> str:
    if one["header_nmatches"] is None:
        return "-"
    rms = [one[f"header_rms_{axis}_mas"] for axis in ("ra", "dec")]
    stars = f"{one['header_nmatches']} stars"
    return stars if None in rms else f"{stars}, {rms[0]:.1f}/{rms[1]:.1f} mas"


def comparison_lines(
    pairs: Sequence[tuple[tuple[str, str], Fit | None, Fit | None]],
) -> list[str]:
    """Before and after of pairs of filters or exposures: of pairs with one label, the worst.

    Parameters
    ----------
    pairs : sequence of ((str, str), Fit or None, Fit or None)
        Labels, before, after.

    Returns
    -------
    list of str

    Examples
    --------
    >>> comparison_lines([(("F336W", "F275W"), None, None)])
    ['F275W - F336W: not measured before, not measured now']
    """
    worst: dict[tuple[str, str], tuple[Fit | None, Fit | None]] = {}
    for labels, *fits in pairs:
        known = worst.get(labels, (None, None))
        before, after = (_worse(old, new) for old, new in zip(known, fits, strict=True))
        worst[labels] = before, after
    return [
        f"{f'within {a}' if a == b else f'{b} - {a}'}: {_words(before)} before, {_words(after)} now"
        + (f": {after.verdict.upper()}" if after else "")
        for (a, b), (before, after) in worst.items()
    ]


def _worse(a: Fit | None, b: Fit | None) -> Fit | None:
    known = [fit for fit in (a, b) if fit is not None]
    return max(known, key=lambda fit: distance(fit).pix, default=None)


def _words(fit: Fit | None) -> str:
    return "not measured" if fit is None else str(distance(fit))
