"""Which of several sets of solutions is the better one."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from trueup.astrometry.choosing.evidence import Evidence
from trueup.astrometry.choosing.standing import Distance, Standing

_GAIN_PIX = 0.05
_GAIN_SIGMAS = 3.0


def clearly_better(new: Standing, old: Standing) -> bool:
    """Whether a set is better by more than 3 sigma and 0.05 pixel, between exposures or on the sky.

    Parameters
    ----------
    new, old : Standing

    Returns
    -------
    bool

    Examples
    --------
    >>> old = Standing({}, "fail", Distance(69.2, 0.4, 39.6), None, None, 0, 0)
    >>> new = Standing({}, "pass", Distance(0.4, 1.0, 39.6), None, None, 0, 4)
    >>> clearly_better(new, old), clearly_better(old, new)
    (True, False)
    """
    return any(
        _gain(after, before)
        for after, before in ((new.worst, old.worst), (new.absolute, old.absolute))
        if after is not None and before is not None
    )


def _gain(after: Distance, before: Distance) -> bool:
    sigma = float(np.hypot(after.sigma_mas, before.sigma_mas))
    return before.pix - after.pix > _GAIN_PIX and before.mas - after.mas > _GAIN_SIGMAS * sigma


def gives_up_the_sky(evidence: Evidence, standing: Standing) -> bool:
    """Whether a set trades sound fits to a catalogue for solutions that are none, with no catalogue at hand.

    That exposures agree with each other says nothing of what such a trade does to their place on the sky.
    Who names an anchor has said which place is right.

    Parameters
    ----------
    evidence : Evidence
    standing : Standing

    Returns
    -------
    bool

    Examples
    --------
    >>> from trueup.astrometry.measuring.measurement import Measurement
    >>> from trueup.astrometry.choosing.evidence import gather
    >>> from trueup.model.visit import Visit
    >>> gives_up_the_sky(gather(Measurement(Visit(()))), Standing({}, "pass", None, None, None, 0, 0))
    False
    """
    if standing.absolute is not None or evidence.anchored:
        return False
    fitted = {"fit", "user"}
    active = [evidence.active(rootname) for rootname in standing.assignment]
    before = [evidence.solution(c) for c in active if c in evidence.options[c.rootname]]
    after = [evidence.solution(candidate) for candidate in standing.assignment.values()]
    return any(s.family in fitted for s in before) and not any(s.family in fitted for s in after)


def rank(standings: Collection[Standing]) -> list[Standing]:
    """Order sets that pass, the best first.

    The smallest offset from the catalogue plus 2 sigma; among those within 2 sigma of it, first what is not
    clearly worse between exposures, then a common name, the newest catalogue, the fewest exposures
    touched, the smallest worst pair.

    Parameters
    ----------
    standings : collection of Standing

    Returns
    -------
    list of Standing

    Examples
    --------
    >>> rank([])
    []
    """
    left, ordered = list(standings), []
    while left:
        near = _nearest(left)
        tight = [s for s in near if not any(clearly_better(other, s) for other in near)] or near
        best = min(tight, key=_tie_break)
        ordered.append(best)
        left.remove(best)
    return ordered


def _nearest(standings: Sequence[Standing]) -> list[Standing]:
    """Those within 2 sigma of the one nearest to the catalogue."""
    known = [s.absolute for s in standings if s.absolute is not None]
    if not known:
        return list(standings)
    best = min(known, key=lambda d: d.mas + 2 * d.sigma_mas)
    limit = best.mas + 4 * best.sigma_mas
    return [s for s in standings if s.absolute and s.absolute.mas + 2 * s.absolute.sigma_mas <= limit]


def _tie_break(standing: Standing) -> tuple[bool, int, int, float]:
    worst = standing.worst.mas if standing.worst else 0.0
    return standing.common is None, -standing.newest, standing.touched, worst
