"""What to search an archive for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from trueup.archive.selection import kind_of, root_of
from trueup.errors import UsageError

_DETECTORS = {"UVIS": "WFC3/UVIS", "IR": "WFC3/IR", "WFC": "ACS/WFC", "HRC": "ACS/HRC", "SBC": "ACS/SBC"}
# Modified Julian Dates before and after all of HST
_FIRST, _LAST = 47_892.0, 88_069.0
_NAME = re.compile(r"[\w.+*-]+")
_LEAST = 4


def observation_names(ids: Iterable[str]) -> tuple[str, ...]:
    """The names of observations as they are asked for: in lower case, each once.

    Parameters
    ----------
    ids : iterable of str
        Associations, rootnames, visits or names with ``*``, in any case.

    Returns
    -------
    tuple of str

    Raises
    ------
    UsageError
        Where one is no name, the name of a file, or a pattern that half an archive fits.

    Examples
    --------
    >>> observation_names(["IEPW14030", " iepw14030 ", "iepw*"])
    ('iepw14030', 'iepw*')
    >>> observation_names(["iepw14g4q_flc.fits"])
    Traceback (most recent call last):
    trueup.errors.UsageError: iepw14g4q_flc.fits is a file; name its observation: iepw14g4q
    """
    names = tuple(dict.fromkeys(name.strip().lower() for name in ids))
    for name in names:
        if not _NAME.fullmatch(name):
            raise UsageError(f"{name!r} is no observation", todo="name them as in IEPW14030 iepw14g4q iepw14")
        if kind_of(name):
            raise UsageError(f"{name} is a file", todo=f"name its observation: {root_of(name)}")
        if len(name.replace("*", "")) < _LEAST:
            raise UsageError(f"{name} fits too much", todo="begin with the programme, as in iepw*")
    return names


@dataclass(frozen=True, slots=True)
class Criteria:
    """What observations must be like; all that is given must hold.

    Parameters
    ----------
    ids : tuple of str
        Associations, rootnames, visits (six characters) or names with ``*``; one of them is enough.
    program, visit : str
        Number of the programme, and two characters.
    target, position : str
        Around a named object, or ``RA DEC`` as astropy reads it (plain numbers are degrees).
    radius_arcmin : float
    instrument, filter : str
        As WFC3, UVIS, WFC3/UVIS and F336W.
    after, before : str
        Dates of the start of the first exposure.

    Raises
    ------
    UsageError
        Where nothing is given, or what is given cannot be understood.

    Examples
    --------
    >>> Criteria(program="16801", visit="14").is_of_visit("iepw14030")
    True
    >>> Criteria()
    Traceback (most recent call last):
    trueup.errors.UsageError: nothing to search for; name observations, a programme, a target or a position
    """

    ids: tuple[str, ...] = ()
    program: str = ""
    visit: str = ""
    target: str = ""
    position: str = ""
    radius_arcmin: float = 3.0
    instrument: str = ""
    filter: str = ""
    after: str = ""
    before: str = ""

    def __post_init__(self) -> None:
        if not (self.ids or self.program or self.target or self.position):
            raise UsageError(
                "nothing to search for", todo="name observations, a programme, a target or a position"
            )
        observation_names(self.ids)
        if self.visit and not self.program:
            raise UsageError(f"visit {self.visit} of which programme?", todo="name it")
        if self.target and self.position:
            raise UsageError("both a target and a position are given", todo="give one")
        if not 0 < self.radius_arcmin <= 60 * 30:
            raise UsageError(
                f"a radius of {self.radius_arcmin:g} arcmin", todo="give one of at most 30 degrees"
            )
        self.sky()
        self._dates()

    def is_of_visit(self, obs_id: str) -> bool:
        """Whether an association or exposure is of the visit, if one is given."""
        return not self.visit or obs_id[4:6].lower() == self.visit.lower().zfill(2)

    def sky(self) -> Any:
        """The position as an astropy SkyCoord, None where none is given."""
        from astropy.coordinates import SkyCoord

        if not self.position:
            return None
        try:
            words = self.position.replace(",", " ")
            if len(words.split()) == 2 and not any(letter in words for letter in "hd:"):
                return SkyCoord(words, unit="deg")
            return SkyCoord(words, unit=("hourangle", "deg"))
        except ValueError as error:
            raise UsageError(f"position {self.position!r} is not understood", todo="give RA DEC") from error

    def caom(self, obs_id: str = "") -> dict[str, Any]:
        """The criteria in the words of CAOM, those that are not given left out."""
        camera = self.instrument.upper()
        camera = _DETECTORS.get(camera, camera)
        dates = self._dates()
        found = {
            "obs_id": obs_id,
            "proposal_id": self.program,
            "instrument_name": camera if "/" in camera or not camera else f"{camera}*",
            "filters": self.filter.upper(),
            "t_min": dates if self.after or self.before else None,
        }
        return {name: value for name, value in found.items() if value}

    def _dates(self) -> list[float]:
        """From when to when, Modified Julian Dates."""
        return [_mjd(self.after, _FIRST), _mjd(self.before, _LAST)]


def _mjd(date: str, default: float) -> float:
    from astropy.time import Time

    if not date:
        return default
    try:
        return float(Time(date).mjd)
    except ValueError as error:
        raise UsageError(f"date {date!r} is not understood", todo="write it as 2023-07-14") from error
