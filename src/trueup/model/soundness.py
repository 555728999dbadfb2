"""Is a WCS solution sound? Judged from headers and tables alone; no pixels are needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from trueup.model.exposure import Exposure
from trueup.model.flags import Flag, Verdict
from trueup.model.geometry import chip_geometry
from trueup.model.names import WcsName
from trueup.model.offset import offset
from trueup.model.solution import ChipId, ChipSolution, Solution

# fits change the scale by up to 2e-4; IDCSCALE is nominal (SBC pixels are 28 % larger)
_SCALE_FROM_LINEAR_TERMS = 1e-3
_SCALE_FROM_IDCSCALE = 0.4
_CRDER_LIMIT_DEG = 1e-3
# a-priori solutions may count the two guide stars as matches
_GUIDE_STARS = 2


@dataclass(slots=True)
class _Case:
    """A solution under examination."""

    index: int
    solution: Solution
    flags: list[Flag] = field(default_factory=list)
    same_as: list[int] = field(default_factory=list)
    checkable: bool = True


# one question is asked of an exposure many times, and it never changes
@lru_cache(maxsize=64)
def judge(exposure: Exposure) -> tuple[Verdict, ...]:
    """Check every solution of an exposure.

    Parameters
    ----------
    exposure : Exposure

    Returns
    -------
    tuple of Verdict
        In the order of ``exposure.solutions``.

    Examples
    --------
    >>> from trueup.model.cards import Cards
    >>> from trueup.model.names import WcsName
    >>> from trueup.model.solution import Origin
    >>> bad = Solution(WcsName.parse("OPUS"), Origin("hdrlet", hdu=7), broken="no END")
    >>> judge(Exposure("a_flc.fits", Cards(), (), (bad,), bad))[0].sound
    False
    """
    cases = [_Case(i, solution) for i, solution in enumerate(exposure.solutions)]
    for case in cases:
        if case.solution.broken:
            case.flags.append(Flag("broken", f"cannot be read: {case.solution.broken}"))
        else:
            case.flags += _own_flags(exposure, case.solution)
    readable = [case for case in cases if not case.solution.broken]
    _find_duplicates(readable)
    _find_missing_tables(readable)
    _find_cut_tables(readable)
    for group in _groups(readable):
        _check_geometry(group)
    for case in readable:
        if case.solution.origin.kind == "primary":
            copies = [c for c in readable if c.index in case.same_as]
            case.flags += _stale_flags(case.solution, [copy.solution for copy in copies])
            case.flags += _only_copy_flags(case.solution, copies)
    return tuple(Verdict(tuple(c.flags), tuple(c.same_as), c.checkable) for c in cases)


def _own_flags(exposure: Exposure, solution: Solution) -> list[Flag]:
    """What a solution shows by itself."""
    flags: list[Flag] = []
    if solution.destim and solution.destim != exposure.rootname:
        text = f"it is for {solution.destim}, not {exposure.rootname}"
        flags.append(Flag("wrong-destim", text))
    have = {part.chip.extver for part in solution.chips}
    for chip in exposure.chips:
        if chip.id.extver not in have:
            flags.append(Flag("missing-chip", f"nothing for {chip.id}", chip.id))
    named = solution.name.base.upper().startswith("IDC_") or solution.family == "fit"
    for part in solution.chips:
        if not part.wcs.has_sip and (named or part.claims_sip):
            flags.append(Flag("sip-missing", "the name or CTYPE promises a SIP polynomial", part.chip))
        flags += [
            Flag("table-missing", f"lookup table {table} is not in the file", part.chip)
            for table in part.missing
        ]
        flags += _scale_flags(exposure, part)
        flags += _crder_flags(part)
    if solution.chips and not any(part.wcs.has_sip for part in solution.chips) and not named:
        flags.append(Flag("linear-only", "no distortion model: the corners are off by 1-2 arcsec"))
    return flags + _mixed_flags(solution)


def _scale_flags(exposure: Exposure, part: ChipSolution) -> list[Flag]:
    header = exposure.chip(part.chip).header

    def number(keyword: str) -> float | None:
        own = part.cards.number(keyword)
        return header.number(keyword) if own is None else own

    idcscale, aberration = number("IDCSCALE"), header.number("VAFACTOR") or 1.0
    if not idcscale or not part.wcs.has_sip:
        return []
    expected, tolerance = idcscale, _SCALE_FROM_IDCSCALE
    terms = [number(word) for word in ("OCX10", "OCX11", "OCY10", "OCY11")]
    if None not in terms:
        x10, x11, y10, y11 = (term or 0.0 for term in terms)
        linear = float(np.sqrt(abs(x11 * y10 - x10 * y11)))
        if abs(linear / idcscale - 1) < _SCALE_FROM_IDCSCALE:
            expected, tolerance = linear, _SCALE_FROM_LINEAR_TERMS
    binned = max(header.number("BINAXIS1") or 1.0, 1.0)
    found = part.wcs.scale_arcsec()
    ratios = [found / (expected * aberration * step) for step in {1.0, binned}]
    if min(abs(ratio - 1) for ratio in ratios) <= tolerance:
        return []
    text = f"CD gives {found:.5f} arcsec/pixel, the distortion model {expected * aberration:.5f}"
    corner = float(np.hypot(*part.wcs.shape)) / 2 * abs(ratios[0] - 1)
    return [Flag("scale", text, part.chip, corner * found * 1e3, corner)]


def _crder_flags(part: ChipSolution) -> list[Flag]:
    values = [part.cards.number(word) for word in ("CRDER1", "CRDER2")]
    if any(value is not None and value > _CRDER_LIMIT_DEG for value in values):
        text = f"CRDER1, CRDER2 = {values[0]}, {values[1]} are mas, not degrees"
        return [Flag("crder-in-mas", text, part.chip)]
    return []


def _stale_flags(solution: Solution, copies: Sequence[Solution]) -> list[Flag]:
    """Keywords of the active solution that describe another one."""
    if not solution.chips or not solution.wcsname:
        return []
    stale = [*_foreign_words(solution), *_foreign_numbers(solution, copies)]
    if not stale:
        return []
    text = f"left over from another solution: {', '.join(dict.fromkeys(stale))}"
    return [Flag("stale-fit-keywords", text)]


def _foreign_words(solution: Solution) -> list[str]:
    """WCSTYPE, HDRNAME and fit results that do not go with WCSNAME."""
    family, fit = solution.family, solution.fit
    if family == "user":
        return []
    stale = []
    if family != "fit" and (fit.nmatches or 0) > _GUIDE_STARS:
        stale.append(f"NMATCHES {fit.nmatches}")
    if family != "fit" and fit.rms_ra_mas is not None:
        stale.append(f"RMS_RA {fit.rms_ra_mas:.2f}")
    wcstype = solution.chips[0].cards.text("WCSTYPE")
    for words, meant in (("a posteriori", "fit"), ("a priori", "apriori")):
        if words in wcstype.lower() and meant != family:
            stale.append(f"WCSTYPE '{wcstype}'")
    named = WcsName.parse(solution.hdrname)
    if named.family != "user" and named.kind != solution.name.kind:
        stale.append(f"HDRNAME {solution.hdrname}")
    return stale


def _foreign_numbers(solution: Solution, copies: Sequence[Solution]) -> list[str]:
    """Fit results that differ from those in a headerlet of the same solution."""
    stale = []
    for copy in copies:
        pairs = (
            ("NMATCHES", solution.fit.nmatches, copy.fit.nmatches),
            ("RMS_RA", solution.fit.rms_ra_mas, copy.fit.rms_ra_mas),
            ("RMS_DEC", solution.fit.rms_dec_mas, copy.fit.rms_dec_mas),
        )
        for word, mine, theirs in pairs:
            if mine is not None and theirs is not None and abs(mine - theirs) > 1e-3 * theirs:
                stale.append(f"{word} {mine:g} (its headerlet says {theirs:g})")
    return stale


def _mixed_flags(solution: Solution) -> list[Flag]:
    """Chips that name different distortion files; a chip that names none proves nothing."""
    flags = []
    for keyword in ("NPOLEXT", "D2IMEXT", "IDCTAB"):
        names = {
            part.chip: part.cards.text(keyword).lower()
            for part in solution.chips
            if part.cards.text(keyword).upper() not in {"", "N/A"}
        }
        if len(set(names.values())) > 1:
            text = f"{keyword} differs between chips: {', '.join(sorted(set(names.values())))}"
            flags.append(Flag("mixed-chips", text, list(names)[-1]))
    distorted = {part.wcs.has_sip for part in solution.chips}
    if len(distorted) > 1:
        bare = next(part.chip for part in solution.chips if not part.wcs.has_sip)
        flags.append(Flag("mixed-chips", "only some chips have a SIP polynomial", bare))
    return flags


def _find_duplicates(cases: Sequence[_Case]) -> None:
    for i, a in enumerate(cases):
        for b in cases[i + 1 :]:
            complete = len(a.solution.chips) == len(b.solution.chips)
            apart = offset(b.solution, a.solution) if complete else None
            if apart is not None and apart.same:
                a.same_as.append(b.index)
                b.same_as.append(a.index)
    for case in cases:
        earlier = [index for index in case.same_as if index < case.index]
        if earlier:
            case.flags.append(Flag("duplicate", f"the same as #{earlier[0] + 1}"))


def _find_missing_tables(cases: Sequence[_Case]) -> None:
    """A solution without a table where another of the same distortion files has it."""
    for case in cases:
        if any(flag.code == "table-missing" for flag in case.flags):
            continue
        for part in case.solution.chips:
            for word, name in (("npol", case.solution.npolfile), ("d2im", case.solution.d2imfile)):
                if not name or not part.wcs.has_sip or any(getattr(part.wcs, word)):
                    continue
                if _someone_has(cases, case, chip=part.chip, word=word):
                    text = f"{name} is named, but its table is not there"
                    case.flags.append(Flag("table-missing", text, part.chip))


def _someone_has(cases: Sequence[_Case], case: _Case, *, chip: ChipId, word: str) -> bool:
    mine = case.solution
    for other in cases:
        theirs = other.solution
        if (theirs.npolfile, theirs.d2imfile) != (mine.npolfile, mine.d2imfile):
            continue
        if any(p.chip == chip and any(getattr(p.wcs, word)) for p in theirs.chips):
            return True
    return False


def _find_cut_tables(cases: Sequence[_Case]) -> None:
    """Tables smaller than another copy of the same files."""
    largest: dict[tuple[object, ...], int] = {}
    for case in cases:
        for part in case.solution.chips:
            for key, size in _table_sizes(case.solution, part):
                largest[key] = max(largest.get(key, 0), size)
    for case in cases:
        for part in case.solution.chips:
            cut = [key for key, size in _table_sizes(case.solution, part) if size < largest[key]]
            if cut:
                text = "lookup tables are smaller than those of another copy of the same files"
                case.flags.append(Flag("table-cut", text, part.chip))


def _table_sizes(solution: Solution, part: ChipSolution) -> list[tuple[tuple[object, ...], int]]:
    tables = (*part.wcs.npol, *part.wcs.d2im)
    files = (solution.npolfile, solution.d2imfile)
    return [
        ((part.chip, axis, files), table.data.size) for axis, table in enumerate(tables) if table is not None
    ]


def _groups(cases: Sequence[_Case]) -> list[list[_Case]]:
    """Solutions with equal SIP coefficients and equal distortion files, whatever DISTNAME says."""
    groups: list[list[_Case]] = []
    for case in cases:
        for group in groups:
            if same_distortion(group[0].solution, case.solution):
                group.append(case)
                break
        else:
            groups.append([case])
    return groups


def same_distortion(a: Solution, b: Solution) -> bool:
    """Whether two solutions have equal SIP coefficients and name no different files.

    Parameters
    ----------
    a, b : Solution

    Returns
    -------
    bool
        Solutions without a common chip have nothing in common.

    Examples
    --------
    >>> from trueup.model.names import WcsName
    >>> from trueup.model.solution import Origin
    >>> empty = Solution(WcsName.parse("OPUS"), Origin("primary"))
    >>> same_distortion(empty, empty)
    False
    """
    for mine, theirs in ((a.npolfile, b.npolfile), (a.d2imfile, b.d2imfile)):
        if a.has_sip and b.has_sip and mine and theirs and mine.lower() != theirs.lower():
            return False
    pairs = [(p, q) for p in a.chips for q in b.chips if p.chip.extver == q.chip.extver]
    return bool(pairs) and all(
        _same_sip(p.wcs.sip_a, q.wcs.sip_a) and _same_sip(p.wcs.sip_b, q.wcs.sip_b) for p, q in pairs
    )


def _same_sip(a: np.ndarray | None, b: np.ndarray | None) -> bool:
    if a is None or b is None:
        return a is b
    # headerlets write the coefficients with 14 digits, science headers with 15
    return a.shape == b.shape and np.allclose(a, b, rtol=1e-9, atol=0)


def _check_geometry(group: Sequence[_Case]) -> None:
    """The chips of each solution against those of the others; one chip is always consistent."""
    full = {case.index + 1: case for case in group if len(case.solution.chips) > 1}
    for number, flags in chip_geometry([(n, c.solution) for n, c in full.items()]).items():
        full[number].flags += flags
        full[number].checkable = all(flag.is_fault for flag in flags)


def _only_copy_flags(solution: Solution, copies: Sequence[_Case]) -> list[Flag]:
    """Whether the active solution is kept nowhere as a sound headerlet."""
    if solution.family not in {"user", "fit"}:
        return []
    for copy in copies:
        sound = not any(flag.is_fault for flag in copy.flags)
        if sound and copy.solution.origin.kind in {"hdrlet", "file"}:
            return []
    text = "no headerlet holds this solution: replacing it without archiving loses it"
    return [Flag("only-copy", text)]
