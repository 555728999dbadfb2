"""One trial: trueup measures the frames, and its answer is held against the truth."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bench.astrometry.frames import Frames
from bench.astrometry.limit import Limit, photon_limit
from trueup.astrometry.measuring.measure import measure
from trueup.astrometry.measuring.measurement import Candidate, Measurement
from trueup.astrometry.pairs.field import outline
from trueup.astrometry.pairs.fit import Fit
from trueup.astrometry.references.catalog import read_catalog
from trueup.fits.visit import open_visit
from trueup.model.chipwcs import sky_to_plane
from trueup.model.displacement import Displacement
from trueup.model.offset import MAS_PER_DEG

Floats = NDArray[np.float64]
Measured = tuple[Fit, tuple[float, float], Floats]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A fit held against the truth.

    Parameters
    ----------
    fit : Fit
    errors : dict of str to float
        Measured minus injected: east, north (mas), rotation (deg), corner (mas).
    sigmas : dict of str to float
        What was claimed.
    seconds : float
        Finding the sources, per exposure.
    limit : Limit
        What nobody could be better than.
    """

    fit: Fit
    errors: dict[str, float]
    sigmas: dict[str, float]
    seconds: float
    limit: Limit

    @property
    def measured(self) -> bool:
        return self.fit.verdict != "unmeasurable"


def run(frames: Frames) -> Outcome:
    """Measure the frames, from pixels, and compare the active solutions with the truth."""
    visit = open_visit([str(path) for path in frames.paths])
    catalog = read_catalog(str(frames.catalog)) if frames.catalog else None
    measurement = measure(visit, catalog=catalog)
    seconds = float(np.mean([stars.seconds for stars in measurement.stars]))
    fit, center, corners = (_absolute if catalog else _relative)(measurement)
    errors, sigmas = compare(fit, displacement_at(frames, center), corners)
    return Outcome(fit, errors, sigmas, seconds, photon_limit(frames))


def _relative(measurement: Measurement) -> Measured:
    """Fit, centre of the field and its corners, mas."""
    first, second = (Candidate(exposure.rootname, 0) for exposure in measurement.visit.exposures)
    row, field = measurement.between(first, second), measurement.ties[0].field
    assert row is not None
    return row.fit, field.center, field.corners


def _absolute(measurement: Measurement) -> Measured:
    (exposure,) = measurement.visit.exposures
    row = measurement.against_catalog(Candidate(exposure.rootname, 0))
    assert row is not None
    assert row.center is not None
    return row.fit, row.center, outline([exposure.wcs(chip.id) for chip in exposure.chips], row.center)


def displacement_at(frames: Frames, center: tuple[float, float]) -> Displacement:
    """What was injected about one point, about another: the same rotation and scale, another shift."""
    xi, eta = (float(v) * MAS_PER_DEG for v in sky_to_plane(*center, frames.centre))
    truth = frames.injected
    east, north = _moved(truth, np.array([[xi, eta]]))[0]
    return replace(truth, east_mas=float(east), north_mas=float(north))


def compare(fit: Fit, truth: Displacement, corners: Floats) -> tuple[dict[str, float], dict[str, float]]:
    """Errors of a fit and their claimed sizes; blank where there was no measurement."""
    if fit.east_mas is None:
        return {}, {}
    assert fit.north_mas is not None
    assert fit.rotation_deg is not None
    assert fit.corner_mas is not None
    errors = {
        "east": fit.east_mas - truth.east_mas,
        "north": fit.north_mas - truth.north_mas,
        "rotation": fit.rotation_deg - truth.rotation_deg,
        "corner": fit.corner_mas - float(np.hypot(*_moved(truth, corners).T).max()),
    }
    sigmas = {
        "east": fit.sigma_east_mas,
        "north": fit.sigma_north_mas,
        "rotation": fit.sigma_rotation_deg,
        "corner": fit.corner_sigma_mas,
    }
    return errors, {name: float(s or np.nan) for name, s in sigmas.items()}


def _moved(by: Displacement, at: Floats) -> Floats:
    """How far points (mas east and north of the centre) are displaced: (n, 2), mas."""
    turn, scale = np.radians(by.rotation_deg), by.scale_ppm * 1e-6
    east = by.east_mas + turn * at[:, 1] + scale * at[:, 0]
    north = by.north_mas - turn * at[:, 0] + scale * at[:, 1]
    return np.stack([east, north], axis=1)
