"""The nouns in a notebook: small HTML tables that can be read on light and on dark pages.

They take the colours of the page, ask for nothing from anywhere, and every text in them is escaped.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from trueup.model.exposure import Exposure
from trueup.model.solution_rows import solution_rows
from trueup.model.soundness import judge

if TYPE_CHECKING:
    from trueup.model.mosaic import Mosaic
    from trueup.model.solution import Solution
    from trueup.model.visit import Visit

_LINE = "border-bottom:1px solid rgba(128,128,128,.4)"
_CELL = f"text-align:left;vertical-align:top;padding:.15em .8em .15em 0;background:none;{_LINE}"
_LEGEND = "stars and rms: as the header claims; centre and worst: from the active solution"
_SOUND = {True: "sound", False: "UNSOUND", None: "not checkable"}


def table_html(title: str, head: Sequence[str], rows: Iterable[Sequence[object]], *notes: str) -> str:
    """A title, a table and lines below it.

    Parameters
    ----------
    title : str
    head : sequence of str
    rows : iterable of sequence
        None is an empty cell.
    *notes : str

    Returns
    -------
    str

    Examples
    --------
    >>> "&lt;b&gt;" in table_html("one", ["name"], [["<b>"]])
    True
    """
    top = "".join(f'<th scope="col" style="{_CELL}">{escape(word)}</th>' for word in head)
    body = "".join(f"<tr>{_cells(row)}</tr>" for row in rows)
    return _framed(title, f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody>", notes)


def facts_html(title: str, facts: Mapping[str, object], *notes: str) -> str:
    """A title, a table of names and values, and lines below it.

    Parameters
    ----------
    title : str
    facts : mapping of str to object
        None and blank are left out.
    *notes : str

    Returns
    -------
    str

    Examples
    --------
    >>> "catalogue" in facts_html("one", {"catalogue": None})
    False
    """
    known = {name: value for name, value in facts.items() if value not in (None, "")}
    rows = (
        f'<tr><th scope="row" style="{_CELL}">{escape(name)}</th>{_cells([value])}</tr>'
        for name, value in known.items()
    )
    return _framed(title, f"<tbody>{''.join(rows)}</tbody>", notes)


def _framed(title: str, table: str, notes: Iterable[str]) -> str:
    below = "".join(f"<div>{escape(note)}</div>" for note in notes if note)
    opening = '<table style="border-collapse:collapse;margin:.3em 0">'
    return f"<div><strong>{escape(title)}</strong>{opening}{table}</table>{below}</div>"


def _cells(row: Iterable[object]) -> str:
    return "".join(f'<td style="{_CELL}">{"" if v is None else escape(str(v))}</td>' for v in row)


def visit_html(visit: Visit) -> str:
    """The exposures of a visit and what each has in force."""
    from trueup.model.visit import left_out_lines

    names = ", ".join(visit.by_visit()) or "without exposures"
    agree = "one kind of solution" if visit.is_consistent else "DIFFERENT kinds of solution"
    rows = [
        (
            e.rootname,
            f"{e.detector} {e.filter}",
            f"{e.exptime:g} s",
            e.date,
            e.active.name,
            _SOUND[judge(e)[0].sound],
            len(e.solutions),
        )
        for e in visit.exposures
    ]
    head = ("exposure", "filter", "time", "start", "in force", "", "solutions")
    title = f"Visit {names}: {len(visit.exposures)} exposures, {agree} in force"
    return table_html(title, head, rows, *left_out_lines(visit.left_out))


def exposure_html(exposure: Exposure) -> str:
    """The solutions of an exposure; a star marks the one it is seen under."""
    head = ("#", "", "solution", "stored in", "stars", "rms mas", "centre mas", "worst mas", "")
    title = f"{exposure.rootname}: {exposure.detector} {exposure.filter}, {exposure.exptime:g} s"
    return table_html(title, head, _solution_rows(exposure), _LEGEND, exposure.usable.why)


def _solution_rows(exposure: Exposure) -> Iterator[tuple[object, ...]]:
    for row, solution in zip(solution_rows(exposure), exposure.solutions, strict=True):
        rms = None if row["rms_ra"] is None else f"{row['rms_ra']:.1f}, {row['rms_dec']:.1f}"
        apart = (None if row[w] is None else f"{row[w]:.1f}" for w in ("offset_center", "offset_max"))
        mark = "*" if solution is exposure.solution else ""
        sound = " ".join(filter(None, (_SOUND[row["sound"]], row["faults"])))
        yield row["index"], mark, solution.name, _place(solution), row["nmatches"], rms, *apart, sound


def _place(solution: Solution) -> str:
    """Where it is stored; of a file the name without folders."""
    path = solution.origin.path
    return str(solution.origin) if path is None else f"file {os.path.basename(path)}"


def solution_html(solution: Solution) -> str:
    """What a solution says of itself."""
    fit = solution.fit
    rms = None if fit.rms_ra_mas is None else f"{fit.rms_ra_mas:.1f}, {fit.rms_dec_mas or 0:.1f} mas"
    facts = {
        "family": solution.family,
        "stored in": _place(solution),
        "HDRNAME": solution.hdrname,
        "for": solution.destim,
        "catalogue": fit.catalog or solution.name.catalog,
        "stars, as claimed": fit.nmatches,
        "rms, as claimed": rms,
        "distortion": solution.distname,
        "chips": ", ".join(str(part.chip) for part in solution.chips),
        "cannot be read": solution.broken,
    }
    return facts_html(str(solution.name), facts)


def mosaic_html(mosaic: Mosaic) -> str:
    """What a drizzled image is made of."""
    ny, nx = mosaic.wcs.shape
    scale = mosaic.wcs.scale_arcsec()
    ra, dec = mosaic.wcs.pixel_to_sky((nx - 1) / 2, (ny - 1) / 2)
    filters = dict.fromkeys(f"{e.detector} {e.filter}" for e in mosaic.exposures)
    facts = {
        "filter": ", ".join(filters),
        "exposures": ", ".join(e.rootname for e in mosaic.exposures),
        "solution": mosaic.wcsname,
        "size": f"{nx} x {ny} pixels of {scale:.4f} arcsec",
        "centre": f"RA {float(ra):.6f}, Dec {float(dec):+.6f} deg",
        "unit": mosaic.unit,
        "file": mosaic.path,
    }
    return facts_html("Mosaic", facts)
