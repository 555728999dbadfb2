"""What a measurement says about each solution of a visit, for quick questions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from trueup.astrometry.measuring.measurement import Candidate, Measurement
from trueup.astrometry.pairs.fit import Fit
from trueup.errors import SolutionError
from trueup.model.exposure import Exposure
from trueup.model.solution import Solution
from trueup.model.soundness import judge

Assignment = Mapping[str, Candidate]

_DECIDING_PIX = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """A measurement, ordered for questions about single solutions and pairs of them.

    Parameters
    ----------
    measurement : Measurement
    exposures : dict of str to Exposure
        By rootname.
    alike : dict of Candidate to Candidate
        The first solution of an exposure that is the same on the sky, for every solution.
    options : dict of str to tuple of Candidate
        By rootname: what may be chosen. Unsound solutions are not among them, nor are linear ones beside
        one with distortion; an anchored exposure has its active solution only.
    pairs : dict of (Candidate, Candidate) to Fit
        Measurements that count, in both orders; of solutions that are alike, the first.
    absolute : dict of Candidate to Fit
        Measurements that count, against the catalogue; of solutions that are alike, the first.
    ties : frozenset of (str, str)
        Rootnames of the pairs with a measurement sharp enough to decide.
    measured : frozenset of str
        Exposures of these pairs, and those with such a measurement against the catalogue.
    anchored : frozenset of str
        Rootnames that must not move.

    Examples
    --------
    >>> from trueup.model.visit import Visit
    >>> gather(Measurement(Visit(()))).options
    {}
    """

    measurement: Measurement
    exposures: dict[str, Exposure]
    alike: dict[Candidate, Candidate]
    options: dict[str, tuple[Candidate, ...]]
    pairs: dict[tuple[Candidate, Candidate], Fit]
    absolute: dict[Candidate, Fit]
    ties: frozenset[tuple[str, str]]
    measured: frozenset[str]
    anchored: frozenset[str] = frozenset()

    def solution(self, candidate: Candidate) -> Solution:
        """The solution that a candidate stands for."""
        return self.exposures[candidate.rootname].solutions[candidate.index]

    def same(self, a: Candidate, b: Candidate) -> bool:
        """Whether two solutions of one exposure are the same on the sky."""
        return self.alike[a] == self.alike[b]

    def between(self, a: Candidate, b: Candidate) -> Fit | None:
        """What was measured between two solutions; None where nothing that counts."""
        return self.pairs.get((self.alike[a], self.alike[b]))

    def against_catalog(self, candidate: Candidate) -> Fit | None:
        """What was measured against the catalogue; None where nothing that counts."""
        return self.absolute.get(self.alike[candidate])

    def active(self, rootname: str) -> Candidate:
        """The solution in force; it need not be among the options."""
        return Candidate(rootname, 0)


def gather(measurement: Measurement, anchored: Iterable[str] = ()) -> Evidence:
    """Order a measurement for questions.

    Parameters
    ----------
    measurement : Measurement
    anchored : iterable of str
        Rootnames that must not move.

    Returns
    -------
    Evidence

    Raises
    ------
    SolutionError
        Where the active solution of an anchored exposure is unsound.

    Examples
    --------
    >>> from trueup.model.visit import Visit
    >>> gather(Measurement(Visit(()))).measured
    frozenset()
    """
    fixed = frozenset(anchored)
    pairs = {}
    for row in measurement.relative:
        if counts(row.fit):
            pairs[row.a, row.b] = pairs[row.b, row.a] = row.fit
    ties = frozenset((a.rootname, b.rootname) for (a, b), fit in pairs.items() if decides(fit))
    absolute = {row.candidate: row.fit for row in measurement.absolute if counts(row.fit)}
    on_sky = {candidate.rootname for candidate, fit in absolute.items() if decides(fit)}
    exposures = measurement.visit.exposures
    every = [Candidate(e.rootname, index) for e in exposures for index in range(len(e.solutions))]
    return Evidence(
        measurement=measurement,
        exposures={e.rootname: e for e in exposures},
        alike={candidate: measurement.representative(candidate) for candidate in every},
        options={e.rootname: _options(e, e.rootname in fixed) for e in exposures},
        pairs=pairs,
        absolute=absolute,
        ties=ties,
        measured=frozenset(on_sky.union(*ties)),
        anchored=fixed,
    )


def counts(fit: Fit) -> bool:
    """Whether a measurement says anything.

    Examples
    --------
    >>> counts(Fit(n=0))
    False
    """
    return fit.verdict != "unmeasurable" and fit.judged_mas is not None


def decides(fit: Fit) -> bool:
    """Whether a measurement is sharp enough to pass a good solution.

    Examples
    --------
    >>> decides(Fit(n=9, corner_mas=4.0, corner_pix=0.1, judged_mas=4.0, judged_sigma_mas=3.0))
    False
    """
    return (fit.judged_sigma_mas or 0.0) <= _DECIDING_PIX * pixel_mas(fit)


def pixel_mas(fit: Fit) -> float:
    """Size of the pixel that a measurement was judged by; 0 where it does not say.

    Examples
    --------
    >>> pixel_mas(Fit(n=9, corner_mas=4.0, corner_pix=0.1))
    40.0
    """
    return fit.corner_mas / fit.corner_pix if fit.corner_mas and fit.corner_pix else 0.0


def _options(exposure: Exposure, is_anchored: bool) -> tuple[Candidate, ...]:
    verdicts = judge(exposure)
    if is_anchored:
        if verdicts[0].sound is False:
            raise SolutionError(
                f"the anchor's active solution is unsound: {verdicts[0].faults[0].text}",
                file=exposure.path,
                solution=exposure.active.name,
                todo="apply a sound one first: `trueup ls` lists them",
            )
        return (Candidate(exposure.rootname, 0),)
    distorted = exposure.active.has_sip or any(s.has_sip for s in exposure.solutions)
    return tuple(
        Candidate(exposure.rootname, index)
        for index, (solution, verdict) in enumerate(zip(exposure.solutions, verdicts, strict=True))
        if verdict.sound is not False and solution.has_sip == distorted
    )
