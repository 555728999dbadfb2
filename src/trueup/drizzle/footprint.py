"""Where the footprints of chips overlap, as spans of pixels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from trueup.model.chipwcs import ChipWcs, plane_to_sky, sky_to_plane

Floats = NDArray[np.float64]
Spans = NDArray[np.int32]
Key = TypeVar("Key")

# less than that is a common edge, not an overlap
_LEAST_PIX2 = 1e-6


def overlap_spans(chip: ChipWcs, others: Mapping[Key, ChipWcs]) -> dict[Key, Spans]:
    """The pixels of a chip that lie on other chips.

    A footprint is the spherical quadrilateral of the outer corners of a chip; the overlap is
    evaluated on the sky and drawn into the pixels of the chip.

    Parameters
    ----------
    chip : ChipWcs
    others : mapping to ChipWcs

    Returns
    -------
    dict to (ny, 2) int32 array
        First column of each row, and the one behind the last; chips without overlap do not occur.

    Examples
    --------
    >>> from dataclasses import replace
    >>> chip = ChipWcs((50, 50), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (100, 200))
    >>> right = replace(chip, crpix=(-70.0, 50))
    >>> overlap_spans(chip, {"right": right, "far": replace(chip, crval=(150.0, 3.0))})["right"][40]
    array([120, 200], dtype=int32)
    """
    mine = _corners_on_plane(chip, chip)
    polygons = {}
    for key, other in others.items():
        polygon = _intersection(mine, _corners_on_plane(other, chip))
        if _area(polygon) > _LEAST_PIX2 * abs(np.linalg.det(chip.cd)):
            polygons[key] = polygon
    if not polygons:
        return {}
    vertices = np.concatenate(list(polygons.values()))
    ra, dec = plane_to_sky(vertices[:, 0], vertices[:, 1], chip.crval)
    pixels = np.stack(chip.sky_to_pixel(ra, dec), axis=1)
    parts = np.split(pixels, np.cumsum([len(p) for p in polygons.values()])[:-1])
    return {key: filled(part, chip.shape) for key, part in zip(polygons, parts, strict=True)}


def filled(polygon: Floats, shape: tuple[int, int]) -> Spans:
    """The spans of the pixels inside a convex polygon.

    Parameters
    ----------
    polygon : (n, 2) array
        Vertices (x, y), rounded to whole pixels first; pixels on the edge count as inside.
    shape : (int, int)
        Rows and columns of the image.

    Returns
    -------
    (ny, 2) int32 array
        First column of each row, and the one behind the last; equal where a row is empty.

    Examples
    --------
    >>> filled(np.array([(0.0, 0.2), (2.0, 0.0), (2.0, 1.0), (0.0, 1.0)]), (3, 5)).tolist()
    [[0, 3], [0, 3], [0, 0]]
    """
    ny, nx = shape
    corners = np.rint(polygon).astype(np.int64)
    low, high = corners[:, 1].min(), corners[:, 1].max()
    first = np.full(high - low + 1, np.iinfo(np.int32).max, np.int64)
    last = np.full(high - low + 1, -1, np.int64)
    for (x0, y0), (x1, y1) in _edges(corners):
        if y0 != y1:
            rows = _rows_of_edge(min(y0, y1), max(y0, y1), top=high)
            at = np.ceil((rows - y0) / (y1 - y0) * (x1 - x0) + x0).astype(np.int64)
            first[rows - low] = np.minimum(first[rows - low], at)
            last[rows - low] = np.maximum(last[rows - low], at)
    spans = np.zeros((ny, 2), np.int32)
    inside = slice(max(low, 0), min(high + 1, ny))
    here = slice(inside.start - low, inside.stop - low)
    spans[inside, 0] = np.clip(first[here], 0, nx)
    spans[inside, 1] = np.clip(last[here] + 1, spans[inside, 0], nx)
    return spans


def _rows_of_edge(bottom: int, top_of_edge: int, *, top: int) -> NDArray[np.int64]:
    """The rows that an edge crosses: its upper end belongs to the next edge, if there is one."""
    return np.arange(bottom, top_of_edge + (1 if top_of_edge == top else 0))


def _edges(corners: NDArray[np.int64]) -> Iterable[tuple[list[int], list[int]]]:
    points = corners.tolist()
    return zip(points, points[1:] + points[:1], strict=True)


def _corners_on_plane(chip: ChipWcs, frame: ChipWcs) -> Floats:
    """Outer corners on the tangent plane of a frame, degrees, counter-clockwise.

    Great circles are straight lines there.
    """
    ny, nx = chip.shape
    x, y = np.array([0.0, nx, nx, 0.0]) - 0.5, np.array([0.0, 0.0, ny, ny]) - 0.5
    corners = np.stack(sky_to_plane(*chip.pixel_to_sky(x, y), frame.crval), axis=1)
    return corners if _signed_area(corners) > 0 else corners[::-1]


def _intersection(polygon: Floats, other: Floats) -> Floats:
    """The common part of two convex polygons: one is cut along each side of the other."""
    if not np.isfinite(other).all():
        return np.empty((0, 2))
    for start, end in zip(other, np.roll(other, -1, axis=0), strict=True):
        along, to = end - start, polygon - start
        depth = along[0] * to[:, 1] - along[1] * to[:, 0]
        polygon = _cut(polygon, depth)
        if len(polygon) < 3:
            return np.empty((0, 2))
    return polygon


def _cut(polygon: Floats, depth: Floats) -> Floats:
    """The part of a polygon where the depth, linear on the plane and given at the vertices, is positive."""
    kept = []
    for k in range(len(polygon)):
        before, here = depth[k - 1], depth[k]
        if (before < 0 < here) or (here < 0 < before):
            part = before / (before - here)
            kept.append(polygon[k - 1] + part * (polygon[k] - polygon[k - 1]))
        if here >= 0:
            kept.append(polygon[k])
    return np.array(kept).reshape(-1, 2)


def _area(polygon: Floats) -> float:
    return abs(_signed_area(polygon))


def _signed_area(polygon: Floats) -> float:
    x, y = polygon.T
    return float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)) / 2)
