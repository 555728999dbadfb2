"""An exposure against a catalogue, under every one of its solutions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from trueup.astrometry.measuring.measurement import Absolute, Candidate
from trueup.astrometry.pairs.fit import Fit, coverage, describe_fit
from trueup.astrometry.pairs.register import assess
from trueup.astrometry.pairs.seen import Seen, under
from trueup.astrometry.pairs.similarity import Similarity, design, reduced_chi2, weighted, with_common_errors
from trueup.astrometry.references.catalog import Catalog
from trueup.astrometry.references.target import CatalogTie, aim, expectation, tie_to_catalog
from trueup.model.exposure import Exposure
from trueup.model.solution import Solution
from trueup.model.soundness import judge


def measure_absolute(
    seen: Seen,
    catalog: Catalog,
    *,
    candidates: Sequence[Candidate],
    center: tuple[float, float] | None = None,
) -> tuple[CatalogTie | None, tuple[Absolute, ...]]:
    """Measure solutions of one exposure against a catalogue at the epoch of the exposure.

    Parameters
    ----------
    seen : Seen
        The stars of the exposure.
    catalog : Catalog
    candidates : sequence of Candidate
        Solutions of the exposure.
    center : (float, float), optional
        Where offsets are given, degrees; by default the mean of the chip centres.

    Returns
    -------
    tie : CatalogTie or None
        The stars that the two share; None where there is nothing to compare.
    rows : tuple of Absolute
        Solution minus catalogue; ``unmeasurable`` with the reason where there is no result.

    Raises
    ------
    DataError
        Where the catalogue lacks what is needed to move its stars to the epoch.

    Examples
    --------
    >>> import numpy as np
    >>> from trueup.astrometry.pairs.seen import see
    >>> from trueup.astrometry.stars.starlist import StarList
    >>> from trueup.model.cards import Cards
    >>> from trueup.model.names import WcsName
    >>> from trueup.model.solution import Origin, Solution
    >>> opus = Solution(WcsName.parse("OPUS"), Origin("primary"))
    >>> exposure = Exposure("a_flc.fits", Cards(), (), (opus,), opus)
    >>> catalog = Catalog("MINE", "mine.csv", *[np.ones(1)] * 9)
    >>> seen = see(exposure, StarList("", (), 1.8, 0.0))
    >>> tie, rows = measure_absolute(seen, catalog, candidates=[Candidate("", 0)])
    >>> rows[0].catalog, rows[0].fit.why
    ('MINE', 'a failed exposure: no exposure time')
    """
    exposure = seen.exposure
    if exposure.epoch is None or exposure.mode != "image":
        why = f"a {exposure.mode} exposure: {exposure.usable.why}"
        if exposure.mode == "image":
            why = "no epoch: EXPSTART is not in the header"
        return None, tuple(Absolute(one, catalog.name, Fit(n=0, why=why)) for one in candidates)
    sound = judge(exposure)
    ranked = sorted(candidates, key=lambda one: (sound[one.index].sound is False, one.index))
    solutions = [exposure.solutions[one.index] for one in ranked]
    target = aim(exposure.under(solutions[0]), catalog.at(exposure.epoch), center=center)
    tie = tie_to_catalog(seen, target, solutions=solutions)
    return tie, tuple(_row(tie, one) for one in candidates)


def require_epochs(catalog: Catalog, exposures: Iterable[Exposure]) -> None:
    """Make sure that a catalogue says what it takes, before any pixel is read.

    Parameters
    ----------
    catalog : Catalog
    exposures : iterable of Exposure

    Raises
    ------
    DataError
        Where the catalogue lacks what is needed to move its stars to the epoch of one of them.

    Examples
    --------
    >>> import numpy as np
    >>> require_epochs(Catalog("MINE", "mine.csv", *[np.ones(1)] * 9), [])
    """
    for exposure in exposures:
        if exposure.epoch is not None and exposure.mode == "image":
            catalog.at(exposure.epoch)


def _row(tie: CatalogTie, candidate: Candidate) -> Absolute:
    solution = tie.seen.exposure.solutions[candidate.index]
    return Absolute(candidate, tie.target.stars.name, *_fit(tie, solution), tie.target.field.center)


def _fit(tie: CatalogTie, solution: Solution) -> tuple[Fit, Similarity | None]:
    found, field = tie.registration, tie.target.field
    if found.similarity is None or solution is tie.solution:
        return found.fit, found.similarity
    reference = tie.target.projected[found.a]
    similarity = _similarity(tie, found.similarity, solution)
    fit = describe_fit(similarity, n=len(found.a), coverage=coverage(reference.xy, field), field=field)
    fit = assess(fit, similarity, found.match, field=field, expect=expectation(tie.seen, tie.target))
    return fit, similarity


def _similarity(tie: CatalogTie, known: Similarity, solution: Solution) -> Similarity:
    """The stars and their weights as matched, their places under another solution."""
    found, expect = tie.registration, expectation(tie.seen, tie.target)
    reference = tie.target.projected[found.a]
    mine = under(tie.seen, solution, center=tie.target.field.center, pick=found.b)
    basis, prior = design(reference, mine, expect=expect)
    offset = mine.xy - reference.xy
    values, covariance = weighted(basis, offset, share=known.information, prior=prior)
    square = ((offset - basis @ values) ** 2).sum(axis=1)
    # where the stars fit this solution worse than their errors, they say less about it
    excess = float(known.weight / known.variance @ square) / max(
        2.0 * float(known.weight.sum()) - len(values), 1.0
    )
    covariance = with_common_errors(covariance * max(1.0, excess), expect)
    chi2 = reduced_chi2(square, reference, mine, floor_mas=expect.floor_pix * tie.target.field.pixel_mas)
    return replace(known, values=values[:4], covariance=covariance[:4, :4], chi2=float(chi2))
