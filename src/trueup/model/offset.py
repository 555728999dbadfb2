"""How far apart two solutions put the same pixels on the sky."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from trueup.model.chipwcs import ChipWcs, Floats, sky_to_plane
from trueup.model.solution import ChipSolution, Solution

SAME_MAS = 0.01
MAS_PER_DEG = 3.6e6
_GRID = 9


@dataclass(frozen=True, slots=True)
class Offset:
    """Displacement of one solution from another.

    Attributes
    ----------
    east_mas, north_mas : float
        At the field centre, the mean of the chip centres: named minus reference.
    max_mas : float
        Largest displacement over a grid on all common chips, corners included.
    scale_arcsec : float
        Pixel scale, to turn mas into pixels.
    """

    east_mas: float
    north_mas: float
    max_mas: float
    scale_arcsec: float

    @property
    def center_mas(self) -> float:
        """Length of the displacement at the field centre."""
        return float(np.hypot(self.east_mas, self.north_mas))

    @property
    def same(self) -> bool:
        """Whether both are one solution: at most 0.01 mas apart everywhere."""
        return self.max_mas <= SAME_MAS

    def pixels(self, mas: float) -> float:
        """A length in mas as pixels of the chip."""
        return mas / (self.scale_arcsec * 1e3)


def chip_grid(shape: tuple[int, int]) -> tuple[Floats, Floats]:
    """Pixels of a 9 x 9 grid over a chip, corners included: two flat arrays."""
    ny, nx = shape
    x, y = np.meshgrid(np.linspace(0, nx - 1, _GRID), np.linspace(0, ny - 1, _GRID))
    return x.ravel(), y.ravel()


def grid_displacement_mas(a: ChipWcs, b: ChipWcs) -> tuple[Floats, Floats]:
    """East and north displacement of the grid's pixels under `a` from those under `b`, in mas."""
    (ra, dec), (ra0, dec0) = _grid_on_sky(a, a.shape), _grid_on_sky(b, a.shape)
    d_ra = (ra - ra0 + 180.0) % 360.0 - 180.0
    return d_ra * np.cos(np.radians(dec0)) * MAS_PER_DEG, (dec - dec0) * MAS_PER_DEG


# every solution is compared with every other: project each once
@lru_cache(maxsize=256)
def _grid_on_sky(wcs: ChipWcs, shape: tuple[int, int]) -> tuple[Floats, Floats]:
    return wcs.pixel_to_sky(*chip_grid(shape))


def offset(named: Solution, reference: Solution) -> Offset | None:
    """Compare two solutions of one exposure on a grid over all chips.

    Where the lookup tables of one are a cut version of the other's, both are compared without
    tables: a cut table says nothing about the solution.

    Parameters
    ----------
    named, reference : Solution

    Returns
    -------
    Offset or None
        None where they share no chip.

    Examples
    --------
    >>> from trueup.model.names import WcsName
    >>> from trueup.model.solution import Origin
    >>> a = Solution(WcsName.parse("OPUS"), Origin("primary"))
    >>> offset(a, a) is None
    True
    """
    pairs = common_chips(named, reference)
    if not pairs:
        return None
    east, north, largest = [], [], []
    for a, b in pairs:
        mine, other = comparable(a, b)
        d_east, d_north = grid_displacement_mas(mine, other)
        middle = len(d_east) // 2
        east.append(d_east[middle])
        north.append(d_north[middle])
        largest.append(np.hypot(d_east, d_north).max())
    scale = pairs[0][1].wcs.scale_arcsec()
    return Offset(float(np.mean(east)), float(np.mean(north)), float(max(largest)), scale)


def common_chips(a: Solution, b: Solution) -> list[tuple[ChipSolution, ChipSolution]]:
    """The chips that both solutions have, paired."""
    others = {part.chip.extver: part for part in b.chips}
    return [(p, others[p.chip.extver]) for p in a.chips if p.chip.extver in others]


def comparable(a: ChipSolution, b: ChipSolution) -> tuple[ChipWcs, ChipWcs]:
    """Both WCSs as they are; without tables where one has a cut version of the other's."""
    mine = [t.data.shape for t in (*a.wcs.npol, *a.wcs.d2im) if t is not None]
    others = [t.data.shape for t in (*b.wcs.npol, *b.wcs.d2im) if t is not None]
    if mine and others and sorted(mine) != sorted(others):
        return a.wcs.without_tables(), b.wcs.without_tables()
    return a.wcs, b.wcs


def affine_residual_mas(named: Solution, reference: Solution, anchor: int) -> dict[int, tuple[Floats, float]]:
    """Test whether one affine map carries all chips of the reference to the named solution.

    The map is fitted on the anchor chip, without lookup tables, and applied to the others.

    Parameters
    ----------
    named, reference : Solution
    anchor : int
        SCI EXTVER of the chip that the map is fitted on.

    Returns
    -------
    dict of int to (float64 array, float)
        By SCI EXTVER: displacement at the four corners and at the reference pixel, in mas; infinite
        where the two are not even on the same side of the sky.
    """
    pairs = {a.chip.extver: (a, b) for a, b in common_chips(named, reference)}
    origin = pairs[anchor][1].wcs.crval
    start, goal = _plane_pairs(*pairs[anchor], origin=origin)
    if not (np.isfinite(start).all() and np.isfinite(goal).all()):
        return {e: (np.full(4, np.inf), np.inf) if e != anchor else (np.zeros(4), 0.0) for e in pairs}
    design = np.column_stack([np.ones(len(start)), start])
    affine = np.linalg.lstsq(design, goal, rcond=None)[0]
    residuals: dict[int, tuple[Floats, float]] = {}
    for extver, (a, b) in pairs.items():
        x, y = a.wcs.corners()
        x, y = np.append(x, a.wcs.crpix[0]), np.append(y, a.wcs.crpix[1])
        start, goal = _plane_pairs(a, b, origin=origin, pixels=(x, y))
        miss = goal - np.column_stack([np.ones(len(start)), start]) @ affine
        length = np.nan_to_num(np.hypot(miss[:, 0], miss[:, 1]) * MAS_PER_DEG, nan=np.inf, posinf=np.inf)
        residuals[extver] = (length[:4], float(length[4]))
    return residuals


def _plane_pairs(
    a: ChipSolution,
    b: ChipSolution,
    *,
    origin: tuple[float, float],
    pixels: tuple[Floats, Floats] | None = None,
) -> tuple[Floats, Floats]:
    """Reference and named positions of the same pixels in one tangent plane: two (n, 2) arrays."""
    x, y = pixels if pixels is not None else chip_grid(a.wcs.shape)
    start = sky_to_plane(*b.wcs.without_tables().pixel_to_sky(x, y), origin)
    goal = sky_to_plane(*a.wcs.without_tables().pixel_to_sky(x, y), origin)
    return np.column_stack(start), np.column_stack(goal)


def field_center(wcss: Sequence[ChipWcs]) -> tuple[float, float]:
    """Spherical mean of the chip centres: (ra, dec) in degrees."""
    total = np.zeros(3)
    for wcs in wcss:
        ny, nx = wcs.shape
        ra, dec = (np.radians(float(v)) for v in wcs.pixel_to_sky((nx - 1) / 2, (ny - 1) / 2))
        total += [np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)]
    ra = np.degrees(np.arctan2(total[1], total[0])) % 360.0
    return float(ra), float(np.degrees(np.arctan2(total[2], np.hypot(*total[:2]))))
