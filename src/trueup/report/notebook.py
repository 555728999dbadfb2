"""Figures in a notebook."""

from __future__ import annotations

import base64
import io
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def picture_html(figure: Figure, text: str) -> str:
    """A figure inside the page, and what it shows in words.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    text : str

    Returns
    -------
    str

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> picture_html(Figure(), "two stars")[:42]
    '<figure style="margin:0"><img alt="two sta'
    """
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=100)
    data = base64.b64encode(file.getvalue()).decode()
    words = escape(text)
    image = f'<img alt="{words}" style="max-width:100%" src="data:image/png;base64,{data}">'
    return f'<figure style="margin:0">{image}<figcaption><pre>{words}</pre></figcaption></figure>'
