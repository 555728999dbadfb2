"""Differences of the sky between exposures, from all pairs that overlap."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

Level = tuple[float, int]


def match_levels(
    levels: Mapping[tuple[int, int], Level], count: int
) -> tuple[list[float | None], list[list[int]]]:
    """Solve for the offset of each exposure that makes all overlaps equal, by least squares.

    Each pair counts with the mean number of pixels of its two sides.

    Parameters
    ----------
    levels : mapping of (int, int) to (float, int)
        For [i, j] the brightness of exposure i, and its number of pixels, where it overlaps j.
    count : int
        Number of exposures.

    Returns
    -------
    list of (float or None)
        By exposure, 0 for the lowest of each group; None for one without overlap.
    list of list of int
        The groups of exposures that overlap directly or by way of others.

    Examples
    --------
    >>> levels = {(0, 1): (5.0, 100), (1, 0): (7.5, 100)}
    >>> deltas, groups = match_levels(levels, 3)
    >>> [delta if delta is None else round(delta, 9) for delta in deltas], groups
    ([0.0, 2.5, None], [[0, 1]])
    """
    pairs = [(i, j) for i, j in sorted(levels) if i < j and (j, i) in levels]
    deltas: list[float | None] = [None] * count
    groups = _groups(pairs)
    if not pairs:
        return deltas, groups
    weight = np.array([(levels[i, j][1] + levels[j, i][1]) / 2 for i, j in pairs])
    weight /= weight.max()
    design = np.zeros((len(pairs), count))
    design[np.arange(len(pairs)), [i for i, _ in pairs]] = weight
    design[np.arange(len(pairs)), [j for _, j in pairs]] = -weight
    difference = np.array([levels[i, j][0] - levels[j, i][0] for i, j in pairs])
    solved = np.linalg.lstsq(design, weight * difference, rcond=1e-12)[0]
    for group in groups:
        lowest = solved[group].min()
        for i in group:
            deltas[i] = float(solved[i] - lowest)
    return deltas, groups


def _groups(pairs: list[tuple[int, int]]) -> list[list[int]]:
    groups: list[set[int]] = []
    for pair in pairs:
        joined = [group for group in groups if group & set(pair)]
        groups = [group for group in groups if group not in joined]
        groups.append(set(pair).union(*joined))
    return sorted(sorted(group) for group in groups)
