"""Lines through the residuals of a fit, against what they should not depend on.

An offset between two lists is only as good as the assumption that nothing else moves the stars. Charge
transfer, a wrong distortion, a point-spread function that does not fit: each leaves a trend.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from trueup.astrometry.measuring.residuals import Residuals
from trueup.astrometry.pairs.fit import Fit

Floats = NDArray[np.float64]

_FEWEST = 8
_SIGNIFICANT = 3.0
# what a pass allows as its error: a smaller effect cannot turn a pass into a fail
_MATTERS_PIX = 0.05
_ENDS = (5.0, 95.0)
_SIDEWAYS = {"x": "pixel phase y", "y": "pixel phase x"}
_WORDS = {"amplifier": "the distance to the amplifier"}


@dataclass(frozen=True, slots=True)
class Trend:
    """A straight line through residuals.

    Parameters
    ----------
    along : str
        ``x`` or ``y``: which residual.
    against : str
        What it depends on; see :class:`~trueup.astrometry.measuring.residuals.Residuals`.
    slope, intercept : float
        Pixels per unit of `against`, and pixels where that is 0.
    effect_pix : float
        By how much the line rises over the inner nine tenths of the stars, pixels.
    significance : float
        In sigma, corrected for the number of lines tried.

    Examples
    --------
    >>> Trend("y", "magnitude", 0.02, 0.0, 0.08, 5.0).matters
    True
    """

    along: str
    against: str
    slope: float
    intercept: float
    effect_pix: float
    significance: float

    @property
    def matters(self) -> bool:
        """Whether it is beyond chance, and large enough to spoil an offset."""
        return self.significance > _SIGNIFICANT and abs(self.effect_pix) > _MATTERS_PIX

    def __str__(self) -> str:
        what = _WORDS.get(self.against, self.against)
        return (
            f"residuals in {self.along} follow {what}: {abs(self.effect_pix):.2f} pixel from end to end"
            f" ({self.significance:.1f} sigma)"
        )


def trends(residuals: Residuals) -> tuple[Trend, ...]:
    """Fit lines to the residuals in x and y against all they may depend on.

    The weights are those of the fit, so that outliers have none; errors follow the scatter.

    Parameters
    ----------
    residuals : Residuals

    Returns
    -------
    tuple of Trend
        The most significant first; none where fewer than eight stars were used.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> mag, one, index = rng.uniform(-12, -6, 60), np.ones(60), np.arange(60)
    >>> x, y = rng.normal(0, 0.02, (2, 60)) + 0.02 * np.stack([0 * mag, mag])
    >>> rest = Residuals("a", "b", x, y, 0.02 * one, one, 40.0, {"magnitude": mag}, index, index)
    >>> print(trends(rest)[0])
    residuals in y follow magnitude: 0.11 pixel from end to end (9.1 sigma)
    """
    if (residuals.weight > 0).sum() < _FEWEST:
        return ()
    tried = [
        (along, against)
        for along in ("x", "y")
        for against in residuals.against
        if against != _SIDEWAYS[along]
    ]
    found = (_line(residuals, along, against, tries=len(tried)) for along, against in tried)
    return tuple(sorted(found, key=lambda trend: -trend.significance))


def _line(residuals: Residuals, along: str, against: str, *, tries: int) -> Trend:
    values = residuals.against[against]
    rest: Floats = getattr(residuals, along)
    share = residuals.weight / residuals.sigma**2
    used = share > 0
    low, high = np.percentile(values[used], _ENDS)
    total = share.sum()
    middle, mean = float(share @ values / total), float(share @ rest / total)
    spread = float(share @ (values - middle) ** 2)
    if high <= low or spread <= 0:
        return Trend(along, against, 0.0, mean, 0.0, 0.0)
    slope = float(share @ ((values - middle) * (rest - mean))) / spread
    left = rest - mean - slope * (values - middle)
    freedom = max(float(residuals.weight.sum()) - 2, 1.0)
    # the scatter judges the claimed errors, in both directions
    error = np.sqrt(float(share @ left**2) / freedom / spread)
    significance = _sigma(abs(slope) / error if error > 0 else np.inf, freedom, tries)
    return Trend(along, against, slope, mean - slope * middle, slope * float(high - low), significance)


def _sigma(t: float, freedom: float, tries: int) -> float:
    """Two-sided significance of Student's t, the most significant of several, as of a Gaussian."""
    from scipy.special import ndtri_exp, stdtr

    tail = float(stdtr(freedom, -t))
    # beyond the range of floating point the tail is 0 and t itself is near enough
    log_chance = np.log(2 * tries * tail) if tail > 0 else -np.inf
    return max(0.0, min(float(-ndtri_exp(min(log_chance, 0.0) - np.log(2))), t))


def doubted(fit: Fit, found: Sequence[Trend]) -> Fit:
    """Withdraw a pass where the residuals have a trend that matters.

    Parameters
    ----------
    fit : Fit
    found : sequence of Trend
        Of the stars it rests on.

    Returns
    -------
    Fit
        ``undecided`` instead of ``pass``, with the reason; any other verdict stays.

    Examples
    --------
    >>> trend = Trend("y", "magnitude", 0.02, 0.0, 0.08, 5.0)
    >>> doubted(Fit(n=9, verdict="pass", why="0.2 mas"), [trend]).verdict
    'undecided'
    """
    worst = next((trend for trend in found if trend.matters), None)
    if worst is None or fit.verdict != "pass":
        return fit
    return replace(fit, verdict="undecided", why=f"{fit.why}, but {worst}")
