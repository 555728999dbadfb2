"""What a fit leaves of the stars of a pair, and against what it may be held."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trueup.astrometry.pairs.plane import Projected
from trueup.astrometry.pairs.seen import CCDS, Seen, transfers, under
from trueup.astrometry.pairs.similarity import Similarity, displace
from trueup.astrometry.pairs.tie import Tie
from trueup.astrometry.references.target import CatalogTie
from trueup.model.offset import MAS_PER_DEG
from trueup.model.solution import Solution

Floats = NDArray[np.float64]
Index = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Residuals:
    """Matched stars after the fit: where the named exposure has them, minus where the reference has.

    Parameters
    ----------
    named, reference : str
        Rootnames; the reference may be a catalogue.
    x, y : (n,) float64 arrays
        Residual along the axes of the named exposure, its pixels.
    sigma : (n,) float64 array
        Error of each, pixels, with what the scatter adds to the claimed errors.
    weight : (n,) float64 array
        Of each star in the fit, 0 to 1.
    pixel_mas : float
        Of the named exposure.
    against : mapping of str to (n,) float64 array
        What the residuals may depend on: ``x`` and ``y`` (pixels from the middle of the stars, along the axes
        of the first chip), ``magnitude`` (instrumental), ``pixel phase x`` and ``y`` of the named exposure
        (-0.5 to 0.5), ``amplifier`` (share of the rows that the charge crosses, negative where
        it moves up; CCDs only).
    stars, partners : (n,) int arrays
        Indices into the star lists of the named exposure and of the reference.

    Examples
    --------
    >>> Residuals.__slots__[:2]
    ('named', 'reference')
    """

    named: str
    reference: str
    x: Floats
    y: Floats
    sigma: Floats
    weight: Floats
    pixel_mas: float
    against: Mapping[str, Floats]
    stars: Index
    partners: Index

    def __len__(self) -> int:
        return len(self.x)


def residuals_of(tie: Tie | CatalogTie) -> Residuals | None:
    """The residuals of a pair of exposures, or of an exposure and a catalogue, as they were matched.

    Parameters
    ----------
    tie : Tie or CatalogTie

    Returns
    -------
    Residuals or None
        None where nothing was fitted.
    """
    found = tie.registration
    if found.similarity is None:
        return None
    if isinstance(tie, CatalogTie):
        center, reference = tie.target.field.center, tie.target.projected[found.a]
        named, solution, name = tie.seen, tie.solution, tie.target.stars.name
    else:
        center, (first, solution) = tie.field.center, tie.combination
        reference = under(tie.a, first, center=center, pick=found.a)
        named, name = tie.b, tie.a.exposure.rootname
    mine = under(named, solution, center=center, pick=found.b)
    rest = _rest(mine, reference, found.similarity)
    x, y = _in_pixels(rest, named, solution, pick=found.b)
    pixel_mas = solution.chips[0].wcs.scale_arcsec() * 1000
    return Residuals(
        named=named.exposure.rootname,
        reference=name,
        x=x,
        y=y,
        sigma=np.sqrt(found.similarity.variance) / pixel_mas,
        weight=found.similarity.weight,
        pixel_mas=pixel_mas,
        against=_against(named, solution, mine, pick=found.b),
        stars=found.b,
        partners=found.a,
    )


def _rest(mine: Projected, reference: Projected, similarity: Similarity) -> Floats:
    """Offsets (n, 2) less the fit, and less the shift by charge transfer that was fitted along; mas."""
    rest = mine.xy - reference.xy - displace((mine.xy + reference.xy) / 2, similarity.values)
    if mine.trail is not None and reference.trail is not None:
        rest = rest - (mine.trail - reference.trail) * similarity.trail_pix
    return rest


def _in_pixels(rest: Floats, seen: Seen, solution: Solution, *, pick: Index) -> tuple[Floats, Floats]:
    """Offsets on the sky along the axes of the chip of each star."""
    turned = np.empty_like(rest)
    for chip in seen.exposure.chips:
        here = seen.chip[pick] == chip.id.extver
        turned[here] = rest[here] / MAS_PER_DEG @ np.linalg.inv(solution.wcs(chip.id).cd).T
    return turned[:, 0], turned[:, 1]


def _against(seen: Seen, solution: Solution, mine: Projected, *, pick: Index) -> dict[str, Floats]:
    sources, exposure = seen.sources[pick], seen.exposure
    spot = mine.xy / MAS_PER_DEG @ np.linalg.inv(solution.chips[0].wcs.cd).T
    x, y = (spot - spot.mean(axis=0)).T if len(spot) else spot.T
    against = {
        "x": x,
        "y": y,
        "magnitude": -2.5 * np.log10(np.maximum(sources.flux, 1e-30)),
        "pixel phase x": sources.x - np.rint(sources.x),
        "pixel phase y": sources.y - np.rint(sources.y),
    }
    if exposure.detector in CCDS:
        amplifier = np.zeros(len(pick))
        for chip in exposure.chips:
            here = seen.chip[pick] == chip.id.extver
            amplifier[here] = transfers(chip, sources.y[here], exposure.detector)
        against["amplifier"] = amplifier
    return against
