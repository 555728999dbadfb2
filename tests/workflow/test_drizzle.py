"""One call, several products, one grid."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from trueup.drizzle.params import DrizzleParams
from trueup.edit.undo import undo
from trueup.errors import DataError, FileAccessError, SolutionError, UsageError
from trueup.fits.product_read import read_product
from trueup.fits.splice import sha256_of
from trueup.fits.visit import open_visit
from trueup.model.cards import make_card
from trueup.model.exposure import Exposure
from trueup.simulate import Recipe, Truth, make_visit
from trueup.workflow.drizzle import drizzle_files, product_groups
from trueup.workflow.drizzle_settings import layered

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


def test_unsound_solutions_are_refused(tmp_path: Path) -> None:
    truth = make_visit(tmp_path, recipe=Recipe(size=(96, 64), stars=5, unsound=("FIT_SVM",)))
    files = [str(p) for e in truth.exposures for p in (e.path, e.headerlet)]
    with pytest.raises(SolutionError, match=r"disagree about the sky .* is unsound"):
        drizzle_files(files, solution="svm", output=str(tmp_path))
    assert not list(tmp_path.glob("*_trueup_*"))
    mixed = DrizzleParams(allow_mixed=True)
    run = drizzle_files(files, solution="svm", params=mixed, output=str(tmp_path))
    assert len([line for line in run.warnings if "unsound" in line]) == 4
    assert not np.isnan(read_product(run.products[0].path).sci).all()


def test_a_folder_is_made_where_the_name_says_so(files: list[str], tmp_path: Path) -> None:
    run = drizzle_files(files, solution="rel", output=f"{tmp_path}/new/deep/")
    assert [Path(p.path) for p in run.products] == [tmp_path / "new" / "deep" / name for name in NAMES]
    run = drizzle_files(files, solution="rel", output=f"{tmp_path}/other/deep")
    assert [Path(p.path) for p in run.products] == [tmp_path / "other" / "deep" / name for name in NAMES]
    with pytest.raises(FileAccessError, match="no such file"):
        drizzle_files(files[:2], output=f"{tmp_path}/absent/mine.fits")


def test_intermediate_products_are_kept(files: list[str], tmp_path: Path) -> None:
    params = DrizzleParams(keep=str(tmp_path / "steps"))
    drizzle_files(files[:2], params=params, output=f"{tmp_path}/")
    kept = {path.name for path in (tmp_path / "steps").iterdir()}
    for root in ("iepw14g4q", "iepw14g6q"):
        for extver in (1, 2):
            mask = fits.getdata(tmp_path / "steps" / f"iepw14030_{root}_sci{extver}_crmask.fits")
            assert mask.shape == (90, 160)
            assert set(np.unique(mask)) == {0, 1}
    assert any("median" in name for name in kept)


def digests(files: Sequence[str]) -> list[str]:
    return [sha256_of(file) for file in files]


def test_inputs_and_their_folder_stay_as_they_are(truth: Truth, files: list[str], tmp_path: Path) -> None:
    folder = truth.exposures[0].path.parent
    before = digests(files), sorted(path.name for path in folder.iterdir())
    drizzle_files([folder], solution="rel", output=str(tmp_path))
    assert (digests(files), sorted(path.name for path in folder.iterdir())) == before


def copied(files: Sequence[str], folder: Path) -> list[str]:
    return [shutil.copy(file, folder) for file in files]


def test_masks_are_written_into_dq_where_asked_and_can_be_undone(files: list[str], tmp_path: Path) -> None:
    mine = copied(files[:2], tmp_path)
    before = digests(mine)
    params = DrizzleParams(write_dq=True, keep=f"{tmp_path}/steps")
    drizzle_files(mine, params=params, output=f"{tmp_path}/out/")
    for file in mine:
        with fits.open(file) as hdus:
            for extver in (1, 2):
                name = f"iepw14030_{hdus[0].header['ROOTNAME']}_sci{extver}_crmask.fits"
                hit = fits.getdata(tmp_path / "steps" / name) == 0
                assert hit.any()
                assert np.array_equal(hdus["DQ", extver].data & 4096 != 0, hit)
    undo(mine)
    assert digests(mine) == before


def test_files_that_may_not_be_edited_are_found_before_the_work(files: list[str], tmp_path: Path) -> None:
    mine = copied(files[:2], tmp_path)
    Path(mine[1]).chmod(0o444)
    with pytest.raises(FileAccessError, match="read-only"):
        drizzle_files(mine, params=DrizzleParams(write_dq=True), output=f"{tmp_path}/out/")
    assert not (tmp_path / "out").exists()


def test_one_exposure_has_no_cosmic_rays_rejected(files: list[str], tmp_path: Path) -> None:
    run = drizzle_files(files[:1], output=f"{tmp_path}/")
    assert run.warnings == ("iepw14030: one exposure, so cosmic rays are not rejected",)


def test_progress_goes_from_0_to_1(files: list[str], tmp_path: Path) -> None:
    told: list[tuple[str, float]] = []
    drizzle_files(files, solution="rel", output=f"{tmp_path}/", tell=lambda *what: told.append(what))
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert 0 <= shares[0] < 0.1
    assert 0.8 < shares[-1] <= 1
    assert {what.split(":")[0] for what, _ in told} == {"iepw14030", "iepw14040"}
    for root in ("iepw14g4q", "iepw14g6q", "iepw14gaq", "iepw14geq"):
        assert any(f"final drizzle, {root}" in what for what, _ in told)


def test_an_interrupted_run_leaves_no_partial_product(files: list[str], tmp_path: Path) -> None:
    def interrupt(what: str, _: float) -> None:
        if "iepw14040: write" in what:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        drizzle_files(files, solution="rel", output=f"{tmp_path}/", tell=interrupt)
    assert [path.name for path in tmp_path.iterdir()] == NAMES[:1]


def test_a_product_is_made_again_from_its_settings(files: list[str], tmp_path: Path) -> None:
    params = DrizzleParams(pixfrac=0.7, scale=0.05, rot=12.0, combine="median", fill=0.0, final_bits="~64")
    first = drizzle_files(files, solution="rel", params=params, output=f"{tmp_path}/a/").products
    again = DrizzleParams.from_product(first[0].path)
    # the grid is the file's, so that one association alone makes it too
    second = drizzle_files(files[:2], solution="rel", params=again, output=f"{tmp_path}/b/").products
    one, two = (fits.open(p.path) for p in (first[0], second[0]))
    with one, two:
        for extname in ("SCI", "WHT", "CTX"):
            assert np.array_equal(one[extname].data, two[extname].data)
        for keyword in ("CRVAL1", "CRPIX1", "CD1_1", "CD1_2"):
            assert one["SCI"].header[keyword] == two["SCI"].header[keyword]


def test_settings_that_are_not_there(files: list[str]) -> None:
    with pytest.raises(DataError, match="no settings in it"):
        DrizzleParams.from_product(files[0])


def mdriztab(path: Path) -> str:
    """Rows for 1 and for 2 exposures."""
    columns = [
        fits.Column("filter", "8A", array=["ANY", "ANY", "F275W"]),
        fits.Column("numimages", "J", array=[1, 2, 2]),
        fits.Column("final_pixfrac", "E", array=[1.0, 0.5, 0.75]),
        fits.Column("final_kernel", "8A", array=["square", "turbo", "point"]),
        fits.Column("final_units", "8A", array=["cps", "counts", "counts"]),
    ]
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU.from_columns(columns)]).writeto(path)
    return str(path)


def test_options_come_before_stored_settings_before_mdriztab(files: list[str], tmp_path: Path) -> None:
    table = mdriztab(tmp_path / "x_mdz.fits")
    f336w, f275w = (open_visit(group).exposures for group in (files[:2], files[2:]))
    only = layered({}, mdriztab=table)
    assert [(p.pixfrac, p.kernel, p.units) for p in map(only, (f336w, f275w, f336w[:1]))] == [
        (0.5, "turbo", "counts"),
        (0.75, "point", "counts"),
        (1.0, "square", "cps"),
    ]
    stored = tmp_path / "settings.json"
    stored.write_text('{"kernel": "gaussian", "units": "cps"}')
    # an option counts also where it is the default
    all_three = layered({"kernel": "square"}, stored=str(stored), mdriztab=table)(f336w)
    assert (all_three.pixfrac, all_three.kernel, all_three.units) == (0.5, "square", "cps")


def test_stored_settings_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(FileAccessError):
        layered({}, stored=str(tmp_path / "absent.json"))
    with pytest.raises(UsageError, match="no setting is called pixfrack"):
        layered({}, stored='{"pixfrack": 1}')
    with pytest.raises(UsageError, match="pixfrac is 3"):
        layered({}, stored='{"pixfrac": 3}')
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="neither JSON nor a product"):
        layered({}, stored=str(tmp_path / "binary"))
