"""Measure a visit that lies in files, and measure it again after an edit."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

from trueup.astrometry.choosing.anchor import anchored
from trueup.astrometry.choosing.evidence import gather
from trueup.astrometry.choosing.standing import stand
from trueup.astrometry.measuring.measure import measure
from trueup.astrometry.measuring.measurement import Absolute, Candidate, Measurement, Relative
from trueup.astrometry.references.catalog import Catalog, read_catalog
from trueup.astrometry.references.columns import parse_columns
from trueup.astrometry.references.reference import read_reference
from trueup.config import Config, read_config
from trueup.errors import DataError, SolutionError, UsageError
from trueup.fits.visit import open_visit
from trueup.model.visit import Visit
from trueup.workflow.against import Against
from trueup.workflow.gaia import catalog_path
from trueup.workflow.stars import read_known

Path = str | os.PathLike[str]


def measure_files(
    paths: Sequence[Path],
    *,
    against: Against | None = None,
    solutions: Sequence[str] | None = None,
    config: Config | None = None,
) -> Measurement:
    """Measure every solution of the exposures in some files, folders or associations.

    Parameters
    ----------
    paths : sequence of path
    against : Against, optional
    solutions : sequence of str, optional
        Only the active solutions and those that these select.
    config : trueup.config.Config, optional
        How Gaia is reached and how many threads there are, instead of the settings that hold.

    Returns
    -------
    Measurement
        Exposures of the anchor come first: all others are measured minus them.

    Raises
    ------
    DataError
        Where there is no exposure among the files.
    SolutionError
        Where a headerlet is for an exposure that was not given.
    UsageError
        Where a catalogue and a reference image are both given, or centroids or PSFs
        are of no exposure.
    SelectionError
        Where a selection or the anchor matches nothing.

    Examples
    --------
    >>> import tempfile
    >>> from trueup.simulate import Recipe, make_visit
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     truth = make_visit(folder, recipe=Recipe(size=(600, 400), stars=200, galaxies=0))
    ...     measurement = measure_files([folder], against=Against(anchor="F275W"))
    >>> measurement.relative[0].a.rootname
    'iepw14gaq'
    """
    against = against or Against()
    visit = open_visit(paths)
    _require_exposures(visit)
    first = anchored(visit, against.anchor)
    visit = replace(visit, exposures=tuple(sorted(visit.exposures, key=lambda e: e.rootname not in first)))
    known = read_known(visit, centroids=against.centroids, psfs=against.psf)
    found = measure(
        visit,
        catalog=reference_frame(against, visit, config),
        solutions=solutions,
        centroids=known.centroids,
        psfs=known.psfs,
        threads=(config or read_config()).run.threads,
    )
    lost = [f"{out.path} is left out: {out.why}" for out in visit.left_out if out.is_error]
    return replace(found, findings=(*found.findings, *known.notes, *lost))


def _require_exposures(visit: Visit) -> None:
    """There are some, and headerlets are for them."""
    if not visit.exposures:
        raise DataError("there is no exposure among the files given", todo="give FLT, FLC or C0M files")
    for path, stray in visit.headerlets:
        found = f"the headerlet is for {stray.destim or 'no exposure'}, which was not given"
        raise SolutionError(found, file=path, solution=stray.name, todo="give that exposure, too")


def reference_frame(against: Against, visit: Visit, config: Config | None = None) -> Catalog | None:
    """The stars that define the frame: of a catalogue or of a drizzled image.

    Parameters
    ----------
    against : Against
    visit : Visit
        What is measured, for the part of Gaia that is wanted.
    config : trueup.config.Config, optional
        How Gaia is reached, instead of the settings that hold.

    Returns
    -------
    Catalog or None
        None where neither is given.

    Raises
    ------
    UsageError
        Where both are given, or columns and limits of neither.
    FormatError, FileAccessError, DataError
        Where the stars cannot be read.
    NetworkError
        Where Gaia is wanted and neither kept from before nor reachable.

    Examples
    --------
    >>> reference_frame(Against(), Visit(())) is None
    True
    """
    if against.catalog and against.reference:
        raise UsageError("both a catalogue and a reference image", todo="give one of them")
    columns = parse_columns(against.columns)
    faintest, brightest = against.faintest, against.brightest
    if against.catalog:
        path = catalog_path(against.catalog, visit.exposures, config)
        return read_catalog(path, columns=columns, faintest=faintest, brightest=brightest)
    limited = faintest is not None or brightest is not None
    if limited or (columns and not against.reference):
        raise UsageError("columns or limits of magnitude without a catalogue", todo="give --catalog FILE")
    return read_reference(against.reference, columns=columns) if against.reference else None


def measure_again(before: Measurement, *, catalog: Catalog | None = None) -> Measurement:
    """Measure a visit again after its solutions were edited; the stars are those found before.

    Parameters
    ----------
    before : Measurement
        Its files may have been edited since.
    catalog : Catalog, optional

    Returns
    -------
    Measurement

    Raises
    ------
    FormatError, FileAccessError
        Where a file can no longer be read.

    Examples
    --------
    >>> import tempfile
    >>> import trueup
    >>> from trueup.simulate import Recipe, make_visit
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     truth = make_visit(folder, recipe=Recipe(size=(600, 400), stars=200, galaxies=0))
    ...     visit = trueup.open_visit([*truth.files, *truth.headerlets])
    ...     before = trueup.measure(visit)
    ...     done = trueup.plan(visit, "svm").commit()
    ...     after = measure_again(before)
    >>> [len([row for row in active(m) if row.fit.verdict == "fail"]) for m in (before, after)]
    [4, 0]
    """
    visit = open_visit([exposure.path for exposure in before.visit.exposures])
    return measure(visit, catalog=catalog, centroids={stars.rootname: stars for stars in before.stars})


def active(measurement: Measurement) -> list[Relative]:
    """Every measured pair under the solutions in force.

    Parameters
    ----------
    measurement : Measurement

    Returns
    -------
    list of Relative

    Examples
    --------
    >>> active(Measurement(Visit(())))
    []
    """
    names = [stars.rootname for stars in measurement.stars]
    pairs = ((a, b) for i, a in enumerate(names) for b in names[i + 1 :])
    rows = (measurement.between(Candidate(a, 0), Candidate(b, 0)) for a, b in pairs)
    return [row for row in rows if row is not None]


def active_on_sky(measurement: Measurement) -> list[Absolute]:
    """Every exposure against the catalogue under the solution in force.

    Parameters
    ----------
    measurement : Measurement

    Returns
    -------
    list of Absolute

    Examples
    --------
    >>> active_on_sky(Measurement(Visit(())))
    []
    """
    rows = (measurement.against_catalog(Candidate(stars.rootname, 0)) for stars in measurement.stars)
    return [row for row in rows if row is not None]


def fails(measurement: Measurement) -> bool:
    """Whether exposures disagree under the solutions in force, or all of them are off the catalogue.

    Parameters
    ----------
    measurement : Measurement

    Returns
    -------
    bool

    Examples
    --------
    >>> fails(Measurement(Visit(())))
    False
    """
    in_force = {stars.rootname: Candidate(stars.rootname, 0) for stars in measurement.stars}
    return stand(gather(measurement), in_force).verdict == "fail"
