"""The products of a run: under the choice, and as the exposures were before, on one grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from trueup.drizzle.params import DrizzleParams
from trueup.model.exposure import Exposure
from trueup.model.solution import Solution
from trueup.workflow.drizzle import DrizzleRun, Written, drizzle_files, product_groups
from trueup.workflow.drizzle_settings import ParamsFor
from trueup.workflow.run.job import Job


def drizzle_both(
    job: Job, exposures: Sequence[Exposure], *, settings: ParamsFor, draft: Path
) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """Drizzle under the choice; where that changes something, also what was in force, on the same pixels.

    Parameters
    ----------
    job : Job
    exposures : sequence of Exposure
        Those that can be drizzled.
    settings : callable
        Gives those of the exposures of each product.
    draft : Path

    Returns
    -------
    products : list of dict
        Path in `draft`, filter, when, WCSNAME, sky, cosmic rays of each.
    warnings : tuple of str

    Examples
    --------
    >>> drizzle_both.__name__
    'drizzle_both'
    """
    changes = any(not one["was_active"] for one in job.choice()["exposures"])
    labels = _labels(exposures)
    after = _drizzled(draft / "products", exposures, settings=settings, chosen=job.chosen())
    when = "after" if changes else "now"
    rows = [_row(one, draft, when=when, label=labels[one.name]) for one in after.products]
    if not changes:
        return rows, after.warnings

    def onto_the_same(members: Sequence[Exposure]) -> DrizzleParams:
        # before the edit the solutions may differ: that is what is shown
        return replace(settings(members), grid=after.products[0].path, allow_mixed=True)

    before = _drizzled(draft / "before", exposures, settings=onto_the_same, chosen=None)
    earlier = [_row(one, draft, when="before", label=labels[one.name]) for one in before.products]
    return [*earlier, *rows], after.warnings


def _labels(exposures: Sequence[Exposure]) -> dict[str, str]:
    """A word for each product: its filter, and what else tells it from the others."""
    groups = product_groups(exposures)
    several = len({exposure.detector for exposure in exposures}) > 1
    plain = {
        name: f"{members[0].detector} {members[0].filter}" if several else members[0].filter
        for name, members in groups.items()
    }
    twice = [label for label in plain.values() if list(plain.values()).count(label) > 1]
    return {name: f"{label} {name}" if label in twice else label for name, label in plain.items()}


def _drizzled(
    folder: Path,
    exposures: Sequence[Exposure],
    *,
    settings: ParamsFor,
    chosen: Mapping[str, Solution] | None,
) -> DrizzleRun:
    paths = [exposure.path for exposure in exposures]
    return drizzle_files(paths, solution=chosen, params=settings, output=f"{folder}/")


def _row(product: Written, draft: Path, *, when: str, label: str) -> dict[str, Any]:
    return {
        "path": Path(product.path).relative_to(draft).as_posix(),
        "name": product.name,
        "filter": label,
        "when": when,
        "wcsname": product.wcsname,
        "exposures": product.exposures,
        "sky": {f"{root} SCI,{extver}": value for (root, extver), value in product.sky.items()},
        "cosmic_rays": {
            f"{root} SCI,{extver}": share for (root, extver), share in product.cosmic_rays.items()
        },
    }
