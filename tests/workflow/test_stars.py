"""Own positions and PSFs go to the exposures they are for."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from psf_library import write_stdpsf

from trueup import open_visit
from trueup.astrometry.stars.psfgrid import PsfGrid
from trueup.cli import run
from trueup.errors import FileAccessError, FormatError, UsageError
from trueup.simulate import Recipe, Truth, make_visit
from trueup.workflow.against import Against
from trueup.workflow.measure import measure_files
from trueup.workflow.run.recipe import RunRecipe, rooted
from trueup.workflow.stars import part_of, read_known, require_owners

RECIPE = Recipe(size=(700, 500), stars=250, galaxies=0)


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    return make_visit(tmp_path_factory.mktemp("visit") / "v", seed=21, recipe=RECIPE)


@pytest.fixture
def psf(tmp_path: Path) -> Path:
    return write_stdpsf(tmp_path / "STDPSF_WFC3UV_F336W.fits")


def test_exposures_of_the_filter_are_fitted_with_the_psf(truth: Truth, psf: Path) -> None:
    found = measure_files(truth.files, against=Against(psf=(str(psf),)))
    grids = {s.rootname: [isinstance(one, PsfGrid) for one in s.psfs.values()] for s in found.stars}
    assert grids == {e.rootname: [e.filter == "F336W"] * 2 for e in truth.exposures}
    assert f"iepw14g4q, iepw14g6q: fitted with the PSF of {psf}" in found.findings
    assert "iepw14gaq, iepw14geq: no PSF was given, that of their own stars is fitted" in found.findings
    pair = next(r for r in found.relative if (r.a.rootname, r.b.rootname) == ("iepw14g4q", "iepw14g6q"))
    assert abs(pair.fit.east_mas) < 4 * pair.fit.sigma_east_mas
    plain = measure_files(truth.files[:2])
    assert not np.array_equal(plain.stars[0].chips[0][1].x, found.stars[0].chips[0][1].x)


@pytest.mark.parametrize("verb", ["measure", "choose", "fit"])
def test_commands_take_psfs(
    verb: str, truth: Truth, psf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [verb, *map(str, truth.files[:2]), "--psf", str(psf), "--format", "json"]
    assert run([*command, "-o", str(tmp_path / "out.json")] if verb == "choose" else command) == 0
    found = json.loads(capsys.readouterr().out)
    assert any(f"fitted with the PSF of {psf}" in line for line in found["findings"])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("STDPSF_WFC3UV_F606W.fits", "the PSF of UVIS F606W, and no exposure .*UVIS F336W, UVIS F275W"),
        ("STDPSF_WFC3IR_F160W.fits", "the PSF of IR F160W, and no exposure"),
        ("STDPSF_ACSWFC_F814W_SM3.fits", "the PSF of WFC F814W, and no exposure"),
        ("mine.fits", "does not tell the detector and filter of a PSF; name it as the library does"),
        ("STDPSF_NRCA1_F200W.fits", "does not tell the detector"),
    ],
)
def test_a_psf_of_something_else_is_refused(truth: Truth, tmp_path: Path, name: str, message: str) -> None:
    path = write_stdpsf(tmp_path / name)
    with pytest.raises(UsageError, match=message):
        measure_files(truth.files, against=Against(psf=(str(path),)))


def test_two_psfs_of_one_filter_are_refused(truth: Truth, psf: Path, tmp_path: Path) -> None:
    other = write_stdpsf(tmp_path / "PSFSTD_WFC3UV_F336W.fits")
    with pytest.raises(UsageError, match=r"PSFSTD_WFC3UV_F336W\.fits: the PSF of UVIS F336W, as .* is"):
        read_known(open_visit(truth.files), psfs=[str(psf), str(other)])


def test_files_that_are_no_psf_are_refused(truth: Truth, tmp_path: Path) -> None:
    visit = open_visit(truth.files)
    path = tmp_path / "STDPSF_WFC3UV_F336W.fits"
    with pytest.raises(FileAccessError, match="No such file"):
        read_known(visit, psfs=[str(path)])
    path.write_bytes(truth.files[0].read_bytes())
    with pytest.raises(FormatError, match="no STDPSF file"):
        read_known(visit, psfs=[str(path)])
    path.write_text("text")
    with pytest.raises(FormatError, match="not a FITS file"):
        read_known(visit, psfs=[str(path)])
    path.unlink()
    write_stdpsf(path, [1, 1014], [1, 1014])
    with pytest.raises(FormatError, match="the exposure has 2: take its detector's"):
        read_known(visit, psfs=[str(path)])


def test_two_files_of_positions_of_one_exposure_are_refused(truth: Truth, tmp_path: Path) -> None:
    own = [tmp_path / f"iepw14g4q.{suffix}" for suffix in ("xym", "txt")]
    for path in own:
        path.write_text("10.5 20.0 -12.1\n")
    with pytest.raises(
        UsageError, match=r"iepw14g4q\.txt: positions of iepw14g4q, as in another file; give one"
    ):
        read_known(open_visit(truth.files), centroids=[str(path) for path in own])


def test_positions_need_no_psf(truth: Truth, psf: Path, tmp_path: Path) -> None:
    own = [tmp_path / f"{root}.xym" for root in ("iepw14g4q", "iepw14g6q")]
    for path in own:
        path.write_text("10.5 20.0 -12.1\n")
    with pytest.raises(UsageError, match="no exposure is of that whose stars are to be found"):
        read_known(open_visit(truth.files), centroids=[str(path) for path in own], psfs=[str(psf)])


def test_of_several_visits_each_takes_its_files(truth: Truth, psf: Path, tmp_path: Path) -> None:
    own = [str(tmp_path / f"{root}.xym") for root in ("iepw14g4q", "iepw14geq")]
    against = Against(centroids=tuple(own), psf=(str(psf),))
    exposures = open_visit(truth.files).exposures
    require_owners(exposures, against)
    parts = [part_of([e for e in exposures if e.filter == name], against) for name in truth.filters]
    assert [(part.centroids, part.psf) for part in parts] == [((own[0],), (str(psf),)), ((own[1],), ())]
    with pytest.raises(UsageError, match="positions of no exposure"):
        require_owners(exposures[:1], against)
    with pytest.raises(UsageError, match="the PSF of UVIS F336W, and no exposure"):
        require_owners(exposures[2:], Against(psf=(str(psf),)))


def test_a_recipe_holds_the_whole_path(psf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(psf.parent)
    assert rooted(RunRecipe(against=Against(psf=(psf.name,)))).against.psf == (str(psf),)
