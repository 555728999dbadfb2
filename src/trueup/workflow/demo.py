"""The whole job on a simulated visit: misaligned filters, one safe edit, aligned filters."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trueup.drizzle.params import DrizzleParams
from trueup.edit.plan import plan
from trueup.errors import UsageError
from trueup.fits.visit import open_visit
from trueup.report.figures import before_after, save_figure
from trueup.report.listing import listing
from trueup.simulate import Displacement, Recipe, Truth, make_visit
from trueup.workflow.compare import Comparison, compare
from trueup.workflow.drizzle import drizzle_files

Say = Callable[[str], None]

_FOLDERS = ("visit", "before", "after", "figures")
_SOLUTION = "svm"


@dataclass(frozen=True, slots=True, eq=False)
class Demo:
    """What the demo measured, beside the truth.

    Attributes
    ----------
    before, after : Comparison
        The second filter minus the first.
    true_before, true_after : Displacement
        What was injected.
    products, figures : tuple of str
        Paths of what was written.
    """

    before: Comparison
    after: Comparison
    true_before: Displacement
    true_after: Displacement
    products: tuple[str, ...]
    figures: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """The demo as in the JSON contract."""
        return {
            "before": asdict(self.before.fit),
            "after": asdict(self.after.fit),
            "true_before": _true_values(self.true_before),
            "true_after": _true_values(self.true_after),
            "products": list(self.products),
            "figures": list(self.figures),
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
    """Simulate a visit, list it, drizzle it, apply its common solution, drizzle again, compare.

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
    >>> small = Recipe(size=(400, 300), stars=150, galaxies=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     result = demo(folder, recipe=small)
    >>> result.true_before.east_mas > 50
    True
    """
    folder = _cleared(Path(directory))
    step = _Steps(say)
    truth = make_visit(folder / "visit", seed=seed, recipe=recipe or Recipe())
    step(f"simulate: {len(truth.exposures)} exposures in {', '.join(truth.filters)}")
    visit = open_visit([folder / "visit"])
    findings = listing(visit)["findings"]
    step(f"ls: {'; '.join(findings) or 'the exposures share one solution'}")
    products = {"before": _drizzle(folder, "before")}
    step("drizzle: each filter as the archive delivers it")
    edit = plan(open_visit([folder / "visit", *truth.headerlets]), _SOLUTION)
    edit.commit()
    step(f"apply: {truth.svm} to every exposure, in one step that `trueup undo` takes back")
    products["after"] = _drizzle(folder, "after")
    step("drizzle: again")
    result = _compared(folder, truth, products)
    step("compare")
    return result


def _cleared(folder: Path) -> Path:
    """An empty demo folder; only an earlier demo is ever removed."""
    if folder.exists() and any(folder.iterdir()) and not (folder / "visit" / "truth.ecsv").exists():
        raise UsageError("the folder is not empty", file=folder, todo="give a new one")
    for name in _FOLDERS:
        shutil.rmtree(folder / name, ignore_errors=True)
        (folder / name).mkdir(parents=True)
    return folder


class _Steps:
    """Tells each step with the seconds it took."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._last = time.monotonic()

    def __call__(self, text: str) -> None:
        now = time.monotonic()
        self._say(f"{now - self._last:5.1f} s  {text}")
        self._last = now


def _drizzle(folder: Path, when: str) -> dict[str, str]:
    """Products by filter; before the edit the filters differ, which is what the demo shows."""
    run = drizzle_files([folder / "visit"], params=DrizzleParams(allow_mixed=True), output=str(folder / when))
    return {product.filter: product.path for product in run.products}


def _compared(folder: Path, truth: Truth, products: dict[str, dict[str, str]]) -> Demo:
    first, second = truth.filters[:2]
    pairs = {when: (paths[first], paths[second]) for when, paths in products.items()}
    before = compare(*pairs["before"], output=folder / "figures" / "before")
    sky = before.view.mark or before.view.center
    after = compare(*pairs["after"], center=sky, output=folder / "figures" / "after")
    both = save_figure(before_after(before.view, after.view), folder / "figures" / "before_after")
    return Demo(
        before=before,
        after=after,
        true_before=truth.offset(second, first),
        true_after=truth.offset(second, first, solution=truth.svm),
        products=tuple(path for paths in products.values() for path in paths.values()),
        figures=(*before.figures, *after.figures, *map(str, both)),
    )
