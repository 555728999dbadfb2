"""What a user knows of the stars of a visit: own positions of them, and what they look like."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from trueup.astrometry.stars.psfgrid import ChipPsfs
from trueup.astrometry.stars.starlist import StarList
from trueup.errors import UsageError
from trueup.model.exposure import Exposure
from trueup.model.visit import Visit

# what STDPSF files call the detectors
_DETECTORS = {"WFC3UV": "UVIS", "WFC3IR": "IR", "ACSWFC": "WFC", "ACSHRC": "HRC", "ACSSBC": "SBC"}
_FILTER = re.compile(r"F[RQ]?\d{3,4}[A-Z]{1,2}")
_USUAL = "name it as the library does, STDPSF_WFC3UV_F336W.fits"


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """What is known of the stars of some exposures.

    Parameters
    ----------
    centroids : mapping of str to StarList
        By rootname.
    psfs : mapping of str to ChipPsfs
        By rootname.
    notes : tuple of str
        Which exposures have a PSF of which file, and which have none.

    Examples
    --------
    >>> Known().notes
    ()
    """

    centroids: Mapping[str, StarList] = field(default_factory=dict)
    psfs: Mapping[str, ChipPsfs] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def read_known(visit: Visit, *, centroids: Sequence[str] = (), psfs: Sequence[str] = ()) -> Known:
    """Read files of positions and of PSFs for the exposures they belong to.

    Parameters
    ----------
    visit : Visit
    centroids : sequence of str
        Each belongs to the exposure whose rootname its name begins with.
    psfs : sequence of str
        STDPSF files; each belongs to the exposures of the detector and filter in its name.

    Returns
    -------
    Known

    Raises
    ------
    UsageError
        Where a file belongs to no exposure, or two of a kind to one.
    DataError, FileAccessError
        Where it cannot be read, or is something else.

    Examples
    --------
    >>> read_known(Visit(()), psfs=["STDPSF_WFC3UV_F336W.fits"])
    Traceback (most recent call last):
    trueup.errors.UsageError: STDPSF_WFC3UV_F336W.fits: the PSF of UVIS F336W, and no exposure is of that...
    """
    own = _centroids(visit, centroids)
    found = [e for e in visit.exposures if e.rootname not in own and e.usable.measure]
    if not psfs:
        return Known(own)
    users = _users(found, psfs)
    return Known(own, _psfs(users), tuple(_notes(found, users)))


def _centroids(visit: Visit, paths: Sequence[str]) -> dict[str, StarList]:
    """Star lists by rootname."""
    from trueup.astrometry.stars.centroids import read_centroids

    found: dict[str, StarList] = {}
    for path in paths:
        name = os.path.basename(path).lower()
        owners = [e for e in visit.exposures if name.startswith(e.rootname)]
        if not owners:
            names = ", ".join(e.rootname for e in visit.exposures)
            raise UsageError(
                "positions of no exposure", file=path, todo=f"begin its name with one of {names}"
            )
        if owners[0].rootname in found:
            raise UsageError(
                f"positions of {owners[0].rootname}, as in another file", file=path, todo="give one"
            )
        found[owners[0].rootname] = read_centroids(path, owners[0])
    return found


def _users(exposures: Collection[Exposure], paths: Sequence[str]) -> dict[str, list[Exposure]]:
    """The exposures that each file of PSFs is for."""
    users: dict[str, list[Exposure]] = {}
    for path in paths:
        kind = _kind(path)
        users[path] = [e for e in exposures if (e.detector.upper(), e.filter.upper()) == kind]
        if not users[path]:
            there = ", ".join(dict.fromkeys(f"{e.detector} {e.filter}" for e in exposures)) or "none"
            raise UsageError(
                f"the PSF of {' '.join(kind)}, and no exposure is of that whose stars are to be found",
                file=path,
                todo=f"leave it out; there are: {there}",
            )
        for other, theirs in users.items():
            if other != path and theirs == users[path]:
                raise UsageError(f"the PSF of {' '.join(kind)}, as {other} is", file=path, todo="give one")
    return users


def _kind(path: str) -> tuple[str, str]:
    """Detector and filter that a file of PSFs is for: its name tells, its header does not."""
    words = re.split(r"[_.]", os.path.basename(path).upper())
    detectors = [_DETECTORS[word] for word in words if word in _DETECTORS]
    filters = [word for word in words if _FILTER.fullmatch(word)]
    if len(detectors) != 1 or len(filters) != 1:
        raise UsageError("its name does not tell the detector and filter of a PSF", file=path, todo=_USUAL)
    return detectors[0], filters[0]


def _psfs(users: Mapping[str, Sequence[Exposure]]) -> dict[str, ChipPsfs]:
    from trueup.astrometry.stars.stdpsf import read_stdpsf

    return {e.rootname: read_stdpsf(path, e) for path, exposures in users.items() for e in exposures}


def _notes(exposures: Collection[Exposure], users: Mapping[str, Sequence[Exposure]]) -> Iterator[str]:
    for path, theirs in users.items():
        yield f"{', '.join(e.rootname for e in theirs)}: fitted with the PSF of {path}"
    fitted = {e.rootname for theirs in users.values() for e in theirs}
    without = [e.rootname for e in exposures if e.rootname not in fitted]
    if without:
        yield f"{', '.join(without)}: no PSF was given, that of their own stars is fitted"
