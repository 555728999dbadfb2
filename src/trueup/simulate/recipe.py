"""What to simulate."""

from __future__ import annotations

from dataclasses import dataclass

from trueup.errors import UsageError
from trueup.model.displacement import Displacement
from trueup.simulate.detectors import Detector, detector_named

TUTORIAL_OFFSET = Displacement(60.0, -35.0, 0.004)
HEADERLET_FAMILIES = ("GSC240", "FIT_REL", "FIT_SVM")
_MOST_EXPOSURES = 36  # rootnames have one character to count with
_STARS_PER_ARCMIN2 = 400.0
_GALAXIES_PER_ARCMIN2 = 20.0
_FEWEST_STARS = 60


@dataclass(frozen=True, slots=True)
class Recipe:
    """The options of a simulated visit.

    Parameters
    ----------
    instrument : {"UVIS", "IR", "ACS/WFC"}
    size : (int, int), optional
        Columns and rows of each chip: a subarray, cut at the gap between the chips. Full frame by default.
    filters : tuple of str, optional
        By default two filters of the detector; the first is the one whose solution is right.
    exposures : int
        Exposures per filter, dithered by tens of pixels.
    stars, galaxies : int, optional
        On the field of the visit; by default in proportion to its area.
    offset : Displacement
        Active solution of every filter but the first, minus that of the first.
    noise : bool
        Without, the pixels hold the exact signal: no noise, cosmic rays, defects or saturation.
    cosmic_rays : float
        Fraction of the pixels that cosmic rays hit in 600 s.
    constant : float, optional
        Fill the frames with this surface brightness (electrons/s/pixel) and nothing else.
    cte_pix : float
        Shift by imperfect charge transfer of a 500 electron star farthest from the amplifier.
    unsound : tuple of str
        Families of solutions ("GSC240", "FIT_REL", "FIT_SVM") whose headerlets are written as in the
        archive's unsound ones: the last chip is that of the solution that was active before.
    colliding_extvers : bool
        Number the HDRLET extensions as after a careless delete: one number twice, one missing.
    gzip_headerlets : bool
        Compress the headerlets inside the files.

    Examples
    --------
    >>> Recipe(size=(256, 256), noise=False).shape
    (256, 256)
    >>> Recipe(instrument="IR").filter_names
    ('F110W', 'F160W')
    """

    instrument: str = "UVIS"
    size: tuple[int, int] | None = None
    filters: tuple[str, ...] = ()
    exposures: int = 2
    stars: int | None = None
    galaxies: int | None = None
    offset: Displacement = TUTORIAL_OFFSET
    noise: bool = True
    cosmic_rays: float = 0.025
    constant: float | None = None
    cte_pix: float = 0.0
    unsound: tuple[str, ...] = ()
    colliding_extvers: bool = False
    gzip_headerlets: bool = False

    def __post_init__(self) -> None:
        ny, nx = self.detector.shape
        if self.size is not None and not (0 < self.size[0] <= nx and 0 < self.size[1] <= ny):
            raise UsageError(f"size {self.size} is not within the {nx} x {ny} pixels of a chip")
        if not 1 <= self.exposures <= _MOST_EXPOSURES:
            raise UsageError(f"{self.exposures} exposures per filter", todo="ask for 1 to 36")
        strangers = set(self.unsound) - set(HEADERLET_FAMILIES)
        if strangers:
            todo = f"use {', '.join(HEADERLET_FAMILIES)}"
            raise UsageError(f"no headerlets of {', '.join(sorted(strangers))}", todo=todo)

    @property
    def detector(self) -> Detector:
        """The figures of the detector."""
        return detector_named(self.instrument)

    @property
    def filter_names(self) -> tuple[str, ...]:
        """The filters of the visit."""
        return self.filters or self.detector.filters

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of each chip."""
        return self.detector.shape if self.size is None else (self.size[1], self.size[0])

    @property
    def number_of_stars(self) -> int:
        """Stars on the field."""
        return self._number(self.stars, _STARS_PER_ARCMIN2, fewest=_FEWEST_STARS)

    @property
    def number_of_galaxies(self) -> int:
        """Galaxies on the field."""
        return self._number(self.galaxies, _GALAXIES_PER_ARCMIN2, fewest=3)

    def _number(self, wanted: int | None, density: float, *, fewest: int) -> int:
        if self.constant is not None:
            return 0
        if wanted is not None:
            return wanted
        pixels = self.shape[0] * self.shape[1] * len(self.detector.chips)
        return max(fewest, round(density * pixels * (self.detector.idcscale / 60) ** 2))
