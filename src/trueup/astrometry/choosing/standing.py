"""How one set of solutions of a visit stands: the pairs of exposures, the catalogue, the names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

import numpy as np

from trueup.astrometry.choosing.evidence import Assignment, Evidence, pixel_mas
from trueup.astrometry.measuring.measurement import Candidate
from trueup.astrometry.pairs.fit import Fit
from trueup.model.exposure import Exposure
from trueup.model.solution import Solution

PASS_PIX = 0.1
_PASS_SIGMA_PIX = 0.05
# one catalogue, the same stars in every exposure: this much of the error is common to all
_FLOOR_ABSOLUTE_MAS = 1.0
_CATALOGS = (
    ("NONE", ""), ("2MASS",), ("GSC240",), ("HSC30",), ("GAIADR1",), ("GAIADR2", "GSC242"),
    ("GAIADR3", "GAIAEDR3"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Distance:
    """A measured displacement and its error.

    Parameters
    ----------
    mas, sigma_mas : float
    pixel_mas : float
        Size of the pixel; 0 where it is not known.
    a, b : str
        Rootnames of the pair it was measured on, blank against the catalogue.

    Examples
    --------
    >>> print(Distance(69.2, 0.4, 39.6))
    69.2 +- 0.4 mas (1.75 px)
    >>> Distance(0.31, 0.29, 39.6).bound
    '0.6 mas (0.015 px)'
    """

    mas: float
    sigma_mas: float
    pixel_mas: float
    a: str = ""
    b: str = ""

    @property
    def pix(self) -> float:
        """The displacement in pixels."""
        return self.mas / self.pixel_mas if self.pixel_mas else 0.0

    @property
    def bound(self) -> str:
        """What the displacement is within, its error included, in words."""
        outer = replace(self, mas=self.mas + self.sigma_mas)
        return f"{outer.mas:.1f} {outer._units()}"

    def __str__(self) -> str:
        return f"{self.mas:.1f} +- {self.sigma_mas:.1f} {self._units()}"

    def _units(self) -> str:
        digits = 3 if self.pix < 0.1 else 2
        return f"mas ({self.pix:.{digits}f} px)"


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """One set of solutions, judged.

    Parameters
    ----------
    assignment : mapping of str to Candidate
    verdict : str
        ``pass``, ``fail``, ``undecided`` or ``unmeasurable``.
    worst : Distance or None
        The pair that is farthest apart.
    absolute : Distance or None
        Offset of the set from the catalogue.
    common : str or None
        The WCSNAME that all share, which may be blank; with a ``*`` for the distortion model where
        detectors differ.
    newest : int
        Rank of the catalogue, the newest highest; the lowest where the set is mixed.
    touched : int
        Exposures whose place on the sky changes.

    Examples
    --------
    >>> Standing({}, "unmeasurable", None, None, None, 0, 0).touched
    0
    """

    assignment: Assignment
    verdict: Literal["pass", "fail", "undecided", "unmeasurable"]
    worst: Distance | None
    absolute: Distance | None
    common: str | None
    newest: int
    touched: int


def stand(evidence: Evidence, assignment: Assignment) -> Standing:
    """Judge one set of solutions.

    It passes where no pair fails, passing pairs tie together all exposures that some measurement is sharp
    enough to tie, and the catalogue, if there is one, does not object.

    Parameters
    ----------
    evidence : Evidence
    assignment : mapping of str to Candidate

    Returns
    -------
    Standing

    Examples
    --------
    >>> from trueup.astrometry.choosing.evidence import gather
    >>> from trueup.astrometry.measuring.measurement import Measurement
    >>> from trueup.model.visit import Visit
    >>> stand(gather(Measurement(Visit(()))), {}).verdict
    'unmeasurable'
    """
    fits = pair_fits(evidence, assignment)
    groups = tied(assignment, evidence.ties)
    # exposures that disagree have no offset in common
    agreeing = [pair for pair, fit in fits.items() if fit.verdict != "fail" and pair in evidence.ties]
    absolute = _absolute(evidence, assignment, tied(assignment, agreeing))
    solutions = [evidence.solution(candidate) for candidate in assignment.values()]
    exposures = [evidence.exposures[rootname] for rootname in assignment]
    return Standing(
        assignment=assignment,
        verdict=_verdict(fits, groups, absolute),
        worst=_worst(fits),
        absolute=absolute,
        common=common_name(exposures, solutions),
        newest=min((_age(solution) for solution in solutions), default=0),
        touched=sum(not evidence.same(c, evidence.active(root)) for root, c in assignment.items()),
    )


def pair_fits(evidence: Evidence, assignment: Assignment) -> dict[tuple[str, str], Fit]:
    """The measurements between the members of a set that count, by their rootnames.

    Examples
    --------
    >>> from trueup.astrometry.measuring.measurement import Measurement
    >>> from trueup.astrometry.choosing.evidence import gather
    >>> from trueup.model.visit import Visit
    >>> pair_fits(gather(Measurement(Visit(()))), {})
    {}
    """
    found = {}
    for a, b in combinations(assignment, 2):
        fit = evidence.between(assignment[a], assignment[b])
        if fit is not None:
            found[a, b] = fit
    return found


def tied(rootnames: Iterable[str], pairs: Iterable[tuple[str, str]]) -> tuple[frozenset[str], ...]:
    """Groups of exposures that pairs tie together, the largest first; a single one is a group, too.

    Examples
    --------
    >>> [sorted(group) for group in tied("abcd", [("a", "b"), ("b", "c")])]
    [['a', 'b', 'c'], ['d']]
    """
    group = {rootname: {rootname} for rootname in rootnames}
    for a, b in pairs:
        if a in group and b in group and group[a] is not group[b]:
            union = group[a] | group[b]
            group.update(dict.fromkeys(union, union))
    different = {id(members): frozenset(members) for members in group.values()}
    return tuple(sorted(different.values(), key=lambda members: (-len(members), min(members))))


def _verdict(
    fits: Mapping[tuple[str, str], Fit], groups: Sequence[frozenset[str]], absolute: Distance | None
) -> Literal["pass", "fail", "undecided", "unmeasurable"]:
    beyond = absolute is not None and absolute.mas - 3 * absolute.sigma_mas > PASS_PIX * absolute.pixel_mas
    if beyond or any(fit.verdict == "fail" for fit in fits.values()):
        return "fail"
    if not fits:
        return "unmeasurable" if absolute is None else _alone(absolute)
    passing = [pair for pair, fit in fits.items() if fit.verdict == "pass"]
    members = [rootname for group in groups for rootname in group]
    return "pass" if tied(members, passing) == tuple(groups) else "undecided"


def _alone(absolute: Distance) -> Literal["pass", "undecided"]:
    """Where there is nothing but the catalogue, that must be near and sharp."""
    sharp = absolute.sigma_mas <= _PASS_SIGMA_PIX * absolute.pixel_mas
    return "pass" if absolute.pix <= PASS_PIX and sharp else "undecided"


def _worst(fits: Mapping[tuple[str, str], Fit]) -> Distance | None:
    found = [distance(fit, *pair) for pair, fit in fits.items()]
    return max(found, key=lambda one: one.pix, default=None)


def distance(fit: Fit, a: str = "", b: str = "") -> Distance:
    """The displacement that a measurement was judged by.

    Examples
    --------
    >>> print(distance(Fit(9, judged_mas=4.0, judged_sigma_mas=1.0, corner_mas=8.0, corner_pix=0.2)))
    4.0 +- 1.0 mas (0.10 px)
    """
    return Distance(fit.judged_mas or 0.0, fit.judged_sigma_mas or 0.0, pixel_mas(fit), a, b)


def worst_of(evidence: Evidence, candidate: Candidate, others: Assignment) -> Distance | None:
    """The measurement of one solution against others that is worst; None where there is none.

    Parameters
    ----------
    evidence : Evidence
    candidate : Candidate
    others : mapping of str to Candidate
        The exposure of `candidate` itself is passed over.

    Returns
    -------
    Distance or None

    Examples
    --------
    >>> from trueup.astrometry.measuring.measurement import Measurement
    >>> from trueup.astrometry.choosing.evidence import gather
    >>> from trueup.model.visit import Visit
    >>> worst_of(gather(Measurement(Visit(()))), Candidate("iepw14g4q", 0), {}) is None
    True
    """
    found = []
    for rootname, other in others.items():
        fit = evidence.between(other, candidate)
        if rootname != candidate.rootname and fit is not None:
            found.append(distance(fit, rootname, candidate.rootname))
    return max(found, key=lambda one: one.pix, default=None)


def sky_offset(fit: Fit) -> tuple[float, float]:
    """Length of a measured offset and its error per axis, mas.

    Examples
    --------
    >>> sky_offset(Fit(9, east_mas=3.0, north_mas=4.0, sigma_east_mas=0.2, sigma_north_mas=0.3))
    (5.0, 0.3)
    """
    length = float(np.hypot(fit.east_mas or 0.0, fit.north_mas or 0.0))
    return length, max(fit.sigma_east_mas or 0.0, fit.sigma_north_mas or 0.0)


def _absolute(
    evidence: Evidence, assignment: Assignment, groups: Sequence[frozenset[str]]
) -> Distance | None:
    """The offset of the group of exposures that is farthest from the catalogue."""
    found = []
    for group in groups:
        fits = [evidence.against_catalog(assignment[rootname]) for rootname in sorted(group)]
        known = [fit for fit in fits if fit is not None]
        if known:
            found.append(_mean_offset(known))
    return max(found, key=lambda one: one.mas + 2 * one.sigma_mas, default=None)


def _mean_offset(fits: Sequence[Fit]) -> Distance:
    """Weighted offset; exposures share the stars of the catalogue, so the error does not average down."""
    values = np.array([(f.east_mas, f.north_mas) for f in fits], dtype=float)
    errors = np.array([(f.sigma_east_mas, f.sigma_north_mas) for f in fits], dtype=float)
    mean = np.average(values, axis=0, weights=1 / np.maximum(errors, 1e-3) ** 2)
    sigma = float(np.hypot(errors.max(axis=1).min(), _FLOOR_ABSOLUTE_MAS))
    return Distance(float(np.hypot(*mean)), sigma, min(pixel_mas(fit) for fit in fits))


def common_name(exposures: Sequence[Exposure], solutions: Sequence[Solution]) -> str | None:
    """The name that the solutions share.

    Detectors have distortion models of their own; those of one detector and visit must be the same.

    Parameters
    ----------
    exposures : sequence of Exposure
    solutions : sequence of Solution
        One of each exposure.

    Returns
    -------
    str or None
        The WCSNAME, which may be blank, with ``IDC_*`` for the distortion model where detectors differ;
        None where they do not share one.

    Examples
    --------
    >>> common_name([], []) is None
    True
    """
    kinds = {solution.name.kind for solution in solutions}
    bases: dict[tuple[str, str], set[str]] = {}
    for exposure, solution in zip(exposures, solutions, strict=True):
        key = exposure.detector, exposure.visit
        bases.setdefault(key, set()).add(solution.name.base.upper())
    if len(kinds) != 1 or any(len(found) > 1 for found in bases.values()):
        return None
    name = solutions[0].name
    models = {base for found in bases.values() for base in found}
    if len(models) == 1:
        return name.text
    model = "IDC_*" if all(base.startswith("IDC_") for base in models) else "*"
    return f"{model}{name.text[len(name.base) :]}"


def _age(solution: Solution) -> int:
    name = (solution.name.catalog or "").upper()
    return next((rank for rank, names in enumerate(_CATALOGS) if name in names), 0)
