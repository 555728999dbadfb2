"""Trials summed up, beside the bars."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from bench.astrometry.cases import Case
from bench.astrometry.frames import Trial
from bench.astrometry.limit import Limit
from bench.astrometry.trial import Outcome

HONEST = 0.7, 1.4
_WRONG_MAS = 10.0
_CHANCE = 0.02
HEADER = (
    f"{'':14}{'trials':>7}{'refused':>8}{'wrong':>6}{'stars':>6}{'rms error, mas':>18}{'photon':>9}"
    f"{'rotation, 1e-4 deg':>25}{'corner':>8}{'rms of error / sigma':>24}{'s':>6}\n"
    f"{'':41}{'east':>7}{'north':>7}{'bar':>6}{'limit':>7}{'rms':>14}{'bar':>5}{'limit':>6}{'mas':>8}"
    f"{'axis':>9}{'rot.':>7}{'corner':>8}"
)


@dataclass(frozen=True, slots=True)
class Summary:
    """The trials of one case of one series.

    Parameters
    ----------
    series : str
    case : Case
    trials, refused, wrong : int
        Refused says UNMEASURABLE; wrong is measured and off by more than 10 mas.
    stars : float
        Used, median.
    rms : dict of str to float
        Of the errors: east, north (mas), rotation (deg), corner (mas).
    limit : Limit
        What nobody could be better than, rms.
    honesty : dict of str to float
        Rms of error / sigma: axis, rotation, corner.
    seconds : float
        Of finding the sources of an exposure, median.
    """

    series: str
    case: Case
    trials: int
    refused: int
    wrong: int
    stars: float
    rms: dict[str, float]
    limit: Limit
    honesty: dict[str, float]
    seconds: float

    @property
    def misses(self) -> list[str]:
        """Which bars are missed."""
        bars, missed = self.case.bars, []
        if self.refused and not bars.may_refuse:
            missed.append("refused")
        if self.wrong:
            missed.append("wrong")
        bar = bars.axis_mas.get(self.series, np.inf)
        missed += [name for name in ("east", "north") if self.rms.get(name, 0.0) > bar]
        if self.series == "G" and bars.rotation_deg and self.rms.get("rotation", 0.0) > bars.rotation_deg:
            missed.append("rotation")
        return missed + list(self._dishonest())

    def _dishonest(self) -> Iterator[str]:
        """Ratios out of bounds; with a question mark where so few trials prove nothing."""
        from scipy.stats import chi2

        low, high = HONEST
        for name, value in self.honesty.items():
            n = (self.trials - self.refused) * (2 if name == "axis" else 1)
            chance = chi2.cdf(n * (value / low) ** 2, n), chi2.sf(n * (value / high) ** 2, n)
            if not low <= value <= high:
                yield f"sigma {name}{'?' if min(chance) > _CHANCE else ''}"


def summarise(series: str, case: Case, outcomes: Sequence[Outcome]) -> Summary:
    """Sum up the trials of a case."""
    measured = [o for o in outcomes if o.measured]
    limits = [o.limit.axis_mas for o in outcomes], [o.limit.rotation_deg for o in outcomes]
    rms, honesty = {}, {}
    if measured:
        error = {name: np.array([o.errors[name] for o in measured]) for name in measured[0].errors}
        ratio = {name: error[name] / [o.sigmas[name] for o in measured] for name in error}
        rms = {name: _rms(values) for name, values in error.items()}
        honesty = {"axis": _rms(np.concatenate([ratio["east"], ratio["north"]]))}
        honesty |= {name: _rms(ratio[name]) for name in ("rotation", "corner")}
    return Summary(
        series,
        case,
        trials=len(outcomes),
        refused=len(outcomes) - len(measured),
        wrong=sum(abs(o.errors["east"]) + abs(o.errors["north"]) > _WRONG_MAS for o in measured),
        stars=float(np.median([o.fit.n for o in outcomes])),
        rms=rms,
        limit=Limit(*(_rms(np.array(values)) for values in limits)),
        honesty=honesty,
        seconds=float(np.median([o.seconds for o in outcomes])),
    )


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))


def row(summary: Summary) -> str:
    """One line of the table."""
    s, bars = summary, summary.case.bars
    text = f"{s.series} {s.case.name:12}{s.trials:7}{s.refused:8}{s.wrong:6}{s.stars:6.0f}"
    if not s.rms:
        return f"{text}  nothing measured"
    rotation_bar = f"{bars.rotation_deg * 1e4:.1f}" if s.series == "G" and bars.rotation_deg else "-"
    bar = bars.axis_mas.get(s.series, "-")
    text += f"{s.rms['east']:7.3f}{s.rms['north']:7.3f}{bar:>6}{s.limit.axis_mas:7.3f}"
    text += f"{s.rms['rotation'] * 1e4:14.2f}{rotation_bar:>5}{s.limit.rotation_deg * 1e4:6.2f}"
    text += f"{s.rms['corner']:8.3f}"
    text += f"{s.honesty['axis']:9.2f}{s.honesty['rotation']:7.2f}{s.honesty['corner']:8.2f}{s.seconds:6.2f}"
    return f"{text}  {'MISSED: ' + ', '.join(s.misses) if s.misses else 'met'}"


def details(trial: Trial, outcome: Outcome) -> str:
    """One trial: errors with what was claimed, in brackets; rotation in 1e-4 degrees."""
    fit = outcome.fit
    text = f"{trial.name:22}{fit.n:5}  {fit.verdict:13}"
    if not outcome.errors:
        return f"{text}{fit.why}"
    for name, error in outcome.errors.items():
        unit = 1e4 if name == "rotation" else 1.0
        text += f"{name} {error * unit:+.3f} ({outcome.sigmas[name] * unit:.3f})  "
    return f"{text}chi2 {fit.chi2:.2f}"
