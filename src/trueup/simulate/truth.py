"""What is true about a simulated visit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trueup.errors import UsageError
from trueup.model.chipwcs import ChipWcs, Floats, Pair
from trueup.model.displacement import Displacement, displacement
from trueup.simulate.plan import PlannedExposure
from trueup.simulate.scene import Scene, Seen


@dataclass(frozen=True, slots=True, eq=False)
class TrueExposure:
    """One exposure and the truth about it.

    Attributes
    ----------
    rootname, filter, asn_id : str
    path, headerlet : Path
        The FLC or FLT file, and the headerlet file of its single-visit-mosaic solution.
    exptime : float
        Seconds.
    active : str
        WCSNAME of the active solution.
    chips : tuple of ChipWcs
        The WCS that the pixels obey, by SCI EXTVER.
    errors : dict of str to Displacement
        Each distorted solution minus the truth at the field centre, by WCSNAME.
    x, y : (chips, sources) float64 arrays
        Where the sources fall, 0-based pixels; NaN where they are off the chip.

    Examples
    --------
    >>> import tempfile
    >>> from trueup.simulate import Recipe, make_visit
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     truth = make_visit(folder, recipe=Recipe(size=(96, 64), stars=20))
    >>> exposure = truth.exposure("iepw14g4q")
    >>> exposure.filter, exposure.active, exposure.x.shape[0]
    ('F336W', 'IDC_2731450pi-FIT_REL_GAIAeDR3', 2)
    """

    rootname: str
    filter: str
    asn_id: str
    path: Path
    headerlet: Path
    exptime: float
    active: str
    chips: tuple[ChipWcs, ...]
    errors: dict[str, Displacement]
    x: Floats
    y: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """The truth about a visit.

    Attributes
    ----------
    directory : Path
    exposures : tuple of TrueExposure
    associations : tuple of Path
    catalog : Path
        The Gaia-like catalogue.
    table : Path
        ``truth.ecsv``.
    filters : tuple of str
    centre : (float, float)
        Field centre: right ascension and declination, degrees.
    epoch : float
        Julian year of the positions.
    scene : Scene
        The sources; fluxes in electrons per second, one column per filter.
    svm : str
        WCSNAME of the solution in the headerlet files.

    Examples
    --------
    >>> import tempfile
    >>> from trueup.simulate import Recipe, make_visit
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     truth = make_visit(folder, recipe=Recipe(size=(96, 64), stars=20))
    >>> after = truth.offset("F275W", "F336W", solution=truth.svm)
    >>> bool(abs(after.east_mas) < 1 and abs(after.north_mas) < 1)
    True
    """

    directory: Path
    exposures: tuple[TrueExposure, ...]
    associations: tuple[Path, ...]
    catalog: Path
    table: Path
    filters: tuple[str, ...]
    centre: Pair
    epoch: float
    scene: Scene
    svm: str

    @property
    def files(self) -> tuple[Path, ...]:
        """The exposures."""
        return tuple(exposure.path for exposure in self.exposures)

    @property
    def headerlets(self) -> tuple[Path, ...]:
        """The headerlet files."""
        return tuple(exposure.headerlet for exposure in self.exposures)

    def exposure(self, rootname: str) -> TrueExposure:
        """The exposure with a rootname.

        Raises
        ------
        UsageError
            Where the visit has none.
        """
        for exposure in self.exposures:
            if exposure.rootname == rootname:
                return exposure
        raise UsageError(f"no exposure {rootname}", file=self.directory)

    def offset(self, filter_b: str, filter_a: str, *, solution: str | None = None) -> Displacement:
        """True offset of one filter's exposures minus another's, as their solutions put them.

        Parameters
        ----------
        filter_b, filter_a : str
            The result is b minus a.
        solution : str, optional
            WCSNAME; the active solutions by default.

        Returns
        -------
        Displacement
            Means weighted with the exposure times.
        """
        return self._mean(filter_b, solution) - self._mean(filter_a, solution)

    def _mean(self, name: str, solution: str | None) -> Displacement:
        members = [e for e in self.exposures if e.filter == name]
        if not members:
            raise UsageError(f"no exposure in {name}", file=self.directory, todo=f"use {self.filters}")
        errors = [e.errors[solution or e.active] for e in members]
        weights = [e.exptime for e in members]
        numbers = [(d.east_mas, d.north_mas, d.rotation_deg, d.scale_ppm) for d in errors]
        return Displacement(*(float(v) for v in np.average(numbers, axis=0, weights=weights)))


def true_exposure(
    exposure: PlannedExposure, seen: Sequence[Seen], *, path: Path, headerlet: Path, centre: Pair
) -> TrueExposure:
    """Gather the truth about an exposure."""
    errors = {
        candidate.wcsname: displacement(candidate.chips, exposure.truth, centre=centre)
        for family, candidate in exposure.candidates.items()
        if family != "OPUS"
    }
    return TrueExposure(
        rootname=exposure.rootname,
        filter=exposure.filter,
        asn_id=exposure.asn_id,
        path=path,
        headerlet=headerlet,
        exptime=exposure.exptime,
        active=exposure.candidates[exposure.active].wcsname,
        chips=exposure.truth,
        errors=errors,
        x=np.array([on_chip.x for on_chip in seen]),
        y=np.array([on_chip.y for on_chip in seen]),
    )


def write_truth(truth: Truth) -> None:
    """Write ``truth.ecsv``: a row per source; offsets and solutions in the metadata."""
    from astropy.table import Table

    scene = truth.scene
    kinds = np.where(np.arange(scene.size) < scene.n_stars, "star", "galaxy")
    columns: dict[str, Any] = {
        "kind": kinds,
        "ra": scene.ra,
        "dec": scene.dec,
        "pmra": scene.pmra,
        "pmdec": scene.pmdec,
    }
    for i, name in enumerate(truth.filters):
        columns[f"flux_{name.lower()}"] = scene.flux[:, i]
    for exposure in truth.exposures:
        for chip in range(len(exposure.chips)):
            columns[f"x_{exposure.rootname}_{chip + 1}"] = exposure.x[chip].round(4)
            columns[f"y_{exposure.rootname}_{chip + 1}"] = exposure.y[chip].round(4)
    table = Table(columns, meta=_metadata(truth))
    units = {"ra": "deg", "dec": "deg", "pmra": "mas/yr", "pmdec": "mas/yr"}
    for name in table.colnames:
        unit = units.get(name, "electron/s" if name.startswith("flux") else "")
        if unit:
            table[name].unit = unit
    table.write(truth.table, format="ascii.ecsv", overwrite=True)


def _metadata(truth: Truth) -> dict[str, Any]:
    first = truth.filters[0]
    return {
        "epoch": truth.epoch,
        "centre": {"ra_deg": truth.centre[0], "dec_deg": truth.centre[1]},
        "offsets": {
            f"{name} - {first}": {
                "before": _numbers(truth.offset(name, first)),
                "after": _numbers(truth.offset(name, first, solution=truth.svm)),
            }
            for name in truth.filters[1:]
        },
        "exposures": {
            e.rootname: {
                "filter": e.filter,
                "exptime": e.exptime,
                "active": e.active,
                "errors": {name: _numbers(error) for name, error in e.errors.items()},
            }
            for e in truth.exposures
        },
    }


def _numbers(value: Displacement) -> dict[str, float]:
    return {
        "east_mas": round(value.east_mas, 4),
        "north_mas": round(value.north_mas, 4),
        "rotation_deg": round(value.rotation_deg, 7),
        "scale_ppm": round(value.scale_ppm, 4),
    }
