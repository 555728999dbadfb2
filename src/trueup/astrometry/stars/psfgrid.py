"""A PSF known on a grid of places on a chip, as in an STDPSF file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trueup.astrometry.stars.profile import Spline

Floats = NDArray[np.float64]
Index = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class PsfGrid:
    """Effective PSFs at nodes of a chip, bilinear between them, that of the nearest node outside.

    Parameters
    ----------
    x, y : (nx,), (ny,) float64 arrays
        Nodes, 0-based pixels, ascending.
    knots : (ny, nx, m, m) float64 array
        Spline coefficients of each, as in :class:`trueup.astrometry.stars.profile.Spline`.
    oversample : int

    Examples
    --------
    >>> knots = np.arange(2.0)[None, :, None, None] * np.ones((1, 2, 5, 5))
    >>> grid = PsfGrid(np.array([0.0, 100.0]), np.array([0.0]), knots, 4)
    >>> grid.at(np.array([25, 900]), np.array([7, 7])).knots[:, 0, 0].tolist()
    [0.25, 1.0]
    """

    x: Floats
    y: Floats
    knots: Floats
    oversample: int

    def at(self, x: Index, y: Index) -> Spline:
        """The PSF of each star.

        Parameters
        ----------
        x, y : (n,) intp arrays
            Where the stars are, 0-based pixels.

        Returns
        -------
        Spline
            With n tables.
        """
        column, right = _between(self.x, x)
        row, up = _between(self.y, y)
        next_column, next_row = np.minimum(column + 1, len(self.x) - 1), np.minimum(row + 1, len(self.y) - 1)
        right, up = right[:, None, None], up[:, None, None]
        low = (1 - right) * self.knots[row, column] + right * self.knots[row, next_column]
        high = (1 - right) * self.knots[next_row, column] + right * self.knots[next_row, next_column]
        return Spline((1 - up) * low + up * high, self.oversample)


def _between(nodes: Floats, at: Index) -> tuple[Index, Floats]:
    """Node before each point, and the fraction of the way to the next."""
    place = np.interp(at, nodes, np.arange(len(nodes)))
    node = np.floor(place).astype(np.intp)
    return node, place - node


ChipPsfs = Mapping[int, PsfGrid]
"""The PSF of each chip of an exposure, by SCI EXTVER."""
