"""The pile that equal offsets make among the offsets of all pairs of two lists.

Unrelated sources fill the plane of offsets evenly; the same sources seen twice pile up at the true offset.
The pile is found with a tree, not a histogram, so that no bin edge biases it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trueup.astrometry.pairs.plane import Projected

Floats = NDArray[np.float64]
Index = NDArray[np.intp]

_MAX_PAIRS = 200_000
_EVERYONE_ELSE = 3.0
_STARTS = 8
_DETECTOR_FIXED = 4.0


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
    avoid : (float, float), optional
        Offset at which the pixels of the detector are found again, mas: two sources that are apart by
        it are a hot pixel or persistence, and no pair.

    Examples
    --------
    >>> Search(radius_mas=64.0).reach_mas
    2000.0
    """

    reach_mas: float = 2000.0
    radius_mas: float = 20.0
    log10_pfalse: float = -6.0
    avoid: tuple[float, float] | None = None


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
    i, j = pairs_within(a, b, search.reach_mas)
    offset = b.xy[j] - a.xy[i]
    if search.avoid is not None:
        on_sky = np.hypot(*(offset - search.avoid).T) > _DETECTOR_FIXED * search.radius_mas
        i, j, offset = i[on_sky], j[on_sky], offset[on_sky]
    peak = highest_peak(offset, (i, j), search=search, tries=tries)
    if peak is None:
        return None, None
    away = offset - (peak.east_mas, peak.north_mas)
    rest = np.hypot(*away.T) > _EVERYONE_ELSE * search.radius_mas
    return peak, highest_peak(offset[rest], (i[rest], j[rest]), search=search, tries=tries)


def pairs_within(a: Projected, b: Projected, reach: float) -> tuple[Index, Index]:
    """All pairs of two lists within reach; where there are too many, of the brightest sources only.

    Parameters
    ----------
    a, b : Projected
    reach : float
        Largest distance, mas.

    Returns
    -------
    i, j : (n,) int arrays
        Indices into `a` and `b`.

    Examples
    --------
    >>> one = np.ones(2)
    >>> two = Projected(np.array([[0.0, 0.0], [50.0, 0.0]]), one, one, np.zeros(2, np.int8))
    >>> len(pairs_within(two, two, 60.0)[0])
    4
    """
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


def highest_peak(offset: Floats, pairs: tuple[Index, Index], *, search: Search, tries: int) -> Peak | None:
    """The highest pile among offsets.

    Parameters
    ----------
    offset : (n, 2) float64 array
        Offsets of pairs, mas.
    pairs : pair of (n,) int arrays
        The two sources of each pair: a source counts once in a pile.
    search : Search
    tries : int
        How many such searches are made in all.

    Returns
    -------
    Peak or None
        None without offsets.

    Examples
    --------
    >>> offset = np.array([[60.0, -35.0], [61.0, -35.0], [900.0, 10.0]])
    >>> peak = highest_peak(offset, (np.arange(3), np.arange(3)), search=Search(), tries=1)
    >>> peak.n, peak.east_mas
    (2, 60.5)
    """
    if not len(offset):
        return None
    radius, reach = search.radius_mas, search.reach_mas
    piles = [_climb(offset, start, radius) for start in _crowded(offset, search)]
    center, inside = max(piles, key=lambda pile: len(pile[1]))
    n = min(len(np.unique(pairs[0][inside])), len(np.unique(pairs[1][inside])))
    # sources cluster: the density around the peak can exceed the mean of the search area
    distance = np.hypot(*(offset - center).T)
    around = int(((distance > 2 * radius) & (distance <= 5 * radius)).sum())
    expected = max(len(offset) * (radius / reach) ** 2, around / 21)
    # any pair could have been the middle of the pile: the trials factor
    chance = log10_poisson_tail(n - 1, expected) + np.log10(len(offset) * tries)
    return Peak(float(center[0]), float(center[1]), n, float(expected), float(min(chance, 0.0)))


def _crowded(offset: Floats, search: Search) -> Floats:
    """Where to start from: the most crowded places of a map of the offsets, half a radius a cell."""
    from scipy.ndimage import uniform_filter

    cell = search.radius_mas / 2
    low = offset.min(axis=0)
    at = ((offset - low) / cell).astype(np.intp)
    ny, nx = at[:, 1].max() + 1, at[:, 0].max() + 1
    counts = np.bincount(at[:, 1] * nx + at[:, 0], minlength=ny * nx).reshape(ny, nx).astype(np.float32)
    crowd = uniform_filter(counts, 3, mode="constant")
    best = np.argpartition(-crowd.ravel(), min(_STARTS, crowd.size - 1))[:_STARTS]
    return np.asarray(low + (np.stack([best % nx, best // nx], axis=1) + 0.5) * cell)


def _climb(offset: Floats, center: Floats, radius: float) -> tuple[Floats, Index]:
    """The mean of a pile, and the offsets in it: unbiased, whatever the map was."""
    inside = np.zeros(0, np.intp)
    near = np.flatnonzero(np.abs(offset - center).max(axis=1) < 4 * radius)
    for _ in range(10):
        now = near[((offset[near] - center) ** 2).sum(axis=1) <= radius**2]
        if not len(now) or np.array_equal(now, inside):
            break
        inside, center = now, offset[now].mean(axis=0)
    return center, inside


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
