"""The solutions of exposures as rows: what headers say and what follows from them; nothing is measured."""

from __future__ import annotations

from typing import Any

from trueup.model.exposure import Exposure
from trueup.model.offset import offset
from trueup.model.soundness import judge

UNITS = {"rms_ra": "mas", "rms_dec": "mas", "offset_center": "mas", "offset_max": "mas"}


def solution_rows(exposure: Exposure) -> list[dict[str, Any]]:
    """A row per solution of an exposure, in their order.

    Parameters
    ----------
    exposure : Exposure

    Returns
    -------
    list of dict
        ``index`` counts from 1, as ``trueup ls`` prints it; `offset_center` and `offset_max` are mas from the
        active solution, at the centre and at most; `sound` is None where the chips cannot be checked.

    Examples
    --------
    >>> from trueup.model.cards import Cards
    >>> from trueup.model.names import WcsName
    >>> from trueup.model.solution import Origin, Solution
    >>> opus = Solution(WcsName.parse("OPUS"), Origin("primary"))
    >>> [row] = solution_rows(Exposure("a_flc.fits", Cards(), (), (opus,), opus))
    >>> row["index"], row["family"], row["active"], row["nmatches"]
    (1, 'telemetry', True, None)
    """
    rows = []
    for number, (solution, verdict) in enumerate(
        zip(exposure.solutions, judge(exposure), strict=True), start=1
    ):
        apart, fit = offset(solution, exposure.active), solution.fit
        rows.append(
            {
                "rootname": exposure.rootname,
                "filter": exposure.filter,
                "index": number,
                "wcsname": solution.wcsname,
                "family": solution.family,
                "origin": str(solution.origin),
                "active": solution is exposure.active,
                "sound": verdict.sound,
                "faults": ", ".join(dict.fromkeys(flag.code for flag in verdict.faults)),
                "catalog": solution.name.catalog,
                "nmatches": fit.nmatches,
                "rms_ra": fit.rms_ra_mas,
                "rms_dec": fit.rms_dec_mas,
                "offset_center": None if apart is None else apart.center_mas,
                "offset_max": None if apart is None else apart.max_mas,
            }
        )
    return rows
