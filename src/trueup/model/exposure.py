"""An exposure: header facts, chips, and every WCS solution it carries."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from trueup.errors import SolutionError
from trueup.model.cards import Cards
from trueup.model.chipwcs import ChipWcs
from trueup.model.solution import ChipId, Solution

if TYPE_CHECKING:
    from astropy.coordinates import SkyCoord

Mode = Literal["image", "grism", "moving", "scan", "calibration", "failed"]
Guiding = Literal["fine", "fine/gyro", "coarse", "gyro", "unknown"]

_CALIBRATION_TARGETS = ("BIAS", "DARK", "TUNGSTEN", "DEUTERIUM", "EARTH-CALIB", "NONE", "FLAT")
_SPECTRAL_FILTERS = ("G", "PR")


@dataclass(frozen=True, slots=True)
class Plane:
    """Where the pixels of one image extension lie in the file.

    Attributes
    ----------
    start : int
        First byte of the data.
    shape : (int, int)
        (ny, nx) as stored; (0, 0) where the extension has no data.
    bitpix : int
    bscale, bzero : float
    fill : float
        Value of every pixel where the extension has no data (PIXVALUE).
    """

    start: int
    shape: tuple[int, int]
    bitpix: int
    bscale: float = 1.0
    bzero: float = 0.0
    fill: float = 0.0


@dataclass(frozen=True, slots=True)
class Chip:
    """One chip of an exposure.

    Attributes
    ----------
    id : ChipId
    shape : (int, int)
        Size of the chip (ny, nx) in pixels: that of the detector area read out, also
        where a file holds only a cut of the pixels.
    header : Cards
        The SCI header.
    planes : dict of str to Plane
        SCI, ERR, DQ (and SAMP, TIME) by EXTNAME.
    """

    id: ChipId
    shape: tuple[int, int]
    header: Cards
    planes: dict[str, Plane]

    @property
    def is_cut(self) -> bool:
        """Whether the file holds fewer pixels than the chip has."""
        plane = self.planes.get("SCI")
        return plane is not None and plane.shape != self.shape


@dataclass(frozen=True, slots=True)
class Usable:
    """Whether an exposure can be measured and drizzled, and why not.

    Attributes
    ----------
    measure, drizzle : bool
    why : str
        Blank where there is nothing to say.
    """

    measure: bool
    drizzle: bool
    why: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Exposure:
    """An exposure under one of its solutions.

    Attributes
    ----------
    path : str
        The file, or the name of the byte source it was read from.
    header : Cards
        The primary header.
    chips : tuple of Chip
        In the order of SCI EXTVER.
    solutions : tuple of Solution
        Every solution found: primary, alternates, HDRLETs, headerlet files.
    solution : Solution
        The solution in force: the active one, or that given to :meth:`under`.

    Examples
    --------
    >>> from trueup.model.cards import Cards, make_card
    >>> header = Cards((make_card("ROOTNAME", "iepw14g4q"), make_card("FILTER", "F336W")))
    >>> from trueup.model.names import WcsName
    >>> from trueup.model.solution import Origin, Solution
    >>> opus = Solution(WcsName.parse("OPUS"), Origin("primary"))
    >>> exposure = Exposure("iepw14g4q_flc.fits", header, (), (opus,), opus)
    >>> exposure.rootname, exposure.visit, exposure.filter
    ('iepw14g4q', 'iepw14', 'F336W')
    """

    path: str
    header: Cards
    chips: tuple[Chip, ...]
    solutions: tuple[Solution, ...]
    solution: Solution

    @property
    def rootname(self) -> str:
        """ROOTNAME in lower case."""
        return self.header.text("ROOTNAME").lower()

    @property
    def instrument(self) -> str:
        """INSTRUME."""
        return self.header.text("INSTRUME").upper()

    @property
    def detector(self) -> str:
        """DETECTOR; WFPC2 for that camera, which has one per chip."""
        return "WFPC2" if self.instrument == "WFPC2" else self.header.text("DETECTOR").upper()

    @property
    def filter(self) -> str:
        """The filters in the beam, clear positions left out, joined by ``;``."""
        words = [self.header.text(k) for k in ("FILTER", "FILTER1", "FILTER2")]
        words += [self.header.text(k) for k in ("FILTNAM1", "FILTNAM2")]
        named = [w for w in words if w and not w.upper().startswith(("CLEAR", "N/A"))]
        return ";".join(named) or ("CLEAR" if any(words) else "")

    @property
    def exptime(self) -> float:
        """Exposure time in seconds; 0 where the header does not say."""
        return self.header.number("EXPTIME") or 0.0

    @property
    def date(self) -> str | None:
        """Start of the exposure as ``YYYY-MM-DDThh:mm:ss``."""
        day, time = self.header.text("DATE-OBS"), self.header.text("TIME-OBS")
        return (f"{day}T{time}" if time else day) or None

    @property
    def epoch(self) -> float | None:
        """Mid-exposure in Julian years."""
        start, end = self.header.number("EXPSTART"), self.header.number("EXPEND")
        if start is None:
            return None
        middle = start if end is None else (start + end) / 2
        return 2000.0 + (middle - 51544.5) / 365.25

    @property
    def association(self) -> str:
        """ASN_ID in lower case; ROOTNAME for a single exposure (ASN_ID 'NONE')."""
        asn = self.header.text("ASN_ID").lower()
        return asn if asn not in {"", "none"} else self.rootname

    @property
    def visit(self) -> str:
        """Instrument letter, program and visit: the first six characters of ROOTNAME."""
        return self.rootname[:6]

    @property
    def guiding(self) -> Guiding:
        """How the telescope was held, from FGSLOCK."""
        lock = self.header.text("FGSLOCK").upper()
        if lock.startswith("FINE"):
            return "fine/gyro" if "GYRO" in lock else "fine"
        if "GYRO" in lock:
            return "gyro"
        return "coarse" if lock.startswith("COARSE") else "unknown"

    @property
    def mode(self) -> Mode:
        """What kind of observation this is; blank or absent keywords mean an image."""
        return self._mode_and_reason()[0]

    @property
    def usable(self) -> Usable:
        """Whether the exposure can be measured and drizzled, with the reason."""
        mode, reason = self._mode_and_reason()
        if mode != "image":
            return Usable(False, False, reason)
        if self.detector == "WFPC2":
            return Usable(True, False, "WFPC2 is listed and applied, not drizzled")
        if self.guiding in {"gyro", "coarse"}:
            return Usable(True, True, f"guided on {self.guiding} only: the pointing may drift")
        return Usable(True, True)

    def _mode_and_reason(self) -> tuple[Mode, str]:
        text = self.header.text
        quality = text("QUALITY").upper()
        if self.exptime <= 0:
            return "failed", "no exposure time"
        for word in ("GSFAIL", "TDF-DOWN"):
            if word in quality.replace("TDFDOWN", "TDF-DOWN"):
                return "failed", f"QUALITY says {text('QUALITY')}"
        target = text("TARGNAME").upper()
        if text("IMAGETYP").upper() not in {"", "EXT"} or target.startswith(_CALIBRATION_TARGETS):
            return "calibration", f"IMAGETYP {text('IMAGETYP')}, TARGNAME {text('TARGNAME')}"
        if text("CHINJECT").upper() not in {"", "NONE", "N/A"}:
            return "calibration", f"charge injection {text('CHINJECT')}"
        if text("OBSTYPE").upper().startswith("SPECTR") or self._has_spectral_filter():
            return "grism", f"spectroscopic exposure ({self.filter})"
        if self.header.get("MTFLAG") is True or text("MTFLAG").upper() in {"T", "TRUE", "1"}:
            return "moving", f"moving target {text('TARGNAME')}"
        if text("SCAN_TYP").upper()[:1] in {"C", "D"}:
            return "scan", f"spatial scan (SCAN_TYP {text('SCAN_TYP')})"
        return "image", ""

    def _has_spectral_filter(self) -> bool:
        return any(word.upper().startswith(_SPECTRAL_FILTERS) for word in self.filter.split(";"))

    @property
    def active(self) -> Solution:
        """The solution that the file has in force."""
        return self.solutions[0]

    def chip(self, chip: ChipId | int) -> Chip:
        """One chip, by :class:`ChipId` or SCI EXTVER.

        Raises
        ------
        SolutionError
            Where the exposure has no such chip.
        """
        extver = chip if isinstance(chip, int) else chip.extver
        for candidate in self.chips:
            if candidate.id.extver == extver:
                return candidate
        raise SolutionError("the exposure has no such chip", file=self.path, chip=chip)

    def wcs(self, chip: ChipId | int) -> ChipWcs:
        """The WCS of one chip under the solution in force."""
        return self.solution.wcs(chip)

    @property
    def footprint(self) -> SkyCoord:
        """Corners of the chips on the sky under the solution in force.

        Returns
        -------
        astropy.coordinates.SkyCoord
            Shape (chips, 4), ICRS: centres of the corner pixels, counter-clockwise on the chip from (0, 0).
        """
        from astropy.coordinates import SkyCoord

        chips = [self.wcs(chip.id) for chip in self.chips]
        corners = np.reshape([wcs.pixel_to_sky(*wcs.corners()) for wcs in chips], (-1, 2, 4))
        return SkyCoord(corners[:, 0], corners[:, 1], unit="deg", frame="icrs")

    def _repr_html_(self) -> str:
        from trueup.model.notebook import exposure_html

        return exposure_html(self)

    def under(self, solution: Solution) -> Exposure:
        """The same exposure under another solution; no file is touched.

        Parameters
        ----------
        solution : Solution

        Raises
        ------
        SolutionError
            Where the solution belongs to another exposure or lacks a chip.
        """
        if solution.destim and solution.destim.lower() != self.rootname:
            raise SolutionError(
                f"the headerlet is for {solution.destim}",
                file=self.path,
                solution=solution.name,
                todo="choose a headerlet whose DESTIM is this exposure",
            )
        for chip in self.chips:
            solution.chip(chip.id)
        return replace(self, solution=solution)
