"""What was measured: every pair of exposures, and each against the catalogue, under every solution."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from trueup.astrometry.pairs.fit import Fit
from trueup.astrometry.pairs.similarity import Similarity
from trueup.astrometry.pairs.tie import Tie
from trueup.astrometry.references.target import CatalogTie
from trueup.astrometry.stars.starlist import StarList
from trueup.model.exposure import Exposure
from trueup.model.notebook import table_html
from trueup.model.solution import Solution
from trueup.model.soundness import judge
from trueup.model.table import table_of
from trueup.model.visit import Visit

if TYPE_CHECKING:
    from astropy.table import Table

_UNITS = {
    "east": "mas",
    "north": "mas",
    "sigma_east": "mas",
    "sigma_north": "mas",
    "rotation": "deg",
    "corner": "mas",
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """One solution of one exposure.

    Parameters
    ----------
    rootname : str
        Of the exposure.
    index : int
        Place of the solution in ``exposure.solutions``, from 0; ``trueup ls`` prints it plus 1.

    Examples
    --------
    >>> Candidate("iepw14g4q", 0) == Candidate("iepw14g4q", 0)
    True
    """

    rootname: str
    index: int


@dataclass(frozen=True, slots=True)
class Relative:
    """One pair of exposures, each under one of its solutions.

    Parameters
    ----------
    a, b : Candidate
    fit : Fit
        `b` minus `a`.
    route : tuple of str
        Rootnames between `a` and `b` where the two were tied through others; blank for a direct measurement.
    similarity : Similarity or None
        Shift, rotation and scale about `center` with their covariance; None where there is no measurement.
    center : (float, float) or None
        Centre of the plane: right ascension and declination, degrees.

    Examples
    --------
    >>> Relative(Candidate("one", 0), Candidate("two", 0), Fit(n=0)).route
    ()
    """

    a: Candidate
    b: Candidate
    fit: Fit
    route: tuple[str, ...] = ()
    similarity: Similarity | None = None
    center: tuple[float, float] | None = None

    def turned(self) -> Relative:
        """The same measurement as `a` minus `b`."""
        similarity = self.similarity
        if similarity is not None:
            similarity = replace(similarity, values=-similarity.values)
        return Relative(self.b, self.a, reverse(self.fit), self.route[::-1], similarity, self.center)


@dataclass(frozen=True, slots=True)
class Absolute:
    """One solution of one exposure against a catalogue.

    Parameters
    ----------
    candidate : Candidate
    catalog : str
        Name of the catalogue.
    fit : Fit
        Solution minus catalogue, at the epoch of the exposure.
    similarity : Similarity or None
        Shift, rotation and scale about `center` with their covariance; None where there is no measurement.
    center : (float, float) or None
        Centre of the plane: right ascension and declination, degrees.

    Examples
    --------
    >>> Absolute(Candidate("one", 0), "GAIADR3", Fit(n=0)).fit.verdict
    'unmeasurable'
    """

    candidate: Candidate
    catalog: str
    fit: Fit
    similarity: Similarity | None = None
    center: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Measurement:
    """All solutions of a visit, measured.

    Solutions that are the same on the sky are measured once: the rows hold the first of them, and
    :meth:`between` and :meth:`against_catalog` answer for all.

    Parameters
    ----------
    visit : Visit
    stars : tuple of StarList
        Of the exposures that can be measured.
    relative : tuple of Relative
        Every overlapping pair, every combination of their different solutions.
    absolute : tuple of Absolute
        Blank without a catalogue.
    skipped : tuple of (str, str)
        Rootnames that were not measured, and why.
    findings : tuple of str
        What a reader must know: exposures that disagree, trends, trailed exposures, a catalogue of another
        field.
    ties : tuple of Tie
        The stars that each overlapping pair shares, and their weights.
    catalog_ties : tuple of CatalogTie
        The stars that each exposure shares with the catalogue.

    Examples
    --------
    >>> Measurement(Visit(())).relative
    ()
    """

    visit: Visit
    stars: tuple[StarList, ...] = ()
    relative: tuple[Relative, ...] = ()
    absolute: tuple[Absolute, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()
    findings: tuple[str, ...] = ()
    ties: tuple[Tie, ...] = ()
    catalog_ties: tuple[CatalogTie, ...] = ()

    def exposure(self, rootname: str) -> Exposure:
        """The exposure of a rootname."""
        return next(e for e in self.visit.exposures if e.rootname == rootname)

    def solution(self, candidate: Candidate) -> Solution:
        """The solution that a candidate stands for."""
        return self.exposure(candidate.rootname).solutions[candidate.index]

    def representative(self, candidate: Candidate) -> Candidate:
        """The first solution of the exposure that is the same on the sky."""
        same = judge(self.exposure(candidate.rootname))[candidate.index].same_as
        return replace(candidate, index=min((candidate.index, *same)))

    def between(self, a: Candidate, b: Candidate) -> Relative | None:
        """The row of two solutions, `b` minus `a`; None where the exposures were not compared."""
        a, b = self.representative(a), self.representative(b)
        rows = _by_ends(self)
        if (b, a) in rows and (a, b) not in rows:
            return rows[b, a].turned()
        return rows.get((a, b))

    def against_catalog(self, candidate: Candidate) -> Absolute | None:
        """The row of a solution against the catalogue; None where there is none."""
        candidate = self.representative(candidate)
        return next((row for row in self.absolute if row.candidate == candidate), None)

    @property
    def pairs(self) -> Table:
        """Every pair of exposures under every combination of their different solutions.

        Returns
        -------
        astropy.table.Table
            A row per measurement, `b` minus `a`, with units; `a_index` and `b_index` count solutions from 1,
            as ``trueup ls`` prints them. What could not be measured is masked.
        """
        return table_of([self._values(row) for row in self.relative], units=_UNITS)

    def _values(self, row: Relative) -> dict[str, Any]:
        fit = row.fit
        return {
            "a": row.a.rootname,
            "a_index": row.a.index + 1,
            "a_wcsname": self.solution(row.a).wcsname,
            "b": row.b.rootname,
            "b_index": row.b.index + 1,
            "b_wcsname": self.solution(row.b).wcsname,
            "stars": fit.n,
            "east": fit.east_mas,
            "north": fit.north_mas,
            "sigma_east": fit.sigma_east_mas,
            "sigma_north": fit.sigma_north_mas,
            "rotation": fit.rotation_deg,
            "corner": fit.corner_mas,
            "verdict": fit.verdict,
            "why": fit.why,
        }

    def _repr_html_(self) -> str:
        """The solutions in force against each other and against the catalogue."""
        in_force = [row for row in self.relative if row.a.index == row.b.index == 0]
        rows = [(self._label(row.a), self._label(row.b), *_told(row.fit)) for row in in_force]
        rows += [
            (row.catalog, self._label(row.candidate), *_told(row.fit))
            for row in self.absolute
            if row.candidate.index == 0
        ]
        head = ("reference", "exposure", "stars", "east mas", "north mas", "rotation deg", "")
        title = f"{len(self.stars)} exposures measured; the solutions in force:"
        skipped = [f"{rootname}: {why}" for rootname, why in self.skipped]
        return table_html(title, head, rows, *self.findings, *skipped)

    def _label(self, candidate: Candidate) -> str:
        return f"{candidate.rootname} {self.exposure(candidate.rootname).filter}"


def _told(fit: Fit) -> tuple[object, ...]:
    """A fit as cells: stars, east, north, rotation, verdict."""
    if fit.east_mas is None or fit.north_mas is None or fit.rotation_deg is None:
        return fit.n, None, None, None, f"{fit.verdict.upper()}: {fit.why}"
    pm = "\N{PLUS-MINUS SIGN}"
    east = f"{fit.east_mas:+.2f} {pm} {fit.sigma_east_mas:.2f}"
    north = f"{fit.north_mas:+.2f} {pm} {fit.sigma_north_mas:.2f}"
    return fit.n, east, north, f"{fit.rotation_deg:+.5f}", fit.verdict.upper()


# asked for thousands of times where a visit has dozens of exposures
@lru_cache(maxsize=8)
def _by_ends(measurement: Measurement) -> dict[tuple[Candidate, Candidate], Relative]:
    return {(row.a, row.b): row for row in measurement.relative}


def reverse(fit: Fit) -> Fit:
    """The same measurement with the two lists exchanged.

    Parameters
    ----------
    fit : Fit

    Returns
    -------
    Fit

    Examples
    --------
    >>> reverse(Fit(n=9, east_mas=60.0)).east_mas
    -60.0
    """
    names = ("east_mas", "north_mas", "rotation_deg", "scale_ppm")
    values = {name: getattr(fit, name) for name in names}
    return replace(fit, **{name: -value for name, value in values.items() if value is not None})
