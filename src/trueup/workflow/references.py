"""Settings from the MDRIZTAB that the exposures name: from the cache, else from CRDS, else not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from trueup.archive.crds import fetch_reference
from trueup.archive.transport import Transport
from trueup.config import Config, Http
from trueup.drizzle.mdriztab import row_settings
from trueup.errors import DataError, FileAccessError, NetworkError
from trueup.model.exposure import Exposure

_NONE = {"", "N/A"}
# a drizzle works without: nobody should wait long for it
_CONNECT_S, _READ_S, _TOTAL_S = 3.0, 10.0, 20.0


@dataclass(slots=True)
class NamedTables:
    """The MDRIZTAB tables of one run, each looked for once.

    Parameters
    ----------
    config : Config

    Attributes
    ----------
    notes : list of str
        A line for each table that is not used, and why.

    Examples
    --------
    >>> NamedTables(Config()).settings([])
    {}
    """

    config: Config
    notes: list[str] = field(default_factory=list)
    _found: dict[str, Path | None] = field(default_factory=dict)
    _unreachable: str = ""

    def settings(self, exposures: Sequence[Exposure]) -> dict[str, Any]:
        """The row for some exposures, of the table that the first one names; empty without one."""
        named = exposures[0].header.text("MDRIZTAB") if exposures else ""
        if named.upper() in _NONE:
            return {}
        if named not in self._found:
            self._found[named] = self._looked_for(named)
        path = self._found[named]
        if path is None:
            return {}
        try:
            return row_settings(path, exposures[0].filter, len(exposures))
        except DataError as error:
            self._note(str(error))
            return {}

    def _looked_for(self, named: str) -> Path | None:
        # a service that did not answer is not asked a second time
        offline = self.config.http.offline or bool(self._unreachable)
        http = replace(_brief(self.config.http), offline=offline)
        with Transport(http) as transport:
            try:
                return fetch_reference(transport, named, self.config.crds)
            except NetworkError as error:
                self._unreachable = self._unreachable or f"CRDS cannot be reached ({error.found})"
                why = "trueup is offline" if self.config.http.offline else self._unreachable
                self._note(f"no good MDRIZTAB {named} is in {self.config.crds.cache} and {why}")
            except (DataError, FileAccessError) as error:
                self._note(f"MDRIZTAB {named} cannot be had ({error})")
        return None

    def _note(self, why: str) -> None:
        self.notes.append(f"{why}: the settings that come with trueup for the detector are used")


def _brief(http: Http) -> Http:
    return replace(
        http,
        connect_s=min(http.connect_s, _CONNECT_S),
        read_s=min(http.read_s, _READ_S),
        total_s=min(http.total_s, _TOTAL_S),
        retries=0,
    )
