"""Figures of the page as inline SVG that follow the colours of the page, light or dark."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from trueup.report.story import Residuals, StoryOffset

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK = "#123456"
COLORS = {"before": "#c2410c", "after": "#1d6fb8", "now": "#1d6fb8"}
STYLE: dict[Any, Any] = {
    "font.size": 9,
    "font.family": "sans-serif",
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "svg.fonttype": "none",
    "svg.hashsalt": "trueup",
}
_MOST_ARROWS = 600
_DEG_MAS = 3.6e6


def field_chart(pair: Sequence[StoryOffset]) -> str:
    """Residual vectors over the field, before and after, on one scale.

    Parameters
    ----------
    pair : sequence of StoryOffset
        Of the same two filters; those without residuals are left out.

    Returns
    -------
    str
        SVG; blank where there is nothing to draw.

    Examples
    --------
    >>> field_chart([])
    ''
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    shown = [(o, o.residuals) for o in pair if o.residuals is not None and len(o.residuals.ra_deg)]
    if not shown:
        return ""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(4.1 * len(shown), 4.2), layout="constrained")
        axes = figure.subplots(1, len(shown), squeeze=False)[0]
        center = float(np.mean(shown[0][1].ra_deg)), float(np.mean(shown[0][1].dec_deg))
        for ax, (offset, residuals) in zip(axes, shown, strict=True):
            _arrows(ax, residuals, center, color=COLORS[offset.when])
            if offset.when != "now":
                ax.set_title(offset.when, fontsize=10, fontweight="bold", color=INK)
        axes[0].set_ylabel("north of the centre, arcsec")
    return svg(figure)


def _arrows(ax: Any, residuals: Residuals, center: tuple[float, float], *, color: str) -> None:
    """Arrows whose scale follows the typical length, with a reference arrow that says how long it is."""
    step = -(-len(residuals.ra_deg) // _MOST_ARROWS)
    part = slice(None, None, step)
    x = (residuals.ra_deg[part] - center[0]) * np.cos(np.radians(center[1])) * 3600
    y = (residuals.dec_deg[part] - center[1]) * 3600
    east, north = residuals.east_mas[part], residuals.north_mas[part]
    typical = max(float(np.median(np.hypot(residuals.east_mas, residuals.north_mas))), 1e-3)
    arrows = ax.quiver(x, y, east, north, color=color, angles="xy", scale=typical * 14, width=0.004)
    round_mas = _round(typical)
    ax.quiverkey(arrows, 0.84, 1.02, round_mas, f"{round_mas:g} mas", labelpos="E", coordinates="axes")
    ax.set_aspect("equal")
    ax.invert_xaxis()
    ax.set_xlabel("east of the centre, arcsec")


def _round(value: float) -> float:
    power = 10 ** np.floor(np.log10(value))
    return float(power * max(step for step in (1, 2, 5) if step * power <= value * 1.0001))


def histogram_chart(pair: Sequence[StoryOffset]) -> str:
    """Histograms of the residuals in east and north, before and after.

    Parameters
    ----------
    pair : sequence of StoryOffset

    Returns
    -------
    str
        SVG; blank where there is nothing to draw.

    Examples
    --------
    >>> histogram_chart([])
    ''
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    shown = [(o, o.residuals) for o in pair if o.residuals is not None and len(o.residuals.ra_deg)]
    if not shown:
        return ""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8.2, 2.6), layout="constrained")
        for ax, axis in zip(figure.subplots(1, 2), ("east_mas", "north_mas"), strict=True):
            values = [getattr(residuals, axis) for _, residuals in shown]
            low, high = np.percentile(np.concatenate([*values, np.zeros(1)]), [0.5, 99.5])
            bins = np.linspace(low - 1, high + 1, 60)
            for (offset, _), one in zip(shown, values, strict=True):
                ax.hist(one, bins=bins, color=COLORS[offset.when], alpha=0.75, label=offset.when)
            ax.axvline(0, color=INK, linewidth=0.7)
            ax.set_xlabel(f"{axis.removesuffix('_mas')}, mas")
            ax.set_ylabel("stars")
        if len(shown) > 1:
            figure.axes[0].legend(frameon=False)
    return svg(figure)


def trend_chart(offset: StoryOffset | None) -> str:
    """Residuals, the mean taken off, against position and magnitude.

    Parameters
    ----------
    offset : StoryOffset or None

    Returns
    -------
    str
        SVG; blank where there is nothing to draw.

    Examples
    --------
    >>> trend_chart(None)
    ''
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    if offset is None or offset.residuals is None or len(offset.residuals.ra_deg) < 2:
        return ""
    stars = offset.residuals
    east = (stars.ra_deg - stars.ra_deg.mean()) * np.cos(np.radians(stars.dec_deg.mean())) * 3600
    north = (stars.dec_deg - stars.dec_deg.mean()) * 3600
    against = (
        ("east of the centre, arcsec", east),
        ("north of the centre, arcsec", north),
        ("instrumental magnitude", stars.magnitude),
    )
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8.2, 4.0), layout="constrained")
        rows = figure.subplots(2, 3, sharex="col", sharey=True)
        for row, axis in zip(rows, ("east_mas", "north_mas"), strict=True):
            values = getattr(stars, axis) - np.median(getattr(stars, axis))
            limit = max(float(np.percentile(np.abs(values), 98)) * 1.3, 1e-3)
            for ax, (_, x) in zip(row, against, strict=True):
                ax.plot(x, values, ".", color=COLORS[offset.when], markersize=2.5, alpha=0.6)
                ax.axhline(0, color=INK, linewidth=0.7)
                ax.set_ylim(-limit, limit)
            row[0].set_ylabel(f"{axis.removesuffix('_mas')}, mas")
        for ax, (label, _) in zip(rows[1], against, strict=True):
            ax.set_xlabel(label)
    return svg(figure)


def svg(figure: Figure) -> str:
    """A figure as SVG text to be put into HTML: no header, ink in the colour of the text.

    Parameters
    ----------
    figure : matplotlib.figure.Figure

    Returns
    -------
    str

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> svg(Figure())[:4]
    '<svg'
    """
    import matplotlib as mpl

    stream = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "trueup"}):
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = stream.getvalue()
    text = text[text.index("<svg") :].replace(INK, "currentColor")
    for when in ("before", "after"):
        text = text.replace(COLORS[when], f"var(--{when})")
    # a hundredth of a point is finer than any screen; what is written between the tags stays
    text = re.sub(r"<[^>]*>", lambda tag: re.sub(r"(\d\.\d\d)\d+", r"\1", tag[0]), text)
    # the page decides how wide it is
    return re.sub(r' (?:width|height)="[^"]*pt"', "", text, count=2)
