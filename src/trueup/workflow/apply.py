"""Apply a solution that was named, or a choice that was measured; a choice is verified afterwards."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Unpack

from trueup.astrometry.choosing.evidence import counts
from trueup.astrometry.measuring.measurement import Measurement, reverse
from trueup.astrometry.pairs.fit import Fit
from trueup.astrometry.stars.starlist import StarList
from trueup.edit.apply import Options
from trueup.edit.apply import apply as apply_solution
from trueup.edit.bundle import unpacked
from trueup.edit.plan import Plan
from trueup.errors import ChangedError, SelectionError, UsageError
from trueup.fits.visit import open_visit
from trueup.model.visit import LeftOut
from trueup.report.choice import comparison_lines
from trueup.workflow.against import Against
from trueup.workflow.choice_file import Inputs, inputs_of, read_choice
from trueup.workflow.choose import choose_files
from trueup.workflow.measure import active, active_on_sky, measure_again, reference_frame

PathLike = str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class Verified:
    """One pair of exposures, or one exposure and a catalogue, before and after an edit.

    Parameters
    ----------
    a, b : str
        Rootnames, or a catalogue and a rootname; the measurement is b minus a.
    filters : (str, str)
    before, after : Fit or None
        None where nothing could be measured.

    Examples
    --------
    >>> Verified("iepw14g4q", "iepw14gaq", ("F336W", "F275W"), None, None).worse
    False
    """

    a: str
    b: str
    filters: tuple[str, str]
    before: Fit | None
    after: Fit | None

    @property
    def worse(self) -> bool:
        """Whether the two disagree after the edit."""
        return self.after is not None and self.after.verdict == "fail"


@dataclass(frozen=True, slots=True)
class Applied:
    """An edit and what measuring again says of it.

    Parameters
    ----------
    plan : Plan
    reason : str
        Of the choice that was applied, else blank.
    verified : tuple of Verified
    unverified : str
        Why an edit that follows a choice could not be verified, else blank.

    Examples
    --------
    >>> Applied(Plan(())).failed
    False
    """

    plan: Plan
    reason: str = ""
    verified: tuple[Verified, ...] = ()
    unverified: str = ""

    @property
    def failed(self) -> bool:
        """Whether exposures disagree after the edit."""
        return any(pair.worse for pair in self.verified)

    def as_dict(self) -> dict[str, Any]:
        """The edit as in the JSON contract; of a choice with its reason and what measuring again says."""
        files: dict[str, Any] = {"files": [file.as_dict() for file in self.plan.files]}
        if not self.reason:
            return files
        pairs = [
            {"a": pair.a, "b": pair.b, "before": _values(pair.before), "after": _values(pair.after)}
            for pair in self.verified
        ]
        return {**files, "reason": self.reason, "verified": pairs, "unverified": self.unverified or None}

    def text(self, *, details: bool = False) -> str:
        """The edit in words: a line per file, or every change with `details`."""
        lines = [self.reason, str(self.plan) if details else self.plan.summary]
        if self.unverified:
            lines.append(f"cannot be verified by measuring again: {self.unverified}")
        elif self.verified:
            lines.append("measured again:")
            pairs = [(pair.filters, pair.before, pair.after) for pair in self.verified]
            lines += [f"  {line}" for line in comparison_lines(pairs)]
        return "\n".join(line for line in lines if line)


def apply(
    paths: Iterable[PathLike],
    selection: str | None = None,
    *,
    headerlets: Sequence[PathLike] = (),
    choice: PathLike | None = None,
    against: Against | None = None,
    dry_run: bool = False,
    **options: Unpack[Options],
) -> Applied:
    """Put a named solution, the measured best one or a choice in force, in all exposures or in none.

    Parameters
    ----------
    paths : iterable of path
        Exposures, associations or folders; may be blank with `choice`, which knows its own.
    selection : str, optional
        As for :func:`trueup.model.select.select`, or ``best``: measure, choose and apply.
    headerlets : sequence of path
        Headerlet files, and bundles of them.
    choice : path, optional
        A choice that ``trueup choose -o`` wrote.
    against : Against, optional
        What decides for ``best`` beside the exposures, and what a choice is verified against.
    dry_run : bool
        Only plan.
    **options
        `allow`, `archive`, `out` and `follow_links` of :func:`trueup.edit.plan.plan`.

    Returns
    -------
    Applied

    Raises
    ------
    SelectionError
        Where the choice is that a solution must be derived.
    ChangedError
        Where a file is not the one that was measured.
    UsageError
        Where a choice and a solution are both given, or no exposure.

    Examples
    --------
    >>> apply([])
    Traceback (most recent call last):
    trueup.errors.UsageError: no FILES are given; name exposures, an association or a folder
    """
    given = [os.fspath(path) for path in paths]
    if choice is not None and (selection is not None or headerlets):
        raise UsageError("--choice says which solutions", todo="leave out --solution and --hlet")
    if choice is None and not given:
        raise UsageError("no FILES are given", todo="name exposures, an association or a folder")
    if choice is not None:
        order = _from_file(choice, given, against)
    elif (selection or "").strip().lower() == "best":
        order = _measured(given, headerlets, against)
    elif against is not None and against != Against():
        raise UsageError("a solution that is named is not measured", todo="use --solution best, or --choice")
    else:
        return Applied(apply_solution(given, selection, headerlets=headerlets, dry_run=dry_run, **options))
    plan = apply_solution(
        order.inputs.exposures.values(),
        _selection(order),
        headerlets=order.inputs.headerlets,
        dry_run=dry_run,
        **options,
    )
    plan = replace(plan, left_out=order.left_out)
    if dry_run or all(file.change.nothing for file in plan.files):
        return Applied(plan, order.reason)
    return _verified(plan, order)


@dataclass(frozen=True, slots=True, eq=False)
class _Order:
    """A choice to be carried out, on files that are those it was made for."""

    values: Mapping[str, Any]
    inputs: Inputs
    left_out: tuple[LeftOut, ...]
    stars: tuple[StarList, ...] = ()
    against: Against | None = None

    @property
    def reason(self) -> str:
        return f"{self.values['verdict'].upper()}: {self.values['reason']}."


def _from_file(choice: PathLike, given: Sequence[str], against: Against | None) -> _Order:
    values = read_choice(choice)
    _demand_solutions(values)
    visit = open_visit(given)
    named = {exposure.rootname: exposure.path for exposure in visit.exposures}
    inputs = inputs_of(values, named, folder=Path(choice).parent)
    return _Order(values, inputs, visit.left_out, against=against)


def _measured(given: Sequence[str], headerlets: Sequence[PathLike], against: Against | None) -> _Order:
    proposal = choose_files(given, headerlets=headerlets, against=against)
    values = proposal.as_dict()
    _demand_solutions(values)
    measured = proposal.measurement
    return _Order(values, inputs_of(values, {}), measured.visit.left_out, measured.stars, against)


def _demand_solutions(values: Mapping[str, Any]) -> None:
    if values["verdict"] == "derive":
        todo = "or name a solution with --solution"
        raise SelectionError(f"there is nothing to apply: {values['reason']}", todo=todo)


def _selection(order: _Order) -> dict[str, str]:
    """Numbers of the chosen solutions, that still stand for those that were chosen."""
    exposures, headerlets = order.inputs.exposures, order.inputs.headerlets
    chosen = {one["rootname"]: one["solution"] for one in order.values["exposures"]}
    selection = {}
    with unpacked(headerlets, list(exposures)) as files:
        for exposure in open_visit([*exposures.values(), *files]).exposures:
            wanted, number = chosen[exposure.rootname], chosen[exposure.rootname]["index"]
            there = exposure.solutions[number - 1] if 0 < number <= len(exposure.solutions) else None
            if there is None or (there.wcsname or None) != wanted["wcsname"]:
                raise ChangedError(
                    f"solution #{number} is not {wanted['wcsname'] or '(no WCSNAME)'}",
                    file=exposure.path,
                    todo="run `trueup choose` again",
                )
            selection[exposure.rootname] = f"#{number}"
    return selection


def _verified(plan: Plan, order: _Order) -> Applied:
    """Measure the exposures as they are now, and compare."""
    places = [(file.change.destination, file.exposure.path) for file in plan.files]
    visit = open_visit([new if new.exists() else old for new, old in places])
    catalog = reference_frame(order.against, visit) if order.against else None
    after = measure_again(Measurement(visit, stars=order.stars), catalog=catalog)
    now = {(row.a.rootname, row.b.rootname): row.fit for row in active(after) if counts(row.fit)}
    then = {(pair["a"], pair["b"]): _fit(pair["before"]) for pair in order.values["pairs"]}
    now |= {(r.catalog, r.candidate.rootname): r.fit for r in active_on_sky(after) if counts(r.fit)}
    then |= {(one["catalog"], one["rootname"]): _fit(one["before"]) for one in order.values.get("sky", [])}
    # an anchor goes first in a choice, not in the files
    then |= {(b, a): reverse(fit) for (a, b), fit in then.items() if (b, a) in now and fit is not None}
    filters = {exposure.rootname: exposure.filter for exposure in visit.exposures}
    filters |= {row.catalog: row.catalog for row in after.absolute}
    verified = tuple(
        Verified(a, b, (filters[a], filters[b]), then.get((a, b)), now.get((a, b)))
        for a, b in dict.fromkeys((*now, *then))
        if a in filters and b in filters and not ((b, a) in now and (a, b) not in now)
    )
    return Applied(plan, order.reason, verified, "" if now else _why_not(after))


def _why_not(after: Measurement) -> str:
    skipped = [f"{rootname}: {why}" for rootname, why in after.skipped]
    fits = sorted((row.fit for row in after.relative), key=lambda fit: -fit.n)
    return (*skipped, *after.findings, *(fit.why for fit in fits), "no two exposures overlap")[0]


def _values(fit: Fit | None) -> dict[str, Any] | None:
    return None if fit is None else asdict(fit)


def _fit(values: Mapping[str, Any] | None) -> Fit | None:
    known = {field.name for field in fields(Fit)}
    return None if values is None else Fit(**{k: v for k, v in values.items() if k in known})
