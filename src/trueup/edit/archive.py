"""HDRLET extensions of an exposure: which solutions they hold, and adding one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from trueup.edit.document import Unit, Units
from trueup.edit.headers import numbered, with_extension_count
from trueup.fits.headerlet_write import hdrlet_extension, headerlet_bytes
from trueup.fits.walk import open_source
from trueup.model.exposure import Exposure
from trueup.model.flags import Verdict
from trueup.model.names import WcsName
from trueup.model.offset import offset
from trueup.model.solution import Solution
from trueup.model.soundness import judge


@dataclass(frozen=True, slots=True)
class Shelf:
    """The sound solutions kept as HDRLETs, and the extensions that were added.

    Parameters
    ----------
    exposure : Exposure
    kept : tuple of Solution
        Sound ones, in the file or added.
    added : tuple of Unit

    Examples
    --------
    >>> from trueup.model.cards import Cards
    >>> from trueup.model.solution import Origin
    >>> opus = Solution(WcsName.parse("OPUS"), Origin("primary"))
    >>> Shelf(Exposure("a_flc.fits", Cards(), (), (opus,), opus)).holds(opus)
    False
    """

    exposure: Exposure
    kept: tuple[Solution, ...] = ()
    added: tuple[Unit, ...] = ()

    def holds(self, solution: Solution) -> bool:
        """Whether a sound solution of the same name is the same on the sky."""
        return any(same_solution(solution, other) for other in self.kept)

    def with_file(self, solution: Solution) -> Shelf:
        """Keep a headerlet file, byte for byte."""
        path = solution.origin.path
        taken = {s.hdrname.upper() for s in self.exposure.solutions if s.origin.kind == "hdrlet"}
        # under a taken HDRNAME stwcs could not find it; it is kept under a free one when it is replaced
        if path is None or self.holds(solution) or solution.hdrname.upper() in taken:
            return self
        source = open_source(path)
        return self._with(solution, source.read(0, source.size))

    def with_solution(self, solution: Solution) -> Shelf:
        """Keep a solution of the headers, unless it is kept already."""
        name = kept_name(solution, self.exposure)
        if self.holds(replace(solution, name=WcsName.parse(name))):
            return self
        title = free_hdrname(solution, name, exposure=self.exposure, added=self.added)
        content = headerlet_bytes(solution, self.exposure, wcsname=name, hdrname=title)
        return self._with(replace(solution, name=WcsName.parse(name)), content)

    def _with(self, solution: Solution, content: bytes) -> Shelf:
        unit = Unit(*hdrlet_extension(content, 1))
        return replace(self, kept=(*self.kept, solution), added=(*self.added, unit))


def shelf_of(exposure: Exposure) -> Shelf:
    """The HDRLETs of an exposure that are as sound as its active solution.

    Examples
    --------
    >>> from trueup.model.cards import Cards
    >>> from trueup.model.solution import Origin
    >>> opus = Solution(WcsName.parse("OPUS"), Origin("primary"))
    >>> shelf_of(Exposure("a_flc.fits", Cards(), (), (opus,), opus)).kept
    ()
    """
    verdicts = judge(exposure)
    kept = []
    for solution, verdict in zip(exposure.solutions, verdicts, strict=True):
        if solution.origin.kind == "hdrlet" and (
            verdict.sound is not False or _restores_unsound(verdict, verdicts[0])
        ):
            kept.append(solution)
    return Shelf(exposure, tuple(kept))


def _restores_unsound(stored: Verdict, active: Verdict) -> bool:
    """An unsound active solution is kept well enough by a copy as unsound as itself."""
    unusable = {"wrong-destim", "missing-chip", "broken"}
    return active.sound is False and not unusable & {fault.code for fault in stored.faults}


def same_solution(a: Solution, b: Solution) -> bool:
    """Whether two solutions have one name and put every pixel at the same place (0.01 mas).

    Examples
    --------
    >>> from trueup.model.solution import Origin
    >>> same_solution(*[Solution(WcsName.parse("OPUS"), Origin("primary"))] * 2)
    False
    """
    if a.wcsname.upper() != b.wcsname.upper() or len(a.chips) != len(b.chips):
        return False
    apart = offset(a, b)
    return apart is not None and apart.same


def kept_name(solution: Solution, exposure: Exposure) -> str:
    """The WCSNAME under which a solution is kept; a nameless one gets that of its kind.

    Examples
    --------
    >>> from trueup.model.cards import Cards
    >>> from trueup.model.solution import Origin
    >>> nameless = Solution(WcsName.parse(""), Origin("primary"))
    >>> kept_name(nameless, Exposure("a_flc.fits", Cards(), (), (nameless,), nameless))
    'OPUS'
    """
    if solution.wcsname:
        return solution.wcsname
    if not solution.has_sip:
        return "OPUS"
    table = exposure.header.text("IDCTAB").rpartition("$")[2].rpartition("/")[2]
    return f"IDC_{table.removesuffix('_idc.fits') or 'unknown'}"


def free_hdrname(solution: Solution, name: str, *, exposure: Exposure, added: Sequence[Unit] = ()) -> str:
    """The HDRNAME of a solution, changed where another HDRLET has it already.

    Examples
    --------
    >>> from trueup.model.cards import Cards
    >>> from trueup.model.solution import Origin
    >>> opus = Solution(WcsName.parse("OPUS"), Origin("primary"))
    >>> free_hdrname(opus, "OPUS", exposure=Exposure("a_flc.fits", Cards(), (), (opus,), opus))
    '_OPUS'
    """
    taken = {s.hdrname.upper() for s in exposure.solutions if s.origin.kind in {"hdrlet", "file"}}
    taken |= {unit.header.text("HDRNAME").upper() for unit in added}
    wanted = solution.hdrname or f"{exposure.rootname}_{name}"
    stem = wanted.removesuffix(".fits").removesuffix("-hlet")
    candidates = [wanted, f"{stem}-trueup", *(f"{stem}-trueup-{n}" for n in range(2, len(taken) + 3))]
    return next(word for word in candidates if word.upper() not in taken)


def counted(units: Units) -> Units:
    """The units with EXTVER of HDRLETs counted in file order, and NEXTEND right.

    Examples
    --------
    >>> from trueup.model.cards import Cards, make_card
    >>> hdrlet = Unit(Cards((make_card("EXTNAME", "HDRLET"), make_card("EXTVER", 7))), b"")
    >>> [unit.extver for unit in counted((Unit(Cards(), b""), hdrlet, hdrlet))]
    [None, 1, 2]
    """
    count, out = 0, []
    for unit in units:
        if is_hdrlet(unit):
            count += 1
            out.append(unit.with_header(numbered(unit.header, count)))
        else:
            out.append(unit)
    if out:
        out[0] = out[0].with_header(with_extension_count(out[0].header, len(out) - 1))
    return tuple(out)


def is_hdrlet(unit: Unit) -> bool:
    """Whether a unit is a HDRLET extension, by EXTNAME or XTENSION.

    Examples
    --------
    >>> from trueup.model.cards import Cards
    >>> is_hdrlet(Unit(Cards(), b""))
    False
    """
    return "HDRLET" in (unit.extname, unit.header.text("XTENSION").upper())
