"""The same sky cut out of two products."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trueup.astrometry.pairs.fit import Fit
from trueup.fits.product_read import Product
from trueup.model.chipwcs import ChipWcs

Pixels = NDArray[np.float32]
Sky = tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """The same sky in two products, on the pixel grid of the first.

    Parameters
    ----------
    a, b : (n, n) float32 arrays
        Pixels; NaN where there is no data.
    wcs : ChipWcs
        Of these pixels.
    center : (float, float)
        The sky position asked for (ra, dec), degrees.
    mark : (float, float) or None
        Position of a source in the first product (ra, dec), degrees.
    labels, notes : (str, str)
        What to write above and below each picture: filters, solutions.
    fit : Fit
        Measured offset, second minus first.
    unit : str
        Of the pixels.

    Examples
    --------
    >>> wcs = ChipWcs((2, 2), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (5, 5))
    >>> sky = np.zeros((5, 5), np.float32)
    >>> View(sky, sky, wcs, (150.0, 2.0), None, ("F336W", "F275W"), ("", ""), Fit(0)).labels[0]
    'F336W'
    """

    a: Pixels
    b: Pixels
    wcs: ChipWcs
    center: Sky
    mark: Sky | None
    labels: tuple[str, str]
    notes: tuple[str, str]
    fit: Fit
    unit: str = ""


def cut_out(product: Product, grid: ChipWcs) -> Pixels:
    """The pixels of a product on another pixel grid.

    Parameters
    ----------
    product : Product
    grid : ChipWcs
        Linear, with the shape of the picture.

    Returns
    -------
    (ny, nx) float32 array
        Copied where the grids coincide, else interpolated bilinearly; NaN outside.

    Examples
    --------
    >>> from trueup.model.cards import Cards
    >>> wcs = ChipWcs((0, 0), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (4, 4))
    >>> product = Product("a", np.arange(16, dtype=np.float32).reshape(4, 4), None, wcs, Cards(), Cards())
    >>> grid = ChipWcs((-1, -2), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (1, 2))
    >>> cut_out(product, grid).tolist()
    [[9.0, 10.0]]
    """
    from scipy.ndimage import map_coordinates

    rows, columns = np.indices(grid.shape)
    x, y = product.wcs.sky_to_pixel(*grid.pixel_to_sky(columns, rows))
    ny, nx = product.sci.shape
    nearest_x, nearest_y = np.rint(x), np.rint(y)
    outside = ~((nearest_x >= 0) & (nearest_x < nx) & (nearest_y >= 0) & (nearest_y < ny))
    if max(np.abs(x - nearest_x).max(), np.abs(y - nearest_y).max()) < 1e-3:
        at = nearest_y.clip(0, ny - 1).astype(int), nearest_x.clip(0, nx - 1).astype(int)
        pixels = product.sci[at]
    else:
        left, low = int(max(x.min(), 0)), int(max(y.min(), 0))
        part = product.sci[low : int(max(y.max(), 0)) + 3, left : int(max(x.max(), 0)) + 3]
        if not part.size:
            return np.full(grid.shape, np.nan, np.float32)
        pixels = map_coordinates(part, [y - low, x - left], order=1, mode="constant", cval=np.nan)
    return np.where(outside, np.nan, pixels).astype(np.float32)


def grid_around(wcs: ChipWcs, center: Sky, *, half: int) -> ChipWcs:
    """The pixels of an image around a sky position.

    Parameters
    ----------
    wcs : ChipWcs
        Linear WCS of the image.
    center : (float, float)
        Right ascension and declination, degrees.
    half : int
        Pixels on each side of the nearest one.

    Returns
    -------
    ChipWcs
        On whole pixels of the image, 2 half + 1 on a side.

    Examples
    --------
    >>> wcs = ChipWcs((50, 50), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (100, 100))
    >>> grid_around(wcs, (150.0, 2.0), half=5).crpix
    (5.0, 5.0)
    """
    x, y = wcs.sky_to_pixel(*center)
    left, low = float(np.rint(x)) - half, float(np.rint(y)) - half
    crpix = wcs.crpix[0] - left, wcs.crpix[1] - low
    return ChipWcs(crpix, wcs.crval, wcs.cd, (2 * half + 1, 2 * half + 1))
