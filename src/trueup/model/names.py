"""The grammar of WCSNAME: ``BASE[-CATALOG | -FIT_MODE_CATALOG][-n]``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Family = Literal["telemetry", "distortion-only", "apriori", "fit", "user"]

# pipelines have written whole headerlet names into WCSNAME: find the solution inside
_WRAPPED = re.compile(r"^(?:\S*?_)?((?:IDC_|OPUS)\S*?)(?:[-_]hlet(?:\.fits)?)?$", re.IGNORECASE)
_GRAMMAR = re.compile(
    r"^(?P<base>OPUS|IDC_[A-Z0-9]+)"
    r"(?:-FIT_(?P<mode>[A-Z]+)_(?P<fit>[A-Z0-9]+)|-(?P<apriori>(?!\d+$)[A-Z0-9]+))?"
    r"(?:-(?P<copy>\d+))?$",
    re.IGNORECASE,
)
_USER_FIT = re.compile(
    r"^(?P<base>\S+?)-FIT_(?P<mode>[A-Z]+)_(?P<fit>[A-Z0-9]+)(?:-(?P<copy>\d+))?$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class WcsName:
    """The name of a WCS solution and what it says.

    Attributes
    ----------
    text : str
        The name as it stands in the file; may be blank.
    base : str
        ``OPUS``, ``IDC_<idctab root>``, or the whole name where it is a user's.
    family : str
        ``telemetry``, ``distortion-only``, ``apriori``, ``fit`` or ``user``.
    mode : str or None
        ``REL``, ``IMG``, ``EVM``, ``SVM`` or ``MVM`` for a fit.
    catalog : str or None
        Catalogue of a fit or of an a-priori correction.
    copy : int or None
        Number added by the pipeline on a name clash.

    Examples
    --------
    >>> name = WcsName.parse("IDC_2731450pi-FIT_REL_GAIAeDR3")
    >>> name.family, name.mode, name.catalog
    ('fit', 'REL', 'GAIAeDR3')
    """

    text: str
    base: str
    family: Family
    mode: str | None = None
    catalog: str | None = None
    copy: int | None = None

    @classmethod
    def parse(cls, text: str | None) -> WcsName:
        """Read a name; anything outside the grammar is a user's. Never raises.

        Parameters
        ----------
        text : str or None
            The value of WCSNAME, or a HDRNAME that holds one.
        """
        text = (text or "").strip()
        wrapped = _WRAPPED.match(text)
        core = wrapped[1] if wrapped else text
        match = _GRAMMAR.match(core) or _USER_FIT.match(core)
        if match is None:
            return cls(text, core, "user")
        part = match.groupdict()
        copy = int(part["copy"]) if part["copy"] else None
        if part["mode"]:
            return cls(text, part["base"], "fit", part["mode"].upper(), part["fit"], copy)
        if part["apriori"]:
            return cls(text, part["base"], "apriori", None, part["apriori"], copy)
        telemetry = part["base"].upper() == "OPUS"
        return cls(text, part["base"], "telemetry" if telemetry else "distortion-only", copy=copy)

    @property
    def kind(self) -> tuple[str, str, str]:
        """What two exposures must share to count as solved the same way."""
        user = self.text.upper() if self.family == "user" else ""
        return (self.family, self.mode or user, (self.catalog or "").upper())

    def __str__(self) -> str:
        return self.text or "(no WCSNAME)"
