"""The stages of a run, each from the files of those before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trueup.drizzle.admission import why_not
from trueup.edit.headerlets import headerlet_of
from trueup.fits.visit import open_visit
from trueup.model.table import table_of
from trueup.report.files import write_json
from trueup.report.fit import fit_values
from trueup.report.listing import listing
from trueup.report.measurement import measurement_values
from trueup.workflow.apply import apply
from trueup.workflow.choice_file import write_choice
from trueup.workflow.drizzle import product_groups
from trueup.workflow.drizzle_settings import layered
from trueup.workflow.fit import fit
from trueup.workflow.references import NamedTables
from trueup.workflow.run.comparison import compare_products
from trueup.workflow.run.folder import key_of
from trueup.workflow.run.job import CHOICE, Job, drizzle_files_of
from trueup.workflow.run.products import drizzle_both
from trueup.workflow.save import save_measurement

LISTING, MEASUREMENT, FIT = "tables/solutions.json", "tables/measurement.json", "tables/fit.json"
DRIZZLE, OFFSETS, APPLIED = "tables/drizzle.json", "tables/offsets.json", "tables/applied.json"


def list_solutions(job: Job) -> None:
    """Every solution of every exposure, and whether it is sound."""

    def make(draft: Path) -> None:
        values = listing(open_visit([*job.files, *job.recipe.headerlets]))
        _write_json(draft / LISTING, values)
        rows = [{"rootname": one["rootname"], **s} for one in values["items"] for s in one["solutions"]]
        _write_table(draft / "tables/solutions.ecsv", rows)

    job.folder.stage("list", key_of("list", job.solutions_key), make=make)


def measure(job: Job) -> None:
    """Star lists, matches, residuals and the table of all measurements."""

    def make(draft: Path) -> None:
        measurement = job.proposal().measurement
        values = measurement_values(measurement)
        for one in values["exposures"]:
            # how long it took is the manifest's
            one["seconds"] = None
        _write_json(draft / MEASUREMENT, values)
        for kind in ("relative", "absolute"):
            _write_table(draft / f"tables/{kind}.ecsv", values[kind])
        save_measurement(measurement, draft / "stars")

    job.folder.stage("measure", key_of("measure", job.measured_key), make=make)


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
        _write_json(draft / FIT, values)

    job.folder.stage("fit", key_of("fit", job.measured_key, job.recipe.solution), make=make)


def choose(job: Job) -> None:
    """One solution for every exposure, derived ones among them."""
    derived = tuple(str(path) for path in job.folder.outputs("fit") if path.suffix == ".fits")

    def make(draft: Path) -> None:
        proposal = job.proposal_with((*job.recipe.headerlets, *derived)) if derived else job.proposal()
        values = proposal.as_dict()
        for one in (*values["exposures"], *values["headerlets"]):
            one["file"] = _from_choice(one["file"], job.folder.path)
        write_choice(values, draft / CHOICE)
        _write_table(draft / "tables/choice.ecsv", values["exposures"])

    fitted = job.folder.digests("fit")
    job.folder.stage("choose", key_of("choose", job.measured_key, job.recipe.solution, fitted), make=make)


def _from_choice(path: str, folder: Path) -> str:
    """Files in the folder of the run are named from there, so that it can be moved."""
    home = folder.resolve()
    file = Path(path).resolve()
    return file.relative_to(home).as_posix() if file.is_relative_to(home) else path


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

    job.folder.stage("headerlets", key_of("headerlets", job.choice_key), make=make)


def drizzle(job: Job) -> None:
    """The products under the choice, and on the same pixel grid those of the exposures as they were."""
    exposures = tuple(e for e in job.visit.exposures if not why_not(e))
    tables = NamedTables(job.config)
    settings = layered(job.recipe.drizzle, row_for=tables.settings, threads=job.config.run.threads)
    decided = {name: settings(members).to_json() for name, members in product_groups(exposures).items()}
    given = {path: job.sha256[path] for path in drizzle_files_of(job.recipe)}

    def make(draft: Path) -> None:
        both = drizzle_both(job, exposures, settings=settings, draft=draft) if exposures else ([], ())
        refused = [f"{e.path} is not drizzled: {why}" for e in job.visit.exposures if (why := why_not(e))]
        _write_json(draft / DRIZZLE, {"products": both[0], "notes": [*refused, *both[1], *tables.notes]})

    job.folder.stage("drizzle", key_of("drizzle", job.choice_key, decided, given), make=make)


def compare(job: Job) -> None:
    """The offsets between the products of the filters, star by star."""

    def make(draft: Path) -> None:
        drizzled = job.folder.values_of("drizzle", DRIZZLE) or {"products": []}
        rows = compare_products(drizzled["products"], job.folder.path, draft)
        _write_json(draft / OFFSETS, {"offsets": rows})

    job.folder.stage("compare", key_of("compare", job.folder.digests("drizzle")), make=make)


def put_in_force(job: Job) -> None:
    """Corrected copies of the exposures, or an edit of the exposures themselves, measured again."""
    recipe, choice = job.recipe, job.choice()

    def make(draft: Path) -> None:
        if choice["verdict"] == "derive":
            _write_json(
                draft / APPLIED, {"reason": "", "unverified": f"nothing to apply: {choice['reason']}"}
            )
            return
        out = draft / "exposures" if recipe.write_exposures else None
        if out is not None:
            out.mkdir()
        values = apply([], choice=job.folder.path / CHOICE, out=out).as_dict()
        # which file went where changes with the draft folder; what changed in it is in the undo record
        told = ("reason", "verified", "unverified")
        _write_json(draft / APPLIED, {name: values.get(name) for name in told})

    if recipe.in_place and any(not one["was_active"] for one in choice["exposures"]):
        # the exposures are as they were before the edit, whatever was done to them earlier
        job.folder.forget("apply")
    job.folder.stage("apply", key_of("apply", recipe.in_place, job.folder.digests("choose")), make=make)


def _write_json(path: Path, values: Mapping[str, Any]) -> None:
    path.parent.mkdir(exist_ok=True)
    write_json(path, values)


def _write_table(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows as ECSV, a solution in them as its name; none where there are no rows."""
    if rows:
        plain = [{name: _name_of(value) for name, value in row.items()} for row in rows]
        path.parent.mkdir(parents=True, exist_ok=True)
        table_of(plain).write(path, format="ascii.ecsv")


def _name_of(value: Any) -> Any:
    return value["wcsname"] if isinstance(value, Mapping) and "wcsname" in value else value
