"""Drizzled images as PNGs that a browser turns back into numbers: no lossy codec, no fixed stretch.

A pixel is a 16-bit code in the red (high) and green (low) channel: 0 is no data, else

    value = sky + sigma * KNEE * sinh((code - ZERO) / (STEPS * KNEE))

so that a step is a third of the sky noise, and 0.07 % of the value for bright pixels.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trueup.fits.product_read import Product, read_product
from trueup.model.chipwcs import ChipWcs
from trueup.report.story import Story, StoryProduct

Pixels = NDArray[np.float32]
Sky = tuple[float, float]
Corner = tuple[int, int]

ZERO, KNEE, STEPS = 16384, 500.0, 3.0
BINNING = 4
CUTOUT = 256
TILE = 512
BUDGET = 15_000_000
_CUTOUTS = 24
_LEAST = 4
_MANY = 8
_FEW_PIXELS = _CUTOUTS * CUTOUT**2
_SAMPLES = 200_000


@dataclass(frozen=True, slots=True)
class Window:
    """A part of the common pixel grid that is embedded.

    Parameters
    ----------
    left, bottom : int
        First pixel, 0-based.
    width, height : int
        Pixels of the grid.
    binning : int
        Pixels averaged along each axis.

    Examples
    --------
    >>> Window(0, 0, 256, 256).binning
    1
    """

    left: int
    bottom: int
    width: int
    height: int
    binning: int = 1


def windows(
    image: Pixels, stars: Iterable[Corner], *, full: bool, binning: int = BINNING
) -> tuple[Window, ...]:
    """Which parts of the grid to embed: the whole field, and cut-outs at full resolution.

    Parameters
    ----------
    image : (ny, nx) float32 array
        One of the products; NaN is no data.
    stars : iterable of (int, int)
        Pixels to be shown first: the star that shows the offset best.
    full : bool
        The whole field in tiles at full resolution instead.
    binning : int
        Of the whole field.

    Returns
    -------
    tuple of Window
        The whole field first, binned unless it is small.

    Examples
    --------
    >>> [w.binning for w in windows(np.ones((300, 400), np.float32), [], full=False)]
    [1]
    >>> large = windows(np.ones((4000, 4000), np.float32), [(2000, 2000)], full=False)
    >>> len(large), large[1]
    (25, Window(left=1872, bottom=1872, width=256, height=256, binning=1))
    """
    ny, nx = image.shape
    if nx * ny <= _FEW_PIXELS:
        return (Window(0, 0, nx, ny),)
    wide, high = -(-nx // binning) * binning, -(-ny // binning) * binning
    if full:
        places = ((x, y) for y in range(0, ny, TILE) for x in range(0, nx, TILE))
        tiles = (Window(x, y, min(TILE, nx - x), min(TILE, ny - y)) for x, y in places)
        return (Window(0, 0, wide, high, binning), *tiles)
    chosen: list[Corner] = []
    for x, y in (*stars, *_spread(image)):
        corner = _corner(x, nx), _corner(y, ny)
        if not any(abs(corner[0] - x0) < CUTOUT and abs(corner[1] - y0) < CUTOUT for x0, y0 in chosen):
            chosen.append(corner)
    cutouts = (Window(left, bottom, CUTOUT, CUTOUT) for left, bottom in chosen[:_CUTOUTS])
    return (Window(0, 0, wide, high, binning), *cutouts)


def _corner(center: int, size: int) -> int:
    return min(max(center - CUTOUT // 2, 0), size - CUTOUT)


def _spread(image: Pixels) -> Iterable[Corner]:
    """Places over the field: where data end in the corners, then a grid from coarse to fine."""
    ny, nx = image.shape
    step = 16
    y, x = np.nonzero(np.isfinite(image[::step, ::step]))
    y, x = y * step, x * step
    if not x.size:
        return
    for sx, sy in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
        far = int(np.argmax(sx * x + sy * y))
        yield int(x[far]) - sx * CUTOUT // 2, int(y[far]) - sy * CUTOUT // 2
    for count in (5, 7, 9):
        for j in range(count):
            for i in range(count):
                at = int((i + 0.5) * nx / count), int((j + 0.5) * ny / count)
                if np.isfinite(image[min(at[1], ny - 1), min(at[0], nx - 1)]):
                    yield at


def cut(image: Pixels, window: Window) -> Pixels:
    """The pixels of a window, binned by the mean of what is known; NaN off the image.

    Parameters
    ----------
    image : (ny, nx) float32 array
    window : Window

    Returns
    -------
    (height / binning, width / binning) float32 array

    Examples
    --------
    >>> cut(np.arange(16, dtype=np.float32).reshape(4, 4), Window(0, 0, 4, 4, 2)).tolist()
    [[2.5, 4.5], [10.5, 12.5]]
    """
    part = np.full((window.height, window.width), np.nan, np.float32)
    found = image[window.bottom : window.bottom + window.height, window.left : window.left + window.width]
    part[: found.shape[0], : found.shape[1]] = found
    step = window.binning
    if step == 1:
        return part
    blocks = part.reshape(window.height // step, step, window.width // step, step)
    known = np.isfinite(blocks)
    count = known.sum(axis=(1, 3))
    total = np.where(known, blocks, 0).sum(axis=(1, 3))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)


def level(image: Pixels) -> tuple[float, float]:
    """Sky and noise of an image: median and 1.4826 times the median absolute deviation.

    Parameters
    ----------
    image : (ny, nx) float32 array

    Returns
    -------
    sky, sigma : float
        0 and 1 where nothing is known; the noise is never 0.

    Examples
    --------
    >>> level(np.zeros((4, 4), np.float32))
    (0.0, 1e-30)
    """
    known = image[np.isfinite(image)]
    known = known[:: max(1, known.size // _SAMPLES)]
    if not known.size:
        return 0.0, 1.0
    sky = float(np.median(known))
    away = np.abs(known - sky)
    sigma = 1.4826 * float(np.median(away)) or float(away.mean())
    return sky, max(sigma, 1e-30)


def codes(image: Pixels, sky: float, sigma: float) -> NDArray[np.uint16]:
    """Pixels as 16-bit codes, rows from the top; see the head of the module.

    Parameters
    ----------
    image : (ny, nx) float32 array
    sky, sigma : float

    Returns
    -------
    (ny, nx) uint16 array

    Examples
    --------
    >>> codes(np.array([[5.0, np.nan]], np.float32), 5.0, 1.0).tolist()
    [[16384, 0]]
    """
    scaled = np.arcsinh((image[::-1] - sky) / (sigma * KNEE)) * (STEPS * KNEE)
    known = np.isfinite(scaled)
    return np.where(known, np.clip(np.rint(np.where(known, scaled, 0)) + ZERO, 1, 65535), 0).astype(np.uint16)


def png(values: NDArray[np.uint16]) -> str:
    """Codes as a PNG in base64.

    Parameters
    ----------
    values : (ny, nx) uint16 array

    Returns
    -------
    str

    Examples
    --------
    >>> png(np.zeros((2, 2), np.uint16))[:11]
    'iVBORw0KGgo'
    """
    from PIL import Image

    channels = np.zeros((*values.shape, 3), np.uint8)
    channels[..., 0], channels[..., 1] = values >> 8, values & 255
    stream = io.BytesIO()
    Image.fromarray(channels).save(stream, "PNG", compress_level=6)
    return base64.b64encode(stream.getvalue()).decode()


def layers(story: Story, *, full: bool, beside: int = 0) -> dict[str, Any]:
    """Everything the viewer needs: the grid, and each product cut into the same windows.

    Parameters
    ----------
    story : Story
        With products on one pixel grid.
    full : bool
        Embed the whole field at full resolution.
    beside : int
        Bytes of the rest of the page, which is to be no larger than BUDGET unless `full`.

    Returns
    -------
    dict
        ``grid``, ``layers`` and the scale of the codes; plain values for JSON.

    Examples
    --------
    >>> layers(Story("iepw14", {}), full=False)["layers"]
    []
    """
    first: Product | None = None
    chosen: tuple[Window, ...] = ()
    done = []
    binning = BINNING if len(story.products) <= _MANY else 2 * BINNING
    for item in story.products:
        product = read_product(item.path)
        if first is None:
            first = product
            stars = [_pixel(product.wcs, o.star) for o in story.offsets if o.star is not None]
            chosen = windows(product.sci, dict.fromkeys(stars), full=full, binning=binning)
        done.append(_layer(item, product, chosen))
    if not full:
        fit_budget(done, beside)
    return {
        "grid": None if first is None else _grid(first.wcs),
        "zero": ZERO,
        "knee": KNEE,
        "steps": STEPS,
        "layers": done,
    }


def fit_budget(layers: Sequence[dict[str, Any]], beside: int = 0) -> None:
    """Leave out the last cut-outs of all layers until the page is small enough to be sent around.

    Parameters
    ----------
    layers : sequence of dict
        Their ``images`` become fewer; the whole field and a few cut-outs stay in any case.
    beside : int
        Bytes of the rest of the page.

    Examples
    --------
    >>> layer = {"images": [{"png": "x" * 1_000_000} for _ in range(20)]}
    >>> fit_budget([layer], beside=500_000)
    >>> len(layer["images"])
    14
    """
    sizes = [[len(image["png"]) for image in layer["images"]] for layer in layers]
    for count in range(max(map(len, sizes), default=0), 0, -1):
        if count == _LEAST or sum(sum(one[:count]) for one in sizes) + beside <= BUDGET:
            for layer in layers:
                del layer["images"][count:]
            return


def _pixel(wcs: ChipWcs, sky: Sky) -> Corner:
    x, y = wcs.sky_to_pixel(*sky)
    return round(float(x)), round(float(y))


def _grid(wcs: ChipWcs) -> dict[str, Any]:
    ny, nx = wcs.shape
    return {
        "nx": nx,
        "ny": ny,
        "crpix": [float(v) for v in wcs.crpix],
        "crval": [float(v) for v in wcs.crval],
        "cd": np.asarray(wcs.cd).tolist(),
    }


def _layer(item: StoryProduct, product: Product, chosen: Sequence[Window]) -> dict[str, Any]:
    ny = product.sci.shape[0]
    images = []
    for window in chosen:
        pixels = cut(product.sci, window)
        if window.binning == 1 and not np.isfinite(pixels).any():
            continue
        sky, sigma = level(pixels)
        images.append(
            {
                "x": window.left,
                "y": ny - window.bottom - window.height,
                "width": window.width,
                "height": window.height,
                "binning": window.binning,
                "sky": sky,
                "sigma": sigma,
                "png": png(codes(pixels, sky, sigma)),
            }
        )
    return {
        "label": item.label,
        "filter": item.filter,
        "when": item.when,
        "wcsname": item.wcsname,
        "unit": product.header.text("BUNIT"),
        "images": images,
    }
