"""What a user knows of the stars of a visit: own positions of them, and what they look like."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from trueup.astrometry.stars.psfgrid import ChipPsfs
from trueup.astrometry.stars.starlist import StarList
from trueup.errors import UsageError
from trueup.model.exposure import Exposure
from trueup.model.visit import Visit
from trueup.workflow.against import Against

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
    found = [e for e in visit.exposures if e.rootname not in own]
    if not psfs:
        return Known(own)
    users = _users(found, psfs)
    return Known(own, _psfs(users), tuple(_notes(found, users)))


def part_of(exposures: Collection[Exposure], against: Against) -> Against:
    """What the exposures of one visit among several are measured against: without the files of other visits.

    Parameters
    ----------
    exposures : collection of Exposure
    against : Against
        Of all visits, in which :func:`require_owners` found nothing wrong.

    Returns
    -------
    Against

    Examples
    --------
    >>> part_of([], Against(psf=("STDPSF_WFC3UV_F336W.fits",))).psf
    ()
    """
    centroids = tuple(path for path in against.centroids if _owner(exposures, path))
    psf = tuple(path for path in against.psf if _of_kind(exposures, _kind(path)))
    return replace(against, centroids=centroids, psf=psf)


def require_owners(exposures: Collection[Exposure], against: Against) -> None:
    """Refuse positions and PSFs that are for no exposure, before anything is measured.

    Parameters
    ----------
    exposures : collection of Exposure
        Of all visits.
    against : Against

    Raises
    ------
    UsageError

    Examples
    --------
    >>> require_owners([], Against(centroids=("iepw14g4q.xym",)))
    Traceback (most recent call last):
    trueup.errors.UsageError: iepw14g4q.xym: positions of no exposure; begin its name with a rootname: none
    """
    for path in against.centroids:
        _required_owner(exposures, path)
    _users(exposures, against.psf)


def _centroids(visit: Visit, paths: Sequence[str]) -> dict[str, StarList]:
    """Star lists by rootname."""
    from trueup.astrometry.stars.centroids import read_centroids

    found: dict[str, StarList] = {}
    for path in paths:
        owner = _required_owner(visit.exposures, path)
        if owner.rootname in found:
            raise UsageError(f"positions of {owner.rootname}, as in another file", file=path, todo="give one")
        found[owner.rootname] = read_centroids(path, owner)
    return found


def _owner(exposures: Collection[Exposure], path: str) -> Exposure | None:
    """The exposure that positions are of, as the name of their file tells."""
    name = os.path.basename(path).lower()
    return next((e for e in exposures if name.startswith(e.rootname)), None)


def _required_owner(exposures: Collection[Exposure], path: str) -> Exposure:
    owner = _owner(exposures, path)
    if owner is None:
        names = ", ".join(e.rootname for e in exposures) or "none"
        todo = f"begin its name with a rootname: {names}"
        raise UsageError("positions of no exposure", file=path, todo=todo)
    return owner


def _of_kind(exposures: Collection[Exposure], kind: tuple[str, str]) -> list[Exposure]:
    """Those of a detector and filter."""
    return [e for e in exposures if (e.detector.upper(), e.filter.upper()) == kind]


def _users(exposures: Collection[Exposure], paths: Sequence[str]) -> dict[str, list[Exposure]]:
    """The exposures that each file of PSFs is for."""
    users: dict[str, list[Exposure]] = {}
    for path in paths:
        kind = _kind(path)
        users[path] = _of_kind(exposures, kind)
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
        if fitted := [e.rootname for e in theirs if e.usable.measure]:
            yield f"{', '.join(fitted)}: fitted with the PSF of {path}"
    known = {e.rootname for theirs in users.values() for e in theirs}
    without = [e.rootname for e in exposures if e.usable.measure and e.rootname not in known]
    if without:
        yield f"{', '.join(without)}: no PSF was given, that of their own stars is fitted"
