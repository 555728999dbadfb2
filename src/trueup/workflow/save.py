"""Everything a measurement rests on, as files that other programs read."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trueup.astrometry.measuring.measurement import Measurement
from trueup.astrometry.measuring.residuals import Residuals, residuals_of
from trueup.astrometry.measuring.trends import Trend, trends
from trueup.astrometry.pairs.seen import Seen, see
from trueup.astrometry.pairs.tie import Tie
from trueup.astrometry.references.target import CatalogTie
from trueup.errors import FileAccessError
from trueup.report.regions import chip_regions, sky_regions
from trueup.report.residuals import residuals_page
from trueup.report.tables import match_table, reference_table, star_table, trend_table

if TYPE_CHECKING:
    from astropy.table import Table

PathLike = str | os.PathLike[str]
# a name, and what writes the file of that name
Part = tuple[str, Callable[[Path], Any]]


def save_measurement(
    measurement: Measurement, directory: PathLike, *, overwrite: bool = False
) -> tuple[Path, ...]:
    """Write star lists, matches, residuals, trends, reference stars and regions.

    For every exposure ``ROOT_stars.ecsv``, DS9 regions ``ROOT_sciN.reg`` (image coordinates of each chip) and
    ``ROOT_sky.reg`` (ICRS); for every pair with common stars ``B-A_matches.ecsv`` and
    ``B-A_residuals.png``, where A may be the catalogue; ``CATALOG_ROOT.ecsv``, the reference stars at the
    epoch of the exposure; ``trends.ecsv``. Either all of them are written or none.

    Parameters
    ----------
    measurement : Measurement
    directory : path
        Made where it does not exist.
    overwrite : bool
        Whether files of these names may be replaced.

    Returns
    -------
    tuple of Path

    Raises
    ------
    FileAccessError
        Where a file exists, or cannot be written.

    Examples
    --------
    >>> from trueup.model.visit import Visit
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in save_measurement(Measurement(Visit(())), folder)]
    ['trends.ecsv']
    """
    folder = Path(directory)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=".trueup-", dir=folder))
        try:
            return _commit(fresh, folder, tuple(_parts(measurement)), overwrite=overwrite)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    except FileAccessError:
        raise
    except OSError as error:
        raise FileAccessError(error.strerror or str(error), file=error.filename or folder) from error


def _commit(fresh: Path, folder: Path, parts: tuple[Part, ...], *, overwrite: bool) -> tuple[Path, ...]:
    """Write all files aside, then move them into place."""
    present = [folder / name for name, _ in parts if (folder / name).exists()]
    if present and not overwrite:
        more = f" and {len(present) - 1} others" if len(present) > 1 else ""
        raise FileAccessError(f"exists already{more}", file=present[0], todo="use --overwrite to replace it")
    for name, write in parts:
        write(fresh / name)
    for name, _ in parts:
        os.replace(fresh / name, folder / name)
    return tuple(folder / name for name, _ in parts)


def _parts(measurement: Measurement) -> Iterator[Part]:
    seen = [see(measurement.exposure(stars.rootname), stars) for stars in measurement.stars]
    used = {one.exposure.rootname: np.zeros(len(one), bool) for one in seen}
    targets = {tie.seen.exposure.rootname: tie.target.stars for tie in measurement.catalog_ties}
    lines: list[tuple[Residuals, Trend]] = []
    ties: tuple[Tie | CatalogTie, ...] = (*measurement.ties, *measurement.catalog_ties)
    for tie in ties:
        rest = residuals_of(tie)
        if rest is None:
            continue
        found = trends(rest)
        lines += [(rest, trend) for trend in found]
        yield from _of_pair(tie, rest, found)
        if tie.counts:
            used[rest.named][rest.stars[rest.weight > 0]] = True
        if tie.counts and isinstance(tie, Tie):
            used[rest.reference][rest.partners[rest.weight > 0]] = True
    for one in seen:
        yield from _of_exposure(one, used[one.exposure.rootname], targets)
    yield "trends.ecsv", _ecsv(trend_table(lines))


def _of_pair(tie: Tie | CatalogTie, rest: Residuals, found: tuple[Trend, ...]) -> Iterator[Part]:
    stem = f"{rest.named}-{rest.reference}"
    if isinstance(tie, Tie):
        table = match_table(rest, tie.b, tie.a)
        other = f"{rest.reference} ({tie.a.exposure.filter})"
        named = tie.b
    else:
        table = match_table(rest, tie.seen, tie.target.stars)
        other, named = f"{rest.reference} at {tie.target.stars.epoch:.2f}", tie.seen
    doubt = "" if tie.counts else ": unmeasurable"
    title = f"{rest.named} ({named.exposure.filter}) minus {other}{doubt}"
    yield f"{stem}_matches.ecsv", _ecsv(table)
    yield f"{stem}_residuals.png", _png(rest, found, title)


def _of_exposure(seen: Seen, used: NDArray[np.bool_], targets: dict[str, Any]) -> Iterator[Part]:
    root = seen.exposure.rootname
    stars = targets.get(root)
    yield f"{root}_stars.ecsv", _ecsv(star_table(seen, used))
    for chip in seen.exposure.chips:
        yield f"{root}_sci{chip.id.extver}.reg", _text(chip_regions(seen, chip.id.extver, used))
    yield f"{root}_sky.reg", _text(sky_regions(seen, used, stars))
    if stars is not None:
        yield f"{stars.name}_{root}.ecsv", _ecsv(reference_table(stars))


def _ecsv(table: Table) -> Callable[[Path], Any]:
    return lambda path: table.write(path, format="ascii.ecsv")


def _text(text: str) -> Callable[[Path], Any]:
    return lambda path: path.write_text(text, encoding="utf-8")


def _png(rest: Residuals, found: tuple[Trend, ...], title: str) -> Callable[[Path], Any]:
    def write(path: Path) -> None:
        figure = residuals_page(rest, found, title=title)
        figure.savefig(path, dpi=120, metadata={"Software": "trueup"})

    return write
