"""The drizzled product: layout, headers true for all inputs, atomic writing."""

from __future__ import annotations

import json
import math
import resource
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from trueup.drizzle.params import DrizzleParams
from trueup.drizzle.pipeline import drizzle
from trueup.errors import FileAccessError
from trueup.fits.product import require_free, write_product
from trueup.fits.product_read import read_frame, read_product
from trueup.fits.visit import open_visit
from trueup.model.mosaic import Mosaic
from trueup.simulate import Recipe, make_visit


@pytest.fixture(scope="module")
def mosaic(tmp_path_factory: pytest.TempPathFactory) -> Mosaic:
    folder = tmp_path_factory.mktemp("visit")
    make_visit(folder, recipe=Recipe(size=(200, 100), stars=20))
    return drizzle(open_visit([folder]), solution="rel", params=DrizzleParams(pixfrac=0.9))


@pytest.fixture(scope="module")
def path(mosaic: Mosaic, tmp_path_factory: pytest.TempPathFactory) -> str:
    written = write_product(
        mosaic, tmp_path_factory.mktemp("out") / "a_trueup_drc.fits", rootname="iepw14030"
    )
    assert written.path is not None
    return written.path


@pytest.fixture
def hdus(path: str) -> Iterator[fits.HDUList]:
    with fits.open(path) as opened:
        opened.verify("exception")
        yield opened


def test_layout(hdus: fits.HDUList, mosaic: Mosaic, path: str) -> None:
    assert [hdu.name for hdu in hdus] == ["PRIMARY", "SCI", "WHT", "CTX", "HDRTAB"]
    assert [hdu.header.get("BITPIX") for hdu in hdus[:4]] == [8, -32, -32, 32]
    assert hdus[0].data is None
    assert Path(path).stat().st_size % 2880 == 0
    assert np.array_equal(hdus["SCI"].data, mosaic.sci, equal_nan=True)
    assert np.array_equal(hdus["WHT"].data, mosaic.wht)
    assert mosaic.context is not None
    assert np.array_equal(hdus["CTX"].data, mosaic.context[0])


@pytest.mark.parametrize("extension", ["SCI", "WHT", "CTX"])
def test_the_frame_is_linear_and_right(hdus: fits.HDUList, mosaic: Mosaic, extension: str) -> None:
    header = hdus[extension].header
    wcs = WCS(header)
    assert wcs.sip is None
    assert wcs.wcs.radesys == "ICRS"
    x, y = np.array([0.0, 50.0, 150.0]), np.array([3.0, 80.0, 20.0])
    np.testing.assert_allclose(wcs.all_pix2world(x, y, 0), mosaic.wcs.pixel_to_sky(x, y), atol=1e-12, rtol=0)
    assert header["WCSNAME"] == "IDC_2731450pi-FIT_REL_GAIAeDR3"
    assert math.tan(math.radians(header["ORIENTAT"])) == pytest.approx(header["CD1_2"] / header["CD2_2"])


def test_primary_says_what_is_true_of_all_inputs(hdus: fits.HDUList, mosaic: Mosaic) -> None:
    header, exposures = hdus[0].header, mosaic.exposures
    assert header["EXPTIME"] == header["TEXPTIME"] == sum(e.exptime for e in exposures)
    assert header["EXPSTART"] == min(e.header.get("EXPSTART") for e in exposures)
    assert header["EXPEND"] == max(e.header.get("EXPEND") for e in exposures)
    assert header["NDRIZIM"] == 8
    assert header["NEXTEND"] == 4
    assert header["ROOTNAME"] == "iepw14030"
    assert header["FILENAME"] == "a_trueup_drc.fits"
    assert (header["INSTRUME"], header["DETECTOR"]) == ("WFC3", "UVIS")
    # the inputs are of two filters and two associations
    assert "FILTER" not in header
    assert "ASN_ID" not in header
    assert json.loads(header["DRIZPARS"])["pixfrac"] == 0.9
    assert "BUNIT" not in header
    assert len([word for word in header if word == "EXPTIME"]) == 1


def test_a_card_set_per_chip(hdus: fits.HDUList, mosaic: Mosaic) -> None:
    header = hdus[0].header
    for number, (exposure, chip) in enumerate(mosaic.chips, start=1):
        key = f"D{number:03d}"
        assert header[f"{key}DATA"] == f"{Path(exposure.path).name}[sci,{chip.id.extver}]"
        assert header[f"{key}DEXP"] == exposure.exptime
        assert header[f"{key}WCSN"] == exposure.solution.wcsname
        assert header[f"{key}PIXF"] == 0.9
        assert header[f"{key}ISCL"] == pytest.approx(0.0396, rel=0.02)
    assert "D009DATA" not in header


def test_science_header(hdus: fits.HDUList, mosaic: Mosaic) -> None:
    header = hdus["SCI"].header
    assert header["BUNIT"] == "ELECTRONS/S"
    first = mosaic.chips[0][1].header
    assert header["PHOTFLAM"] == first.get("PHOTFLAM")
    assert header["PHOTPLAM"] == first.get("PHOTPLAM")
    words = header["S_REGION"].split()
    assert words[:2] == ["POLYGON", "ICRS"]
    ra, dec = np.array(words[2:], float).reshape(-1, 2).T
    x, y = mosaic.wcs.sky_to_pixel(ra, dec)
    for exposure, chip in mosaic.chips:
        cx, cy = mosaic.wcs.sky_to_pixel(
            *exposure.wcs(chip.id).pixel_to_sky(*exposure.wcs(chip.id).corners())
        )
        assert x.min() - 1e-3 <= cx.min() <= cx.max() <= x.max() + 1e-3
        assert y.min() - 1e-3 <= cy.min() <= cy.max() <= y.max() + 1e-3


def test_table_of_inputs(hdus: fits.HDUList, mosaic: Mosaic, path: str) -> None:
    table = hdus["HDRTAB"].data
    assert len(table) == 8
    assert list(table["ROOTNAME"]) == [e.rootname for e, _ in mosaic.chips]
    assert list(table["CCDCHIP"]) == [c.id.ccdchip for _, c in mosaic.chips]
    assert set(table["FILTER"]) == {"F336W", "F275W"}
    exposure, chip = mosaic.chips[3]
    assert table["CRVAL1"][3] == exposure.wcs(chip.id).crval[0]
    assert [name for _, name in open_visit([path]).products[0].inputs] == [
        "IDC_2731450pi-FIT_REL_GAIAeDR3"
    ] * 8


def test_it_is_read_back_as_a_product_and_a_grid(mosaic: Mosaic, path: str) -> None:
    product = read_product(path)
    assert np.array_equal(product.sci, mosaic.sci, equal_nan=True)
    frame = read_frame(path)
    assert (frame.shape, frame.crpix, frame.crval) == (mosaic.wcs.shape, mosaic.wcs.crpix, mosaic.wcs.crval)
    assert np.array_equal(frame.cd, mosaic.wcs.cd)


def test_only_files_of_trueup_are_replaced(mosaic: Mosaic, tmp_path: Path) -> None:
    target = tmp_path / "iepw14030_drc.fits"
    fits.PrimaryHDU(header=fits.Header({"CREATOR": "drizzlepac"})).writeto(target)
    foreign = target.read_bytes()
    with pytest.raises(FileAccessError, match="trueup did not write it"):
        write_product(mosaic, target)
    assert target.read_bytes() == foreign
    write_product(mosaic, target, overwrite=True)
    write_product(mosaic, target)
    target.write_text("notes")
    with pytest.raises(FileAccessError, match="--overwrite"):
        require_free(target)
    assert [p.name for p in tmp_path.iterdir()] == [target.name]


def test_a_full_disk_leaves_the_old_file(mosaic: Mosaic, tmp_path: Path) -> None:
    target = tmp_path / "a_trueup_drc.fits"
    write_product(mosaic, target)
    before = target.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(FileAccessError, match=r"a_trueup_drc\.fits"):
            write_product(mosaic, target)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert target.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [target.name]


def test_a_missing_folder_is_an_error(mosaic: Mosaic, tmp_path: Path) -> None:
    with pytest.raises(FileAccessError, match="no such file"):
        write_product(mosaic, tmp_path / "absent" / "a_trueup_drc.fits")
