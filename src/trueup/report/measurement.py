"""A measurement as plain values, and as tables for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from trueup.astrometry.choosing.evidence import Evidence, gather
from trueup.astrometry.choosing.standing import Distance, Standing, distance, stand
from trueup.astrometry.measuring.candidates import candidates
from trueup.astrometry.measuring.measurement import Absolute, Candidate, Measurement, Relative
from trueup.astrometry.pairs.fit import Fit
from trueup.model.soundness import judge
from trueup.report.columns import Column, fitted_table
from trueup.report.listing import solution_id
from trueup.report.offset import signed

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

Values = dict[str, Any]

_WORST_FIRST = ("fail", "unmeasurable", "undecided", "pass")
_STYLES = {"pass": "green", "fail": "bold red", "undecided": "yellow", "unmeasurable": "yellow"}


def measurement_values(measurement: Measurement) -> Values:
    """Everything that was measured, in the shape of the JSON contract.

    Parameters
    ----------
    measurement : Measurement

    Returns
    -------
    dict
        ``exposures``, ``relative``, ``absolute``, ``skipped`` and ``findings``.

    Examples
    --------
    >>> from trueup.model.visit import Visit
    >>> measurement_values(Measurement(Visit(())))["relative"]
    []
    """
    return {
        "exposures": list(_exposures(measurement)),
        "relative": [
            {
                "a": row.a.rootname,
                "a_solution": _solution(measurement, row.a),
                "b": row.b.rootname,
                "b_solution": _solution(measurement, row.b),
                **asdict(row.fit),
                "route": list(row.route),
            }
            for row in measurement.relative
        ],
        "absolute": [
            {
                "rootname": row.candidate.rootname,
                "solution": _solution(measurement, row.candidate),
                "catalog": row.catalog,
                **asdict(row.fit),
            }
            for row in measurement.absolute
        ],
        "skipped": [{"rootname": rootname, "why": why} for rootname, why in measurement.skipped],
        "findings": list(measurement.findings),
    }


def _exposures(measurement: Measurement) -> Iterator[Values]:
    for stars in measurement.stars:
        exposure = measurement.exposure(stars.rootname)
        yield {
            "file": exposure.path,
            "rootname": stars.rootname,
            "filter": exposure.filter or None,
            "detector": exposure.detector,
            "epoch": exposure.epoch,
            "nsources": stars.n,
            "fwhm_pix": stars.fwhm_pix,
            "seconds": round(stars.seconds, 3),
        }


def _solution(measurement: Measurement, candidate: Candidate) -> Values:
    return solution_id(measurement.solution(candidate), candidate.index + 1)


@dataclass(frozen=True, slots=True, eq=False)
class SolutionSet:
    """How one set of solutions does, one solution for each exposure.

    Parameters
    ----------
    name : str
        What the solutions have in common.
    relative : tuple of Relative
        Every pair of the set that was compared.
    absolute : tuple of Absolute
    standing : Standing
        The set as a choice judges it: the worst pair, the catalogue, the verdict.

    Examples
    --------
    >>> SolutionSet.__slots__[:2]
    ('name', 'relative')
    """

    name: str
    relative: tuple[Relative, ...]
    absolute: tuple[Absolute, ...]
    standing: Standing


def solution_sets(measurement: Measurement) -> list[SolutionSet]:
    """The active solutions, then every kind of solution that all measured exposures have.

    Parameters
    ----------
    measurement : Measurement

    Returns
    -------
    list of SolutionSet
        The active ones first, the others from good to bad.

    Examples
    --------
    >>> from trueup.model.visit import Visit
    >>> solution_sets(Measurement(Visit(())))
    []
    """
    names = [stars.rootname for stars in measurement.stars]
    if not names:
        return []
    kinds: dict[tuple[str, str, str], dict[str, Candidate]] = {}
    for rootname in names:
        for candidate in _all(measurement, rootname):
            solution = measurement.solution(candidate)
            kinds.setdefault(solution.name.kind, {}).setdefault(rootname, candidate)
    active = {rootname: Candidate(rootname, 0) for rootname in names}
    shared = [chosen for chosen in kinds.values() if len(chosen) == len(names)]
    evidence = gather(measurement)
    common = [_solution_set(evidence, _common_name(measurement, chosen), chosen) for chosen in shared]
    common.sort(key=_from_good_to_bad)
    return [_solution_set(evidence, "as they are", active), *common]


def _from_good_to_bad(one: SolutionSet) -> tuple[int, float]:
    far = (one.standing.worst, one.standing.absolute)
    return -_WORST_FIRST.index(one.standing.verdict), max((d.pix for d in far if d), default=0.0)


def _common_name(measurement: Measurement, chosen: Mapping[str, Candidate]) -> str:
    """The WCSNAME, or where detectors differ those of all; and where it is unsound."""
    names = dict.fromkeys(measurement.solution(c).wcsname or "(no WCSNAME)" for c in chosen.values())
    unsound = [
        root for root, c in chosen.items() if judge(measurement.exposure(root))[c.index].sound is False
    ]
    return ", ".join(names) + (f" (unsound in {', '.join(unsound)})" if unsound else "")


def _all(measurement: Measurement, rootname: str) -> list[Candidate]:
    """Solutions of an exposure that were measured, copies included."""
    exposure = measurement.exposure(rootname)
    measured = {c for row in measurement.relative for c in (row.a, row.b)} | set(candidates(exposure))
    every = (Candidate(rootname, index) for index in range(len(exposure.solutions)))
    return [c for c in every if measurement.representative(c) in measured]


def _solution_set(evidence: Evidence, name: str, chosen: Mapping[str, Candidate]) -> SolutionSet:
    measurement = evidence.measurement
    roots = list(chosen)
    pairs = ((chosen[a], chosen[b]) for i, a in enumerate(roots) for b in roots[i + 1 :])
    relative = tuple(row for a, b in pairs if (row := measurement.between(a, b)) is not None)
    against = (measurement.against_catalog(c) for c in chosen.values())
    absolute = tuple(row for row in against if row is not None)
    return SolutionSet(name, relative, absolute, stand(evidence, chosen))


def print_measurement(measurement: Measurement, console: Console, *, everything: bool = False) -> None:
    """Print a measurement for people: the solutions in force first, one line per common set.

    Parameters
    ----------
    measurement : Measurement
    console : rich.console.Console
    everything : bool
        Also every pair of solutions.
    """
    for rootname, why in measurement.skipped:
        console.print(f"{rootname}: not measured, {why}", style="yellow")
    sets = solution_sets(measurement)
    if not sets:
        console.print("\n".join(("nothing to measure", *measurement.findings)))
        return
    console.print(_exposure_table(measurement, console.width))
    rows = measurement.relative if everything else sets[0].relative
    if rows:
        console.print(_pair_table(measurement, rows, named=everything, width=console.width))
    against = measurement.absolute if everything else sets[0].absolute
    if against:
        console.print(_catalog_table(measurement, against, console.width))
    if len(sets) > 1:
        console.print(_set_table(sets, console.width))
    for line in (*_unmeasurable(sets[0]), *measurement.findings):
        console.print(line)
    if not rows:
        console.print(_nothing_relative(measurement))


def _nothing_relative(measurement: Measurement) -> str:
    alone = len(measurement.stars) == 1
    why = "an exposure is alone" if alone else "no two exposures overlap"
    if measurement.absolute:
        return f"{why}: nothing relative was measured"
    return f"UNMEASURABLE: {why}; give another one, or --catalog"


def _unmeasurable(active: SolutionSet) -> Iterator[str]:
    """Each reason once, with whom it concerns."""
    reasons: dict[str, list[str]] = {}
    for row in active.relative:
        if row.fit.verdict == "unmeasurable":
            reasons.setdefault(row.fit.why, []).append(f"{row.a.rootname} and {row.b.rootname}")
    for against in active.absolute:
        if against.fit.verdict == "unmeasurable":
            reasons.setdefault(against.fit.why, []).append(
                f"{against.candidate.rootname} and {against.catalog}"
            )
    for why, whom in reasons.items():
        yield f"UNMEASURABLE: {', '.join(whom)}: {why}"


def _exposure_table(measurement: Measurement, width: int) -> Table:
    columns = (
        Column("exposure"),
        Column("filter"),
        Column("solution in force", "name"),
        Column("stars", "number"),
        Column("FWHM px", "number", spare=1),
        Column("seconds", "number", spare=2),
    )
    rows = [
        (
            values["rootname"],
            f"{values['detector']} {values['filter'] or ''}",
            measurement.exposure(values["rootname"]).active.wcsname or "(no WCSNAME)",
            str(values["nsources"]),
            f"{values['fwhm_pix']:.1f}",
            f"{values['seconds']:.1f}",
        )
        for values in _exposures(measurement)
    ]
    return fitted_table(columns, rows, width=width, title="Exposures")


def _pair_table(measurement: Measurement, given: Sequence[Relative], *, named: bool, width: int) -> Table:
    columns = (Column("a"), Column("b"), *((Column("solutions", "name"),) if named else ()), *_OF_FIT)
    rows: list[tuple[str | Text, ...]] = []
    for row in given:
        names = ", ".join(dict.fromkeys(_name(measurement, c) for c in (row.a, row.b)))
        verdict = _verdict(row.fit)
        verdict.append(f" through {', '.join(row.route)}" if row.route else "")
        ends = (row.a.rootname, row.b.rootname, *((names,) if named else ()))
        rows.append((*ends, *_cells(row.fit), verdict))
    title = "b minus a" if named else "b minus a, as they are"
    return fitted_table(columns, rows, width=width, title=title)


def _catalog_table(measurement: Measurement, given: Sequence[Absolute], width: int) -> Table:
    columns = (Column("exposure"), Column("solution", "name"), *_OF_FIT)
    rows: list[tuple[str | Text, ...]] = [
        (
            row.candidate.rootname,
            _name(measurement, row.candidate),
            *_cells(row.fit),
            _verdict(row.fit),
        )
        for row in given
    ]
    title = f"minus {', '.join(dict.fromkeys(row.catalog for row in given))}"
    return fitted_table(columns, rows, width=width, title=title)


def _set_table(sets: Sequence[SolutionSet], width: int) -> Table:
    from rich.text import Text

    against = any(one.absolute for one in sets)
    columns = (
        Column("solution", "name"),
        Column("pairs", "number", spare=1),
        Column("worst pair mas (px)", "number"),
        *((Column("catalogue mas", "number"),) if against else ()),
        Column("verdict"),
    )
    rows: list[tuple[str | Text, ...]] = []
    for one in sets:
        measured = sum(row.fit.verdict != "unmeasurable" for row in one.relative)
        far = one.standing.absolute
        distance = [f"{far.mas:.1f} +- {far.sigma_mas:.1f}" if far else "-"] if against else []
        verdict = Text(one.standing.verdict.upper(), _STYLES[one.standing.verdict])
        worst = _apart(one.standing.worst)
        rows.append((one.name, f"{measured} of {len(one.relative)}", worst, *distance, verdict))
    return fitted_table(columns, rows, width=width, title="One kind of solution for all")


_OF_FIT = (
    Column("east mas", "number", spare=2),
    Column("north mas", "number", spare=2),
    Column("rotation deg", "number", spare=3),
    Column("displacement mas (px)", "number"),
    Column("stars", "number", spare=1),
    Column("verdict"),
)


def _cells(fit: Fit) -> list[str]:
    if fit.east_mas is None or fit.verdict == "unmeasurable":
        return ["-"] * 4 + [str(fit.n)]
    return [
        f"{signed(fit.east_mas)} +- {fit.sigma_east_mas:.1f}",
        f"{signed(fit.north_mas)} +- {fit.sigma_north_mas:.1f}",
        f"{signed(fit.rotation_deg, digits=4)} +- {fit.sigma_rotation_deg:.4f}",
        _apart(distance(fit)),
        str(fit.n),
    ]


def _apart(far: Distance | None) -> str:
    if far is None:
        return "-"
    pixels = f" ({far.pix:.2f})" if far.pixel_mas else ""
    return f"{far.mas:.1f} +- {far.sigma_mas:.1f}{pixels}"


def _verdict(fit: Fit) -> Text:
    from rich.text import Text

    return Text(fit.verdict.upper(), _STYLES[fit.verdict])


def _name(measurement: Measurement, candidate: Candidate) -> str:
    return measurement.solution(candidate).wcsname or f"#{candidate.index + 1}"
