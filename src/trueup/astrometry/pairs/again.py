"""A second look: where few stars are shared, each exposure is searched where the other one shows stars."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from trueup.astrometry.pairs.seen import Seen, positions, see
from trueup.astrometry.pairs.similarity import displace
from trueup.astrometry.pairs.tie import Tie, retie
from trueup.astrometry.stars.starlist import StarList, look_again
from trueup.model.chipwcs import ChipWcs, plane_to_sky
from trueup.model.offset import MAS_PER_DEG

Floats = NDArray[np.float64]
Places = dict[int, tuple[Floats, Floats]]

_FEW = 60
_POOR = 2
_MOST = 1000


def with_second_look(
    group: Sequence[Seen], ties: Sequence[Tie], stars: Mapping[str, StarList]
) -> tuple[list[Seen], list[Tie], dict[str, StarList]]:
    """Gain stars for the pairs that share few, where their offset is known.

    Parameters
    ----------
    group : sequence of Seen
        Exposures of one field.
    ties : sequence of Tie
        Between them.
    stars : mapping of str to StarList
        By rootname, those that may be looked at again: they were found in pixels, and for the first time.

    Returns
    -------
    group : list of Seen
    ties : list of Tie
        Both in the same order.
    stars : dict of str to StarList
        Those that have changed.

    Raises
    ------
    FormatError, FileAccessError
        Where pixels cannot be read.

    Examples
    --------
    >>> with_second_look([], [], {})
    ([], [], {})
    """
    seen = {one.exposure.rootname: one for one in group}
    places: dict[str, Places] = {}
    for pair in ties:
        if _is_known(pair):
            for rootname, extver, (x, y) in _predicted(pair):
                if rootname in stars and extver in stars[rootname].psfs:
                    here = places.setdefault(rootname, {})
                    before = here.get(extver, (np.zeros(0), np.zeros(0)))
                    here[extver] = np.concatenate([before[0], x]), np.concatenate([before[1], y])
    richer = {name: look_again(seen[name].exposure, stars[name], spots) for name, spots in places.items()}
    seen |= {name: see(seen[name].exposure, found) for name, found in richer.items()}
    both = [(pair, seen[pair.a.exposure.rootname], seen[pair.b.exposure.rootname]) for pair in ties]
    tied = [pair if pair.a is a and pair.b is b else retie(pair, a, b) for pair, a, b in both]
    return list(seen.values()), tied, richer


def _is_known(pair: Tie) -> bool:
    """Whether places can be told from one exposure to the other, and more stars are wanted."""
    sips = all(solution.has_sip for solution in pair.combination)
    return pair.registration.similarity is not None and pair.registration.fit.n < _FEW and sips


def _predicted(pair: Tie) -> Iterator[tuple[str, int, tuple[Floats, Floats]]]:
    """Where each exposure of a pair should show the clean stars of the other: rootname, EXTVER, x and y."""
    similarity, center = pair.registration.similarity, pair.field.center
    assert similarity is not None
    seen, solutions = (pair.a, pair.b), pair.combination
    for k, sign in ((0, 1.0), (1, -1.0)):
        mine, other = seen[k], seen[1 - k]
        pick = mine.placed[mine.sources.tier[mine.placed] < _POOR][:_MOST]
        xy = positions(mine, solutions[k], center=center, pick=pick)
        xi, eta = (xy + displace(xy, sign * similarity.values)).T / MAS_PER_DEG
        sky = plane_to_sky(xi, eta, center)
        for chip in other.exposure.chips:
            yield other.exposure.rootname, chip.id.extver, _inside(solutions[1 - k].wcs(chip.id), sky)


def _inside(wcs: ChipWcs, sky: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """Pixels of the points that a chip shows."""
    x, y = wcs.sky_to_pixel(*sky)
    ny, nx = wcs.shape
    inside = (x > 0) & (x < nx) & (y > 0) & (y < ny)
    return x[inside], y[inside]
