"""The stars of an exposure as one list, to be seen under any of its solutions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from trueup.astrometry.pairs.plane import Projected
from trueup.astrometry.stars.profile import Profile, light_in_pixels
from trueup.astrometry.stars.psfgrid import PsfGrid
from trueup.astrometry.stars.sources import Sources
from trueup.astrometry.stars.starlist import StarList
from trueup.model.chipwcs import sky_to_plane
from trueup.model.exposure import Chip, Exposure
from trueup.model.solution import Solution

Floats = NDArray[np.float64]
Index = NDArray[np.intp]

_DEG_MAS = 3.6e6
_TRAIL_ELECTRONS = 500.0
_LEAST_ELECTRONS = 50.0
_TRAIL_POWER = 0.3
_POOR = 2
_PHASES = np.array([-0.375, -0.125, 0.125, 0.375])
_LOOK_PIX = 2
CCDS = {"UVIS", "WFC", "HRC", "WFPC2"}


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """The stars of all chips of an exposure, in the order of its star list.

    Parameters
    ----------
    exposure : Exposure
    sources : Sources
        Centres in 0-based pixels of the chip of each.
    chip : (n,) int array
        SCI EXTVER of the chip of each.
    looks : mapping of int to float64 array
        What a star was taken to look like, at several places within a pixel, by SCI EXTVER; without those
        chips of which that is not known.

    Examples
    --------
    >>> Seen.__slots__
    ('exposure', 'sources', 'chip', 'looks')
    """

    exposure: Exposure
    sources: Sources
    chip: Index
    looks: Mapping[int, Floats] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.sources)

    @property
    def placed(self) -> Index:
        """Indices of the sources whose place and error are known."""
        s = self.sources
        known = np.isfinite(s.x) & np.isfinite(s.y) & np.isfinite(s.flux)
        return np.flatnonzero(known & np.isfinite(s.sigma) & (s.sigma > 0))


def see(exposure: Exposure, stars: StarList) -> Seen:
    """Put the chips of a star list together.

    Parameters
    ----------
    exposure : Exposure
    stars : StarList

    Returns
    -------
    Seen

    Examples
    --------
    >>> from trueup.model.cards import Cards
    >>> from trueup.model.names import WcsName
    >>> from trueup.model.solution import Origin
    >>> opus = Solution(WcsName.parse("OPUS"), Origin("primary"))
    >>> len(see(Exposure("a_flc.fits", Cards(), (), (opus,), opus), StarList("a", (), 1.8, 0.0)))
    0
    """
    none = Sources(*(np.zeros(0),) * 6, np.zeros(0, np.int8))
    parts = [none, *(sources for _, sources in stars.chips)]
    sources = Sources(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Sources)))
    chips = [np.full(len(sources), chip.extver, np.intp) for chip, sources in stars.chips]
    looks = {extver: _look(psf) for extver, psf in stars.psfs.items() if not isinstance(psf, PsfGrid)}
    return Seen(exposure, sources, np.concatenate([np.zeros(0, np.intp), *chips]), looks)


def _look(profile: Profile) -> Floats:
    """A star at places spread over a pixel, all its light 1."""
    x, y = (part.ravel() for part in np.meshgrid(_PHASES, _PHASES))
    return light_in_pixels(profile, x, y, half=_LOOK_PIX)[0]


def unlikeness(a: Seen, b: Seen) -> float:
    """How much the profiles of stars differ between two exposures, as a fraction of the profile.

    Parameters
    ----------
    a, b : Seen

    Returns
    -------
    float
        Rms over the pixels of a star, mean over the chips in common; 0 where the profiles are not known.
    """
    shared = sorted(a.looks.keys() & b.looks.keys())
    apart = [
        np.linalg.norm(a.looks[k] - b.looks[k]) / np.linalg.norm(a.looks[k] + b.looks[k]) for k in shared
    ]
    return 2 * float(np.mean(apart)) if apart else 0.0


def positions(seen: Seen, solution: Solution, *, center: tuple[float, float], pick: Index) -> Floats:
    """Where a solution puts some of the stars.

    Parameters
    ----------
    seen : Seen
    solution : Solution
        Of the same exposure.
    center : (float, float)
        Tangent point, degrees.
    pick : (n,) int array
        Indices into the list.

    Returns
    -------
    (n, 2) float64 array
        East and north of the tangent point, mas.

    Raises
    ------
    SolutionError
        Where the solution lacks a chip.
    """
    xy = np.empty((len(pick), 2))
    chips = seen.chip[pick]
    for chip in seen.exposure.chips:
        here = np.flatnonzero(chips == chip.id.extver)
        if len(here):
            x, y = seen.sources.x[pick[here]], seen.sources.y[pick[here]]
            sky = solution.wcs(chip.id).pixel_to_sky(x, y)
            xy[here] = np.stack(sky_to_plane(*sky, center), axis=1) * _DEG_MAS
    return xy


class Places:
    """Where solutions put the matched stars of one exposure: each star is projected once per solution.

    Parameters
    ----------
    seen : Seen
    center : (float, float)
        Tangent point, degrees.
    pick : int array
        Indices into the list, in ascending order.
    """

    def __init__(self, seen: Seen, *, center: tuple[float, float], pick: Index) -> None:
        self._seen, self._center, self._pick = seen, center, pick
        self._known: dict[Solution, Floats] = {}

    def of(self, solution: Solution, stars: Index) -> Floats:
        """Some of the stars under a solution: (n, 2), east and north of the tangent point, mas."""
        if solution not in self._known:
            places = positions(self._seen, solution, center=self._center, pick=self._pick)
            self._known[solution] = places
        return self._known[solution][np.searchsorted(self._pick, stars)]


def under(seen: Seen, solution: Solution, *, center: tuple[float, float], pick: Index) -> Projected:
    """Some of the stars in a tangent plane, under a solution.

    Parameters
    ----------
    seen : Seen
    solution : Solution
        Of the same exposure.
    center : (float, float)
        Tangent point, degrees.
    pick : (n,) int array
        Indices into the list.

    Returns
    -------
    Projected
    """
    sources = seen.sources[pick]
    scale = solution.chips[0].wcs.scale_arcsec() * 1000
    return Projected(
        positions(seen, solution, center=center, pick=pick),
        sources.sigma * scale,
        sources.flux,
        sources.tier,
        _trail(seen, solution, pick),
    )


def same_pixels(a: Seen, b: Seen, *, radius_pix: float) -> tuple[Index, Index]:
    """Sources of two exposures of one detector that are at the same place of it: hot pixels, persistence.

    Parameters
    ----------
    a, b : Seen
    radius_pix : float

    Returns
    -------
    i, j : int arrays
        Indices into the two lists.
    """
    from scipy.spatial import KDTree

    found: tuple[list[Index], list[Index]] = ([np.zeros(0, np.intp)], [np.zeros(0, np.intp)])
    # what is poor as well as fixed cannot pile up: that offset is avoided
    good_a, good_b = (seen.placed[seen.sources.tier[seen.placed] < _POOR] for seen in (a, b))
    for chip in a.exposure.chips:
        here, there = (good[seen.chip[good] == chip.id.extver] for seen, good in ((a, good_a), (b, good_b)))
        if not len(here) or not len(there):
            continue
        trees = [
            KDTree(np.stack([seen.sources.x[at], seen.sources.y[at]], axis=1))
            for seen, at in ((a, here), (b, there))
        ]
        for at, tree, other, out in ((here, *trees, found[0]), (there, *trees[::-1], found[1])):
            distance, _ = other.query(tree.data, distance_upper_bound=radius_pix)
            out.append(at[np.isfinite(distance)])
    return np.concatenate(found[0]), np.concatenate(found[1])


def _trail(seen: Seen, solution: Solution, pick: Index) -> Floats:
    """Charge lags behind on its way to the amplifier, more so that of faint stars."""
    trail = np.zeros((len(pick), 2))
    if seen.exposure.detector not in CCDS:
        return trail
    faint = (_TRAIL_ELECTRONS / np.maximum(seen.sources.flux[pick], _LEAST_ELECTRONS)) ** _TRAIL_POWER
    for chip in seen.exposure.chips:
        here = np.flatnonzero(seen.chip[pick] == chip.id.extver)
        along = solution.wcs(chip.id).cd[:, 1] * _DEG_MAS
        lag = transfers(chip, seen.sources.y[pick[here]], seen.exposure.detector) * faint[here]
        trail[here] = lag[:, None] * along
    return trail


def transfers(chip: Chip, y: Floats, detector: str) -> Floats:
    """Share of the rows of the detector that a charge has crossed, negative where it moves up.

    Parameters
    ----------
    chip : Chip
    y : (n,) float64 array
        Rows of the chip, 0-based.
    detector : str
        A CCD: the amplifiers are below the first chip, and above the second of UVIS and WFC.

    Returns
    -------
    (n,) float64 array
        Between -1 and 1.
    """
    rows = 800 if detector == "WFPC2" else {"HRC": 1024, "WFC": 2048}.get(detector, 2051)
    row = y - (chip.header.number("LTV2") or 0.0)
    up = chip.id.ccdchip == 1 and detector in {"UVIS", "WFC"}
    return -(rows - 1 - row) / rows if up else row / rows
