"""Ties between exposures through others, where they share too few stars themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from trueup.astrometry.measuring.measurement import Candidate, Relative
from trueup.astrometry.pairs.fit import Fit, describe_fit, moves
from trueup.astrometry.pairs.register import (
    FLOOR_ACROSS_FILTERS_MAS,
    FLOOR_MAS,
    MAX_CHI2,
    judged_displacement,
    verdict,
)
from trueup.astrometry.pairs.similarity import Similarity
from trueup.astrometry.pairs.tie import Tie, is_same_filter

# a detour must halve the variance to replace what was measured directly
_WORTH_IT = 0.5

Ends = tuple[str, str]
Rows = Mapping[tuple[Candidate, Candidate], Relative]


def with_routes(ties: Sequence[Tie], rows: Sequence[Relative]) -> list[Relative]:
    """Replace rows of pairs that could not be measured, or much worse than through others.

    Parameters
    ----------
    ties : sequence of Tie
        Of one field.
    rows : sequence of Relative
        Measured directly.

    Returns
    -------
    list of Relative
        In the same order; the sigma of a detour is that of its parts in quadrature.

    Examples
    --------
    >>> with_routes([], [])
    []
    """
    graph = _Graph.of(ties)
    known = {(row.a, row.b): row for row in rows}
    detours = {graph.ends(pair): graph.detour(pair) for pair in ties}
    out = []
    for row in rows:
        ends = (row.a.rootname, row.b.rootname)
        path = detours[ends]
        out.append((_through(row, path, graph=graph, known=known) if path else None) or row)
    return out


@dataclass(frozen=True, slots=True, eq=False)
class _Graph:
    """Exposures, and what it costs to go from one to the other: a variance, mas^2."""

    ties: dict[Ends, Tie]
    cost: dict[Ends, float]

    @classmethod
    def of(cls, ties: Sequence[Tie]) -> _Graph:
        by_ends = {cls.ends(pair): pair for pair in ties}
        return cls(by_ends, {ends: _variance(pair) for ends, pair in by_ends.items()})

    @staticmethod
    def ends(pair: Tie) -> Ends:
        return pair.a.exposure.rootname, pair.b.exposure.rootname

    def between(self, a: str, b: str) -> Tie:
        return self.ties[a, b] if (a, b) in self.ties else self.ties[b, a]

    def detour(self, pair: Tie) -> tuple[str, ...]:
        """The cheapest path between the ends of a pair that is worth it; blank for none."""
        start, goal = self.ends(pair)
        best: dict[str, tuple[float, tuple[str, ...]]] = {start: (0.0, (start,))}
        left = {name for ends in self.ties for name in ends}
        while left & best.keys():
            here = min(left & best.keys(), key=lambda name: (best[name][0], name))
            left.discard(here)
            for ends, cost in self.cost.items():
                if here in ends and ends != (start, goal) and np.isfinite(cost):
                    there = ends[1] if ends[0] == here else ends[0]
                    total = best[here][0] + cost
                    if there not in best or total < best[there][0]:
                        best[there] = (total, (*best[here][1], there))
        if goal in best and best[goal][0] < _WORTH_IT * self.cost[start, goal]:
            return best[goal][1]
        return ()


def _variance(pair: Tie) -> float:
    similarity = pair.registration.similarity
    if not pair.counts or similarity is None:
        return float("inf")
    _, errors = moves(pair.field.corners, similarity, judged=np.ones(4))
    return float(np.max(errors**2)) + _floor(pair) ** 2


def _floor(pair: Tie) -> float:
    return FLOOR_MAS if is_same_filter(pair.a, pair.b) else FLOOR_ACROSS_FILTERS_MAS


def _through(row: Relative, path: tuple[str, ...], *, graph: _Graph, known: Rows) -> Relative | None:
    """A row by way of other exposures; None where one of the steps fails under these solutions."""
    between = [_trusted(graph, here, after) for here, after in pairwise(path[1:])]
    stops = [row.a, *between, row.b]
    steps = [_step(known, a, b) for a, b in pairwise(stops)]
    parts = [step.similarity for step in steps if step and step.similarity and _fits(step.fit)]
    fits = [step.fit for step in steps if step]
    if len(parts) < len(steps):
        return None
    direct = graph.between(path[0], path[-1])
    total = Similarity(
        values=np.sum([part.values for part in parts], axis=0),
        covariance=np.sum([part.covariance for part in parts], axis=0),
        chi2=max(part.chi2 for part in parts),
        weight=np.zeros(0),
        variance=np.zeros(0),
    )
    fit = describe_fit(
        total,
        n=min(fit.n for fit in fits),
        coverage=min(fit.coverage or 0.0 for fit in fits),
        field=direct.field,
    )
    fit = replace(fit, log10_pfalse=max(fit.log10_pfalse or 0.0 for fit in fits))
    hops = [graph.between(a, b) for a, b in pairwise(path)]
    return replace(row, fit=_judged(fit, total, direct=direct, hops=hops), route=path[1:-1], similarity=total)


def _fits(fit: Fit) -> bool:
    return fit.verdict != "unmeasurable" and (fit.chi2 or 0.0) < MAX_CHI2


def _judged(fit: Fit, total: Similarity, *, direct: Tie, hops: Sequence[Tie]) -> Fit:
    same = is_same_filter(direct.a, direct.b)
    size, sigma, place = judged_displacement(total, field=direct.field, same_filter=same)
    extra = sum(_floor(hop) ** 2 for hop in hops) - _floor(direct) ** 2
    sigma = float(np.sqrt(sigma**2 + max(extra, 0.0)))
    return verdict(fit, size, sigma=sigma, place=place, pixel_mas=direct.field.pixel_mas)


def _trusted(graph: _Graph, here: str, after: str) -> Candidate:
    """The solution under which an exposure on the way was matched."""
    pair = graph.between(here, after)
    seen, solution = (
        (pair.a, pair.combination[0]) if pair.a.exposure.rootname == here else (pair.b, pair.combination[1])
    )
    return Candidate(here, seen.exposure.solutions.index(solution))


def _step(known: Rows, a: Candidate, b: Candidate) -> Relative | None:
    if (a, b) in known:
        return known[a, b]
    return known[b, a].turned() if (b, a) in known else None
