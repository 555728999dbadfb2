"""One call, several products, one grid."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from trueup.drizzle.params import DrizzleParams
from trueup.errors import DataError, FileAccessError, SolutionError, UsageError
from trueup.fits.product_read import read_product
from trueup.fits.visit import open_visit
from trueup.model.cards import make_card
from trueup.model.exposure import Exposure
from trueup.simulate import Recipe, Truth, make_visit
from trueup.workflow.drizzle import drizzle_files, product_groups

NAMES = ["iepw14030_trueup_drc.fits", "iepw14040_trueup_drc.fits"]


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    return make_visit(tmp_path_factory.mktemp("visit"), recipe=Recipe(size=(160, 90), stars=15))


@pytest.fixture(scope="module")
def files(truth: Truth) -> list[str]:
    return [str(e.path) for e in truth.exposures]


def grid(path: Path) -> tuple[object, ...]:
    header = fits.getheader(path, "SCI")
    words = ("NAXIS1", "NAXIS2", "CRPIX1", "CRPIX2", "CRVAL1", "CRVAL2", "CD1_1", "CD1_2", "CD2_1", "CD2_2")
    return tuple(header[word] for word in words)


def test_all_filters_share_one_grid_to_the_bit(files: list[str], tmp_path: Path) -> None:
    run = drizzle_files(files, solution="rel", output=str(tmp_path))
    assert [Path(p.path).name for p in run.products] == NAMES
    assert [(p.filter, p.exposures, p.chips) for p in run.products] == [("F336W", 2, 4), ("F275W", 2, 4)]
    assert {p.wcsname for p in run.products} == {"IDC_2731450pi-FIT_REL_GAIAeDR3"}
    assert grid(tmp_path / NAMES[0]) == grid(tmp_path / NAMES[1])
    assert not run.left_out
    assert not run.warnings
    for name in NAMES:
        assert fits.getval(tmp_path / name, "ASN_ID").lower() == name[:9]


def test_own_grids_differ(files: list[str], tmp_path: Path) -> None:
    own = DrizzleParams(grid="own")
    run = drizzle_files(files, solution="*gsc240", params=own, output=f"{tmp_path}/")
    first, second = (grid(Path(product.path)) for product in run.products)
    assert first[4:6] != second[4:6]


def test_mixed_solutions_are_refused_before_anything_is_written(files: list[str], tmp_path: Path) -> None:
    with pytest.raises(SolutionError, match="different solutions"):
        drizzle_files(files, output=str(tmp_path))
    assert not list(tmp_path.iterdir())
    run = drizzle_files(files, params=DrizzleParams(allow_mixed=True), output=str(tmp_path))
    assert [p.wcsname.split("-")[-1] for p in run.products] == ["FIT_REL_GAIAeDR3", "GSC240"]


def test_headerlet_files_join_their_exposures(truth: Truth, files: list[str], tmp_path: Path) -> None:
    headerlets = [str(e.headerlet) for e in truth.exposures]
    run = drizzle_files([*files, *headerlets], solution="svm", output=str(tmp_path))
    assert {p.wcsname for p in run.products} == {"IDC_2731450pi-FIT_SVM_GAIAeDR3"}


def test_names_of_outputs(files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = [file for file in files if "iepw14g4q" in file or "iepw14g6q" in file]
    monkeypatch.chdir(tmp_path)
    assert drizzle_files(one).products[0].path == NAMES[0]
    assert drizzle_files(one, output="mine.fits").products[0].path == "mine.fits"
    assert drizzle_files(one, output="mine").products[0].path == "mine_trueup_drc.fits"
    with pytest.raises(UsageError, match="2 products"):
        drizzle_files(files, solution="rel", output="mine.fits")
    Path("foreign.fits").write_text("not ours")
    with pytest.raises(FileAccessError, match="did not write"):
        drizzle_files(one, output="foreign.fits")
    assert drizzle_files(one, output="foreign.fits", overwrite=True).products


def test_the_grid_of_an_earlier_product(files: list[str], tmp_path: Path) -> None:
    first = [file for file in files if "iepw14g4q" in file]
    drizzle_files(first, output=str(tmp_path))
    frame = DrizzleParams(grid=str(tmp_path / NAMES[0]))
    second = [file for file in files if "iepw14geq" in file]
    drizzle_files(second, params=frame, output=str(tmp_path))
    assert grid(tmp_path / NAMES[0]) == grid(tmp_path / NAMES[1])


def test_what_cannot_be_drizzled_is_left_out_with_a_line(files: list[str], tmp_path: Path) -> None:
    grism = tmp_path / "iepw14g4q_flc.fits"
    with fits.open(files[0]) as hdus:
        hdus[0].header["FILTER"] = "G280"
        hdus.writeto(grism)
    run = drizzle_files([str(grism), files[1]], output=str(tmp_path / "o.fits"))
    assert [(Path(out.path).name, out.is_error) for out in run.left_out] == [("iepw14g4q_flc.fits", False)]
    assert "spectroscopic" in run.left_out[0].why
    with pytest.raises(DataError, match="nothing to drizzle"):
        drizzle_files([str(grism)])


def named(exposure: Exposure, **values: str) -> Exposure:
    header = exposure.header
    for keyword, value in values.items():
        header = header.replace(keyword, make_card(keyword, value))
    return replace(exposure, header=header)


def test_groups(files: list[str]) -> None:
    a, b, c, d = open_visit(files).exposures
    assert list(product_groups((a, b, c, d))) == ["iepw14030", "iepw14040"]
    # an association of two filters
    both = product_groups((named(a, FILTER="F606W"), b))
    assert set(both) == {"iepw14030_uvis_f606w", "iepw14030_uvis_f336w"}
    # single exposures: by filter
    single = [named(e, ASN_ID="NONE") for e in (a, b, c, d)]
    groups = product_groups(single)
    assert list(groups) == [single[0].rootname, single[2].rootname]
    assert [len(g) for g in groups.values()] == [2, 2]


def test_an_unsound_solution_is_named(tmp_path: Path) -> None:
    truth = make_visit(tmp_path, recipe=Recipe(size=(96, 64), stars=5, unsound=("FIT_SVM",)))
    files = [str(p) for e in truth.exposures for p in (e.path, e.headerlet)]
    run = drizzle_files(files, solution="svm", output=str(tmp_path))
    assert len(run.warnings) == 4
    assert all("unsound" in line for line in run.warnings)
    assert not np.isnan(read_product(run.products[0].path).sci).all()
