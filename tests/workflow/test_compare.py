"""Two products with known truth, on different grids, compared through files and the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from numpy.typing import NDArray

from trueup.cli import run
from trueup.errors import DataError, FormatError
from trueup.fits.product_read import read_product
from trueup.model.chipwcs import ChipWcs, plane_to_sky, sky_to_plane
from trueup.workflow.compare import compare

Sky = tuple[NDArray[np.float64], NDArray[np.float64]]

PIXEL = 0.0396 / 3600
CENTER = (83.82, -69.2)


def wcs_of(
    shape: tuple[int, int],
    degrees: float,
    *,
    scale: float = 1.0,
    crval: tuple[float, float] = CENTER,
    crpix: tuple[float, float] | None = None,
) -> ChipWcs:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    cd = scale * PIXEL * np.array([[-c, s], [s, c]])
    return ChipWcs(crpix or ((shape[1] - 1) / 2, (shape[0] - 1) / 2), crval, cd, shape)


def write(
    path: Path,
    wcs: ChipWcs,
    sky: Sky,
    flux: NDArray[np.float64],
    *,
    filter_name: str,
    seed: int,
    hot: int = 0,
) -> str:
    """A product in electrons/s of stars with wings, noise, and blobs that only it has."""
    rng = np.random.default_rng(seed)
    exptime = 800.0
    x, y = wcs.sky_to_pixel(*sky)
    rows, columns = np.indices(wcs.shape)
    image = np.zeros(wcs.shape)
    for x0, y0, f in zip(x, y, flux, strict=True):
        box = np.s_[max(round(float(y0)) - 9, 0) : round(float(y0)) + 10, max(round(float(x0)) - 9, 0) :]
        box = (box[0], slice(box[1].start, round(float(x0)) + 10))
        r2 = (rows[box] - y0) ** 2 + (columns[box] - x0) ** 2
        image[box] += f * (0.85 * np.exp(-r2 / 2 / 0.9**2) / 0.81 + 0.15 * np.exp(-r2 / 2 / 4) / 4) / 6.2832
    ny, nx = wcs.shape
    for i, j in zip(rng.integers(1, nx - 3, hot), rng.integers(1, ny - 3, hot), strict=True):
        image[j, i : i + rng.integers(1, 4)] += rng.lognormal(0, 1)
    image = rng.poisson(np.maximum(image + 0.05, 0) * exptime) / exptime + rng.normal(0, 0.005, wcs.shape)
    weight = np.full(wcs.shape, exptime, np.float32)
    weight[:, :15] = 0
    primary = fits.PrimaryHDU()
    primary.header.update(INSTRUME="WFC3", DETECTOR="UVIS", FILTER=filter_name, EXPTIME=exptime)
    sci = fits.ImageHDU(image.astype(np.float32), name="SCI")
    sci.header.update(CTYPE1="RA---TAN", CTYPE2="DEC--TAN", BUNIT="ELECTRONS/S", WCSNAME="IDC_2731450pi")
    sci.header.update(
        CRPIX1=wcs.crpix[0] + 1, CRPIX2=wcs.crpix[1] + 1, CRVAL1=wcs.crval[0], CRVAL2=wcs.crval[1]
    )
    for i in (0, 1):
        for j in (0, 1):
            sci.header[f"CD{i + 1}_{j + 1}"] = wcs.cd[i, j]
    fits.HDUList([primary, sci, fits.ImageHDU(weight, name="WHT")]).writeto(path)
    return str(path)


def displaced(sky: Sky, *, east_mas: float, north_mas: float, rotation_deg: float) -> Sky:
    """Positions as a wrong solution gives them: turned from north through east, then moved."""
    xi, eta = sky_to_plane(sky[0], sky[1], CENTER)
    turn = np.radians(rotation_deg)
    return plane_to_sky(
        xi * np.cos(turn) + eta * np.sin(turn) + east_mas / 3.6e6,
        eta * np.cos(turn) - xi * np.sin(turn) + north_mas / 3.6e6,
        CENTER,
    )


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """F336W, and F275W on a turned, finer grid, 3 % of the flux, misplaced by (60, -35) mas and 0.004 deg."""
    folder = tmp_path_factory.mktemp("pair")
    rng = np.random.default_rng(0)
    sky = plane_to_sky(*(rng.uniform(-330, 330, (2, 150)) * PIXEL), CENTER)
    flux = 10 ** rng.uniform(0.3, 2.3, 150)
    a = write(folder / "a_drc.fits", wcs_of((700, 720), 0), sky, flux, filter_name="F336W", seed=1, hot=4000)
    grid = wcs_of((940, 900), 37, scale=0.9, crpix=(450.3, 460.8))
    wrong = displaced(sky, east_mas=60, north_mas=-35, rotation_deg=0.004)
    b = write(folder / "b_drc.fits", grid, wrong, 0.1 * flux, filter_name="F275W", seed=2, hot=4000)
    return a, b


def test_offset_and_rotation_between_products_on_different_grids(pair: tuple[str, str]) -> None:
    fit = compare(*pair).fit
    assert fit.east_mas == pytest.approx(60, abs=1.0)
    assert fit.north_mas == pytest.approx(-35, abs=1.0)
    assert abs(fit.east_mas - 60) < 4 * fit.sigma_east_mas
    assert abs(fit.rotation_deg - 0.004) < 4 * fit.sigma_rotation_deg
    assert fit.log10_pfalse < -20
    assert fit.verdict == "fail"


def test_picture_shows_a_source_that_both_have(pair: tuple[str, str]) -> None:
    view = compare(*pair, half=20).view
    assert view.a.shape == view.b.shape == (41, 41)
    x, y = view.wcs.sky_to_pixel(*view.mark)
    assert (x, y) == pytest.approx((20, 20), abs=0.6)
    for pixels in (view.a, view.b):
        noise = 1.4826 * np.median(np.abs(pixels - np.median(pixels)))
        assert pixels[17:24, 17:24].max() > 20 * noise
    assert view.labels == ("F336W", "F275W")


def test_center_is_where_it_was_asked_for(pair: tuple[str, str]) -> None:
    a = read_product(pair[0])
    asked = tuple(float(v) for v in a.wcs.pixel_to_sky(200.0, 300.0))
    view = compare(*pair, center=asked, half=10).view
    np.testing.assert_array_equal(view.a, a.sci[290:311, 190:211])


def test_command_prints_json_and_writes_pictures(
    pair: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["compare", *pair, "--stretch", "5", "-o", str(tmp_path / "sky"), "--format", "json"]) == 0
    out = json.loads(capsys.readouterr().out)
    assert out["schema"] == "trueup.compare/1"
    assert (out["a"], out["b"]) == pair
    assert out["verdict"] == "fail"
    assert {path.name for path in tmp_path.iterdir()} == {"sky.png", "sky.pdf"}
    assert out["figures"] == [str(tmp_path / "sky.png"), str(tmp_path / "sky.pdf")]


def test_no_common_stars_is_unmeasurable_and_no_failure(
    pair: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(9)
    sky = plane_to_sky(*(rng.uniform(-330, 330, (2, 150)) * PIXEL), CENTER)
    other = write(
        tmp_path / "c_drc.fits", wcs_of((700, 720), 0), sky, np.full(150, 30.0), filter_name="F275W", seed=3
    )
    assert run(["compare", pair[0], other, "-o", str(tmp_path / "sky")]) == 0
    assert "UNMEASURABLE" in capsys.readouterr().out
    fit = compare(pair[0], other).fit
    assert fit.east_mas is None
    assert fit.log10_pfalse >= -6


def test_products_of_different_sky_are_unmeasurable(pair: tuple[str, str], tmp_path: Path) -> None:
    away = wcs_of((300, 300), 0, crval=(84.5, -69.2))
    sky = away.pixel_to_sky(*np.random.default_rng(1).uniform(20, 280, (2, 30)))
    other = write(tmp_path / "d_drc.fits", away, sky, np.full(30, 30.0), filter_name="F275W", seed=3)
    comparison = compare(pair[0], other, output=tmp_path / "sky")
    assert comparison.fit.verdict == "unmeasurable"


@pytest.mark.parametrize(
    ("option", "text"),
    [
        (["--center", "10", "3"], "is not on it"),
        (["--center", "nan", "-69"], "is not on it"),
        (["--half", "0"], "give 3 to 1000"),
        (["--half", "100000"], "give 3 to 1000"),
        (["--stretch", "0"], "positive"),
        (["--solution", "best"], "Unknown option"),
    ],
)
def test_impossible_pictures_are_usage_errors(
    pair: tuple[str, str], option: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["compare", *pair, *option]) == 2
    assert text in capsys.readouterr().err


def test_southern_position_on_the_command_line(pair: tuple[str, str], tmp_path: Path) -> None:
    output = ["-o", str(tmp_path / "sky")]
    assert run(["compare", *pair, "--center", "83.82", "-69.2", "--half", "12", *output]) == 0


def test_weightless_pixels_are_no_data(pair: tuple[str, str]) -> None:
    product = read_product(pair[0])
    assert np.isnan(product.sci[:, :15]).all()
    assert np.isfinite(product.sci[:, 15:]).all()
    assert product.electrons_per_unit == 800.0
    assert (product.filter, product.detector, product.wcsname) == ("F336W", "UVIS", "IDC_2731450pi")


def test_an_exposure_is_no_product(tmp_path: Path) -> None:
    hdus = [fits.PrimaryHDU(), *(fits.ImageHDU(np.zeros((5, 5)), name="SCI", ver=v) for v in (1, 2))]
    fits.HDUList(hdus).writeto(tmp_path / "a_flc.fits")
    with pytest.raises(DataError, match="drizzle the exposure first"):
        read_product(tmp_path / "a_flc.fits")
    assert run(["compare", str(tmp_path / "a_flc.fits"), str(tmp_path / "a_flc.fits")]) == 3


def test_a_file_without_image_is_no_product(tmp_path: Path) -> None:
    fits.PrimaryHDU().writeto(tmp_path / "empty.fits")
    with pytest.raises(FormatError, match="no image"):
        read_product(tmp_path / "empty.fits")


def test_image_in_the_primary_with_pc_and_cdelt(tmp_path: Path) -> None:
    hdu = fits.PrimaryHDU(np.arange(12, dtype=np.int16).reshape(3, 4))
    hdu.header.update(CTYPE1="RA---TAN", CTYPE2="DEC--TAN", CRPIX1=2.0, CRPIX2=3.0, CRVAL1=10.0, CRVAL2=20.0)
    hdu.header.update(CDELT1=-1e-5, CDELT2=2e-5, BUNIT="COUNTS", FILTER1="CLEAR1L", FILTER2="F814W")
    hdu.writeto(tmp_path / "plain.fits")
    product = read_product(tmp_path / "plain.fits")
    assert product.sci.dtype == np.float32
    np.testing.assert_array_equal(product.wcs.cd, np.diag([-1e-5, 2e-5]))
    assert product.wcs.crpix == (1.0, 2.0)
    assert (product.filter, product.electrons_per_unit) == ("F814W", 1.0)
