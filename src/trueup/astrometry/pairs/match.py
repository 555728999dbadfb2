"""Find which sources of two lists are the same, without trusting either list.

An offset is believed only if chance would hardly make so many pairs agree on it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from trueup.astrometry.pairs.peak import Peak, Search, find_peaks, highest_peak, pairs_within
from trueup.astrometry.pairs.plane import Projected

Floats = NDArray[np.float64]
Index = NDArray[np.intp]

_TIERS = 3
_WORST = 2 * (_TIERS - 1)
_ONE_OBJECT = 10.0
_MAX_DITHERS = 8
_NEAR = 3.0


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """Which sources of two lists are the same.

    Parameters
    ----------
    a, b : (n,) int arrays
        Indices into the two lists, one to one.
    peak : Peak or None
        The offset; None where no two sources were within reach.
    rival : Peak or None
        The best other offset, for instance that of detector-fixed sources.
    worst : int
        Largest sum of the tiers of a pair: a clean source vouches for a poor one.
    near_a, near_b : int arrays
        Sources that come near one of the other list; no others can be pairs once the offset is refined.

    Examples
    --------
    >>> none = np.zeros(0, np.intp)
    >>> Match(none, none, None, None, 2).n
    0
    """

    a: Index
    b: Index
    peak: Peak | None
    rival: Peak | None
    worst: int
    near_a: Index = field(default_factory=lambda: np.zeros(0, np.intp))
    near_b: Index = field(default_factory=lambda: np.zeros(0, np.intp))

    @property
    def n(self) -> int:
        """Number of matched sources."""
        return len(self.a)


def match(a: Projected, b: Projected, *, search: Search | None = None) -> Match:
    """Match two lists: the best tier first, the others only if it does not suffice.

    Parameters
    ----------
    a, b : Projected
        Two lists in one tangent plane.
    search : Search, optional

    Returns
    -------
    Match
        The pairs are empty where the peak is not believed.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> xy, tier = rng.uniform(-8e4, 8e4, (40, 2)), np.zeros(40, np.int8)
    >>> a = Projected(xy, np.ones(40), np.ones(40), tier)
    >>> b = Projected(xy + (60, -35), np.ones(40), np.ones(40), tier)
    >>> found = match(a, b)
    >>> found.n, round(found.peak.east_mas), round(found.peak.north_mas)
    (40, 60, -35)
    """
    search = search or Search()
    peak: Peak | None = None
    rival: Peak | None = None
    tier = 0
    for level in range(_TIERS):
        found = find_peaks(a[a.tier <= level], b[b.tier <= level], search=search, tries=_TIERS)
        if found[0] is not None and (peak is None or found[0].log10_pfalse < peak.log10_pfalse):
            (peak, rival), tier = found, level
        if peak is not None and peak.log10_pfalse < search.log10_pfalse:
            break
    if peak is None or peak.log10_pfalse >= search.log10_pfalse:
        none = np.zeros(0, np.intp)
        return Match(none, none, peak, rival, _WORST)
    worst = max(2 * tier, 2)
    shift = np.array([peak.east_mas, peak.north_mas])
    near_a, near_b = _near(a.xy + shift, b.xy, _NEAR * search.radius_mas)
    i, j = pair_up(a[near_a], b[near_b], shift=shift, radius_mas=search.radius_mas, worst=worst)
    return Match(near_a[i], near_b[j], peak, rival, worst, near_a, near_b)


def rematch(a: Projected, b: Projected, *, known: Match, shift: Floats, radius_mas: float) -> Match:
    """Match two lists anew that have gained stars since: what vouches for the offset stays as it was.

    Parameters
    ----------
    a, b : Projected
        In one tangent plane.
    known : Match
        Of the lists before.
    shift : (n, 2) float64 array
        Offset of each source of the first list, mas.
    radius_mas : float
        Largest distance of a pair.

    Returns
    -------
    Match
        With the peak, and its probability, of before.
    """
    near_a, near_b = _near(a.xy + shift, b.xy, _NEAR * radius_mas)
    i, j = pair_up(a[near_a], b[near_b], shift=shift[near_a], radius_mas=radius_mas, worst=known.worst)
    return replace(known, a=near_a[i], b=near_b[j], near_a=near_a, near_b=near_b)


def _near(a: Floats, b: Floats, reach: float) -> tuple[Index, Index]:
    """Points of either list that come within reach of one of the other."""
    from scipy.spatial import KDTree

    close = KDTree(a).sparse_distance_matrix(KDTree(b), reach, output_type="ndarray")
    return np.unique(close["i"]).astype(np.intp), np.unique(close["j"]).astype(np.intp)


def detector_fixed(sources: Projected, *, search: Search | None = None) -> NDArray[np.bool_]:
    """Sources of one drizzled image that come with a copy at one and the same distance.

    Hot pixels and persistence stay on the detector while the sky is dithered: drizzled together they
    appear once per exposure, apart by the dither. In another filter with the same dithers they
    match perfectly, at an offset that has nothing to do with the stars.

    Parameters
    ----------
    sources : Projected
        Of one image of several exposures.
    search : Search, optional
        By default copies are looked for within 10 arcsec.

    Returns
    -------
    (n,) bool array
        True where a source is fixed to the detector.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> hot, stars = rng.uniform(-8e4, 8e4, (20, 2)), rng.uniform(-8e4, 8e4, (30, 2))
    >>> xy = np.concatenate([hot, hot + np.array([1200.0, 900.0]), stars])
    >>> fixed = detector_fixed(Projected(xy, np.ones(70), np.ones(70), np.zeros(70, np.int8)))
    >>> int(fixed[:40].sum()), int(fixed[40:].sum())
    (40, 0)
    """
    search = search or Search(reach_mas=10_000.0)
    fixed = np.zeros(len(sources), bool)
    for tier in range(_TIERS):
        for _ in range(_MAX_DITHERS):
            rest = np.flatnonzero(~fixed)
            peak = _own_peak(sources[rest[sources.tier[rest] <= tier]], search)
            if peak is None or peak.log10_pfalse >= search.log10_pfalse:
                break
            shift = np.array([peak.east_mas, peak.north_mas])
            left = sources[rest]
            pairs = pair_up(left, left, shift=shift, radius_mas=search.radius_mas, worst=max(2 * tier, 2))
            fixed[rest[np.concatenate(pairs)]] = True
    return fixed


def _own_peak(sources: Projected, search: Search) -> Peak | None:
    """The highest pile of offsets within one list, that of each source from itself apart."""
    i, j = pairs_within(sources, sources, search.reach_mas)
    offset = sources.xy[j] - sources.xy[i]
    # parts of one object are near each other and prove nothing
    apart = np.hypot(*offset.T) > _ONE_OBJECT * search.radius_mas
    tries = _TIERS * _MAX_DITHERS
    return highest_peak(offset[apart], (i[apart], j[apart]), search=search, tries=tries)


def pair_up(
    a: Projected, b: Projected, *, shift: Floats, radius_mas: float, worst: int = _WORST
) -> tuple[Index, Index]:
    """Pairs that are each other's nearest once the first list is shifted.

    Parameters
    ----------
    a, b : Projected
        Two lists in one tangent plane.
    shift : (2,) or (n, 2) array
        Added to the first list, mas; one row per source where it varies over the field.
    radius_mas : float
        Largest distance.
    worst : int
        Largest sum of the tiers of a pair.

    Returns
    -------
    i, j : (m,) int arrays
        Indices into `a` and `b`.

    Examples
    --------
    >>> two = Projected(np.array([[0.0, 0], [99, 0]]), np.ones(2), np.ones(2), np.zeros(2, np.int8))
    >>> [index.tolist() for index in pair_up(two, two, shift=np.zeros(2), radius_mas=5.0)]
    [[0, 1], [0, 1]]
    """
    from scipy.spatial import KDTree

    if not len(a) or not len(b):
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    moved = a.xy + shift
    distance, to_b = KDTree(b.xy).query(moved, distance_upper_bound=radius_mas)
    _, to_a = KDTree(moved).query(b.xy)
    i = np.flatnonzero(np.isfinite(distance))
    j = to_b[i]
    kept = (to_a[j] == i) & (a.tier[i].astype(int) + b.tier[j] <= worst)
    return i[kept], j[kept]
