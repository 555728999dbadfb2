"""The drizzled product: layout, headers true for all inputs, atomic writing."""

from __future__ import annotations

import importlib.util
import json
import math
import os
import resource
import subprocess
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from trueup.drizzle.admission import under
from trueup.drizzle.params import DrizzleParams
from trueup.drizzle.pipeline import drizzle
from trueup.errors import FileAccessError
from trueup.fits.product import companion_path, require_free, write_image, write_product
from trueup.fits.product_header import primary_header, science_header
from trueup.fits.product_read import read_frame, read_product
from trueup.fits.visit import open_visit
from trueup.model.chipwcs import ChipWcs
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
    # two filters have no pivot wavelength in common
    assert "PHOTPLAM" not in header
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
    assert list(table["IDCTAB"]) == [e.header.get("IDCTAB") for e, _ in mosaic.chips]
    assert table["CRVAL1"][3] == exposure.wcs(chip.id).crval[0]
    assert [name for _, name in open_visit([path]).products[0].inputs] == [
        "IDC_2731450pi-FIT_REL_GAIAeDR3"
    ] * 8


def test_photometry_of_one_filter(mosaic: Mosaic) -> None:
    f336w = replace(mosaic, exposures=mosaic.exposures[:2])
    header, first = science_header(f336w), mosaic.chips[0][1].header
    for keyword in ("PHOTFLAM", "PHOTPLAM", "PHOTMODE"):
        assert header.get(keyword) == first.get(keyword) is not None


def test_fit_keywords_are_those_of_all_inputs(mosaic: Mosaic) -> None:
    # both filters have a fit, of 46 and of 9 stars
    header = science_header(mosaic)
    assert header.get("WCSTYPE") == "undistorted a posteriori solution relatively aligned to GAIAEDR3"
    assert not {"NMATCHES", "RMS_RA", "RMS_DEC"} & {card.keyword for card in header}
    f336w = science_header(replace(mosaic, exposures=mosaic.exposures[:2]))
    assert (f336w.get("NMATCHES"), f336w.get("RMS_RA"), f336w.get("RMS_DEC")) == (46, 13.0, 11.1)
    # an a-priori solution claims no fit, whatever is left over in SCI
    gsc240 = under(mosaic.exposures, "*gsc240")
    assert "NMATCHES" not in science_header(replace(mosaic, exposures=gsc240))


def test_a_mixed_set_says_so(mosaic: Mosaic) -> None:
    mixed = replace(mosaic, exposures=(*mosaic.exposures[:2], *under(mosaic.exposures[2:], "*gsc240")))
    header = science_header(mixed)
    assert header.get("WCSNAME") == "MIXED"
    assert header.get("WCSTYPE") == "inputs under different solutions, see HDRTAB"
    assert "NMATCHES" not in header
    assert "different WCS solutions" in history(mixed)


def history(mosaic: Mosaic) -> str:
    header = primary_header(mosaic, rootname="a", filename="a.fits")
    assert all(len(card.text) == 80 for card in header if card.keyword == "HISTORY")
    return " ".join(card.text[8:].strip() for card in header if card.keyword == "HISTORY")


@pytest.mark.parametrize(
    ("params", "words"),
    [
        (DrizzleParams(), ["square kernel", "exposure time", "Mapping exact", "minmed of all exposures"]),
        (DrizzleParams(cr=False), ["Cosmic rays were not rejected"]),
        (
            DrizzleParams(compat="astrodrizzle", combine="median"),
            ["approximations of AstroDrizzle", "median"],
        ),
        (DrizzleParams(kernel="turbo", weight="ERR"), ["turbo kernel", "variance that ERR gives"]),
    ],
)
def test_history_says_how_it_was_made(mosaic: Mosaic, params: DrizzleParams, words: list[str]) -> None:
    said = history(replace(mosaic, settings=params.for_exposures("UVIS", 2).to_json()))
    assert [word for word in words if word not in said] == []


def test_the_sky_of_each_chip(mosaic: Mosaic, tmp_path: Path) -> None:
    sky = {(e.rootname, c.id.extver): 10.0 + n for n, (e, c) in enumerate(mosaic.chips)}
    written = write_product(replace(mosaic, sky=sky), tmp_path / "a_trueup_drc.fits")
    with fits.open(str(written.path)) as hdus:
        assert [hdus[0].header[f"D{n:03d}SKY"] for n in range(1, 9)] == list(sky.values())
        assert list(hdus["HDRTAB"].data["MDRIZSKY"]) == list(sky.values())


def test_without_context_there_is_none(mosaic: Mosaic, tmp_path: Path) -> None:
    written = write_product(replace(mosaic, context=None), tmp_path / "a_trueup_drc.fits")
    with fits.open(str(written.path)) as hdus:
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "SCI", "WHT", "HDRTAB"]
        assert hdus[0].header["NEXTEND"] == 3


def test_errors_and_coverage_go_to_a_file_beside_it(mosaic: Mosaic, tmp_path: Path) -> None:
    planes = {"err": mosaic.sci + 1, "coverage": mosaic.wht + 2}
    written = write_product(replace(mosaic, **planes), tmp_path / "a_trueup_drc.fits")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a_trueup_drc.fits", "a_trueup_err.fits"]
    with fits.open(str(written.path)) as hdus, fits.open(companion_path(str(written.path))) as beside:
        assert len(hdus) == 5
        assert [hdu.name for hdu in beside] == ["PRIMARY", "ERR", "COVERAGE"]
        assert [hdu.header["BUNIT"] for hdu in beside[1:]] == ["ELECTRONS/S", "SECONDS"]
        assert np.array_equal(beside["ERR"].data, planes["err"], equal_nan=True)
        assert np.array_equal(beside["COVERAGE"].data, planes["coverage"])
        assert beside["ERR"].header["CRVAL1"] == hdus["SCI"].header["CRVAL1"]


@pytest.mark.parametrize(
    ("name", "beside"),
    [
        ("a_trueup_drc.fits", "a_trueup_err.fits"),
        ("mine.fits", "mine_trueup_err.fits"),
        ("x/m.fit", "x/m_trueup_err.fits"),
    ],
)
def test_name_of_the_file_beside(name: str, beside: str) -> None:
    assert companion_path(name) == Path(beside)


def small(**values: Any) -> Mosaic:
    wcs = ChipWcs((0, 0), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (2, 3))
    plane = np.ones((2, 3), np.float32)
    return replace(Mosaic(plane, plane, None, wcs, (), "ELECTRONS/S", "{}"), **values)


def test_more_than_32_chips_take_planes_of_context(tmp_path: Path) -> None:
    context = np.arange(12, dtype=np.int32).reshape(2, 2, 3)
    written = write_product(small(context=context), tmp_path / "a.fits")
    assert np.array_equal(fits.getdata(str(written.path), "CTX"), context)


def test_writing_takes_little_memory(tmp_path: Path) -> None:
    plane = np.ones((3000, 1500), np.float32)
    tracemalloc.start()
    try:
        write_product(small(sci=plane, wht=plane), tmp_path / "a.fits")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < plane.nbytes / 2


@pytest.mark.parametrize("kind", [np.float32, np.int32, np.uint8, np.bool_])
def test_intermediate_images(kind: type, tmp_path: Path) -> None:
    image: np.ndarray = np.array([[0, 1, 0], [1, 1, 0]], kind)
    write_image(image, tmp_path / "a_median.fits")
    write_image(image, tmp_path / "a_median.fits")
    assert np.array_equal(fits.getdata(tmp_path / "a_median.fits"), image)
    Path(tmp_path / "b.fits").write_text("mine")
    with pytest.raises(FileAccessError, match="did not write"):
        write_image(image, tmp_path / "b.fits")


REFERENCE = """
import glob, sys
from astropy.io import fits
from stwcs.wcsutil import HSTWCS
product = sys.argv[1]
print(HSTWCS(product, ext=("SCI", 1)).pscale)
from drizzlepac.astrodrizzle import AstroDrizzle
AstroDrizzle(
    sorted(glob.glob("*_flc.fits"))[:1], output="ad", build=True, context=False, static=False, skysub=False,
    driz_separate=False, median=False, blot=False, driz_cr=False, final_wcs=True, final_refimage=product,
    num_cores=1, preserve=False, clean=True,
)
"""


def test_astrodrizzle_takes_it_as_a_reference_image(path: str, tmp_path: Path, peer_python: str) -> None:
    if importlib.util.find_spec("drizzlepac") is None:
        pytest.skip("drizzlepac is not installed")
    make_visit(tmp_path, recipe=Recipe(size=(200, 100), stars=20))
    command = [peer_python, "-W", "ignore", "-c", REFERENCE, path]
    env = os.environ | {"iref": f"{tmp_path}/"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stderr[-2000:]
    ours, theirs = (fits.getheader(p, "SCI") for p in (path, tmp_path / "ad_drc.fits"))
    for keyword in ("NAXIS1", "NAXIS2", "CRPIX1", "CRPIX2", "CRVAL1", "CRVAL2"):
        assert theirs[keyword] == pytest.approx(ours[keyword], rel=1e-12)


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
