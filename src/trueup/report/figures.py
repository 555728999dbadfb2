"""Pictures of the same sky in two products, and of a visit before and after."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from trueup.errors import FileAccessError
from trueup.report import drawing
from trueup.report.offset import offset_text
from trueup.report.view import View

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SIGNATURE = b"trueup"
_ZOOM = 6.0


def side_by_side(view: View, *, stretch: float = 1.0) -> Figure:
    """Draw two products beside each other, in one colour scale, with the measured offset.

    Parameters
    ----------
    view : View
    stretch : float
        Multiplies the upper limit of the ZScale interval.

    Returns
    -------
    matplotlib.figure.Figure
        Not known to pyplot.

    Examples
    --------
    >>> import numpy as np
    >>> sky = np.random.default_rng(1).normal(0, 1, (41, 41)).astype(np.float32)
    >>> from trueup.astrometry.pairs.fit import Fit
    >>> from trueup.model.chipwcs import ChipWcs
    >>> wcs = ChipWcs((20, 20), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (41, 41))
    >>> view = View(sky, sky, wcs, (150.0, 2.0), None, ("F336W", "F275W"), ("", ""), Fit(0))
    >>> len(side_by_side(view).axes)
    3
    """
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(drawing.STYLE):
        figure = Figure(figsize=(10.4, 5.45), facecolor="white")
        limits = drawing.zscale(view, stretch)
        half = (view.a.shape[0] - 1) / 2
        zoomed = view.mark is not None and half >= 3 * _ZOOM
        for k, pixels in enumerate((view.a, view.b)):
            axes = drawing.panel(figure, (0.085 + 0.415 * k, 0.105, 0.395, 0.7535), view, half=half)
            drawn = drawing.show(axes, pixels, limits)
            drawing.title(axes, view.labels[k], view.notes[k])
            drawing.label_axes(axes, ra=True, dec=k == 0)
            if k == 0:
                drawing.compass(axes, view)
                drawing.scale_bar(axes, view, half)
            if zoomed:
                drawing.zoom(figure, axes, view=view, pixels=pixels, half=_ZOOM, points=k == 1)
            elif view.mark is not None:
                drawing.reticle(axes, drawing.in_pixels(view, view.mark), half)
        drawing.color_bar(figure, drawn, rect=(0.91, 0.105, 0.014, 0.7535), unit=view.unit)
        figure.text(0.085, 0.95, offset_text(view.fit, view.labels), fontsize=10.5, va="center")
    return figure


def before_after(before: View, after: View, *, half: float = 9.0) -> Figure:
    """Draw one source in two filters, before (top) and after (bottom).

    Parameters
    ----------
    before, after : View
        Of the same sky. The mark is the source's position in the first filter.
    half : float
        Half the side of each picture, pixels.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> import numpy as np
    >>> sky = np.random.default_rng(1).normal(0, 1, (41, 41)).astype(np.float32)
    >>> from trueup.astrometry.pairs.fit import Fit
    >>> from trueup.model.chipwcs import ChipWcs
    >>> wcs = ChipWcs((20, 20), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (41, 41))
    >>> at = (150.0, 2.0)
    >>> view = View(sky, sky, wcs, at, at, ("F336W", "F275W"), ("", ""), Fit(0))
    >>> len(before_after(view, view).axes)
    4
    """
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(drawing.STYLE):
        figure = Figure(figsize=(8.0, 9.0), facecolor="white")
        scales = [drawing.core_limits((before, after), side) for side in ("a", "b")]
        for row, (view, when) in enumerate(((before, "Before"), (after, "After"))):
            bottom = 0.545 - 0.485 * row
            figure.text(0.135, bottom + 0.4265, when, fontsize=12, fontweight="bold")
            figure.text(0.235, bottom + 0.4265, offset_text(view.fit, view.labels), fontsize=9.5)
            for column, pixels in enumerate((view.a, view.b)):
                axes = drawing.panel(figure, (0.135 + 0.44 * column, bottom, 0.42, 0.3733), view, half=half)
                drawing.show(axes, pixels, scales[column], gamma=0.5)
                drawing.title(axes, view.labels[column], view.notes[column])
                drawing.label_axes(axes, ra=row == 1, dec=column == 0)
                at = drawing.in_pixels(view, view.mark or view.center)
                drawing.crosshair(axes, at)
                if column == 1:
                    drawing.arrow(axes, view, at)
                if row == column == 0:
                    drawing.compass(axes, view)
                    drawing.scale_bar(axes, view, half)
    return figure


def save_figure(figure: Figure, stem: str | os.PathLike[str]) -> tuple[Path, ...]:
    """Write a figure as PNG and PDF.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    stem : str or path-like
        Path without suffix.

    Returns
    -------
    tuple of Path

    Raises
    ------
    FileAccessError
        Where a file of that name was not written by trueup, or cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from matplotlib.figure import Figure
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.suffix for path in save_figure(Figure(), f"{folder}/sky")]
    ['.png', '.pdf']
    """
    paths = tuple(Path(f"{os.fspath(stem)}{suffix}") for suffix in (".png", ".pdf"))
    for path in paths:
        if path.exists() and _SIGNATURE not in path.read_bytes():
            raise FileAccessError("not written by trueup", file=path, todo="choose another name")
    try:
        figure.savefig(paths[0], dpi=200, metadata={"Software": "trueup"})
        figure.savefig(paths[1], metadata={"Creator": "trueup", "CreationDate": None})
    except OSError as error:
        raise FileAccessError(error.strerror or str(error), file=paths[0]) from error
    return paths
