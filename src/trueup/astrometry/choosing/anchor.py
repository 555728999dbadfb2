"""Which exposures never move."""

from __future__ import annotations

import os

from trueup.errors import SelectionError
from trueup.model.visit import Visit


def anchored(visit: Visit, anchor: str | None) -> frozenset[str]:
    """The rootnames of the exposures that an anchor names.

    Parameters
    ----------
    visit : Visit
    anchor : str or None
        A filter (``F336W``), a detector and filter (``UVIS F336W``), a file (an association, too), a
        rootname, an association or a visit (``iepw14``); any case.

    Returns
    -------
    frozenset of str
        None of them where `anchor` is None or blank.

    Raises
    ------
    SelectionError
        Where it names no exposure of the visit.

    Examples
    --------
    >>> from trueup.model.cards import Cards, make_card
    >>> from trueup.model.exposure import Exposure
    >>> from trueup.model.names import WcsName
    >>> from trueup.model.solution import Origin, Solution
    >>> opus = Solution(WcsName.parse("OPUS"), Origin("primary"))
    >>> header = Cards((make_card("ROOTNAME", "iepw14g4q"), make_card("FILTER", "F336W")))
    >>> visit = Visit((Exposure("raw/iepw14g4q_flc.fits", header, (), (opus,), opus),))
    >>> [sorted(anchored(visit, name)) for name in ("f336w", "iepw14", "iepw14g4q_flc.fits", "")]
    [['iepw14g4q'], ['iepw14g4q'], ['iepw14g4q'], []]
    """
    wanted = " ".join((anchor or "").lower().split())
    if not wanted:
        return frozenset()
    stem = os.path.basename(wanted).partition("_")[0]
    found = frozenset(
        e.rootname
        for e in visit.exposures
        if wanted in {e.filter.lower(), f"{e.detector} {e.filter}".lower(), e.visit}
        or stem in {e.rootname, e.association}
    )
    if not found:
        filters = ", ".join(visit.by_filter())
        visits = ", ".join(visit.by_visit())
        raise SelectionError(
            f"anchor {anchor!r} names no exposure",
            todo=f"use a filter ({filters}), a file or a visit ({visits})",
        )
    return found
