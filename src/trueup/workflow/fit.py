"""Derive a better solution for a visit, write it as headerlets, and measure what was written."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from trueup.astrometry.choosing.anchor import anchored
from trueup.astrometry.choosing.choice import Choice
from trueup.astrometry.choosing.choose import choose
from trueup.astrometry.deriving.derivation import Derivation, Wish, derive
from trueup.astrometry.deriving.derive import check_name, file_stem
from trueup.astrometry.deriving.improvement import FitResult, Improvement, improvement, with_derived
from trueup.astrometry.measuring.measure import measure
from trueup.astrometry.measuring.measurement import Measurement
from trueup.astrometry.references.catalog import Catalog
from trueup.config import Config
from trueup.edit.headerlets import attach
from trueup.errors import FileAccessError, SelectionError, UsageError
from trueup.fits.headerlet import read_headerlet
from trueup.fits.headerlet_write import headerlet_bytes
from trueup.fits.splice import explained
from trueup.fits.visit import open_visit
from trueup.fits.walk import ByteSource, BytesSource, open_source
from trueup.model.exposure import Exposure
from trueup.model.solution import Origin
from trueup.model.visit import Visit
from trueup.workflow.against import Against
from trueup.workflow.measure import measure_files, reference_frame

PathLike = str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class Task:
    """What to fit.

    Parameters
    ----------
    relative_only
        Align the exposures to each other and leave the catalogue alone.
    wcsname
        Name of the new solutions; by default IDC_x-FIT_REL_CATALOG.
    force
        Derive and write also where the visit is good as it is.
    """

    relative_only: bool = False
    wcsname: str = ""
    force: bool = False


@dataclass(frozen=True, slots=True)
class Writing:
    """How new solutions are written.

    Parameters
    ----------
    attach
        Put them into the exposures as HDRLET extensions, too; the active WCS stays.
    overwrite
        Replace headerlet files of the same name.
    follow_links
        Attach also to targets of symbolic links and to files with several hard links.
    """

    attach: bool = False
    overwrite: bool = False
    follow_links: bool = False


def fit(
    paths: Iterable[PathLike],
    task: Task | None = None,
    *,
    against: Against | None = None,
    out: PathLike = ".",
    writing: Writing | None = None,
    config: Config | None = None,
) -> FitResult:
    """Derive a better solution for a visit and write one headerlet file per exposure, or none.

    Nothing is written where the visit is good as it is, where nothing can be measured, and where the new
    solutions turn out to be no better than what the files hold. What was written is read back and
    measured again.

    Parameters
    ----------
    paths : iterable of path
        Exposures, associations or folders, and headerlet files to compare with.
    task : Task, optional
    against : Against, optional
        Reference stars for the position of the group on the sky; exposures that never move.
    out : path
        Folder of the headerlet files, made where missing.
    writing : Writing, optional
    config : trueup.config.Config, optional
        How Gaia is reached, instead of the settings that hold.

    Returns
    -------
    FitResult

    Raises
    ------
    FileAccessError
        Where a headerlet file exists already.
    UsageError
        Where the name is not one for a fit, or in use, or every exposure is an anchor.
    SolutionError
        Where no exposure has a sound solution with distortion, or a headerlet is for none of them.

    Examples
    --------
    >>> import tempfile
    >>> from trueup.simulate import Recipe, make_visit
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     truth = make_visit(folder, recipe=Recipe(size=(700, 500), stars=250, galaxies=0))
    ...     fitted = fit(truth.files, out=folder)
    >>> fitted.outcome, [file.name for file in fitted.files][:1]
    ('derived', ['iepw14g4q_flc_trueup_hlet.fits'])
    """
    task, writing, against = task or Task(), writing or Writing(), against or Against()
    given = [os.fspath(path) for path in paths]
    visit = open_visit(given)
    _check_name(visit, task.wcsname)
    held = anchored(visit, against.anchor)
    if held and len(held) == len(visit.exposures):
        raise SelectionError(
            f"anchor {against.anchor!r} names every exposure", todo="leave one that may move"
        )
    before = measure_files(given, against=against, config=config)
    choice = choose(before, anchor=against.anchor)
    if choice.verdict == "keep" and not task.force:
        return FitResult("keep", f"no improvement needed: {choice.reason}", choice, before)
    _refuse_existing(visit, Path(out), writing)
    derivation = derive(before, Wish(held, task.relative_only, task.wcsname))
    if not derivation.exposures:
        return FitResult("unmeasurable", f"nothing can be derived: {choice.reason}", choice, before)
    contents = {_file_name(d.exposure): headerlet_bytes(d.solution, d.exposure) for d in derivation.exposures}
    trial = _Trial(before, derivation, choice, reference_frame(against, visit, config))
    verdict, after = trial.of(BytesSource(content, name) for name, content in contents.items())
    if not (verdict.better or task.force):
        return FitResult("keep", _no_improvement(verdict, choice), choice, before, derivation, after)
    files = _write(Path(out), contents, visit=visit, writing=writing)
    verdict, after = trial.of(open_source(file) for file in files)
    return FitResult("derived", verdict.reason, choice, before, derivation, after, files)


@dataclass(frozen=True, slots=True, eq=False)
class _Trial:
    """Measures headerlets beside the solutions that are there."""

    before: Measurement
    derivation: Derivation
    choice: Choice
    catalog: Catalog | None

    def of(self, headerlets: Iterable[ByteSource]) -> tuple[Improvement, Measurement]:
        """Read headerlets, one for each derived exposure, and measure them."""
        new = []
        for one, source in zip(self.derivation.exposures, headerlets, strict=True):
            origin = Origin("file", path=source.name)
            new.append((one.exposure.rootname, read_headerlet(source, origin, one.exposure.chips)))
        visit = with_derived(self.before.visit, new)
        stars = {found.rootname: found for found in self.before.stars}
        after = measure(visit, catalog=self.catalog, centroids=stars)
        there = {chosen.exposure.rootname: chosen.solution for chosen in self.choice.exposures}
        # where the files hold something better than what is in force, that is what counts
        instead_of = there if self.choice.verdict == "change" else None
        return improvement(after, self.derivation, instead_of=instead_of), after


def _check_name(visit: Visit, name: str) -> None:
    """It is that of a fit, and free."""
    if name:
        check_name(name)
    for exposure in visit.exposures:
        if name and name.upper() in {solution.wcsname.upper() for solution in exposure.solutions}:
            found = "a solution of this name is there already"
            raise UsageError(found, file=exposure.path, solution=name, todo="give another --wcsname")


def _refuse_existing(visit: Visit, folder: Path, writing: Writing) -> None:
    for exposure in visit.exposures:
        path = folder / _file_name(exposure)
        if path.exists() and not writing.overwrite:
            raise FileAccessError("exists already", file=path, todo="use --overwrite to replace it")


def _file_name(exposure: Exposure) -> str:
    return f"{file_stem(exposure)}_trueup_hlet.fits"


def _no_improvement(verdict: Improvement, choice: Choice) -> str:
    if choice.verdict == "change":
        there = choice.common or "another choice"
        how = "`trueup apply --solution best` with the same options puts that in force"
        return f"nothing to derive, {there} is as good and only needs applying ({how}): {verdict.reason}"
    return f"no improvement: {verdict.reason}"


def _write(
    folder: Path, contents: Mapping[str, bytes], *, visit: Visit, writing: Writing
) -> tuple[Path, ...]:
    """Write all files, and none where they cannot be attached."""
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".trueup-") as aside:
            new = [Path(aside) / name for name in contents]
            for file, content in zip(new, contents.values(), strict=True):
                file.write_bytes(content)
            if writing.attach:
                attach([e.path for e in visit.exposures], new, follow_links=writing.follow_links)
            return tuple(file.replace(folder / file.name) for file in new)
