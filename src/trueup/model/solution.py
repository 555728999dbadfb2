"""A WCS solution of an exposure, wherever it was stored."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from trueup.errors import SolutionError
from trueup.model.cards import Cards
from trueup.model.chipwcs import ChipWcs
from trueup.model.names import Family, WcsName

OriginKind = Literal["primary", "alternate", "hdrlet", "file"]


@dataclass(frozen=True, slots=True, order=True)
class ChipId:
    """A chip: EXTVER of its SCI extension and CCDCHIP on the detector.

    Examples
    --------
    >>> str(ChipId(extver=1, ccdchip=2))
    'SCI,1 (CCDCHIP 2)'
    """

    extver: int
    ccdchip: int

    def __str__(self) -> str:
        return f"SCI,{self.extver} (CCDCHIP {self.ccdchip})"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a solution was read.

    Attributes
    ----------
    kind : str
        ``primary``, ``alternate``, ``hdrlet`` or ``file``.
    hdu : int or None
        Index of the HDRLET extension in the file.
    extver : int or None
        Its EXTVER as found, which may be missing or wrong.
    key : str
        Key of an alternate WCS, blank for the primary.
    path : str or None
        The headerlet file.
    """

    kind: OriginKind
    hdu: int | None = None
    extver: int | None = None
    key: str = ""
    path: str | None = None

    def __str__(self) -> str:
        if self.kind == "alternate":
            return f"alternate {self.key}"
        if self.kind == "hdrlet":
            return f"HDRLET in HDU {self.hdu}"
        return f"headerlet file {self.path}" if self.kind == "file" else "active WCS"


@dataclass(frozen=True, slots=True)
class FitStatistics:
    """What the header claims about the fit; None where it says nothing.

    Attributes
    ----------
    nmatches : int or None
    rms_ra_mas, rms_dec_mas : float or None
    catalog, geometry : str or None
    """

    nmatches: int | None = None
    rms_ra_mas: float | None = None
    rms_dec_mas: float | None = None
    catalog: str | None = None
    geometry: str | None = None


@dataclass(frozen=True, slots=True)
class ChipSolution:
    """The part of a solution that belongs to one chip.

    Attributes
    ----------
    chip : ChipId
    wcs : ChipWcs
    cards : Cards
        The cards it was read from, keywords without the key of an alternate.
    missing : tuple of str
        Lookup tables that the cards name but the file lacks.
    """

    chip: ChipId
    wcs: ChipWcs
    cards: Cards
    missing: tuple[str, ...] = ()

    @property
    def claims_sip(self) -> bool:
        """Whether CTYPE says that a SIP polynomial belongs to this WCS."""
        return self.cards.text("CTYPE1").endswith("-SIP")


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """A WCS solution: one :class:`ChipWcs` per chip, and its history.

    Attributes
    ----------
    name : WcsName
    hdrname, destim, author, descrip : str
        Blank where the file does not say.
    distname, idctab, npolfile, d2imfile : str
        Names of the distortion model and of its reference files.
    origin : Origin
    fit : FitStatistics
    chips : tuple of ChipSolution
        In the order of SCI EXTVER; empty where `broken`.
    cards : Cards
        Cards of the headerlet's primary header, or those of the exposure's.
    broken : str
        Why the solution cannot be read, else blank.

    Examples
    --------
    >>> solution = Solution(WcsName.parse("OPUS"), Origin("alternate", key="O"))
    >>> solution.family
    'telemetry'
    """

    name: WcsName
    origin: Origin
    hdrname: str = ""
    destim: str = ""
    author: str = ""
    descrip: str = ""
    distname: str = ""
    idctab: str = ""
    npolfile: str = ""
    d2imfile: str = ""
    fit: FitStatistics = FitStatistics()
    chips: tuple[ChipSolution, ...] = field(default=(), repr=False)
    cards: Cards = field(default_factory=Cards)
    broken: str = ""

    @property
    def wcsname(self) -> str:
        """WCSNAME as text."""
        return self.name.text

    @property
    def family(self) -> Family:
        """The family of the name; a nameless solution goes by its content."""
        if self.name.text:
            return self.name.family
        return "distortion-only" if self.has_sip else "telemetry"

    @property
    def has_sip(self) -> bool:
        """Whether every chip has a SIP polynomial."""
        return bool(self.chips) and all(part.wcs.has_sip for part in self.chips)

    def _repr_html_(self) -> str:
        from trueup.model.notebook import solution_html

        return solution_html(self)

    def chip(self, chip: ChipId | int) -> ChipSolution:
        """The part of one chip, by :class:`ChipId` or SCI EXTVER.

        Raises
        ------
        SolutionError
            Where the solution has nothing for this chip.
        """
        extver = chip if isinstance(chip, int) else chip.extver
        for part in self.chips:
            if part.chip.extver == extver:
                return part
        raise SolutionError(
            self.broken or "the solution does not cover this chip",
            chip=chip,
            solution=self.name,
            todo="choose another solution: `trueup ls` lists them",
        )

    def wcs(self, chip: ChipId | int) -> ChipWcs:
        """The :class:`ChipWcs` of one chip, by :class:`ChipId` or SCI EXTVER."""
        return self.chip(chip).wcs
