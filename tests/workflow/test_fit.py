"""A derived solution against the injected truth, as stwcs reads it; and when none is written."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from trueup.astrometry.references.catalog import read_catalog
from trueup.edit.apply import apply
from trueup.errors import FileAccessError, SelectionError, UsageError
from trueup.fits.exposure import read_exposure
from trueup.fits.visit import open_visit
from trueup.model.chipwcs import ChipWcs
from trueup.model.displacement import Displacement, displacement
from trueup.model.soundness import judge
from trueup.simulate import Recipe, Truth, make_visit
from trueup.workflow.against import Against
from trueup.workflow.fit import Task, Writing, fit

POINTS = [[3.0, 450.0, 890.0, 120.0], [690.0, 350.0, 5.0, 77.0]]

STWCS = """
import json, sys, warnings
warnings.simplefilter("ignore")
from astropy.io import fits
from stwcs.wcsutil import HSTWCS, headerlet

points, jobs = json.loads(sys.argv[1]), json.loads(sys.argv[2])
answer = {}
for exposure, name, how in jobs:
    if how == "attach":
        headerlet.attach_headerlet(exposure, name)
        wcsname = fits.getval(name, "HDRNAME")
        headerlet.restore_from_headerlet(exposure, hdrname=wcsname, archive=False, force=True)
    else:
        headerlet.apply_headerlet_as_primary(exposure, name, attach=True, archive=True)
    with fits.open(exposure) as hdus:
        sky = [[list(a) for a in HSTWCS(hdus, ext=("SCI", i)).all_pix2world(*points, 0)] for i in (1, 2)]
        answer[exposure] = {"sky": sky, "wcsname": hdus["SCI", 1].header["WCSNAME"],
                            "names": headerlet.get_headerlet_kw_names(exposure, "WCSNAME")}
print(json.dumps(answer))
"""


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    """The tutorial's visit on subarrays: F336W is right, F275W is 60 mas off."""
    recipe = Recipe(size=(900, 700), stars=500, galaxies=5)
    return make_visit(tmp_path_factory.mktemp("visit"), seed=21, recipe=recipe)


@pytest.fixture
def files(truth: Truth, tmp_path: Path) -> list[Path]:
    """Copies of the exposures, without the headerlet files that would solve it."""
    return [Path(shutil.copy(file, tmp_path)) for file in truth.files]


def errors(truth: Truth, solutions: dict[str, list[ChipWcs]]) -> dict[str, Displacement]:
    """Solutions minus the truth."""
    return {
        rootname: displacement(chips, truth.exposure(rootname).chips, centre=truth.centre)
        for rootname, chips in solutions.items()
    }


def from_files(files: Sequence[Path]) -> dict[str, list[ChipWcs]]:
    """The solutions in headerlet files, as their exposures would see them."""
    found = {}
    for exposure in open_visit(files).exposures:
        new = next(s for s in exposure.solutions if s.origin.kind == "file")
        found[exposure.rootname] = [part.wcs for part in new.chips]
    return found


def test_a_visit_that_is_off_is_aligned(truth: Truth, files: list[Path], tmp_path: Path) -> None:
    before = [file.read_bytes() for file in files]
    fitted = fit(files, out=tmp_path / "new")
    assert fitted.outcome == "derived", fitted.reason
    assert [file.name for file in fitted.files] == [
        f"{e.rootname}_flc_trueup_hlet.fits" for e in truth.exposures
    ]
    assert [file.read_bytes() for file in files] == before
    found = errors(truth, from_files([*files, *fitted.files]))
    for a, b in combinations(found.values(), 2):
        assert np.hypot(a.east_mas - b.east_mas, a.north_mas - b.north_mas) < 1.0
        assert abs(a.rotation_deg - b.rotation_deg) < 2e-3
    # in the frame of the fit that was right
    mean = np.mean([(d.east_mas, d.north_mas) for d in found.values()], axis=0)
    assert np.hypot(*(mean - [0.6, -0.4])) < 1.0
    assert {d.solution.wcsname for d in fitted.derivation.exposures} == {"IDC_2731450pi-FIT_REL_NONE"}
    assert "IDC_2731450pi-FIT_REL_GAIAeDR3 of iepw14g4q, iepw14g6q" in fitted.derivation.frame


def test_the_errors_it_claims_are_those_it_makes(truth: Truth, files: list[Path], tmp_path: Path) -> None:
    catalog = read_catalog(truth.catalog)
    fitted = fit(files, against=Against(str(truth.catalog)), out=tmp_path / "new")
    assert fitted.outcome == "derived", fitted.reason
    assert fitted.after is not None
    found = errors(truth, from_files([*files, *fitted.files]))
    for one in fitted.derivation.exposures:
        miss = found[one.exposure.rootname]
        sigma = one.correction.absolute_sigma_mas
        assert abs(miss.east_mas) < 3 * sigma[0]
        assert abs(miss.north_mas) < 3 * sigma[1]
        assert max(sigma) < 1.5
        assert one.solution.wcsname.endswith(f"-FIT_REL_{catalog.name}")
        with fits.open(next(f for f in fitted.files if one.exposure.rootname in f.name)) as hdus:
            main, chip = hdus[0].header, hdus["SIPWCS", 1].header
        assert main["CATALOG"] == catalog.name
        assert main["NMATCH"] == one.solution.fit.nmatches >= 5
        assert chip["CRDER1"] * 3.6e6 == pytest.approx(sigma[0])
        told = " ".join(main["HISTORY"])
        assert all(word in told for word in ("epoch 2022.", "own error on the sky", "log10 P_false"))


def test_stwcs_takes_the_headerlets(files: list[Path], tmp_path: Path, peer_python: str) -> None:
    fitted = fit(files, out=tmp_path / "new")
    ways = ["attach", "apply", "attach", "apply"]
    jobs = [[str(f), str(h), way] for f, h, way in zip(files, fitted.files, ways, strict=True)]
    command = [peer_python, "-c", STWCS, json.dumps(POINTS), json.dumps(jobs)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    answer = json.loads(done.stdout.strip().splitlines()[-1])
    for file, one in zip(files, fitted.derivation.exposures, strict=True):
        told = answer[str(file)]
        assert told["wcsname"] == one.solution.wcsname
        assert one.solution.wcsname in told["names"]
        for part, sky in zip(one.solution.chips, told["sky"], strict=True):
            assert np.abs(np.array(part.wcs.pixel_to_sky(*POINTS)) - sky).max() * 3.6e6 < 1e-3


def test_apply_takes_the_headerlets_and_the_visit_is_left_alone(files: list[Path], tmp_path: Path) -> None:
    fitted = fit(files, out=tmp_path / "new")
    apply(files, headerlets=fitted.files)
    for file, one in zip(files, fitted.derivation.exposures, strict=True):
        exposure = read_exposure(file)
        assert exposure.active.wcsname == one.solution.wcsname
        assert judge(exposure)[0].sound is True
        with fits.open(file) as hdus:
            header = hdus["SCI", 1].header
            assert header["HDRNAME"] == one.solution.hdrname
            assert header["NMATCHES"] == one.solution.fit.nmatches
            assert header["WCSTYPE"] == "undistorted a posteriori solution relatively aligned to NONE"
    again = fit(files, out=tmp_path / "again")
    assert again.outcome == "keep"
    assert again.reason.startswith("no improvement needed: ")
    assert not (tmp_path / "again").exists()


def test_astrodrizzle_reads_it(truth: Truth, tmp_path: Path, peer_python: str) -> None:
    files = [Path(shutil.copy(file, tmp_path)) for file in truth.files[2:]]
    fitted = fit(files, Task(force=True), out=tmp_path / "new")
    apply(files, headerlets=fitted.files)
    jobs = tmp_path / "jobs.json"
    inputs = [str(file) for file in files]
    jobs.write_text(json.dumps({"inputs": inputs, "jobs": {"fitted": {"static": False}}}))
    script = Path(__file__).parents[1] / "support" / "run_astrodrizzle.py"
    done = subprocess.run([peer_python, script, jobs], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    with fits.open(tmp_path / "fitted" / "peer_drc.fits") as hdus:
        assert hdus["SCI"].header["WCSNAME"] == "IDC_2731450pi-FIT_REL_NONE"
        told = sorted(hdus["HDRTAB"].data["CRVAL1"])
    chips = [part for one in fitted.derivation.exposures for part in one.solution.chips]
    assert told == pytest.approx(sorted(part.wcs.crval[0] for part in chips), abs=1e-12)


def test_what_is_there_is_not_derived_again(truth: Truth, files: list[Path], tmp_path: Path) -> None:
    fitted = fit([*files, *truth.headerlets], out=tmp_path / "new")
    assert fitted.outcome == "keep"
    assert fitted.reason.startswith("nothing to derive, IDC_2731450pi-FIT_SVM_GAIAeDR3 is as good ")
    assert not (tmp_path / "new").exists()
    forced = fit([*files, *truth.headerlets], Task(force=True, wcsname="MINE"), out=tmp_path / "new")
    assert forced.outcome == "derived"
    assert {d.solution.wcsname for d in forced.derivation.exposures} == {"MINE"}


def test_an_anchor_does_not_move(truth: Truth, files: list[Path], tmp_path: Path) -> None:
    fitted = fit(files, Task(force=True), against=Against(anchor="F275W"), out=tmp_path / "new")
    assert fitted.outcome == "derived", fitted.reason
    found = from_files([*files, *fitted.files])
    for exposure in open_visit(files).exposures:
        if exposure.filter == "F275W":
            mine = [part.wcs for part in exposure.active.chips]
            apart = displacement(found[exposure.rootname], mine, centre=truth.centre)
            assert max(abs(apart.east_mas), abs(apart.north_mas), abs(apart.scale_ppm)) < 0.01
    moved = errors(truth, found)
    assert moved["iepw14g4q"].east_mas - moved["iepw14gaq"].east_mas == pytest.approx(0, abs=1.0)
    assert moved["iepw14g4q"].east_mas > 55


def test_attached_headerlets_are_in_the_files(files: list[Path], tmp_path: Path) -> None:
    fitted = fit(
        files, Task(wcsname="IDC_2731450pi-FIT_REL_MINE"), out=tmp_path, writing=Writing(attach=True)
    )
    assert len(fitted.files) == 4
    for file in files:
        exposure = read_exposure(file)
        kept = [s for s in exposure.solutions if s.origin.kind == "hdrlet" and s.author == "trueup"]
        assert [s.wcsname for s in kept] == ["IDC_2731450pi-FIT_REL_MINE"]
        assert exposure.active.wcsname != kept[0].wcsname


def test_one_exposure_and_a_catalogue(truth: Truth, files: list[Path], tmp_path: Path) -> None:
    fitted = fit(files[2:3], against=Against(str(truth.catalog)), out=tmp_path / "new")
    assert fitted.outcome == "derived", fitted.reason
    miss = errors(truth, from_files([files[2], *fitted.files]))["iepw14gaq"]
    sigma = fitted.derivation.exposures[0].correction.absolute_sigma_mas
    assert abs(miss.east_mas) < 3 * sigma[0] < 6
    assert abs(miss.north_mas) < 3 * sigma[1] < 6


def test_an_exposure_with_four_stars_is_carried(truth: Truth, files: list[Path], tmp_path: Path) -> None:
    exposure = truth.exposures[3]
    seen = np.hypot((exposure.x[0] - 450) / 400, (exposure.y[0] - 350) / 300) < 1
    places = zip(exposure.x[0][seen][:4], exposure.y[0][seen][:4], strict=True)
    own = tmp_path / f"{exposure.rootname}.csv"
    own.write_text("extver,x,y,mag\n" + "".join(f"1,{x + 1},{y + 1},-10\n" for x, y in places))
    fitted = fit(files, against=Against(centroids=(str(own),)), out=tmp_path / "new")
    assert fitted.outcome == "derived", fitted.reason
    carried = fitted.derivation.exposures[-1]
    assert (carried.exposure.rootname, carried.correction.carried_from) == (exposure.rootname, "iepw14gaq")
    assert 3 < carried.correction.relative_sigma_mas[0] < 6
    miss = errors(truth, from_files([*files, *fitted.files]))[exposure.rootname]
    assert abs(miss.east_mas - 0.6) < 3 * carried.correction.absolute_sigma_mas[0]


def test_nothing_measurable_writes_nothing(tmp_path: Path) -> None:
    empty = make_visit(tmp_path / "empty", recipe=Recipe(size=(320, 240), stars=0, galaxies=0))
    fitted = fit(empty.files, out=tmp_path / "new")
    assert fitted.outcome == "unmeasurable"
    alone = fit(empty.files[:1], out=tmp_path / "new")
    assert alone.outcome == "unmeasurable"
    assert not (tmp_path / "new").exists()


def test_what_is_refused(files: list[Path], tmp_path: Path) -> None:
    (tmp_path / "iepw14geq_flc_trueup_hlet.fits").write_bytes(b"mine")
    with pytest.raises(FileAccessError, match="exists already"):
        fit(files, out=tmp_path)
    with pytest.raises(UsageError, match="is there already"):
        fit(files, Task(wcsname="idc_2731450pi-fit_rel_gaiaedr3"), out=tmp_path / "new")
    assert (tmp_path / "iepw14geq_flc_trueup_hlet.fits").read_bytes() == b"mine"
    assert len(list(tmp_path.glob("*_hlet.fits"))) == 1


def test_where_all_are_anchors_nothing_can_be_fitted(files: list[Path], tmp_path: Path) -> None:
    with pytest.raises(SelectionError, match="names every exposure; leave one that may move"):
        fit(files, against=Against(anchor="iepw14"), out=tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_refused_attaching_leaves_no_files(files: list[Path], tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.mkdir()
    for file in files:
        (link / file.name).symlink_to(file)
    with pytest.raises(FileAccessError):
        fit(sorted(link.iterdir()), out=tmp_path / "new", writing=Writing(attach=True))
    assert not list((tmp_path / "new").iterdir())
