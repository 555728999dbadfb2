"""Choose from files: measure them, choose, and say which bytes the choice rests on."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from trueup.astrometry.choosing.choice import Choice
from trueup.astrometry.choosing.choose import choose
from trueup.astrometry.measuring.measurement import Measurement
from trueup.config import Config
from trueup.edit.bundle import unpacked
from trueup.fits.splice import sha256_of
from trueup.fits.visit import open_visit
from trueup.report.choice import choice_values
from trueup.workflow.against import Against
from trueup.workflow.measure import measure_files

PathLike = str | os.PathLike[str]


@dataclass(frozen=True, slots=True, eq=False)
class Proposal:
    """A choice and what it rests on.

    Parameters
    ----------
    choice : Choice
    measurement : Measurement
    sha256 : dict of str to str
        Of each exposure's file, by path.
    headerlets : tuple of dict
        ``file``, ``sha256`` and ``rootname`` (None for a bundle) of each headerlet file, in the order in
        which they were joined.

    Examples
    --------
    >>> Proposal.__slots__[:2]
    ('choice', 'measurement')
    """

    choice: Choice
    measurement: Measurement
    sha256: dict[str, str]
    headerlets: tuple[dict[str, str | None], ...]

    def as_dict(self) -> dict[str, Any]:
        """The choice as in the JSON contract, with the SHA-256 of its inputs."""
        values = choice_values(self.choice, self.measurement)
        for one in values["exposures"]:
            one["sha256"] = self.sha256[one["file"]]
        visit = self.measurement.visit
        if visit.offered:
            unused = f"{len(visit.offered)} headerlet files lie there unused"
            values["findings"].append(f"{unused}: name them with --hlet to have them measured, too")
        left_out = [{"file": out.path, "why": out.why, "error": out.is_error} for out in visit.left_out]
        return {**values, "headerlets": list(self.headerlets), "left_out": left_out}


def choose_files(
    paths: Iterable[PathLike],
    *,
    headerlets: Sequence[PathLike] = (),
    against: Against | None = None,
    config: Config | None = None,
) -> Proposal:
    """Measure exposures under all their solutions and choose one for each.

    Parameters
    ----------
    paths : iterable of path
        Exposures, associations, folders, headerlet files.
    headerlets : sequence of path
        More headerlet files, and bundles of them.
    against : Against, optional
        A catalogue or reference image, an anchor, centroids, PSFs.
    config : trueup.config.Config, optional
        How Gaia is reached, instead of the settings that hold.

    Returns
    -------
    Proposal

    Raises
    ------
    DataError
        Where there is no exposure among the files.
    SolutionError
        Where a headerlet is for an exposure that was not given.

    Examples
    --------
    >>> choose_files([])
    Traceback (most recent call last):
    trueup.errors.DataError: there is no exposure among the files given; give FLT, FLC or C0M files
    """
    against = against or Against()
    given = [os.fspath(path) for path in paths]
    exposures = open_visit(given).exposures
    with unpacked(headerlets, {exposure.rootname for exposure in exposures}) as files:
        measurement = measure_files([*given, *files], against=against, config=config)
    visit = measurement.visit
    owner = {s.origin.path: exposure.rootname for exposure in visit.exposures for s in exposure.solutions}
    named = [*(path for path in given if path in owner), *(os.fspath(path) for path in headerlets)]
    return Proposal(
        choice=choose(measurement, anchor=against.anchor),
        measurement=measurement,
        sha256={exposure.path: sha256_of(exposure.path) for exposure in visit.exposures},
        headerlets=tuple(
            {"file": path, "sha256": sha256_of(path), "rootname": owner.get(path)} for path in named
        ),
    )
