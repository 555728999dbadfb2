"""The stages of a run, each from the files of those before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from trueup.drizzle.admission import why_not
from trueup.drizzle.params import DrizzleParams
from trueup.edit.headerlets import headerlet_of
from trueup.fits.visit import open_visit
from trueup.model.exposure import Exposure
from trueup.model.solution import Solution
from trueup.report.fit import fit_values
from trueup.report.listing import listing
from trueup.report.measurement import measurement_values
from trueup.workflow.apply import apply
from trueup.workflow.choice_file import write_choice
from trueup.workflow.drizzle import Written, drizzle_files
from trueup.workflow.drizzle_settings import ParamsFor, layered
from trueup.workflow.fit import fit
from trueup.workflow.references import NamedTables
from trueup.workflow.run.comparison import compare_products
from trueup.workflow.run.folder import key_of, write_json
from trueup.workflow.run.job import CHOICE, Job
from trueup.workflow.save import save_measurement

LISTING, MEASUREMENT, FIT = "tables/solutions.json", "tables/measurement.json", "tables/fit.json"
DRIZZLE, OFFSETS, APPLIED = "tables/drizzle.json", "tables/offsets.json", "tables/applied.json"


def list_solutions(job: Job) -> None:
    """Every solution of every exposure, and whether it is sound."""

    def make(draft: Path) -> None:
        visit = open_visit([*job.files, *job.recipe.headerlets])
        write_json(draft / LISTING, listing(visit))

    job.folder.stage("list", job.key("list"), make)


def measure(job: Job) -> None:
    """Star lists, matches, residuals and the table of all measurements."""

    def make(draft: Path) -> None:
        measurement = job.proposal().measurement
        values = measurement_values(measurement)
        for one in values["exposures"]:
            # how long it took is the manifest's
            one["seconds"] = None
        write_json(draft / MEASUREMENT, values)
        save_measurement(measurement, draft / "stars")

    job.folder.stage("measure", job.key("measure"), make)


def derive(job: Job) -> None:
    """A better solution where none of those at hand is good."""

    def make(draft: Path) -> None:
        if job.recipe.solution is not None or job.proposal().choice.verdict != "derive":
            return
        found = fit(
            [*job.files, *job.recipe.headerlets], against=job.recipe.against, out=draft / "headerlets"
        )
        values = fit_values(found)
        values["files"] = [f"headerlets/{path.name}" for path in found.files]
        write_json(draft / FIT, values)

    job.folder.stage("fit", job.key("fit"), make)


def choose(job: Job) -> None:
    """One solution for every exposure, derived ones among them."""
    derived = tuple(str(path) for path in job.folder.outputs("fit") if path.suffix == ".fits")

    def make(draft: Path) -> None:
        proposal = job.proposal_with((*job.recipe.headerlets, *derived)) if derived else job.proposal()
        write_choice(proposal.as_dict(), draft / CHOICE)

    job.folder.stage("choose", job.key("choose", derived, _digests(job, "fit")), make)


def keep_headerlets(job: Job) -> None:
    """The chosen solutions as headerlet files, where they were not derived here."""

    def make(draft: Path) -> None:
        chosen = job.chosen()
        derived = {path.name for path in job.folder.outputs("fit")}
        (draft / "headerlets").mkdir()
        for exposure in job.visit.exposures:
            solution = chosen.get(exposure.rootname)
            if solution is None or Path(solution.origin.path or "").name in derived:
                continue
            name = f"{exposure.rootname}_hlet.fits"
            (draft / "headerlets" / name).write_bytes(headerlet_of(exposure, solution))

    job.folder.stage("headerlets", key_of("headerlets", _digests(job, "choose")), make)


def drizzle(job: Job) -> None:
    """The products under the choice, and on the same pixel grid those of the exposures as they were."""
    exposures = tuple(e for e in job.visit.exposures if not why_not(e))
    tables = NamedTables(job.config)
    settings = layered(job.recipe.drizzle, row_for=tables.settings, threads=job.config.run.threads)
    # the number of threads changes no pixel
    decided = [replace(settings([exposure]), threads=0).to_json() for exposure in exposures]

    def make(draft: Path) -> None:
        rows = _products(job, exposures, settings, draft) if exposures else []
        write_json(draft / DRIZZLE, {"products": rows, "notes": list(tables.notes)})

    job.folder.stage("drizzle", job.key("drizzle", decided, _digests(job, "choose")), make)


def _products(
    job: Job, exposures: Sequence[Exposure], settings: ParamsFor, draft: Path
) -> list[dict[str, Any]]:
    chosen = job.chosen()
    changes = any(not one["was_active"] for one in job.folder.values(CHOICE)["exposures"])
    after = _drizzled(draft / "products", exposures, settings, chosen)
    rows = [_row(one, draft, "after" if changes else "now", after) for one in after]
    if not changes:
        return rows

    def onto_the_same(members: Sequence[Exposure]) -> DrizzleParams:
        # before the edit the solutions may differ: that is what is shown
        return replace(settings(members), grid=after[0].path, allow_mixed=True)

    before = _drizzled(draft / "before", exposures, onto_the_same, None)
    return [*(_row(one, draft, "before", before) for one in before), *rows]


def _drizzled(
    folder: Path,
    exposures: Sequence[Exposure],
    settings: ParamsFor,
    chosen: Mapping[str, Solution] | None,
) -> tuple[Written, ...]:
    paths = [exposure.path for exposure in exposures]
    return drizzle_files(paths, solution=chosen, params=settings, output=f"{folder}/").products


def _row(product: Written, draft: Path, when: str, group: Sequence[Written]) -> dict[str, Any]:
    alone = sum(one.filter == product.filter for one in group) == 1
    return {
        "path": Path(product.path).relative_to(draft).as_posix(),
        "name": product.name,
        "filter": product.filter if alone else f"{product.filter} {product.name}",
        "when": when,
        "wcsname": product.wcsname,
        "sky": {f"{root} SCI,{extver}": value for (root, extver), value in product.sky.items()},
        "cosmic_rays": {
            f"{root} SCI,{extver}": share for (root, extver), share in product.cosmic_rays.items()
        },
    }


def compare(job: Job) -> None:
    """The offsets between the products of the filters, star by star."""

    def make(draft: Path) -> None:
        rows = compare_products(job.folder.values(DRIZZLE)["products"], job.folder.path, draft)
        write_json(draft / OFFSETS, {"offsets": rows})

    job.folder.stage("compare", key_of("compare", _digests(job, "drizzle")), make)


def put_in_force(job: Job) -> None:
    """Corrected copies of the exposures, or an edit of the exposures themselves, measured again."""

    def make(draft: Path) -> None:
        out = draft / "exposures"
        if job.recipe.write_exposures:
            out.mkdir()
        done = apply([], choice=job.folder.path / CHOICE, out=out if job.recipe.write_exposures else None)
        values = done.as_dict()
        # which file went where changes with the draft folder; what changed in it is in the undo record
        write_json(draft / APPLIED, {name: values[name] for name in ("reason", "verified", "unverified")})

    job.folder.stage("apply", key_of("apply", job.recipe.in_place, _digests(job, "choose")), make)


def _digests(job: Job, *names: str) -> list[str]:
    """SHA-256 of everything that some stages wrote."""
    records = [job.folder.record(name) for name in names]
    return [one["sha256"] for record in records if record for one in record["outputs"]]
