"""Whether exposures lie on one sky, as far as their headers tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from trueup.errors import SolutionError
from trueup.model.exposure import Exposure
from trueup.model.offset import affine_residual_mas, offset
from trueup.model.solution import Solution
from trueup.model.soundness import judge, same_distortion
from trueup.model.visit import Visit

# a visit is rigid to 10-15 mas, rarely to 0.1-0.2 arcsec
LIMIT_MAS = 50.0
# unsound chips are off by 0.2 px and more; the tangent planes of far dithers differ by 0.01 px
_CHIP_LIMIT_PIX = 0.05


def require_agreement(exposures: Sequence[Exposure]) -> None:
    """Refuse exposures of one visit that their solutions put on different skies.

    Parameters
    ----------
    exposures : sequence of Exposure
        Each under the solution that is to be used.

    Raises
    ------
    SolutionError
        Naming the exposures and by how much.

    Examples
    --------
    >>> require_agreement([])
    """
    found = disagreements(exposures)
    if found:
        raise SolutionError(
            "the exposures disagree about the sky (" + "; ".join(found) + ")",
            todo="choose sound solutions of one kind with --solution, or say --allow-mixed",
        )


def disagreements(exposures: Sequence[Exposure]) -> tuple[str, ...]:
    """What speaks against drizzling exposures together; their names do not count.

    A solution may be unsound; the chips of one exposure may lie otherwise than those of another; or
    solutions may move the exposures of a visit by different amounts.

    Parameters
    ----------
    exposures : sequence of Exposure

    Returns
    -------
    tuple of str
        Empty where nothing does.

    Examples
    --------
    >>> disagreements([])
    ()
    """
    found = [text for exposure in exposures if (text := unsound(exposure))]
    for members in Visit(tuple(exposures)).by_visit().values():
        for group in Visit(members).by_filter().values():
            found += _chips_apart(group)
        for group in Visit(members).by_detector().values():
            found += _moved_apart(group)
    return tuple(found)


def unsound(exposure: Exposure) -> str:
    """Why the solution in force is unsound; blank where it is not known to be.

    Examples
    --------
    >>> from trueup.model.cards import Cards
    >>> from trueup.model.names import WcsName
    >>> from trueup.model.solution import Origin
    >>> bad = Solution(WcsName.parse("OPUS"), Origin("primary"), broken="no END")
    >>> unsound(Exposure("a_flc.fits", Cards(), (), (bad,), bad))
    'a_flc.fits: solution OPUS is unsound: cannot be read: no END'
    """
    for solution, verdict in zip(exposure.solutions, judge(exposure), strict=True):
        if solution is exposure.solution and verdict.sound is False:
            faults = "; ".join(fault.text for fault in verdict.faults)
            return f"{exposure.path}: solution {solution.name} is unsound: {faults}"
    return ""


def _chips_apart(group: Sequence[Exposure]) -> Iterator[str]:
    """Exposures of one filter in which the chips lie differently to each other."""
    first = group[0]
    for other in group[1:]:
        layouts = [[(c.id, c.shape) for c in e.chips] for e in (first, other)]
        if layouts[0] != layouts[1] or not same_distortion(first.solution, other.solution):
            continue
        anchor = first.chips[0].id.extver
        residuals = affine_residual_mas(other.solution, first.solution, anchor)
        limit = _CHIP_LIMIT_PIX * 1e3 * first.wcs(anchor).scale_arcsec()
        for extver, (corners, _) in residuals.items():
            if corners.max() > limit:
                yield (
                    f"{other.chip(extver).id} lies otherwise to {other.chip(anchor).id} in {other.path} "
                    f"than in {first.path}, by {corners.max():.1f} mas"
                )


def _moved_apart(group: Sequence[Exposure]) -> Iterator[str]:
    """Exposures that their solutions move by different amounts from where the telescope pointed."""
    moves = {}
    for exposure in group:
        pointing = _pointing(exposure)
        moved = pointing and offset(exposure.solution, pointing)
        if moved:
            moves[exposure.path] = np.array([moved.east_mas, moved.north_mas])
    if any(np.hypot(*(a - b)) > LIMIT_MAS for a, b in combinations(moves.values(), 2)):
        words = ", ".join(f"{path} by {e:.0f} east, {n:.0f} north" for path, (e, n) in moves.items())
        yield f"the solutions move the exposures of one visit differently: {words} mas"


def _pointing(exposure: Exposure) -> Solution | None:
    """The distortion-only solution of the same IDCTAB, or any where a user's name tells none."""
    name = exposure.solution.name
    for solution in exposure.solutions:
        same = name.family == "user" or solution.name.base.upper() == name.base.upper()
        if solution.family == "distortion-only" and not solution.broken and same:
            return solution
    return None
