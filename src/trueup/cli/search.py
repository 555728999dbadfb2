"""``trueup search``."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated

from cyclopts import Parameter

from trueup.cli.network import HERE, Network
from trueup.cli.output import Format, console, emit
from trueup.errors import EXIT_FINE


@dataclass(frozen=True, slots=True)
class Where:
    """What observations must be like; all that is given must hold.

    Parameters
    ----------
    program
        Number of the programme.
    visit
        Two characters.
    target
        Around an object that has a name.
    position
        Around RA DEC, in degrees or as 10:23:58 -57:45:49.
    radius_arcmin
        How far around.
    instrument
        As WFC3, UVIS or ACS/WFC.
    filter
        As F336W.
    after
        Date from which on it began.
    before
        Date until which it began.
    """

    program: str = ""
    visit: str = ""
    target: str = ""
    position: str = ""
    radius_arcmin: Annotated[float, Parameter("--radius")] = 3.0
    instrument: str = ""
    filter: str = ""
    after: str = ""
    before: str = ""


_ANYWHERE = Where()


def search(
    *obs_id: str,
    where: Annotated[Where, Parameter("*")] = _ANYWHERE,
    network: Annotated[Network, Parameter("*")] = HERE,
    style: Annotated[Format, Parameter("--format")] = "text",
) -> int:
    """Search the archive for observations.

    Example: trueup search --program 16801 --visit 14

    Example: trueup search --position "10:23:58 -57:45:49" --radius 1

    Parameters
    ----------
    obs_id
        Associations, rootnames, visits (six characters) or names with *.
    style
        text, json, jsonl or ecsv.
    """
    from trueup.archive.criteria import Criteria
    from trueup.report.search import print_observations
    from trueup.workflow.search import rows
    from trueup.workflow.search import search as find

    found = rows(find(Criteria(obs_id, **asdict(where)), network.config))
    if style == "text":
        print_observations(found, console())
    else:
        emit("search", {"items": found}, style=style)
    return EXIT_FINE
