"""A page about the residuals of one pair: where they point, and what they depend on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trueup.astrometry.measuring.residuals import Residuals
from trueup.astrometry.measuring.trends import Trend
from trueup.report.drawing import ARROW, INK, MARK, STYLE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

_COLUMNS = ("x", "y", "magnitude", "pixel phase", "amplifier")
_LABELS = {
    "x": "x in the field (pixel)",
    "y": "y in the field (pixel)",
    "magnitude": "instrumental magnitude",
    "pixel phase": "pixel phase",
    "amplifier": "rows crossed, up < 0 < down",
}
_TOLERANCE_PIX = 0.1
_QUIET = "#8b93a1"
_BINS = 7
_SIGNIFICANT = 3.0
_EXPLAINED = (
    "Rise of a straight line over the inner 90 % of the stars;\n"
    "sigma is corrected for the number of lines tried. Above\n"
    "3 sigma and 0.05 pixel a pass becomes undecided."
)


def residuals_page(residuals: Residuals, found: Sequence[Trend], *, title: str) -> Figure:
    """Draw the residuals over the field, against each other, and against all they may depend on.

    Parameters
    ----------
    residuals : Residuals
    found : sequence of Trend
        Of these residuals.
    title : str
        First line.

    Returns
    -------
    matplotlib.figure.Figure
        Not known to pyplot.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> one, index = np.ones(60), np.arange(60)
    >>> against = {name: rng.uniform(-900, 900, 60) for name in ("x", "y", "magnitude")}
    >>> rest = Residuals("a", "b", *rng.normal(0, 0.02, (2, 60)), one, one, 40.0, against, index, index)
    >>> len(residuals_page(rest, (), title="a - b").axes)
    8
    """
    import matplotlib
    from matplotlib.figure import Figure

    columns = [name for name in _COLUMNS if _key(name, "x") in residuals.against]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(11.6, 8.6), facecolor="white")
        figure.text(0.07, 0.965, title, fontsize=12, fontweight="bold", va="center")
        figure.text(0.07, 0.937, _summary(residuals), fontsize=9.5, va="center")
        top = figure.add_gridspec(1, 3, left=0.07, right=0.985, top=0.895, bottom=0.535, wspace=0.28)
        _map(figure.add_subplot(top[0]), residuals)
        _cloud(figure.add_subplot(top[1]), residuals)
        _list(figure, found)
        grid = figure.add_gridspec(
            2, len(columns), left=0.07, right=0.945, top=0.455, bottom=0.06, wspace=0.16, hspace=0.1
        )
        limit = _limit(residuals)
        for row, along in enumerate(("x", "y")):
            for column, name in enumerate(columns):
                axes = figure.add_subplot(grid[row, column])
                trend = next((t for t in found if (t.along, t.against) == (along, _key(name, along))), None)
                _strip(axes, residuals, along, values=residuals.against[_key(name, along)], trend=trend)
                _dress(axes, residuals, along, name=name, limit=limit, last=column == len(columns) - 1)
    return figure


def _key(name: str, along: str) -> str:
    return f"pixel phase {along}" if name == "pixel phase" else name


def _summary(residuals: Residuals) -> str:
    share = residuals.weight / residuals.sigma**2
    share = share / max(float(share.sum()), 1e-300)
    rms = [float(np.sqrt(share @ part**2)) for part in (residuals.x, residuals.y)]
    mas = [value * residuals.pixel_mas for value in rms]
    return (
        f"{len(residuals)} stars; weighted rms {rms[0]:.3f} pixel ({mas[0]:.1f} mas) in x,"
        f" {rms[1]:.3f} pixel ({mas[1]:.1f} mas) in y, after shift, rotation and scale"
    )


def _limit(residuals: Residuals) -> float:
    """Half the height of a strip, pixels: all but the wildest stars, and no less than three times the rms."""
    sizes = np.abs(np.concatenate([residuals.x, residuals.y]))
    return max(0.02, 1.15 * float(np.percentile(sizes, 96))) if len(sizes) else 0.1


def _looks(residuals: Residuals) -> dict[str, Any]:
    """Large for the stars that decide, pale for those that the fit gave little weight."""
    from matplotlib.colors import to_rgba

    colors = np.tile(np.array(to_rgba(INK)), (len(residuals), 1))
    colors[:, 3] = 0.8 * np.clip(residuals.weight, 0.2, 1.0)
    precise = residuals.sigma.min(initial=np.inf) / residuals.sigma
    return {"s": 5.0 + 16.0 * precise, "color": colors, "linewidths": 0}


def _map(axes: Any, residuals: Residuals) -> None:
    """Arrows over the field, much enlarged."""
    x, y = residuals.against["x"], residuals.against["y"]
    size = np.hypot(residuals.x, residuals.y)
    typical = max(float(np.median(size)) if len(size) else 0.0, 1e-3)
    unit = float(f"{2 * typical:.0e}")
    span = max(float(np.ptp(x)), float(np.ptp(y)), 1.0) if len(x) else 1.0
    scale = unit / (0.09 * span)
    heads = {"width": 0.0042, "headwidth": 3.6, "headlength": 4.2, "headaxislength": 3.8}
    spaces = {"angles": "xy", "scale_units": "xy", "scale": scale, "color": _looks(residuals)["color"]}
    arrows = axes.quiver(x, y, residuals.x, residuals.y, **spaces, **heads)
    label = f"{unit:g} pixel = {unit * residuals.pixel_mas:.3g} mas"
    axes.quiverkey(
        arrows,
        0.05,
        1.035,
        unit,
        label,
        labelpos="E",
        color=ARROW,
        fontproperties={"size": 8.5},
        labelcolor=ARROW,
    )
    axes.set_aspect("equal", adjustable="datalim")
    axes.margins(0.08)
    axes.set_xlabel(_LABELS["x"])
    axes.set_ylabel(_LABELS["y"])
    axes.tick_params(labelsize=8)


def _cloud(axes: Any, residuals: Residuals) -> None:
    """One residual against the other, with the tolerance of a pass."""
    axes.scatter(residuals.x, residuals.y, **_looks(residuals))
    angle = np.linspace(0, 2 * np.pi, 200)
    axes.plot(_TOLERANCE_PIX * np.cos(angle), _TOLERANCE_PIX * np.sin(angle), color=ARROW, lw=1.0)
    axes.text(0, 1.06 * _TOLERANCE_PIX, "0.1 pixel", color=ARROW, ha="center", fontsize=8)
    axes.axhline(0, color=_QUIET, lw=0.6, zorder=0)
    axes.axvline(0, color=_QUIET, lw=0.6, zorder=0)
    limit = max(1.25 * _TOLERANCE_PIX, _limit(residuals))
    axes.set_xlim(-limit, limit)
    axes.set_ylim(-limit, limit)
    axes.set_aspect("equal")
    axes.set_xlabel("residual in x (pixel)")
    axes.set_ylabel("residual in y (pixel)")
    axes.tick_params(labelsize=8)


def _list(figure: Figure, found: Sequence[Trend]) -> None:
    """The five most significant lines in words."""
    left, top, step = 0.715, 0.878, 0.033
    figure.text(left, top, "What do they depend on?", fontsize=10, fontweight="bold", va="center")
    if not found:
        figure.text(left, top - step, "too few stars to tell", color=_QUIET, va="center")
    for k, trend in enumerate(found[:6]):
        words = (
            f"{trend.along} on {trend.against}",
            f"{trend.effect_pix:+.3f} pixel",
            f"{trend.significance:.1f} sigma",
        )
        for word, at, side in zip(words, (0.0, 0.185, 0.25), ("left", "right", "right"), strict=True):
            height = top - (k + 1.2) * step
            figure.text(left + at, height, word, color=_color(trend), ha=side, va="center", fontsize=8.5)
    figure.text(left, top - 8.0 * step, _EXPLAINED, color=_QUIET, fontsize=8, va="top", linespacing=1.5)


def _color(trend: Trend) -> str:
    return MARK if trend.matters else INK if trend.significance > _SIGNIFICANT else _QUIET


def _strip(axes: Any, residuals: Residuals, along: str, *, values: Floats, trend: Trend | None) -> None:
    rest: Floats = getattr(residuals, along)
    axes.axhline(0, color=_QUIET, lw=0.6, zorder=0)
    axes.scatter(values, rest, **_looks(residuals))
    for middle, mean, error in _binned(values, rest, residuals):
        axes.errorbar(middle, mean, error, fmt="o", ms=4, color=ARROW, elinewidth=1.2, zorder=3)
    if trend is None:
        return
    if trend.significance > _SIGNIFICANT and len(values):
        ends = np.array([values.min(), values.max()])
        axes.plot(ends, trend.intercept + trend.slope * ends, color=_color(trend), lw=1.4, zorder=4)
    look = {"zorder": 5, "ha": "right", "va": "top", "fontsize": 8, "color": _color(trend)}
    box = {"facecolor": "white", "alpha": 0.8, "linewidth": 0, "pad": 1.5}
    axes.text(0.97, 0.95, f"{trend.significance:.1f} sigma", transform=axes.transAxes, bbox=box, **look)


def _binned(values: Floats, rest: Floats, residuals: Residuals) -> list[tuple[float, float, float]]:
    """Weighted means of equally filled bins: middle, mean, error."""
    share = residuals.weight / residuals.sigma**2
    order = np.argsort(values, kind="stable")
    order = order[share[order] > 0]
    bins = min(_BINS, len(order) // 5)
    return [
        (float(np.mean(values[part])), float(share[part] @ rest[part] / total), float(total**-0.5))
        for part in (np.array_split(order, bins) if bins else [])
        if (total := float(share[part].sum())) > 0
    ]


def _dress(axes: Any, residuals: Residuals, along: str, *, name: str, limit: float, last: bool) -> None:
    axes.set_ylim(-limit, limit)
    axes.margins(x=0.04)
    axes.locator_params(axis="x", nbins=4, prune="both")
    axes.tick_params(labelsize=8)
    axes.tick_params(labelbottom=along == "y", labelleft=name == "x")
    if name == "x":
        axes.set_ylabel(f"residual in {along} (pixel)")
    if along == "y":
        axes.set_xlabel(_LABELS[name])
    if last:
        scale = residuals.pixel_mas
        twin = axes.secondary_yaxis("right", functions=(lambda v: v * scale, lambda v: v / scale))
        twin.set_ylabel("mas")
        twin.tick_params(labelsize=8)
