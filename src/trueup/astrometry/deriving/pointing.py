"""What is known of the pointing of exposures before their stars are measured."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from trueup.astrometry.choosing.carry import guiding_change
from trueup.model.chipwcs import Floats
from trueup.model.exposure import Exposure

# radians and parts of scale become mas at this distance from the centre
LEVER_MAS = 1e5
UNITS = np.array([1.0, 1.0, LEVER_MAS, LEVER_MAS])

_ARCSEC = np.pi / 648000
_SECONDS_PER_DAY = 86400.0
# longer without an exposure, and the earth was in the way: the guide stars are acquired again
_PAUSE_S = 1200.0


@dataclass(frozen=True, slots=True)
class Widths:
    """How far exposures may differ: shift, roll, scale.

    Parameters
    ----------
    shift_mas, roll_arcsec, scale : float

    Examples
    --------
    >>> Widths(3.0, 3.0, 2e-5).variance.round(1).tolist()
    [9.0, 9.0, 2.1, 4.0]
    """

    shift_mas: float
    roll_arcsec: float
    scale: float

    @property
    def variance(self) -> Floats:
        """Variance of east, north, roll and scale, mas^2 at the lever."""
        widths = np.array([self.shift_mas, self.shift_mas, self.roll_arcsec * _ARCSEC, self.scale])
        return np.asarray((widths * UNITS) ** 2)


_WITHIN_ACQUISITION = Widths(3.0, 3.0, 2e-5)
_WITHIN_VISIT = Widths(12.0, 10.0, 0.0)
_BETWEEN_FILTERS = Widths(3.0, 0.0, 1.5e-4)
_BETWEEN_VISITS = Widths(300.0, 36.0, 2e-5)
_FREE = Widths(500.0, 36.0, 1.5e-4)
_EVERYTHING = Widths(1e4, 3600.0, 1e-2)


@dataclass(frozen=True, slots=True)
class Member:
    """An exposure and what it has in common with others.

    Parameters
    ----------
    rootname, filter, acquisition, visit : str
        An acquisition of guide stars is part of a visit.
    pointed : bool
        Whether the solution to start from follows the pointing; one that was fitted to the stars of this
        exposure does not.

    Examples
    --------
    >>> Member("iepw14g4q", "UVIS F336W", "iepw14-1", "iepw14").pointed
    True
    """

    rootname: str
    filter: str
    acquisition: str
    visit: str
    pointed: bool = True


def members_of(exposures: Iterable[Exposure], *, pointed: bool) -> tuple[Member, ...]:
    """Group exposures by the acquisition of their guide stars.

    A new one begins where guiding changed (see
    :func:`~trueup.astrometry.choosing.carry.guiding_change`) and after a pause of 20 minutes.

    Parameters
    ----------
    exposures : iterable of Exposure
    pointed : bool
        As in :class:`Member`.

    Returns
    -------
    tuple of Member
        In the order of their start.

    Examples
    --------
    >>> members_of([], pointed=True)
    ()
    """
    members: list[Member] = []
    before: Exposure | None = None
    count = 0
    for exposure in sorted(exposures, key=_start):
        if before is None or _acquired_again(before, exposure):
            count += 1
        name = f"{exposure.detector} {exposure.filter}"
        members.append(Member(exposure.rootname, name, f"{exposure.visit}-{count}", exposure.visit, pointed))
        before = exposure
    return tuple(members)


def prior_covariance(members: Sequence[Member]) -> Floats:
    """Covariance of the errors of all exposures before anything is measured.

    Parameters
    ----------
    members : sequence of Member

    Returns
    -------
    (4n, 4n) float64 array
        East, north, roll and scale of each, mas at the lever.

    Examples
    --------
    >>> one = Member("a", "F336W", "1", "iepw14")
    >>> prior_covariance([one]).shape
    (4, 4)
    """
    levels = (
        (_EVERYTHING, ["all" for _ in members]),
        (_BETWEEN_VISITS, [m.visit for m in members]),
        (_BETWEEN_FILTERS, [m.filter for m in members]),
        (_WITHIN_VISIT, [m.acquisition for m in members]),
        (_WITHIN_ACQUISITION, [m.rootname for m in members]),
        (_FREE, ["" if m.pointed else m.rootname for m in members]),
    )
    covariance = np.zeros((4 * len(members), 4 * len(members)))
    for widths, names in levels:
        alike = [[float(a == b and a != "") for b in names] for a in names]
        covariance += np.kron(alike, np.diag(widths.variance))
    return covariance


def rigidity(a: Member, b: Member) -> Floats:
    """Covariance of the difference of two exposures before anything is measured.

    Parameters
    ----------
    a, b : Member

    Returns
    -------
    (4, 4) float64 array
        East, north, roll and scale, mas at the lever.

    Examples
    --------
    >>> a, b = (Member(name, "F336W", "iepw14-1", "iepw14") for name in "ab")
    >>> np.sqrt(np.diag(rigidity(a, b))).round(1).tolist()
    [4.2, 4.2, 2.1, 2.8]
    """
    both = prior_covariance([a, b])
    return np.asarray(both[:4, :4] + both[4:, 4:] - both[:4, 4:] - both[4:, :4])


def _start(exposure: Exposure) -> tuple[str, float, str]:
    return exposure.visit, exposure.header.number("EXPSTART") or 0.0, exposure.rootname


def _acquired_again(before: Exposure, after: Exposure) -> bool:
    if guiding_change(before, after):
        return True
    end, start = before.header.number("EXPEND"), after.header.number("EXPSTART")
    return end is None or start is None or (start - end) * _SECONDS_PER_DAY > _PAUSE_S
