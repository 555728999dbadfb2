"""Measure every solution of a visit: each overlapping pair of exposures, and each against a catalogue."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from trueup.astrometry.measuring.absolute import measure_absolute, require_epochs
from trueup.astrometry.measuring.agreement import findings
from trueup.astrometry.measuring.candidates import by_trust, candidates, require_matches
from trueup.astrometry.measuring.caution import with_cautions
from trueup.astrometry.measuring.measurement import Absolute, Candidate, Measurement, Relative
from trueup.astrometry.measuring.route import with_routes
from trueup.astrometry.pairs.again import with_second_look
from trueup.astrometry.pairs.field import Field, area, intersection, outline
from trueup.astrometry.pairs.seen import Places, Seen, see
from trueup.astrometry.pairs.tie import Tie, outcomes, tie
from trueup.astrometry.references.catalog import Catalog, read_catalog
from trueup.astrometry.references.target import CatalogTie
from trueup.astrometry.stars.psfgrid import ChipPsfs
from trueup.astrometry.stars.starlist import StarList, find_stars
from trueup.config import processors
from trueup.errors import DataError, FileAccessError
from trueup.model.chipwcs import ChipWcs
from trueup.model.exposure import Exposure
from trueup.model.offset import field_center
from trueup.model.solution import Solution
from trueup.model.visit import Visit

Floats = NDArray[np.float64]

_LEAST_OVERLAP = 0.01
# exposures whose pixels are in memory together
_AT_A_TIME = 4


def measure(
    visit: Visit,
    *,
    catalog: Catalog | str | os.PathLike[str] | None = None,
    solutions: Sequence[str] | None = None,
    centroids: Mapping[str, StarList] | None = None,
    psfs: Mapping[str, ChipPsfs] | None = None,
    threads: int = 0,
) -> Measurement:
    """Measure every solution of every exposure against the others, and against a catalogue.

    The stars of an exposure are found once. Every pair of exposures that overlap (of one filter or two, one
    detector or two, one visit or two) is matched once; all combinations of their solutions are then
    measured on the same stars. No file is touched.

    Parameters
    ----------
    visit : Visit
    catalog : Catalog or path, optional
        Reference stars, or a file of them with Gaia's column names; without, nothing absolute is measured.
    solutions : sequence of str, optional
        Only the active solutions and those that these select, as in :func:`trueup.plan`.
    centroids : mapping of str to StarList, optional
        Star lists to use instead of finding stars, by rootname.
    psfs : mapping of str to ChipPsfs, optional
        What the stars of an exposure look like, by rootname, as from
        :func:`trueup.astrometry.stars.stdpsf.read_stdpsf`; by default its clean stars tell.
    threads : int
        In so many exposures at a time stars are looked for, in four at most; 0 is one per processor.

    Returns
    -------
    Measurement
        Exposures that cannot be measured are named in ``skipped`` with the reason.

    Raises
    ------
    SelectionError
        Where a selection matches nothing.
    DataError
        Where the catalogue lacks what is needed to move its stars to the epoch of an exposure.
    FormatError, FileAccessError
        Where the file of a catalogue cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from trueup import open_visit
    >>> from trueup.simulate import Recipe, make_visit
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     truth = make_visit(folder, recipe=Recipe(size=(700, 500), stars=250, galaxies=0))
    ...     measurement = measure(open_visit([folder]))
    >>> active = [row.fit for row in measurement.relative if row.a.index == row.b.index == 0]
    >>> [fit.verdict for fit in active]
    ['pass', 'fail', 'fail', 'fail', 'fail', 'pass']
    """
    if isinstance(catalog, str | os.PathLike):
        catalog = read_catalog(catalog)
    if catalog is not None:
        require_epochs(catalog, visit.exposures)
    stars, skipped = _stars(
        visit, centroids=centroids or {}, psfs=psfs or {}, threads=threads or processors()
    )
    named = {exposure.rootname: exposure for exposure in visit.exposures}
    fresh = {found.rootname: found for found in stars if found.rootname not in (centroids or {})}
    seen = [see(named[found.rootname], found) for found in stars]
    require_matches([s.exposure for s in seen], solutions or ())
    options = {s.exposure.rootname: candidates(s.exposure, solutions) for s in seen}
    rows: list[Relative] = []
    ties: list[Tie] = []
    absolute: list[Absolute] = []
    catalog_ties: list[CatalogTie] = []
    for group in _fields(seen):
        center = field_center([wcs for one in group for wcs in _chips(one, _trusted(one))])
        found = [pair for a, b in combinations(group, 2) if (pair := _tie(a, b, center)) is not None]
        group, found, richer = with_second_look(group, found, fresh)
        stars = tuple(richer.get(one.rootname, one) for one in stars)
        places = {one: _places(one, found, center) for one in group}
        rows += with_routes(found, [row for pair in found for row in _rows(pair, options, places)])
        ties += found
        for one in group:
            if catalog is not None:
                mine = options[one.exposure.rootname]
                pointed, against = measure_absolute(one, catalog, candidates=mine, center=center)
                absolute += against
                catalog_ties += [pointed] if pointed else []
    measured = Measurement(
        visit=visit,
        stars=stars,
        relative=tuple(rows),
        absolute=tuple(absolute),
        skipped=tuple(skipped),
        findings=tuple(findings(visit, rows, stars=stars, ties=ties)),
        ties=tuple(ties),
        catalog_ties=tuple(catalog_ties),
    )
    return with_cautions(measured)


def _stars(
    visit: Visit,
    *,
    centroids: Mapping[str, StarList],
    psfs: Mapping[str, ChipPsfs],
    threads: int,
) -> tuple[tuple[StarList, ...], list[tuple[str, str]]]:
    """The star list of each exposure that has one, and why the others have none."""
    with ThreadPoolExecutor(min(threads, _AT_A_TIME)) as pool:
        found = list(pool.map(partial(_stars_or_why, centroids=centroids, psfs=psfs), visit.exposures))
    both = list(zip(visit.exposures, found, strict=True))
    skipped = [(exposure.rootname, why) for exposure, why in both if isinstance(why, str)]
    return tuple(stars for stars in found if isinstance(stars, StarList)), skipped


def _stars_or_why(
    exposure: Exposure, *, centroids: Mapping[str, StarList], psfs: Mapping[str, ChipPsfs]
) -> StarList | str:
    """The star list of an exposure, or why it has none."""
    if not exposure.usable.measure:
        return exposure.usable.why
    if not candidates(exposure):
        return "none of its solutions can be read"
    try:
        own = centroids.get(exposure.rootname)
        return own or find_stars(exposure, psfs=psfs.get(exposure.rootname))
    except (DataError, FileAccessError) as error:
        return str(error)


def _fields(seen: Sequence[Seen]) -> list[list[Seen]]:
    """Exposures that hang together on the sky: each field has its own tangent plane."""
    fields: list[list[Seen]] = []
    for one in seen:
        near = [any(_may_overlap(one, other) for other in group) for group in fields]
        joined = [other for group, joins in zip(fields, near, strict=True) if joins for other in group]
        fields = [group for group, joins in zip(fields, near, strict=True) if not joins]
        fields.append([*joined, one])
    return fields


def _may_overlap(a: Seen, b: Seen) -> bool:
    (middle_a, radius_a), (middle_b, radius_b) = _circle(a), _circle(b)
    return bool(np.linalg.norm(middle_a - middle_b) < radius_a + radius_b)


def _circle(seen: Seen) -> tuple[Floats, float]:
    """Middle of the corners of an exposure as a vector, and how far they are from it."""
    corners = [w.pixel_to_sky(*w.corners()) for w in _chips(seen, _trusted(seen))]
    ra, dec = np.radians(np.concatenate(corners, axis=1))
    vectors = np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=1)
    middle = vectors.mean(axis=0)
    return middle, float(np.linalg.norm(vectors - middle, axis=1).max())


def _trusted(seen: Seen) -> Solution:
    return seen.exposure.solutions[candidates(seen.exposure)[0].index]


def _chips(seen: Seen, solution: Solution) -> list[ChipWcs]:
    return [solution.wcs(chip.id) for chip in seen.exposure.chips]


def _tie(a: Seen, b: Seen, center: tuple[float, float]) -> Tie | None:
    """Match two exposures; None where they do not overlap."""
    order = by_trust(a.exposure, b.exposure)
    outlines = [outline(_chips(seen, s), center) for seen, s in zip((a, b), order[0], strict=True)]
    common = intersection(*outlines)
    if not len(common) or area(common) < _LEAST_OVERLAP * min(area(corners) for corners in outlines):
        return None
    pixel_mas = max(solution.chips[0].wcs.scale_arcsec() * 1000 for solution in order[0])
    return tie(a, b, field=Field(center, common, pixel_mas), combinations=order)


def _places(one: Seen, ties: Sequence[Tie], center: tuple[float, float]) -> Places:
    """Of the stars that an exposure shares with any other."""
    shared = [t.registration.a for t in ties if t.a is one] + [t.registration.b for t in ties if t.b is one]
    pick = np.unique(np.concatenate([np.zeros(0, np.intp), *shared]))
    return Places(one, center=center, pick=pick)


def _rows(
    pair: Tie, options: Mapping[str, Sequence[Candidate]], places: Mapping[Seen, Places]
) -> Iterator[Relative]:
    (a, mine), (b, other) = ((s.exposure, options[s.exposure.rootname]) for s in (pair.a, pair.b))
    solutions = [a.solutions[c.index] for c in mine], [b.solutions[c.index] for c in other]
    found = outcomes(pair, *solutions, places=(places[pair.a], places[pair.b]))
    for out in found:
        yield Relative(mine[out.a], other[out.b], out.fit, (), out.similarity, pair.field.center)
