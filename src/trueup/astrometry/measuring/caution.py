"""What tells against a measurement: trends in the residuals, and what is said of the catalogue."""

from __future__ import annotations

from dataclasses import replace

from trueup.astrometry.measuring.measurement import Absolute, Measurement, Relative
from trueup.astrometry.measuring.residuals import residuals_of
from trueup.astrometry.measuring.trends import Trend, doubted, trends
from trueup.astrometry.pairs.tie import Tie
from trueup.astrometry.references.target import CatalogTie


def with_cautions(measurement: Measurement) -> Measurement:
    """Withdraw each pass whose stars show a trend, and say what a reader must know.

    Parameters
    ----------
    measurement : Measurement

    Returns
    -------
    Measurement
        With more findings; rows that passed in spite of a trend are ``undecided``.

    Examples
    --------
    >>> from trueup.model.visit import Visit
    >>> with_cautions(Measurement(Visit(()))).findings
    ()
    """
    found: dict[tuple[str, str], tuple[Trend, ...]] = {}
    ties: tuple[Tie | CatalogTie, ...] = (*measurement.ties, *measurement.catalog_ties)
    for tie in ties:
        rest = residuals_of(tie) if tie.counts else None
        if rest is not None:
            found[rest.named, rest.reference] = tuple(trend for trend in trends(rest) if trend.matters)
    told = [f"{named} - {other}: {trend}" for (named, other), some in found.items() for trend in some]
    # what is said of the catalogue holds for all exposures alike
    notes = dict.fromkeys(note for tie in measurement.catalog_ties for note in tie.target.stars.notes)
    return replace(
        measurement,
        relative=tuple(_relative(row, found) for row in measurement.relative),
        absolute=tuple(_absolute(row, found) for row in measurement.absolute),
        findings=(*measurement.findings, *told, *_elsewhere(measurement), *notes),
    )


def _relative(row: Relative, found: dict[tuple[str, str], tuple[Trend, ...]]) -> Relative:
    if row.route:
        return row
    return replace(row, fit=doubted(row.fit, found.get((row.b.rootname, row.a.rootname), ())))


def _absolute(row: Absolute, found: dict[tuple[str, str], tuple[Trend, ...]]) -> Absolute:
    return replace(row, fit=doubted(row.fit, found.get((row.candidate.rootname, row.catalog), ())))


def _elsewhere(measurement: Measurement) -> list[str]:
    """The catalogue of another field, in one sentence."""
    none = [tie for tie in measurement.catalog_ties if not len(tie.target.stars)]
    if not none:
        return []
    who = ", ".join(tie.seen.exposure.rootname for tie in none)
    return [f"no catalogue star within the footprint of {who}: is {none[0].target.stars.name} of this field?"]
