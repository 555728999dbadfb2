"""Are derived solutions better than what the files hold? Measured, not assumed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from trueup.astrometry.choosing.choice import Choice
from trueup.astrometry.choosing.evidence import gather
from trueup.astrometry.choosing.ranking import clearly_better
from trueup.astrometry.choosing.standing import Standing, stand
from trueup.astrometry.deriving.derivation import Derivation
from trueup.astrometry.measuring.measurement import Candidate, Measurement
from trueup.errors import SolutionError
from trueup.model.exposure import Exposure
from trueup.model.solution import Solution
from trueup.model.soundness import judge
from trueup.model.visit import Visit

Outcome = Literal["keep", "derived", "unmeasurable"]

_NOTHING = Derivation(())


@dataclass(frozen=True, slots=True, eq=False)
class Improvement:
    """Derived solutions beside those they are to replace.

    Parameters
    ----------
    before, after : Standing
    better : bool
    reason : str
        In words, with the numbers.

    Examples
    --------
    >>> Improvement.__slots__
    ('before', 'after', 'better', 'reason')
    """

    before: Standing
    after: Standing
    better: bool
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class FitResult:
    """What became of a fit.

    Parameters
    ----------
    outcome : {"keep", "derived", "unmeasurable"}
    reason : str
        In words, with the numbers.
    choice : Choice
        Among the solutions that were there.
    before : Measurement
    derivation : Derivation
        Blank where nothing was derived.
    after : Measurement or None
        With the new solutions, as they were read back.
    files : tuple of Path
        Headerlet files that were written.

    Examples
    --------
    >>> FitResult.__slots__[:2]
    ('outcome', 'reason')
    """

    outcome: Outcome
    reason: str
    choice: Choice
    before: Measurement
    derivation: Derivation = _NOTHING
    after: Measurement | None = None
    files: tuple[Path, ...] = ()


def with_derived(visit: Visit, derived: Iterable[tuple[str, Solution]]) -> Visit:
    """A visit whose exposures offer new solutions beside their own.

    Parameters
    ----------
    visit : Visit
    derived : iterable of (str, Solution)
        Rootnames and solutions.

    Returns
    -------
    Visit

    Examples
    --------
    >>> with_derived(Visit(()), []).exposures
    ()
    """
    new = dict(derived)
    exposures = (
        replace(e, solutions=(*e.solutions, new[e.rootname])) if e.rootname in new else e
        for e in visit.exposures
    )
    return replace(visit, exposures=tuple(exposures))


def improvement(
    measurement: Measurement, derivation: Derivation, *, instead_of: Mapping[str, Solution] | None = None
) -> Improvement:
    """Compare derived solutions with others, by what was measured under both.

    Parameters
    ----------
    measurement : Measurement
        Of a visit :func:`with_derived` solutions.
    derivation : Derivation
    instead_of : mapping of str to Solution, optional
        By rootname; by default the solutions in force.

    Returns
    -------
    Improvement
        Better means by more than 3 sigma and 0.05 pixel between exposures or on the sky, and in neither
        worse by that; solutions that fail are never better.

    Raises
    ------
    SolutionError
        Where a derived solution is unsound.

    Examples
    --------
    >>> improvement(Measurement(Visit(())), Derivation(())).better
    False
    """
    evidence = gather(measurement)
    new = {one.exposure.rootname: one.solution.hdrname for one in derivation.exposures}
    exposures = [e for e in measurement.visit.exposures if e.rootname in new]
    old = instead_of or {}
    before = stand(evidence, {e.rootname: _candidate(e, old.get(e.rootname, e.active)) for e in exposures})
    after = stand(evidence, {e.rootname: _derived(e, new[e.rootname]) for e in exposures})
    if after.verdict == "fail":
        return Improvement(before, after, False, f"the derived solutions fail: {_words(after)}")
    worse = clearly_better(before, after)
    better = clearly_better(after, before) and not worse
    change = f"{_words(before)} before, {_words(after)} after"
    if worse:
        return Improvement(before, after, False, f"worse in part: {change}")
    return Improvement(before, after, better, change)


def _candidate(exposure: Exposure, solution: Solution) -> Candidate:
    places = [k for k, one in enumerate(exposure.solutions) if one is solution]
    return Candidate(exposure.rootname, places[0])


def _derived(exposure: Exposure, hdrname: str) -> Candidate:
    index = next(k for k, s in reversed(list(enumerate(exposure.solutions))) if s.hdrname == hdrname)
    faults = judge(exposure)[index].faults
    if faults:
        raise SolutionError(
            f"the derived solution is unsound: {faults[0].text}",
            file=exposure.path,
            solution=exposure.solutions[index].name,
            todo="check the other solutions with `trueup ls --check`",
        )
    return Candidate(exposure.rootname, index)


def _words(standing: Standing) -> str:
    parts = []
    if standing.worst is not None:
        parts.append(f"{standing.worst} between {standing.worst.a} and {standing.worst.b}")
    if standing.absolute is not None:
        parts.append(f"{standing.absolute} on the sky")
    return ", ".join(parts) or "not measurable"
