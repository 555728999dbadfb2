"""Find which sources of two lists are the same, without trusting either list.

The offsets of all pairs within a search radius are points in a plane. Unrelated sources fill it evenly;
the same sources seen twice pile up at the true offset. The pile is found with a tree, not a
histogram, so no bin edge biases it, and it is believed only if chance would hardly make it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from trueup.astrometry.sources import Sources
from trueup.model.chipwcs import ChipWcs, sky_to_plane

Floats = NDArray[np.float64]
Index = NDArray[np.intp]

_MAX_PAIRS = 200_000
_TIERS = 3
_WORST = 2 * (_TIERS - 1)
_EVERYONE_ELSE = 3.0
_ONE_OBJECT = 10.0
_MAX_DITHERS = 8
_DEG_MAS = 3.6e6


@dataclass(frozen=True, slots=True, eq=False)
class Projected:
    """Sources (or catalogue stars) in a tangent plane.

    Parameters
    ----------
    xy : (n, 2) float64 array
        East and north of the tangent point, mas.
    sigma : (n,) float64 array
        Error per axis, mas.
    flux : (n,) float64 array
        Any unit; only the order matters.
    tier : (n,) int8 array
        0 is best.

    Examples
    --------
    >>> one = Projected(np.zeros((1, 2)), np.ones(1), np.ones(1), np.zeros(1, np.int8))
    >>> len(one)
    1
    """

    xy: Floats
    sigma: Floats
    flux: Floats
    tier: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.xy)

    def __getitem__(self, select: NDArray[np.bool_] | Index | slice) -> Projected:
        """The sources of a boolean mask, an index array or a slice."""
        return Projected(*(getattr(self, item.name)[select] for item in fields(self)))


def project(sources: Sources, wcs: ChipWcs, *, center: tuple[float, float]) -> Projected:
    """Put the sources of one chip or product onto a tangent plane.

    Parameters
    ----------
    sources : Sources
    wcs : ChipWcs
        The solution under which to see them.
    center : (float, float)
        Tangent point (ra, dec), degrees.

    Returns
    -------
    Projected
        In the order of `sources`.

    Examples
    --------
    >>> one = np.ones(1)
    >>> star = Sources(one, one, one, one, one, one, np.zeros(1, np.int8))
    >>> wcs = ChipWcs((0, 0), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (9, 9))
    >>> project(star, wcs, center=(150.0, 2.0)).xy.round(3).tolist()
    [[-36.0, 36.0]]
    """
    xi, eta = sky_to_plane(*wcs.pixel_to_sky(sources.x, sources.y), center)
    xy = np.stack([xi, eta], axis=1) * _DEG_MAS
    sigma = sources.sigma * wcs.scale_arcsec() * 1000
    return Projected(xy, sigma, sources.flux, sources.tier)


@dataclass(frozen=True, slots=True)
class Search:
    """Where and how finely an offset is looked for.

    Parameters
    ----------
    reach_mas : float
        Largest offset looked for.
    radius_mas : float
        Radius of the pile of offsets; half a pixel suits pairs that differ by a small rotation.
    log10_pfalse : float
        A pile counts when chance makes one like it with a probability below this.

    Examples
    --------
    >>> Search(radius_mas=64.0).reach_mas
    2000.0
    """

    reach_mas: float = 2000.0
    radius_mas: float = 20.0
    log10_pfalse: float = -6.0


@dataclass(frozen=True, slots=True)
class Peak:
    """A pile of equal offsets.

    Parameters
    ----------
    east_mas, north_mas : float
        Its mean, second list minus first.
    n : int
        Pairs in it, each source counted once.
    expected : float
        Pairs expected there by chance.
    log10_pfalse : float
        Probability that chance makes a pile like this anywhere in the search, decimal logarithm.

    Examples
    --------
    >>> Peak(60.0, -35.0, 40, 0.1, -80.0).n
    40
    """

    east_mas: float
    north_mas: float
    n: int
    expected: float
    log10_pfalse: float


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
    pairs = pair_up(a, b, shift=shift, radius_mas=search.radius_mas, worst=worst)
    return Match(*pairs, peak, rival, worst)


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
    """The highest pile of offsets within one list, each pair counted once."""
    i, j = _pairs(sources, sources, search.reach_mas)
    offset = sources.xy[j] - sources.xy[i]
    # parts of one object are near each other, and of the two directions one is enough
    once = (offset[:, 0] > 0) & (np.hypot(*offset.T) > _ONE_OBJECT * search.radius_mas)
    return _highest(offset[once], (i[once], j[once]), search, _TIERS * _MAX_DITHERS)


def find_peaks(
    a: Projected, b: Projected, *, search: Search, tries: int = 1
) -> tuple[Peak | None, Peak | None]:
    """The two highest piles in the plane of offsets.

    Parameters
    ----------
    a, b : Projected
        Two lists in one tangent plane.
    search : Search
    tries : int
        How many such searches are made in all; multiplies the probability.

    Returns
    -------
    peak, rival : Peak or None
        None where there is no pair (left) within reach.

    Examples
    --------
    >>> xy = np.array([[0.0, 0.0], [5000.0, 0.0]])
    >>> two = Projected(xy, np.ones(2), np.ones(2), np.zeros(2, np.int8))
    >>> peak, rival = find_peaks(two, two, search=Search())
    >>> peak.n, rival
    (2, None)
    """
    i, j = _pairs(a, b, search.reach_mas)
    offset = b.xy[j] - a.xy[i]
    peak = _highest(offset, (i, j), search, tries)
    if peak is None:
        return None, None
    away = offset - (peak.east_mas, peak.north_mas)
    rest = np.hypot(*away.T) > _EVERYONE_ELSE * search.radius_mas
    return peak, _highest(offset[rest], (i[rest], j[rest]), search, tries)


def _pairs(a: Projected, b: Projected, reach: float) -> tuple[Index, Index]:
    """Index pairs within reach; where they would be too many, of the brightest sources only."""
    from scipy.spatial import KDTree

    if not len(a) or not len(b):
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    order_a, order_b = (np.argsort(-side.flux, kind="stable") for side in (a, b))
    while True:
        tree_a, tree_b = KDTree(a.xy[order_a]), KDTree(b.xy[order_b])
        count = int(tree_a.count_neighbors(tree_b, reach))
        if count <= _MAX_PAIRS:
            break
        share = np.sqrt(0.8 * _MAX_PAIRS / count)
        order_a = order_a[: max(1, int(len(order_a) * share))]
        order_b = order_b[: max(1, int(len(order_b) * share))]
    near = tree_a.sparse_distance_matrix(tree_b, reach, output_type="ndarray")
    return order_a[near["i"]], order_b[near["j"]]


def _highest(offset: Floats, pairs: tuple[Index, Index], search: Search, tries: int) -> Peak | None:
    from scipy.spatial import KDTree

    if not len(offset):
        return None
    radius, reach = search.radius_mas, search.reach_mas
    tree = KDTree(offset)
    counts = tree.query_ball_point(offset, radius, return_length=True)
    center = offset[int(np.argmax(counts))]
    for _ in range(10):
        inside = tree.query_ball_point(center, radius)
        if not inside:
            break
        center = offset[inside].mean(axis=0)
    inside = tree.query_ball_point(center, radius)
    n = min(len(np.unique(pairs[0][inside])), len(np.unique(pairs[1][inside])))
    # sources cluster: the density around the peak can exceed the mean of the search area
    around = len(tree.query_ball_point(center, 5 * radius)) - len(tree.query_ball_point(center, 2 * radius))
    expected = max(len(offset) * (radius / reach) ** 2, around / 21)
    # any pair could have been the middle of the pile: the trials factor
    chance = log10_poisson_tail(n - 1, expected) + np.log10(len(offset) * tries)
    return Peak(float(center[0]), float(center[1]), n, float(expected), float(min(chance, 0.0)))


def log10_poisson_tail(at_least: int, mean: float) -> float:
    """Decimal logarithm of the probability of `at_least` or more events.

    Parameters
    ----------
    at_least : int
    mean : float
        Expected number of events.

    Returns
    -------
    float
        Finite where the probability itself would be rounded to zero.

    Examples
    --------
    >>> round(log10_poisson_tail(1, 1e-3), 3), round(log10_poisson_tail(500, 0.1))
    (-3.0, -1634)
    """
    from scipy.special import gammainc, gammaln

    if at_least <= 0:
        return 0.0
    if mean <= 0:
        return -float("inf")
    if at_least <= mean:
        return float(np.log10(gammainc(at_least, mean)))
    ratios = mean / (at_least + np.arange(1, 2000))
    tail = 1 + np.cumprod(ratios).sum()
    log = -mean + at_least * np.log(mean) - gammaln(at_least + 1) + np.log(tail)
    return float(log / np.log(10))


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
