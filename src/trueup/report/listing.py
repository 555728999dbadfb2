"""The listing of `trueup ls`: every solution of a visit as plain values, and as a table for people."""

from __future__ import annotations

import math
import os
import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trueup.model.exposure import Exposure
from trueup.model.flags import Flag, Verdict
from trueup.model.offset import offset
from trueup.model.solution import Solution
from trueup.model.soundness import judge
from trueup.model.visit import Visit
from trueup.report.columns import name_left_out

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

Values = dict[str, Any]

# headings of the table, and the least width of the terminal at which each is shown
_COLUMNS = {
    "#": 0, "": 0, "solution": 0, "stored in": 100, "stars": 140, "rms mas (px)": 140,
    "centre mas (px)": 120, "worst corner\nmas (px)": 80, "sound": 0,
}  # fmt: skip
_NUMBERS = {"stars", "rms mas (px)", "centre mas (px)", "worst corner\nmas (px)"}
_WHOLE_NAME, _LEAST_WHOLE = 32, 80
_UNFOLDED = {"#", "", "stored in"}


def listing(visit: Visit, interrupted: Sequence[str] = ()) -> Values:
    """Everything `ls` knows, in the shape of its JSON contract.

    Parameters
    ----------
    visit : Visit
    interrupted : sequence of str
        Sentences about edits that did not finish.

    Returns
    -------
    dict
        ``items`` (one per exposure), ``headerlets``, ``products``, ``left_out``, ``consistent``,
        ``findings`` and ``next``: the command to type next, or None.

    Examples
    --------
    >>> listing(Visit(()))["consistent"]
    True
    """
    items = [exposure_values(exposure) for exposure in visit.exposures]
    findings = [*interrupted, *_findings(visit, items)]
    return {
        "items": items,
        "headerlets": [
            {"file": path, "destim": s.destim or None, **_solution_values(s, Verdict(), None)}
            for path, s in visit.headerlets
        ],
        "products": [
            {
                "file": product.path,
                "inputs": [{"rootname": root, "wcsname": name or None} for root, name in product.inputs],
            }
            for product in visit.products
        ],
        "left_out": [
            {"file": out.path, "why": out.why, "error": out.is_error, "remote": out.is_remote}
            for out in visit.left_out
        ],
        "consistent": visit.is_consistent,
        "findings": findings,
        "next": _next_command(visit, items),
    }


def solution_id(solution: Solution, index: int | None) -> Values:
    """SOL of the JSON contract: index, wcsname, hdrname and origin."""
    return {
        "index": index,
        "wcsname": solution.wcsname or None,
        "hdrname": solution.hdrname or None,
        "origin": solution.origin.kind,
    }


def exposure_values(exposure: Exposure) -> Values:
    """One item of the listing: the exposure and all its solutions."""
    verdicts = judge(exposure)
    usable = exposure.usable
    return {
        "file": exposure.path,
        "rootname": exposure.rootname or None,
        "instrument": exposure.instrument,
        "detector": exposure.detector,
        "filter": exposure.filter or None,
        "exptime": exposure.header.number("EXPTIME"),
        "date": exposure.date,
        "asn_id": exposure.association,
        "visit": exposure.visit,
        "mode": exposure.mode,
        "guiding": exposure.guiding,
        "usable": {
            "measure": usable.measure,
            "drizzle": usable.drizzle,
            "why": usable.why or None,
        },
        "active": exposure.active.wcsname or None,
        "flags": [_flag_values(flag) for flag in verdicts[0].flags],
        "solutions": [
            {
                **_solution_values(solution, verdict, exposure),
                "index": number,
            }
            for number, (solution, verdict) in enumerate(
                zip(exposure.solutions, verdicts, strict=True), start=1
            )
        ],
    }


def _solution_values(solution: Solution, verdict: Verdict, exposure: Exposure | None) -> Values:
    origin, fit = solution.origin, solution.fit
    apart = offset(solution, exposure.active) if exposure else None
    return {
        **solution_id(solution, None),
        "hdu": origin.hdu,
        "extver": origin.extver,
        "key": origin.key or None,
        "family": solution.family,
        "mode": solution.name.mode,
        "catalog": solution.name.catalog or fit.catalog,
        "author": solution.author or None,
        "distname": solution.distname or None,
        "nmatches": fit.nmatches,
        "rms_ra_mas": fit.rms_ra_mas,
        "rms_dec_mas": fit.rms_dec_mas,
        "active": exposure is not None and solution is exposure.active,
        "same_as": [i + 1 for i in verdict.same_as],
        "offset_center_mas": _finite(apart.center_mas) if apart else None,
        "offset_max_mas": _finite(apart.max_mas) if apart else None,
        "pixel_mas": solution.chips[0].wcs.scale_arcsec() * 1e3 if solution.chips else None,
        "sound": verdict.sound if exposure else None,
        "faults": [_flag_values(flag) for flag in verdict.faults],
        "notes": [_flag_values(flag) for flag in verdict.notes],
    }


def _flag_values(flag: Flag) -> Values:
    return {
        "code": flag.code,
        "chip": flag.chip.extver if flag.chip else None,
        "mas": _finite(flag.mas),
        "pix": _finite(flag.pix),
        "reference_mas": _finite(flag.reference_mas),
        "reference_pix": _finite(flag.reference_pix),
        "text": flag.text,
    }


def _finite(value: float | None) -> float | None:
    """Headers with nonsense numbers give infinities, which JSON has no word for."""
    return value if value is not None and math.isfinite(value) else None


def _findings(visit: Visit, items: Sequence[Values]) -> list[str]:
    found = []
    for name, members in visit.by_visit().items():
        kinds = Visit(members).active_kinds()
        if len(kinds) > 1:
            parts = (f"{kind} on {_names(group)}" for kind, group in kinds.items())
            found.append(f"visit {name}: exposures have different solutions: {'; '.join(parts)}")
    for item in items:
        active = item["solutions"][0]
        found += [
            f"{item['rootname']}: the active solution is unsound: {fault['text']}"
            for fault in active["faults"]
        ]
    for detector, tables in visit.idctabs().items():
        parts = (f"{table} on {_names(group)}" for table, group in tables.items())
        found.append(
            f"{detector}: exposures were calibrated with different distortion tables: "
            f"{'; '.join(parts)}; retrieve all of them again, so that one table serves the visit"
        )
    found += [f"{os.path.basename(out.path)}: {out.why}" for out in visit.left_out if out.is_error]
    return found


def _names(exposures: Sequence[Exposure]) -> str:
    return ", ".join(exposure.rootname for exposure in exposures)


def _next_command(visit: Visit, items: Sequence[Values]) -> str | None:
    usable = [e for e in visit.exposures if e.usable.measure]
    if not usable:
        return None
    unsound = any(item["solutions"][0]["sound"] is False for item in items)
    if visit.is_consistent and not unsound:
        ready = [e.path for e in usable if e.usable.drizzle]
        return f"trueup drizzle {shlex.join(ready)}" if ready else None
    files = shlex.join(e.path for e in usable)
    offered = [path for path, s in visit.offered if s.destim in {e.rootname for e in usable}]
    if len({s.destim for path, s in visit.offered if path in offered}) == len(usable):
        return f"trueup apply {files} --hlet {shlex.join(offered)}"
    common = common_selection(usable)
    return f"trueup apply {files} --solution '{common}'" if common else None


def common_selection(exposures: Sequence[Exposure]) -> str | None:
    """The best-ranked kind of solution that every exposure has in a sound copy.

    Without measurements the order is that of the field's practice: FIT_SVM, FIT_REL, HSC30, GSC240,
    distortion only.

    Parameters
    ----------
    exposures : sequence of Exposure

    Returns
    -------
    str or None
        A selection for ``trueup apply``.

    Examples
    --------
    >>> common_selection([]) is None
    True
    """
    from trueup.errors import SelectionError
    from trueup.model.select import select

    for pattern in ("*-FIT_SVM_*", "*-FIT_REL_*", "*-HSC30", "*-GSC240", "distortion-only"):
        names = [_sound_names(exposure, pattern) for exposure in exposures]
        shared = set.intersection(*names) if names else set()
        for tail in sorted(shared, reverse=True):
            selection = f"*-{tail}" if tail else pattern
            try:
                for exposure in exposures:
                    select(exposure, selection)
            except SelectionError:
                continue
            return selection
    return None


def _sound_names(exposure: Exposure, pattern: str) -> set[str]:
    """Names without their base of the sound solutions that a pattern covers."""
    from fnmatch import fnmatchcase

    names = set()
    for solution, verdict in zip(exposure.solutions, judge(exposure), strict=True):
        if verdict.sound is False:
            continue
        if pattern == "distortion-only" and solution.family == "distortion-only":
            names.add("")
        elif fnmatchcase(solution.wcsname.upper(), pattern):
            names.add(solution.wcsname.partition("-")[2])
    return names


def print_listing(values: Mapping[str, Any], console: Console) -> None:
    """Print a listing for people: a table per visit, faults in words, and what to do next."""
    visits: dict[str, list[Values]] = {}
    for item in values["items"]:
        visits.setdefault(item["visit"], []).append(item)
    for name, items in visits.items():
        console.print(_visit_table(name, items, console.width))
        for item in items:
            _print_faults(item, console)
    _print_others(values, console)
    _print_conclusion(values, console)


def _visit_table(name: str, items: Sequence[Values], width: int) -> Table:
    """The columns that find room; name and verdict always do."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    shown = [heading for heading, least in _COLUMNS.items() if width >= least]
    table = Table(box=SIMPLE_HEAD, title=f"Visit {name}", title_justify="left", pad_edge=False)
    name_left_out(table, [heading for heading in _COLUMNS if heading not in shown])
    for heading in shown:
        if heading in _NUMBERS:
            table.add_column(heading, justify="right", no_wrap=True)
        else:
            whole = _WHOLE_NAME if heading == "solution" and width >= _LEAST_WHOLE else None
            table.add_column(heading, overflow="fold", no_wrap=heading in _UNFOLDED, width=whole)
    for item in items:
        table.add_section()
        table.add_row("", "", _heading(item))
        for solution in item["solutions"]:
            row = dict(zip(_COLUMNS, _row(solution), strict=True))
            table.add_row(*(row[heading] for heading in shown))
    return table


def _heading(item: Values) -> RenderableType:
    from rich.text import Text

    exptime = "" if item["exptime"] is None else f" {item['exptime']:g} s"
    text = Text(f"{item['rootname']} {item['detector']} {item['filter'] or ''}{exptime}", "bold")
    if item["mode"] != "image" or item["usable"]["why"]:
        text.append(f"  {item['mode']}: {item['usable']['why']}", "yellow")
    return text


def _row(solution: Values) -> list[RenderableType]:
    from rich.text import Text

    where = {
        "primary": "header",
        "alternate": f"key {solution['key']}",
        "hdrlet": f"HDU {solution['hdu']}",
        "file": "file",
    }[solution["origin"]]
    pixel = solution["pixel_mas"]
    rms = "-"
    if solution["rms_ra_mas"] is not None and solution["rms_dec_mas"] is not None:
        mean = ((solution["rms_ra_mas"] ** 2 + solution["rms_dec_mas"] ** 2) / 2) ** 0.5
        rms = f"{mean:.1f} ({mean / pixel:.2f})" if pixel else f"{mean:.1f}"
    active = solution["active"]
    return [
        str(solution["index"]),
        Text("active", "bold green") if active else "",
        Text(solution["wcsname"] or "(no WCSNAME)", "bold" if active else ""),
        where,
        "-" if solution["nmatches"] is None else str(solution["nmatches"]),
        rms,
        "-" if active else _distance(solution["offset_center_mas"], pixel),
        "-" if active else _distance(solution["offset_max_mas"], pixel),
        _verdict(solution),
    ]


def _distance(mas: float | None, pixel: float | None) -> str:
    if mas is None or not pixel:
        return "?"
    return f"{mas:.2f} ({mas / pixel:.3f})" if mas < 10 else f"{mas:.0f} ({mas / pixel:.2f})"


def _verdict(solution: Values) -> RenderableType:
    from rich.text import Text

    if solution["sound"] is False:
        codes = dict.fromkeys(fault["code"] for fault in solution["faults"])
        return Text(f"NO: {', '.join(codes)}", "bold red")
    codes = dict.fromkeys(n["code"] for n in solution["notes"] if n["code"] != "duplicate")
    words = ["yes" if solution["sound"] else "not checkable"]
    words += [f"same as #{solution['same_as'][0]}"] if solution["same_as"] else []
    words += [code for code in codes if code != "no-reference"]
    return Text("; ".join(words))


def _print_faults(item: Values, console: Console) -> None:
    for solution in item["solutions"]:
        for fault in solution["faults"]:
            console.print(
                f"{item['rootname']} #{solution['index']} {solution['wcsname']}: {fault['text']}",
                style="red",
            )


def _print_others(values: Mapping[str, Any], console: Console) -> None:
    for headerlet in values["headerlets"]:
        console.print(
            f"{headerlet['file']}: {headerlet['wcsname']} for {headerlet['destim']}, which was not given"
        )
    for product in values["products"]:
        console.print(f"{product['file']}: drizzled from")
        for pair in dict.fromkeys((i["rootname"], i["wcsname"]) for i in product["inputs"]):
            console.print(f"  {pair[0]}  {pair[1] or '(no WCSNAME)'}")
    for out in values["left_out"]:
        if not out["error"]:
            console.print(f"not used: {os.path.basename(out['file'])} ({out['why']})", style="dim")


def _print_conclusion(values: Mapping[str, Any], console: Console) -> None:
    for finding in values["findings"]:
        console.print(f"! {finding}", style="yellow")
    if values["items"]:
        names = dict.fromkeys(item["active"] or "(no WCSNAME)" for item in values["items"])
        if values["consistent"]:
            whose = (
                "All exposures"
                if len({item["visit"] for item in values["items"]}) == 1
                else ("The exposures of each visit")
            )
            console.print(f"{whose} share one kind of solution: {', '.join(names)}.")
        else:
            console.print("The exposures do not share one solution: they will not line up.")
    if values["next"]:
        console.print(f"Next: {values['next']}", style="bold", soft_wrap=True)
    elif values["items"] and not values["consistent"]:
        console.print("No sound solution is common to all: fetch their single-visit headerlets.")
