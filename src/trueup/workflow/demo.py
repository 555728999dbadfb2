"""The whole job on a simulated visit: an archive in a folder, a run on it, and the truth beside it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from trueup.config import Config, Http
from trueup.errors import UsageError
from trueup.simulate import Displacement, Recipe, Truth, make_visit
from trueup.workflow.against import Against
from trueup.workflow.run import Run, run
from trueup.workflow.run.recipe import RunRecipe

Say = Callable[[str], None]

_ARCHIVE, _RUN = "archive", "run"


@dataclass(frozen=True, slots=True, eq=False)
class Demo:
    """What the demo measured, beside the truth.

    Attributes
    ----------
    labels : (str, str)
        The filters; offsets are the second minus the first.
    before, after : mapping
        FIT of the JSON contract.
    true_before, true_after : Displacement
        What was injected.
    run : Run
    """

    labels: tuple[str, str]
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    true_before: Displacement
    true_after: Displacement
    run: Run

    def as_dict(self) -> dict[str, Any]:
        """The demo as in the JSON contract."""
        folder = self.run.folder
        return {
            "before": dict(self.before),
            "after": dict(self.after),
            "true_before": _true_values(self.true_before),
            "true_after": _true_values(self.true_after),
            "products": [str(folder / product["path"]) for product in self.run.manifest["products"]],
            "figures": [str(path) for path in sorted((folder / "figures").iterdir())],
            "report": str(folder / self.run.manifest["report"]),
        }


def _true_values(truth: Displacement) -> dict[str, float]:
    return {
        "east_mas": truth.east_mas,
        "north_mas": truth.north_mas,
        "rotation_deg": truth.rotation_deg,
    }


def demo(
    directory: str | os.PathLike[str],
    *,
    seed: int = 0,
    recipe: Recipe | None = None,
    say: Say = lambda _: None,
) -> Demo:
    """Simulate an archive with one visit, and do the whole job on it.

    Parameters
    ----------
    directory : path
        New, empty, or the folder of an earlier demo, which is replaced.
    seed : int
    recipe : Recipe, optional
        By default the visit of the tutorial: four full WFC3/UVIS exposures in two filters.
    say : callable
        Told each step in a line.

    Returns
    -------
    Demo

    Raises
    ------
    UsageError
        Where the directory holds something else.

    Examples
    --------
    >>> import tempfile
    >>> small = Recipe(size=(700, 500), stars=400, galaxies=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     result = demo(folder, recipe=small)
    >>> result.true_before.east_mas > 50, result.labels
    (True, ('F336W', 'F275W'))
    """
    folder = _cleared(Path(directory))
    archive = folder / _ARCHIVE
    truth = make_visit(archive, seed=seed, recipe=recipe or Recipe())
    say(f"        simulate: {len(truth.exposures)} exposures in {', '.join(truth.filters)}")
    wanted = RunRecipe(against=Against(catalog=str(archive / "gaia.ecsv")), source=str(archive))
    offline = replace(Config(), http=Http(offline=True))
    done = run(_observations(archive), out=folder / _RUN, recipe=wanted, config=offline, say=say)[0]
    return _beside_truth(truth, done)


def _cleared(folder: Path) -> Path:
    """An empty demo folder; only an earlier demo is ever removed."""
    if folder.exists() and any(folder.iterdir()) and not (folder / _ARCHIVE / "truth.ecsv").exists():
        raise UsageError("the folder is not empty", file=folder, todo="give a new one")
    for name in (_ARCHIVE, _RUN):
        shutil.rmtree(folder / name, ignore_errors=True)
    return folder


def _observations(archive: Path) -> list[str]:
    return sorted(path.name.removesuffix("_asn.fits").upper() for path in archive.glob("*_asn.fits"))


def _beside_truth(truth: Truth, done: Run) -> Demo:
    first, second = truth.filters[:2]
    fits = {one["when"]: one for one in done.manifest["offsets"] if (one["a"], one["b"]) == (first, second)}
    return Demo(
        labels=(first, second),
        before=fits["before"],
        after=fits["after"],
        true_before=truth.offset(second, first),
        true_after=truth.offset(second, first, solution=done.manifest["choice"]["common"]),
        run=done,
    )
