"""S_REGION of a drizzled product."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trueup.model.mosaic import Mosaic

Point = tuple[float, float]


def region(mosaic: Mosaic) -> str:
    """The convex outline of the pixel centres of all chip corners.

    Parameters
    ----------
    mosaic : Mosaic
        Of at least one chip.

    Returns
    -------
    str
        STC-S, as S_REGION of the archive.

    Examples
    --------
    >>> from trueup.model.chipwcs import ChipWcs
    >>> from trueup.model.exposure import Chip, Exposure
    >>> from trueup.model.cards import Cards
    >>> from trueup.model.names import WcsName
    >>> from trueup.model.solution import ChipId, ChipSolution, Origin, Solution
    >>> wcs = ChipWcs((0, 0), (150.0, 0.0), np.diag([-1e-5, 1e-5]), (11, 21))
    >>> chip = Chip(ChipId(1, 1), (11, 21), Cards(), {})
    >>> part = ChipSolution(chip.id, wcs, Cards())
    >>> opus = Solution(WcsName.parse("OPUS"), Origin("primary"), chips=(part,))
    >>> exposure = Exposure("a_flt.fits", Cards(), (chip,), (opus,), opus)
    >>> plane = np.ones((11, 21), np.float32)
    >>> region(Mosaic(plane, plane, None, wcs, (exposure,), "ELECTRONS/S", "{}"))
    'POLYGON ICRS 150.000000000 0.000000000 149.999800000 0.000000000 ...'
    """
    outlines = [exposure.wcs(chip.id) for exposure, chip in mosaic.chips]
    ra, dec = np.concatenate([wcs.pixel_to_sky(*wcs.corners()) for wcs in outlines], axis=1)
    corners = _hull(list(zip(*mosaic.wcs.sky_to_pixel(ra, dec), strict=True)))
    ra, dec = mosaic.wcs.pixel_to_sky(*np.array(corners).T)
    points = " ".join(f"{a:.9f} {d:.9f}" for a, d in zip(ra, dec, strict=True))
    return f"POLYGON ICRS {points}"


def _hull(points: Sequence[Point]) -> list[Point]:
    """The convex hull, counterclockwise (Andrew 1979, Inf. Proc. Lett. 9, 216)."""
    ordered = sorted(set(points))
    return _half(ordered)[:-1] + _half(ordered[::-1])[:-1]


def _half(points: Sequence[Point]) -> list[Point]:
    chain: list[Point] = []
    for point in points:
        while len(chain) > 1 and _turn(chain[-2], chain[-1], point) <= 0:
            chain.pop()
        chain.append(point)
    return chain


def _turn(a: Point, b: Point, c: Point) -> float:
    """Positive where c lies to the left of the way from a to b."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
