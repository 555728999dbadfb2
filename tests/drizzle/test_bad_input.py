"""What cannot be drizzled: one clear error that names the file, and nothing left behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from trueup.drizzle.params import DrizzleParams
from trueup.drizzle.pipeline import drizzle
from trueup.errors import DataError, FileAccessError, FormatError
from trueup.fits.product import write_product
from trueup.fits.visit import open_visit
from trueup.simulate import Recipe, make_visit
from trueup.workflow.drizzle import DrizzleRun, drizzle_files

NAMES = ("iepw14g4q_flc.fits", "iepw14g6q_flc.fits")
PRODUCT = "iepw14030_trueup_drc.fits"

Change = Callable[[fits.HDUList], None]


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("visit")
    make_visit(folder, recipe=Recipe(size=(160, 120), stars=15, filters=("F336W",)))
    return folder


class Bench:
    """A copy of two exposures, and an empty folder for what is made of them."""

    def __init__(self, visit: Path, folder: Path) -> None:
        self.files = [folder / name for name in NAMES]
        self.output = folder / "products"
        self.output.mkdir()
        for path in self.files:
            shutil.copy(visit / path.name, path)

    def change(self, change: Change, *which: int) -> None:
        """Edit the first exposure, or these."""
        for k in which or (0,):
            with fits.open(self.files[k], memmap=False) as hdus:
                change(hdus)
                hdus.writeto(self.files[k], overwrite=True)

    def run(self, **settings: Any) -> DrizzleRun:
        return drizzle_files(
            [str(f) for f in self.files], params=DrizzleParams(**settings), output=f"{self.output}/"
        )

    def fails(self, error: type[Exception], match: str, *names: Path, **settings: Any) -> None:
        """The run is refused with a message that has these file names, and leaves nothing."""
        with pytest.raises(error, match=match) as refusal:
            self.run(**settings)
        for name in names:
            assert str(name) in str(refusal.value)
        assert not list(self.output.iterdir())

    def product(self, run: DrizzleRun, extname: str = "SCI") -> np.ndarray[Any, Any]:
        """One image of the only product."""
        (product,) = run.products
        return np.asarray(fits.getdata(product.path, extname))


@pytest.fixture
def bench(visit: Path, tmp_path: Path) -> Bench:
    return Bench(visit, tmp_path)


def fill(extname: str, value: float) -> Change:
    def change(hdus: fits.HDUList) -> None:
        for k in (1, 2):
            hdus[extname, k].data[:] = value

    return change


def cut(extname: str) -> Change:
    def change(hdus: fits.HDUList) -> None:
        hdus[extname, 1].data = hdus[extname, 1].data[:50]

    return change


def without(extname: str) -> Change:
    def change(hdus: fits.HDUList) -> None:
        del hdus[extname, 1]

    return change


@pytest.mark.parametrize("center", [(83.9, -69.2754), (10.0, 20.0), (263.8, 69.2)])
def test_a_grid_that_no_exposure_reaches(center: tuple[float, float], bench: Bench) -> None:
    reason = "falls on the output grid|does not project onto the output frame"
    bench.fails(DataError, reason, bench.files[0], center=center, shape=(40, 40))


def test_every_pixel_masked(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.change(fill("DQ", 1), 0, 1)
    bench.fails(DataError, "no pixel on the output grid is good", *bench.files)
    assert "no good pixels in common" in caplog.text
    assert bench.run(final_bits="1").products


@pytest.mark.parametrize("change", [fill("DQ", 1), fill("SCI", np.nan)], ids=["masked", "not numbers"])
def test_one_exposure_without_good_pixels_adds_nothing(change: Change, bench: Bench) -> None:
    bench.change(change)
    context = bench.product(bench.run(final_bits="336"), "CTX")
    assert np.bitwise_or.reduce(context, axis=None) == 0b1100


def test_no_exposure_time(bench: Bench) -> None:
    bench.change(lambda hdus: hdus[0].header.set("EXPTIME", 0.0))
    run = bench.run()
    assert [(Path(o.path), o.why) for o in run.left_out] == [(bench.files[0], "no exposure time")]
    assert run.products[0].exposures == 1
    with pytest.raises(DataError, match="no exposure time") as error:
        drizzle(open_visit(bench.files))
    assert str(bench.files[0]) in str(error.value)


def test_no_exposure_time_at_all(bench: Bench) -> None:
    bench.change(lambda hdus: hdus[0].header.set("EXPTIME", 0.0), 0, 1)
    bench.fails(DataError, "no exposure time", *bench.files)


def test_pixels_that_are_no_numbers_are_left_out(bench: Bench) -> None:
    untouched = bench.product(bench.run(cr=False, final_bits="none", sky="none"))

    def spoil(hdus: fits.HDUList) -> None:
        hdus["SCI", 1].data[40:44, 60:64] = np.nan
        hdus["SCI", 2].data[70] = -np.inf

    bench.change(spoil)
    for settings in ({"cr": False}, {}):
        run = bench.run(final_bits="none", sky="none", **settings)
        sci, wht = bench.product(run), bench.product(run, "WHT")
        assert np.isfinite(sci[wht > 0]).all()
        assert np.isnan(sci[wht == 0]).all()
        if settings:
            assert (sci != untouched)[wht > 0].mean() < 0.02


@pytest.mark.parametrize("settings", [{"weight": "ERR"}, {"planes": ("err",)}], ids=str)
def test_err_that_is_missing(settings: dict[str, Any], bench: Bench) -> None:
    bench.change(without("ERR"), 1)
    bench.fails(DataError, r"SCI,1 .*no ERR extension", bench.files[1], **settings)
    assert bench.run(weight="IVM").products


def test_err_of_zeros_weighs_nothing(bench: Bench) -> None:
    bench.change(fill("ERR", 0.0))
    run = bench.run(weight="ERR")
    assert np.bitwise_or.reduce(bench.product(run, "CTX"), axis=None) == 0b1100
    bench.change(fill("ERR", 0.0), 1)
    shutil.rmtree(bench.output)
    bench.output.mkdir()
    bench.fails(DataError, "no pixel on the output grid is good", *bench.files, weight="ERR")
    run = bench.run(planes=("err", "coverage"))
    beside = fits.getdata(run.products[0].path.replace("_drc", "_err"), "ERR")
    assert np.array_equal(beside == 0, bench.product(run, "WHT") > 0)


def test_exposures_without_dq_are_good(bench: Bench) -> None:
    bench.change(without("DQ"), 0, 1)
    assert (bench.product(bench.run(), "WHT") > 0).mean() > 0.8


@pytest.mark.parametrize("extname", ["ERR", "DQ"])
def test_planes_of_different_sizes(extname: str, bench: Bench) -> None:
    bench.change(cut(extname))
    bench.fails(DataError, rf"SCI,1 .*different sizes: .*{extname} \(50, 160\)", bench.files[0])


def test_subarray_and_full_frame_go_together(bench: Bench, tmp_path: Path) -> None:
    """Sizes of exposures may differ."""
    larger = make_visit(tmp_path / "larger", recipe=Recipe(size=(300, 200), stars=15, filters=("F336W",)))
    shutil.copy(larger.files[1], bench.files[1])
    run = bench.run()
    context = bench.product(run, "CTX")
    assert not run.left_out
    assert context.shape > (380, 280)
    assert np.bitwise_or.reduce(context, axis=None) == 0b1111
    assert (context & 0b0011 != 0).mean() < (context & 0b1100 != 0).mean()


def test_a_truncated_file(bench: Bench) -> None:
    for path in bench.files:
        os.truncate(path, 100_000)
    bench.fails(DataError, "nothing to drizzle; .*truncated", *bench.files)
    with pytest.raises(FormatError, match="truncated") as error:
        open_visit(bench.files)
    assert str(bench.files[0]) in str(error.value)


def test_a_file_that_is_cut_while_it_is_drizzled(bench: Bench) -> None:
    visit = open_visit(bench.files)
    os.truncate(bench.files[1], 100_000)
    with pytest.raises(FormatError, match="ended while pixels were read") as error:
        drizzle(visit, output=str(bench.output / PRODUCT))
    assert str(bench.files[1]) in str(error.value)
    assert not list(bench.output.iterdir())


def test_an_unknown_filter_of_mdriztab(tmp_path: Path) -> None:
    table = tmp_path / "x_mdz.fits"
    columns = {
        "filter": ("20A", ["F814W", "F814W"]),
        "numimages": ("I", [1, 2]),
        "driz_sep_bits": ("J", [0, 336]),
    }
    fits.BinTableHDU.from_columns(
        [fits.Column(name, form, array=values) for name, (form, values) in columns.items()]
    ).writeto(table)
    with pytest.raises(DataError, match="no row for 2 exposures of F336W") as error:
        DrizzleParams.from_mdriztab(table, "F336W", 2)
    assert str(table) in str(error.value)
    assert "F814W" in str(error.value)
    assert DrizzleParams.from_mdriztab(table, "F814W", 5).sep_bits == "336"


@pytest.mark.parametrize("projection", ["SIN", "TAN-SIP"])
def test_a_reference_that_is_no_tangent_plane(projection: str, bench: Bench, tmp_path: Path) -> None:
    first = bench.run()
    reference = tmp_path / "reference.fits"
    with fits.open(first.products[0].path) as hdus:
        hdus["SCI"].header["CTYPE1"] = f"RA---{projection}"
        hdus["SCI"].header["CTYPE2"] = f"DEC--{projection}"
        hdus.writeto(reference)
    (bench.output / PRODUCT).unlink()
    bench.fails(DataError, f"RA---{projection}", reference, grid=str(reference))
    bench.fails(FileAccessError, "No such file", tmp_path / "absent.fits", grid=str(tmp_path / "absent.fits"))


FULL_DISK = textwrap.dedent(
    """
    import resource, sys
    from trueup.drizzle.params import DrizzleParams
    from trueup.errors import FileAccessError
    from trueup.workflow.drizzle import drizzle_files
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
    *files, output = sys.argv[1:]
    try:
        drizzle_files(files, params=DrizzleParams(planes=("err",)), output=output)
    except FileAccessError as error:
        print(error)
    """
)


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of file sizes")
@pytest.mark.parametrize("older", [False, True], ids=["new", "over an older product"])
def test_a_disk_that_is_full(older: bool, bench: Bench) -> None:
    """A limit of 300 kB stops the product, of about 600 kB, half-way."""
    before = {}
    if older:
        product = Path(bench.run().products[0].path)
        before = {product.name: product.read_bytes()}
        assert product.stat().st_size > 400_000
    command = [sys.executable, "-c", FULL_DISK, *map(str, bench.files), f"{bench.output}/"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"{bench.output / PRODUCT}: ")
    assert {path.name: path.read_bytes() for path in bench.output.iterdir()} == before


def test_no_product_without_its_companion(bench: Bench) -> None:
    mosaic = drizzle(open_visit(bench.files), params=DrizzleParams(planes=("err",)))
    companion = bench.output / PRODUCT.replace("_drc", "_err")
    companion.mkdir()
    with pytest.raises(FileAccessError) as error:
        write_product(mosaic, bench.output / PRODUCT, overwrite=True)
    assert str(error.value).startswith(f"{companion}: ")
    assert list(bench.output.iterdir()) == [companion]
