"""What became of a fit, as text and as values."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import asdict
from itertools import combinations
from typing import Any

from trueup.astrometry.deriving.derivation import Derived
from trueup.astrometry.deriving.improvement import FitResult
from trueup.astrometry.measuring.measurement import Candidate, Measurement
from trueup.model.displacement import Displacement, displacement
from trueup.model.offset import field_center
from trueup.report.listing import solution_id
from trueup.report.offset import signed

Values = dict[str, Any]

_HEADING = (
    f"{'moved by':10} {'east mas':>9} {'north mas':>9} {'rotation deg':>13} {'scale ppm':>11}"
    "   +- in the visit, in the frame"
)


def fit_values(fitted: FitResult) -> Values:
    """A fit as in the JSON contract.

    Parameters
    ----------
    fitted : FitResult

    Returns
    -------
    dict
        Offsets and errors in mas, angles in degrees; pairs and absolute offsets once before and once after.

    Examples
    --------
    >>> from trueup.astrometry.choosing.choice import Choice
    >>> from trueup.model.visit import Visit
    >>> nothing = FitResult("unmeasurable", "no stars", Choice("unmeasurable", ""), Measurement(Visit(())))
    >>> fit_values(nothing)["verdict"], fit_values(nothing)["files"]
    ('unmeasurable', [])
    """
    derivation = fitted.derivation
    return {
        "verdict": fitted.outcome,
        "reason": fitted.reason,
        "frame": derivation.frame or None,
        "exposures": [_exposure_values(one) for one in derivation.exposures],
        "relative": [*_pairs(fitted, "before"), *_pairs(fitted, "after")],
        "absolute": [*_absolute(fitted, "before"), *_absolute(fitted, "after")],
        "closure": [
            {
                "loops": bundle.loops,
                "chi2": bundle.chi2,
                "mas": bundle.closure_mas,
                "rejected": [list(pair) for pair in bundle.rejected],
            }
            for bundle in derivation.bundles
        ],
        "left_out": [{"rootname": rootname, "why": why} for rootname, why in derivation.left_out],
        "findings": list(fitted.before.findings),
        "files": [str(file) for file in fitted.files],
    }


def fit_text(fitted: FitResult) -> str:
    """A fit in lines of plain text.

    Parameters
    ----------
    fitted : FitResult

    Returns
    -------
    str

    Examples
    --------
    >>> from trueup.astrometry.choosing.choice import Choice
    >>> from trueup.model.visit import Visit
    >>> kept = FitResult("keep", "no improvement needed", Choice("keep", ""), Measurement(Visit(())))
    >>> print(fit_text(kept))
    KEEP: no improvement needed
    """
    return "\n".join(_lines(fitted))


def _lines(fitted: FitResult) -> Iterator[str]:
    yield f"{fitted.outcome.upper()}: {fitted.reason}"
    derivation = fitted.derivation
    if derivation.exposures and fitted.outcome == "derived":
        names = dict.fromkeys(str(one.solution.name) for one in derivation.exposures)
        yield f"{', '.join(names)}; frame: {derivation.frame}"
        yield _HEADING
        yield from (_move_line(one) for one in derivation.exposures)
    for bundle in derivation.bundles:
        if bundle.chi2 is not None:
            closure = f"{bundle.closure_mas:.2f} mas (chi2 {bundle.chi2:.2f})"
            yield f"loops of pairs close to {closure}: {bundle.loops} of them"
        for a, b in bundle.rejected:
            yield f"the pair {a}, {b} contradicts the others and was left out"
    for rootname, why in derivation.left_out:
        yield f"{rootname}: no new solution, {why}"
    yield from fitted.before.findings
    if fitted.files:
        yield "written:"
        yield from (f"  {file}" for file in fitted.files)
        exposures = shlex.join(one.exposure.path for one in derivation.exposures)
        yield f"next: trueup apply {exposures} --hlet {shlex.join(str(file) for file in fitted.files)}"


def _moved(one: Derived) -> Displacement:
    """The new solution minus the one in force, about the middle of the exposure."""
    chips = [chip.id for chip in one.exposure.chips]
    new, old = ([solution.wcs(chip) for chip in chips] for solution in (one.solution, one.exposure.active))
    return displacement(new, old, centre=field_center(old))


def _move_line(one: Derived) -> str:
    by, correction = _moved(one), one.correction
    moved = f"{signed(by.east_mas):>9} {signed(by.north_mas):>9}"
    turned = f"{signed(by.rotation_deg, digits=4):>13} {signed(by.scale_ppm):>11}"
    errors = f"{max(correction.relative_sigma_mas):>9.2f}, {max(correction.absolute_sigma_mas):.2f} mas"
    carried = f"  taken from {correction.carried_from}" if correction.carried_from else ""
    return f"{one.exposure.rootname:10} {moved} {turned}   {errors}{carried}"


def _exposure_values(one: Derived) -> Values:
    correction = one.correction
    start = one.exposure.solutions.index(one.start)
    return {
        "file": one.exposure.path,
        "rootname": one.exposure.rootname,
        "start": solution_id(one.start, start + 1),
        "solution": solution_id(one.solution, None),
        **asdict(correction.by),
        "moved": asdict(_moved(one)),
        "relative_sigma_mas": list(correction.relative_sigma_mas),
        "absolute_sigma_mas": list(correction.absolute_sigma_mas),
        "carried_from": correction.carried_from or None,
    }


def _measured(fitted: FitResult, when: str) -> tuple[Measurement, list[Candidate]]:
    """The measurement, and the solutions in force or the new ones, which are the last of each exposure."""
    if when == "before" or fitted.after is None:
        active = [Candidate(e.rootname, 0) for e in fitted.before.visit.exposures]
        return fitted.before, active if when == "before" else []
    exposures = [fitted.after.exposure(one.exposure.rootname) for one in fitted.derivation.exposures]
    return fitted.after, [Candidate(e.rootname, len(e.solutions) - 1) for e in exposures]


def _pairs(fitted: FitResult, when: str) -> Iterator[Values]:
    measurement, candidates = _measured(fitted, when)
    for a, b in combinations(candidates, 2):
        row = measurement.between(a, b)
        if row is not None:
            yield {
                "when": when,
                "a": a.rootname,
                "a_solution": solution_id(measurement.solution(a), a.index + 1),
                "b": b.rootname,
                "b_solution": solution_id(measurement.solution(b), b.index + 1),
                **asdict(row.fit),
            }


def _absolute(fitted: FitResult, when: str) -> Iterator[Values]:
    measurement, candidates = _measured(fitted, when)
    for candidate in candidates:
        row = measurement.against_catalog(candidate)
        if row is not None:
            solution = solution_id(measurement.solution(candidate), candidate.index + 1)
            head = {
                "when": when,
                "rootname": candidate.rootname,
                "solution": solution,
                "catalog": row.catalog,
            }
            yield {**head, **asdict(row.fit)}
