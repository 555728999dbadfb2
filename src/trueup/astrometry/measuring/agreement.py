"""Which exposures of a visit agree as they are, and which one disagrees with all others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from trueup.astrometry.measuring.measurement import Relative
from trueup.astrometry.pairs.tie import Tie
from trueup.astrometry.stars.starlist import StarList
from trueup.model.visit import Visit

_ACTIVE = 0
_SIGNIFICANT = 5.0
_TRAIL_PIX = 0.02


def findings(
    visit: Visit, rows: Sequence[Relative], *, stars: Sequence[StarList], ties: Sequence[Tie]
) -> Iterator[str]:
    """What a reader must know before anything else.

    Parameters
    ----------
    visit : Visit
    rows : sequence of Relative
    stars : sequence of StarList
    ties : sequence of Tie

    Yields
    ------
    str

    Examples
    --------
    >>> list(findings(Visit(()), [], stars=[], ties=[]))
    []
    """
    for found in stars:
        if found.trailed:
            yield f"{found.rootname}: the stars are trailed, the telescope moved during the exposure"
        yield from (f"{found.rootname}: {note}" for note in found.notes)
    active = [row for row in rows if row.a.index == row.b.index == _ACTIVE]
    yield from _disagreement(active, {e.rootname: e.filter for e in visit.exposures})
    yield from _charge_transfer(ties)


def _charge_transfer(ties: Sequence[Tie]) -> Iterator[str]:
    """The mean over all pairs, of which those that differ in brightness or roll tell most."""
    fits = [tie.registration.similarity for tie in ties if tie.counts]
    known = [(s.trail_pix, s.sigma_trail_pix**-2) for s in fits if s is not None and s.sigma_trail_pix > 0]
    if not known:
        return
    weight = sum(share for _, share in known)
    mean, sigma = sum(shift * share for shift, share in known) / weight, weight**-0.5
    if abs(mean) > max(_SIGNIFICANT * sigma, _TRAIL_PIX):
        yield (
            f"charge transfer moves faint stars (500 electrons, far from the amplifier) by {mean:.2f}"
            f" +- {sigma:.2f} pixel along y; the offsets are free of it"
        )


def _disagreement(active: Sequence[Relative], filters: Mapping[str, str]) -> Iterator[str]:
    """Groups of exposures that agree; a small one beside a larger one is named with its offset."""
    groups = _groups(active)
    if len(groups) < 2:
        return
    largest = groups[0]
    for group in groups[1:]:
        apart = [row for row in active if row.fit.verdict == "fail" and _joins(row, group, largest)]
        if not apart:
            continue
        mas = sum(row.fit.judged_mas or 0.0 for row in apart) / len(apart)
        pix = sum(_pixels(row) for row in apart) / len(apart)
        alone = len(groups) == 2 and len(group) == 1 and len(largest) > 1
        others = f"all {len(largest)} others" if alone else _listed(largest, filters)
        verb = "disagrees" if len(group) == 1 else "disagree"
        yield f"{_listed(group, filters)} {verb} with {others} by {mas:.1f} mas = {pix:.2f} pixel"


def _listed(group: Sequence[str], filters: Mapping[str, str]) -> str:
    """Exposures by filter: ``F336W (iepw14g4q, iepw14g6q)``."""
    kinds = dict.fromkeys(filters[name] for name in group)
    parts = (f"{kind} ({', '.join(n for n in group if filters[n] == kind)})" for kind in kinds)
    return " and ".join(parts)


def _groups(active: Sequence[Relative]) -> list[tuple[str, ...]]:
    """Exposures that hang together by measurements that do not fail; the largest group first."""
    names = list(dict.fromkeys(name for row in active for name in (row.a.rootname, row.b.rootname)))
    group = {name: {name} for name in names}
    for row in active:
        one, other = group[row.a.rootname], group[row.b.rootname]
        if row.fit.verdict in {"pass", "undecided"} and one is not other:
            one |= other
            group.update(dict.fromkeys(other, one))
    distinct = {id(members): members for members in group.values()}.values()
    ordered = [tuple(name for name in names if name in members) for members in distinct]
    return sorted(ordered, key=lambda members: (-len(members), names.index(members[0])))


def _joins(row: Relative, group: Sequence[str], other: Sequence[str]) -> bool:
    a, b = row.a.rootname, row.b.rootname
    return (a in group and b in other) or (b in group and a in other)


def _pixels(row: Relative) -> float:
    fit = row.fit
    pixel = fit.corner_mas / fit.corner_pix if fit.corner_mas and fit.corner_pix else 0.0
    return (fit.judged_mas or 0.0) / pixel if pixel else 0.0
