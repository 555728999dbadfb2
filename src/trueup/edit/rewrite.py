"""An exposure's file under another solution, unit by unit."""

from __future__ import annotations

from collections.abc import Iterable

from trueup.edit.archive import counted, shelf_of
from trueup.edit.document import Unit, Units
from trueup.edit.headers import (
    COMPANIONS,
    companion_header,
    primary_header,
    science_header,
    without_alternate,
)
from trueup.fits.headerlet_write import table_extension
from trueup.model.chipwcs import LookupTable
from trueup.model.exposure import Exposure
from trueup.model.solution import ChipSolution, Solution
from trueup.model.soundness import same_distortion

_TABLES = ("WCSDVARR", "D2IMARR")
_RECORDS = (("WCSDVARR", "DP", "npol"), ("D2IMARR", "D2IM", "d2im"))


def rewrite(units: Units, exposure: Exposure, target: Solution, *, archive: bool = True) -> Units:
    """Put another solution in force.

    Parameters
    ----------
    units : tuple of Unit
        The file as it is.
    exposure : Exposure
        The same, as read.
    target : Solution
    archive : bool
        Keep the replaced solution, and a headerlet file that is applied, as HDRLETs.

    Returns
    -------
    tuple of Unit
        The units as they are where the target is the active solution.

    Examples
    --------
    >>> from trueup.model.cards import Cards
    >>> from trueup.model.names import WcsName
    >>> from trueup.model.solution import Origin
    >>> opus = Solution(WcsName.parse("OPUS"), Origin("primary"))
    >>> rewrite((), Exposure("a_flc.fits", Cards(), (), (opus,), opus), opus)
    ()
    """
    if target is exposure.active:
        return units
    shared = shares_distortion(target, exposure.active)
    leaving = () if shared else tuple(distorted_alternates(exposure))
    shelf = shelf_of(exposure)
    if archive:
        shelf = shelf.with_file(target).with_solution(exposure.active)
        for alternate in leaving:
            shelf = shelf.with_solution(alternate)
    units = tuple(_under(unit, target, extver) for unit, extver in _with_chips(units))
    for alternate in leaving:
        key = alternate.origin.key
        units = tuple(
            u.with_header(without_alternate(u.header, key)) if u.extname == "SCI" else u for u in units
        )
    units = _with_tables(units, exposure.active, target)
    primary = units[0].with_header(primary_header(units[0].header, target))
    return counted((primary, *units[1:], *shelf.added))


def shares_distortion(a: Solution, b: Solution) -> bool:
    """Whether alternates that rely on the SIP and tables of one mean the same with the other's.

    Tables of another size but from the same files count as equal: one is a cut version.

    Examples
    --------
    >>> from trueup.model.names import WcsName
    >>> from trueup.model.solution import Origin
    >>> shares_distortion(*[Solution(WcsName.parse("OPUS"), Origin("primary"))] * 2)
    False
    """
    if not same_distortion(a, b):
        return False
    pairs = [(p, q) for p in a.chips for q in b.chips if p.chip.extver == q.chip.extver]
    return all(
        _equivalent(mine, other)
        for p, q in pairs
        for mine, other in zip((*p.wcs.npol, *p.wcs.d2im), (*q.wcs.npol, *q.wcs.d2im), strict=True)
    )


def distorted_alternates(exposure: Exposure) -> Iterable[Solution]:
    """Alternates that take SIP and tables from the main WCS; linear ones stand by themselves.

    Examples
    --------
    >>> from trueup.model.cards import Cards
    >>> from trueup.model.names import WcsName
    >>> from trueup.model.solution import Origin
    >>> opus = Solution(WcsName.parse("OPUS"), Origin("primary"))
    >>> list(distorted_alternates(Exposure("a_flc.fits", Cards(), (), (opus,), opus)))
    []
    """
    for solution in exposure.solutions:
        if solution.origin.kind == "alternate" and any(part.claims_sip for part in solution.chips):
            yield solution


def _equivalent(a: LookupTable | None, b: LookupTable | None) -> bool:
    if a is None or b is None:
        return a is b
    return a.data.shape != b.data.shape or a.equals(b)


def _with_chips(units: Units) -> list[tuple[Unit, int]]:
    """Each unit with the SCI EXTVER of its chip, 0 for units that belong to none."""
    count, out = 0, []
    for unit in units:
        extver = 0
        if unit.extname == "SCI":
            count += 1
            extver = unit.extver or count
        elif unit.extname in COMPANIONS:
            extver = unit.extver or 1
        out.append((unit, extver))
    return out


def _under(unit: Unit, target: Solution, extver: int) -> Unit:
    part = next((part for part in target.chips if part.chip.extver == extver), None)
    if part is None:
        return unit
    make = science_header if unit.extname == "SCI" else companion_header
    return unit.with_header(make(unit.header, target, part))


def _with_tables(units: Units, active: Solution, target: Solution) -> Units:
    """The lookup tables of the target instead of those of the active solution.

    A table takes the place of the old one of its EXTVER, further ones go to the end; one that
    is equal already keeps its bytes.
    """
    wanted = _tables(target.chips)
    present = _tables(active.chips)
    out: list[Unit] = []
    for unit in units:
        if unit.extname not in _TABLES:
            out.append(unit)
            continue
        spot = (unit.extname, unit.extver or 1)
        table = wanted.pop(spot, None)
        if table is None:
            continue
        old = present.get(spot)
        if old is not None and old.equals(table):
            out.append(unit)
        else:
            out.append(Unit(*table_extension(table, *spot)))
    return (*out, *(Unit(*table_extension(table, *spot)) for spot, table in wanted.items()))


def _tables(parts: Iterable[ChipSolution]) -> dict[tuple[str, int], LookupTable]:
    tables: dict[tuple[str, int], LookupTable] = {}
    for part in parts:
        for extname, record, word in _RECORDS:
            for axis, table in enumerate(getattr(part.wcs, word), start=1):
                if table is not None:
                    extver = int(part.cards.record(f"{record}{axis}").get("EXTVER", 1))
                    tables.setdefault((extname, extver), table)
    return tables
