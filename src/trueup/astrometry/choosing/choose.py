"""Choose one solution for every exposure of a visit: the rules, one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, pairwise

from trueup.astrometry.choosing import reasons, remarks
from trueup.astrometry.choosing.anchor import anchored
from trueup.astrometry.choosing.choice import Choice, ChoiceVerdict, Chosen, Rejected
from trueup.astrometry.choosing.evidence import Assignment, Evidence, gather
from trueup.astrometry.choosing.ranking import clearly_better, gives_up_the_sky, rank
from trueup.astrometry.choosing.search import sets
from trueup.astrometry.choosing.standing import common_name, pair_fits, sky_offset, stand, tied, worst_of
from trueup.astrometry.choosing.unmeasured import Given, give, most_trusted
from trueup.astrometry.measuring.measurement import Measurement

_GRAVITY: tuple[ChoiceVerdict, ...] = ("derive", "change", "unmeasurable", "keep")
_CAN_BE_GIVEN = ("image", "grism")


@dataclass(frozen=True, slots=True, eq=False)
class _Decision:
    """What was decided for exposures that belong together."""

    verdict: ChoiceVerdict
    reason: str
    chosen: Assignment
    findings: tuple[str, ...] = ()
    given: Mapping[str, Given] = field(default_factory=dict)

    @property
    def everything(self) -> Assignment:
        """The measured exposures and those that were not."""
        return {**self.chosen, **{rootname: one.candidate for rootname, one in self.given.items()}}


def choose(measurement: Measurement, *, anchor: str | None = None) -> Choice:
    """Choose one solution for every exposure of a visit.

    In this order. An unsound solution is never chosen. Where the solutions in force are sound, common
    and pass, they are kept; a change needs an improvement of more than 3 sigma and 0.05 pixel. Among
    sets that pass, the one nearest to the catalogue; within 2 sigma a common name, the newest catalogue,
    the fewest exposures touched. Where none passes, a new solution must be derived. An exposure that cannot
    be measured takes the correction of one that was, if guiding allows. Where nothing can be measured,
    what is sound and common stays.

    Parameters
    ----------
    measurement : Measurement
    anchor : str, optional
        A filter, file, rootname, association or visit whose solutions must not change.

    Returns
    -------
    Choice

    Raises
    ------
    SelectionError
        Where the anchor names no exposure.
    SolutionError
        Where the active solution of an anchored exposure is unsound.

    Examples
    --------
    >>> from trueup.model.visit import Visit
    >>> choose(Measurement(Visit(()))).verdict
    'unmeasurable'
    """
    evidence = gather(measurement, anchored(measurement.visit, anchor))
    decisions = [_decide(evidence, part) for part in _parts(evidence)]
    return _together(evidence, decisions)


def _parts(evidence: Evidence) -> list[list[str]]:
    """Exposures that belong together: those of one visit, and of visits measured against each other."""
    visits = [[e.rootname for e in group] for group in evidence.measurement.visit.by_visit().values()]
    neighbours = [pair for members in visits for pair in pairwise(members)]
    order = list(evidence.exposures)
    parts = [sorted(part, key=order.index) for part in tied(order, [*evidence.ties, *neighbours])]
    return sorted(parts, key=lambda part: order.index(part[0]))


def _decide(evidence: Evidence, rootnames: Sequence[str]) -> _Decision:
    usable = [rootname for rootname in rootnames if evidence.exposures[rootname].mode in _CAN_BE_GIVEN]
    measured = [rootname for rootname in usable if rootname in evidence.measured]
    if not usable:
        why = ", ".join(dict.fromkeys(evidence.exposures[root].usable.why for root in rootnames))
        decision = _Decision("unmeasurable", f"nothing can be measured ({why}); all is left as it is", {})
    elif not measured:
        decision = _decide_blind(evidence, usable)
    else:
        decision = _decide_measured(evidence, measured)
        decision = _with_unmeasured(evidence, decision, [r for r in usable if r not in measured])
    left = {r: Given(evidence.active(r), _left(evidence, r)) for r in rootnames if r not in usable}
    return replace(decision, given={**decision.given, **left})


def _left(evidence: Evidence, rootname: str) -> str:
    return f"left as it is: {evidence.exposures[rootname].usable.why}"


def _decide_measured(evidence: Evidence, rootnames: Sequence[str]) -> _Decision:
    """Keep, change or derive, for the exposures that were measured."""
    before = stand(evidence, {rootname: evidence.active(rootname) for rootname in rootnames})
    sound = all(candidate in evidence.options[root] for root, candidate in before.assignment.items())
    standings = [stand(evidence, assignment) for assignment in sets(evidence, rootnames)]
    passing = rank([s for s in standings if s.verdict == "pass" and not gives_up_the_sky(evidence, s)])
    findings = tuple(reasons.undecided(evidence, before))
    if sound and before.verdict != "fail":
        passing = [standing for standing in passing if clearly_better(standing, before)]
        if not passing or (before.verdict == "pass" and before.common is not None):
            verdict: ChoiceVerdict = "keep" if before.verdict == "pass" else "unmeasurable"
            return _Decision(verdict, reasons.kept(evidence, before), before.assignment, findings)
    if passing:
        after = passing[0]
        reason = reasons.changed(evidence, before, after, standings=standings)
        return _Decision("change", reason, after.assignment, findings)
    reason = reasons.to_derive(evidence, before, standings)
    start = before.assignment if sound else most_trusted(evidence, rootnames) or before.assignment
    return _Decision("derive", reason, start, findings)


def _with_unmeasured(evidence: Evidence, decision: _Decision, rootnames: Sequence[str]) -> _Decision:
    """Give the exposures that could not be measured what the decision on the others means for them."""
    if decision.verdict == "derive":
        given = {rootname: _waiting(evidence, rootname) for rootname in rootnames}
    else:
        kinds = {evidence.solution(candidate).name.kind for candidate in decision.chosen.values()}
        kind = kinds.pop() if len(kinds) == 1 and decision.verdict == "change" else None
        given = {rootname: give(evidence, rootname, decision.chosen, kind=kind) for rootname in rootnames}
    findings = (*decision.findings, *(f"{rootname}: {one.note}" for rootname, one in given.items()))
    decision = replace(decision, given=given, findings=findings)
    lost = [rootname for rootname, one in given.items() if one.must_derive]
    moved = [root for root, one in given.items() if not evidence.same(one.candidate, evidence.active(root))]
    if lost:
        reason = f"{decision.reason}; but {lost[0]}: {given[lost[0]].note}; `trueup fit` derives one"
        return replace(decision, verdict="derive", reason=reason)
    if decision.verdict not in {"keep", "unmeasurable"}:
        return decision
    if moved:
        reason = f"{decision.reason}; but {moved[0]}: {given[moved[0]].note}"
        return replace(decision, verdict="change", reason=reason)
    return replace(decision, reason=f"{decision.reason}, nothing is changed")


def _waiting(evidence: Evidence, rootname: str) -> Given:
    why = remarks.not_measured(evidence, [rootname])
    return Given(evidence.active(rootname), f"{why}; left as it is until the others are derived")


def _decide_blind(evidence: Evidence, rootnames: Sequence[str]) -> _Decision:
    """Nothing can be measured: what is sound and common stays, or what is most trusted comes."""
    active = {rootname: evidence.active(rootname) for rootname in rootnames}
    before = stand(evidence, active)
    contradicted = any(fit.verdict == "fail" for fit in pair_fits(evidence, active).values())
    sound = all(candidate in evidence.options[root] for root, candidate in active.items())
    trusted = most_trusted(evidence, rootnames)
    if contradicted and trusted is not None and gives_up_the_sky(evidence, stand(evidence, trusted)):
        # what is too coarse to pass a set still tells that something is wrong, and not what
        trusted = None
    why = f"nothing can be measured well enough ({remarks.not_measured(evidence, rootnames)})"
    if sound and before.common is not None and not contradicted:
        return _Decision("unmeasurable", f"{why}; {reasons.stays(evidence, before)}", active)
    if trusted is not None:
        name = stand(evidence, trusted).common or "(no WCSNAME)"
        return _Decision("unmeasurable", f"{why}; {name} is the most trusted solution that all have", trusted)
    if contradicted:
        return _Decision("derive", reasons.to_derive(evidence, before, []), active)
    return _Decision("unmeasurable", f"{why}, and no kind of solution is sound and common", active)


def _together(evidence: Evidence, decisions: Sequence[_Decision]) -> Choice:
    """The decisions on the parts as one choice."""
    if not decisions:
        return Choice("unmeasurable", "no exposure was given")
    verdict = min((decision.verdict for decision in decisions), key=_GRAVITY.index)
    reason = decisions[0].reason
    if len(decisions) > 1:
        visits = [evidence.exposures[next(iter(decision.everything))].visit for decision in decisions]
        reason = "; ".join(f"{visit}: {d.reason}" for visit, d in zip(visits, decisions, strict=True))
    of = {rootname: decision for decision in decisions for rootname in decision.everything}
    ordered = tuple(_chosen(evidence, of[rootname], rootname) for rootname in evidence.exposures)
    usable = [one for one in ordered if one.exposure.usable.measure]
    return Choice(
        verdict=verdict,
        reason=reason,
        exposures=ordered,
        common=common_name([one.exposure for one in usable], [one.solution for one in usable]),
        rejected=tuple(
            Rejected(candidate.rootname, evidence.solution(candidate), why)
            for decision in decisions
            for candidate, why in remarks.rejected(evidence, decision.everything)
        ),
        findings=(*chain.from_iterable(d.findings for d in decisions), *evidence.measurement.findings),
    )


def _chosen(evidence: Evidence, decision: _Decision, rootname: str) -> Chosen:
    candidate = decision.everything[rootname]
    exposure, solution = evidence.exposures[rootname], evidence.solution(candidate)
    given = decision.given.get(rootname)
    if given is not None and given.carried is not None:
        return Chosen(
            exposure,
            solution,
            given.note,
            relative_corner_mas=given.miss_mas,
            relative_sigma_mas=given.carried.sigma_mas,
            carried_from=given.carried.donor,
        )
    worst = worst_of(evidence, candidate, decision.everything)
    sky = evidence.against_catalog(candidate)
    absolute, absolute_sigma = sky_offset(sky) if sky else (None, None)
    return Chosen(
        exposure,
        solution,
        given.note if given is not None else remarks.single(evidence, candidate, decision.chosen),
        relative_corner_mas=worst.mas if worst else None,
        relative_sigma_mas=worst.sigma_mas if worst else None,
        absolute_mas=absolute,
        absolute_sigma_mas=absolute_sigma,
    )
