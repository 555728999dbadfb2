"""Figures of a whole visit: its solutions against a catalogue, cosmic rays and sky of its chips."""

from __future__ import annotations

from typing import Any

import numpy as np

from trueup.report.page.charts import COLORS, INK, STYLE, svg
from trueup.report.story import Story, is_measured

_LEAST_MAS = 0.03


def catalog_chart(story: Story) -> str:
    """How far each solution puts the exposures from the reference stars.

    Parameters
    ----------
    story : Story

    Returns
    -------
    str
        SVG; blank where nothing was measured against a catalogue.

    Examples
    --------
    >>> catalog_chart(Story("iepw14", {}))
    ''
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    rows = [r for r in (story.measurement or {}).get("absolute", []) if is_measured(r)]
    if not rows:
        return ""
    names = list(dict.fromkeys(row["solution"]["wcsname"] or "(no WCSNAME)" for row in rows))
    chosen = {(o["rootname"], o["solution"]["wcsname"]) for o in (story.choice or {}).get("exposures", [])}
    groups: dict[bool, list[tuple[float, float, float]]] = {False: [], True: []}
    for row in rows:
        length = max(float(np.hypot(row["east_mas"], row["north_mas"])), _LEAST_MAS)
        place = names.index(row["solution"]["wcsname"] or "(no WCSNAME)")
        sigma = max(row["sigma_east_mas"], row["sigma_north_mas"])
        groups[(row["rootname"], row["solution"]["wcsname"]) in chosen].append((length, place, sigma))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8.2, 0.9 + 0.32 * len(names)), layout="constrained")
        ax = figure.subplots()
        for is_chosen, label in ((False, "not chosen"), (True, "chosen")):
            if groups[is_chosen]:
                x, y, sigma = np.array(groups[is_chosen]).T
                color = COLORS["after" if is_chosen else "before"]
                bars = [np.minimum(sigma, x * 0.9), sigma]
                ax.errorbar(x, y, xerr=bars, fmt="o", color=color, markersize=5, linewidth=1, label=label)
        ax.set_xscale("log")
        ax.set_yticks(range(len(names)), names)
        ax.set_ylim(len(names) - 0.5, -0.5)
        ax.xaxis.set_major_formatter("{x:g}")
        ax.set_xlabel("offset from the catalogue, mas")
        ax.grid(axis="y", color=INK, alpha=0.15)
        _legend_above(ax)
    return svg(figure)


def statistics_chart(story: Story) -> str:
    """Cosmic rays and sky, chip by chip.

    Parameters
    ----------
    story : Story

    Returns
    -------
    str
        SVG; blank where nothing is known.

    Examples
    --------
    >>> statistics_chart(Story("iepw14", {}))
    ''
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    chips = list(dict.fromkeys(chip for product in story.products for chip in product.cosmic_rays))
    if not chips:
        return ""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8.2, 0.9 + 0.24 * len(chips)), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True)
        for when, aside in (("before", -0.15), ("after", 0.15), ("now", 0)):
            shares = _by_chip(story, "cosmic_rays", when)
            skies = _by_chip(story, "sky", when)
            for ax, values, factor in ((left, shares, 100), (right, skies, 1)):
                known = [(factor * values[chip], i + aside) for i, chip in enumerate(chips) if chip in values]
                if known:
                    x, y = zip(*known, strict=True)
                    ax.plot(x, y, "o", color=COLORS[when], markersize=4, label=when)
        left.set_yticks(range(len(chips)), chips)
        left.set_ylim(len(chips) - 0.5, -0.5)
        left.set_xlabel("cosmic rays, % of pixels")
        right.set_xlabel("sky, unit of the exposure")
        for ax in (left, right):
            ax.grid(axis="y", color=INK, alpha=0.15)
        if len({product.when for product in story.products}) > 1:
            _legend_above(left)
    return svg(figure)


def _legend_above(ax: Any) -> None:
    """Out of the way: beside the points its marks would look like some of them."""
    ax.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderpad=0)


def _by_chip(story: Story, name: str, when: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for product in story.products:
        if product.when == when:
            found |= getattr(product, name)
    return found
