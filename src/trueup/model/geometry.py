"""Do all chips of a solution belong together? The affine test.

Without lookup tables, fits and a-priori corrections move all chips of an exposure by one affine map of
the tangent plane. The map is fitted on one chip against a reference solution and applied to
the others: sound solutions leave less than 0.001 mas, unsound ones 9 to 180 mas.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trueup.model.flags import Flag
from trueup.model.offset import (
    SAME_MAS,
    affine_residual_mas,
    comparable,
    grid_displacement_mas,
    offset,
)
from trueup.model.solution import Solution

LIMIT_PIX = 0.01

Numbered = tuple[int, Solution]


def chip_geometry(group: Sequence[Numbered]) -> dict[int, list[Flag]]:
    """Check the solutions of one distortion model against each other.

    Parameters
    ----------
    group : sequence of (int, Solution)
        Solutions of more than one chip with equal distortion, numbered as the user sees them.

    Returns
    -------
    dict of int to list of Flag
        By number: ``chip-geometry`` for each bad chip, ``no-reference`` where nothing could
        be checked; sound solutions do not occur.

    Examples
    --------
    >>> chip_geometry([])
    {}
    """
    if not group:
        return {}
    clusters = _consistent_clusters(group)
    reference = _reference_cluster(clusters)
    if reference is None or _count_distinct(group) < 2:
        text = "no other solution with this distortion to check the chips against"
        return {number: [Flag("no-reference", text)] for number, _ in group}
    return {
        number: _flags((number, solution), reference, group)
        for cluster in clusters
        if cluster is not reference
        for number, solution in cluster
    }


def _consistent_clusters(group: Sequence[Numbered]) -> list[list[Numbered]]:
    """Solutions that one affine map each carries into one another."""
    clusters: list[list[Numbered]] = []
    for number, solution in group:
        for cluster in clusters:
            reference = cluster[0][1]
            if not _bad_chips(solution, reference, solution.chips[0].chip.extver):
                cluster.append((number, solution))
                break
        else:
            clusters.append([(number, solution)])
    return clusters


def _reference_cluster(clusters: list[list[Numbered]]) -> list[Numbered] | None:
    """The cluster of the distortion-only solution, unless it stands alone against a majority."""
    largest = max(clusters, key=_count_distinct)
    for cluster in clusters:
        if any(solution.family == "distortion-only" for _, solution in cluster):
            alone = _count_distinct(cluster) == 1 and _count_distinct(largest) > 1
            return largest if alone else cluster
    return largest if _count_distinct(largest) > 1 else None


def _count_distinct(group: Sequence[Numbered]) -> int:
    distinct: list[Solution] = []
    for _, solution in group:
        apart = [offset(solution, other) for other in distinct]
        if not any(o is not None and o.same for o in apart):
            distinct.append(solution)
    return len(distinct)


def _flags(case: Numbered, consistent: Sequence[Numbered], group: Sequence[Numbered]) -> list[Flag]:
    """Name the bad chip: the one that a consistent solution explains, else not the first."""
    _, solution = case
    reference = consistent[0][1]
    anchor = solution.chips[0].chip.extver
    bad = _bad_chips(solution, reference, anchor)
    if _twin(case, anchor, consistent) and not any(_twin(case, extver, consistent) for extver in bad):
        anchor = bad[-1]
        bad = _bad_chips(solution, reference, anchor)
    residuals = affine_residual_mas(solution, reference, anchor)
    trusted = solution.chip(anchor).chip
    flags = []
    for extver in bad:
        part = solution.chip(extver)
        pixel_mas = (part.cards.number("IDCSCALE") or part.wcs.scale_arcsec()) * 1e3
        worst, center = float(residuals[extver][0].max()), residuals[extver][1]
        text = (
            f"{part.chip} does not belong to {trusted}: off by "
            f"{center:.1f} mas ({center / pixel_mas:.2f} px) at its reference pixel, "
            f"{worst:.1f} mas ({worst / pixel_mas:.2f} px) at the worst corner"
        )
        twin = _twin(case, extver, group)
        if twin:
            text += f"; it equals that chip of #{twin[0]} {twin[1].name}"
        sizes = (worst, worst / pixel_mas, center, center / pixel_mas)
        flags.append(Flag("chip-geometry", text, part.chip, *sizes))
    return flags


def _bad_chips(solution: Solution, reference: Solution, anchor: int) -> list[int]:
    pixel_mas = reference.chips[0].wcs.scale_arcsec() * 1e3
    residuals = affine_residual_mas(solution, reference, anchor)
    return [extver for extver, (corners, _) in residuals.items() if corners.max() / pixel_mas > LIMIT_PIX]


def _twin(case: Numbered, extver: int, group: Sequence[Numbered]) -> Numbered | None:
    """Another solution, different elsewhere, whose chip is equal to this one."""
    number, solution = case
    mine = solution.chip(extver)
    for other_number, other in group:
        whole = offset(solution, other)
        if other_number == number or whole is None or whole.same:
            continue
        for part in other.chips:
            if part.chip.extver == extver:
                a, b = comparable(mine, part)
                if np.hypot(*grid_displacement_mas(a, b)).max() <= SAME_MAS:
                    return other_number, other
    return None
