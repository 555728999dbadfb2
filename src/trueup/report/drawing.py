"""The strokes of which the figures are made: sky panels, scales, marks and arrows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trueup.model.chipwcs import ChipWcs, plane_to_sky
from trueup.report.view import Pixels, Sky, View

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
Point = tuple[float, float]
Rect = tuple[float, float, float, float]

_DEG_MAS = 3.6e6
MARK = "#d1495b"
ARROW = "#1d6fb8"
INK = "#20242b"
_NO_DATA = "#dfe4ec"
_BARS_ARCSEC = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0)
STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "axes.linewidth": 0.7,
    "axes.edgecolor": INK,
    "text.color": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "pdf.fonttype": 42,
}


def zscale(view: View, stretch: float) -> Point:
    """Limits of one ZScale interval for both pictures, the upper one multiplied."""
    from astropy.visualization import ZScaleInterval

    known = np.concatenate([side[np.isfinite(side)] for side in (view.a, view.b)])
    if known.size < 2 or known.min() == known.max():
        return 0.0, 1.0
    low, high = ZScaleInterval().get_limits(known)
    brighter = known[known > low]
    if high <= low and brighter.size:
        # nearly all pixels are equal: the scale of those that are not
        high = np.median(brighter)
    return float(low), float(max(high * stretch, low + 1e-6 * abs(low) + 1e-30))


def core_limits(views: Sequence[View], side: str) -> Point:
    """Limits from the sky to the brightest pixel near the mark, for all views of one filter."""
    skies, tops = [], []
    for view in views:
        pixels: Pixels = getattr(view, side)
        x, y = (round(v) for v in in_pixels(view, view.mark or view.center))
        near = pixels[max(y - 3, 0) : y + 4, max(x - 3, 0) : x + 4]
        skies += list(pixels[np.isfinite(pixels)])
        tops += list(near[np.isfinite(near)])
    if not skies or not tops:
        return 0.0, 1.0
    sky, top = float(np.median(skies)), float(np.max(tops))
    return (sky, top) if top > sky else (sky, sky + 1.0)


def in_pixels(view: View, position: Sky) -> Point:
    """A sky position in pixels of the view."""
    x, y = view.wcs.sky_to_pixel(*position)
    return float(x), float(y)


def panel(figure: Figure, rect: Rect, view: View, *, half: float) -> Any:
    """WCSAxes centred exactly on the position of the view."""
    axes = figure.add_axes(rect, projection=_astropy_wcs(view.wcs))
    x, y = in_pixels(view, view.center)
    axes.set_xlim(x - half, x + half)
    axes.set_ylim(y - half, y + half)
    return axes


def _astropy_wcs(wcs: ChipWcs) -> Any:
    from astropy.wcs import WCS

    made = WCS(naxis=2)
    made.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    made.wcs.crval = wcs.crval
    made.wcs.crpix = [wcs.crpix[0] + 1, wcs.crpix[1] + 1]
    made.wcs.cd = wcs.cd
    made.wcs.radesys = "ICRS"
    made.wcs.set()
    return made


def show(axes: Any, pixels: Pixels, limits: Point, *, gamma: float = 1.0) -> Any:
    """Draw pixels in inverted grey; where there is no data the paper is blue-grey."""
    from matplotlib.colors import Normalize, PowerNorm

    axes.set_facecolor(_NO_DATA)
    keep = axes.get_xlim(), axes.get_ylim()
    image = axes.imshow(
        np.ma.masked_invalid(pixels),
        cmap="gray_r",
        norm=Normalize(*limits) if gamma == 1 else PowerNorm(gamma, *limits, clip=True),
        origin="lower",
        interpolation="nearest",
    )
    axes.set_xlim(keep[0])
    axes.set_ylim(keep[1])
    return image


def color_bar(figure: Figure, image: Any, *, rect: Rect, unit: str) -> None:
    """The colour scale of a picture."""
    bar = figure.colorbar(image, cax=figure.add_axes(rect))
    bar.ax.tick_params(labelsize=7.5, width=0.6, length=3)
    bar.outline.set_linewidth(0.7)
    bar.set_label(unit.lower() or "image units", fontsize=8.5)


def title(axes: Any, label: str, note: str) -> None:
    """The name of the picture above it, what it rests on beside in small grey type."""
    axes.text(0.0, 1.025, label, transform=axes.transAxes, fontsize=11, fontweight="bold", va="baseline")
    axes.text(
        1.0, 1.025, note, transform=axes.transAxes, fontsize=7, color="#5b6472", ha="right", va="baseline"
    )


def label_axes(axes: Any, *, ra: bool, dec: bool) -> None:
    """Sexagesimal ticks, labelled on the outer sides of the figure only."""
    for axis, shown, name, pad in (
        (axes.coords[0], ra, "RA (ICRS)", 0.6),
        (axes.coords[1], dec, "Dec (ICRS)", 1.1),
    ):
        axis.set_ticks(number=4)
        axis.set_ticks_visible(True)
        axis.tick_params(direction="in", length=4, width=0.6, color=INK)
        axis.set_ticklabel(size=7.5, exclude_overlapping=True)
        axis.set_ticklabel_visible(shown)
        axis.set_axislabel(name if shown else " ", fontsize=8.5, minpad=pad)
    axes.coords[1].set_ticklabel(size=7.5, rotation=90, va="center", exclude_overlapping=True)


def compass(axes: Any, view: View) -> None:
    """North and east arrows in the upper left corner."""
    x, y = in_pixels(view, view.center)
    width = np.diff(axes.get_xlim()).item()
    middle = np.array([axes.get_xlim()[0] + 0.12 * width, axes.get_ylim()[1] - 0.12 * width])
    steps = {}
    for name, (east, north) in (("N", (0.0, 1.0)), ("E", (1.0, 0.0))):
        step = np.array(displaced(view, (x, y), east_mas=east, north_mas=north)) - (x, y)
        steps[name] = step * 0.1 * width / np.hypot(*step)
    start = middle - 0.5 * (steps["N"] + steps["E"])
    _backing(axes, tuple(middle - 0.1 * width), width=0.2 * width, height=0.2 * width)
    for name, step in steps.items():
        _stroke(axes, start, end=start + step, color=INK, width=1.1)
        axes.text(*(start + 1.3 * step), name, fontsize=8.5, ha="center", va="center", zorder=5)


def scale_bar(axes: Any, view: View, half: float) -> None:
    """A bar of a round number of arcsec, about a fifth of the picture, in the lower left corner."""
    pixel = view.wcs.scale_arcsec()
    length = min(_BARS_ARCSEC, key=lambda bar: abs(np.log(bar / (0.45 * half * pixel))))
    left, low = axes.get_xlim()[0], axes.get_ylim()[0]
    start, level = left + 0.12 * half, low + 0.12 * half
    end = start + length / pixel
    _backing(
        axes, (start - 0.05 * half, level - 0.06 * half), width=end - start + 0.1 * half, height=0.27 * half
    )
    axes.plot([start, end], [level, level], color=INK, lw=2.2, solid_capstyle="butt", zorder=5)
    axes.text((start + end) / 2, level + 0.045 * half, f'{length:g}"', ha="center", fontsize=8.5, zorder=5)


def _backing(axes: Any, corner: Point, *, width: float, height: float) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle(corner, width, height, facecolor="white", alpha=0.82, lw=0, zorder=4))


def displaced(view: View, at: Point, *, east_mas: float, north_mas: float) -> Point:
    """Where a pixel position of the view comes to lie after a small offset on the sky."""
    ra, dec = view.wcs.pixel_to_sky(*at)
    moved = plane_to_sky(east_mas / _DEG_MAS, north_mas / _DEG_MAS, (float(ra), float(dec)))
    x, y = view.wcs.sky_to_pixel(*moved)
    return float(x), float(y)


def crosshair(axes: Any, at: Point) -> None:
    """Hairlines through a position, open around it, and a small cross on it."""
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    gap = 0.16 * (right - left)
    style = {"color": MARK, "lw": 0.9}
    axes.hlines(at[1], left, at[0] - gap, **style)
    axes.hlines(at[1], at[0] + gap, right, **style)
    axes.vlines(at[0], low, at[1] - gap, **style)
    axes.vlines(at[0], at[1] + gap, high, **style)
    axes.plot(*at, marker="+", ms=9, mew=1.2, color=MARK, linestyle="none")


def reticle(axes: Any, at: Point, half: float) -> None:
    """Four short strokes around a position."""
    for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        axes.plot(
            [at[0] + 0.08 * half * dx, at[0] + 0.2 * half * dx],
            [at[1] + 0.08 * half * dy, at[1] + 0.2 * half * dy],
            color=MARK,
            lw=1.3,
            solid_capstyle="butt",
        )


def arrow(axes: Any, view: View, at: Point, *, label: bool = True) -> None:
    """The measured offset as an arrow from a position, its length beside."""
    fit = view.fit
    if fit.east_mas is None or fit.north_mas is None:
        return
    size = float(np.hypot(fit.east_mas, fit.north_mas))
    tip = displaced(view, at, east_mas=fit.east_mas, north_mas=fit.north_mas)
    width = np.diff(axes.get_xlim()).item()
    if np.hypot(tip[0] - at[0], tip[1] - at[1]) > 0.03 * width:
        _stroke(axes, np.array(at), end=np.array(tip), color=ARROW, width=1.8)
    if label:
        axes.text(
            0.96,
            0.05,
            f"{size:.1f} mas = {size / 1000 / view.wcs.scale_arcsec():.2f} pixel",
            transform=axes.transAxes,
            ha="right",
            color=ARROW,
            fontsize=9.5,
            fontweight="bold",
            **_halo(),
        )


def zoom(figure: Figure, axes: Any, *, view: View, pixels: Pixels, half: float, points: bool) -> None:
    """An enlarged picture around the mark in the corner of a panel, scaled to its own peak."""
    if view.mark is None:
        return
    x, y = in_pixels(view, view.mark)
    box = axes.get_position()
    side = 0.36
    rect = (box.x1 - side * box.width, box.y0, side * box.width, side * box.height)
    inset = figure.add_axes(rect)
    inset.set_xlim(x - half, x + half)
    inset.set_ylim(y - half, y + half)
    near = pixels[max(round(y) - 3, 0) : round(y) + 4, max(round(x) - 3, 0) : round(x) + 4]
    known = pixels[np.isfinite(pixels)]
    sky = float(np.median(known)) if known.size else 0.0
    top = float(np.nanmax(near)) if np.isfinite(near).any() else sky
    show(inset, pixels, (sky, max(top, sky + 1e-30)), gamma=0.5)
    inset.set_xticks([])
    inset.set_yticks([])
    for spine in inset.spines.values():
        spine.set(color=MARK, linewidth=1.1)
    crosshair(inset, (x, y))
    if points:
        arrow(inset, view, (x, y), label=False)
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]]) * half + (x, y)
    axes.plot(*corners.T, color=MARK, lw=1.1)


def _stroke(
    axes: Any, start: NDArray[np.float64], *, end: NDArray[np.float64], color: str, width: float
) -> None:
    axes.annotate(
        "",
        xy=tuple(end),
        xytext=tuple(start),
        xycoords="data",
        zorder=6,
        arrowprops={
            "arrowstyle": "-|>,head_width=0.22,head_length=0.45",
            "color": color,
            "lw": width,
            "shrinkA": 0,
            "shrinkB": 0,
        },
    )


def _outline(width: float) -> dict[str, Any]:
    from matplotlib.patheffects import Normal, Stroke

    return {"path_effects": [Stroke(linewidth=width, foreground="white"), Normal()]}


def _halo() -> dict[str, Any]:
    return _outline(2.4)
