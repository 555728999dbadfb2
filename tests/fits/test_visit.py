"""Folders, associations, copies and headerlets become one visit."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from wfpc2 import write_wfpc2

from trueup.errors import FileAccessError, FormatError
from trueup.fits.exposure import read_exposure, read_pixels
from trueup.fits.visit import open_visit
from trueup.model.soundness import judge
from trueup.simulate import Recipe, make_visit

SMALL = Recipe(size=(96, 64), stars=5, galaxies=0, noise=False)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("visit")
    make_visit(folder, recipe=SMALL)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "download"))


def test_a_download_folder_is_ordinary_input(folder: Path) -> None:
    flc = folder / "iepw14g4q_flc.fits"
    shutil.copy(flc, folder / "hst_16801_14_wfc3_uvis_f336w_iepw14g4_flc.fits")
    (folder / "iepw14g4q_flt.fits.gz").write_bytes(gzip.compress(flc.read_bytes()))
    for name in ("iepw14g4q_raw.fits", "iepw14g4q_spt.fits", "notes.txt"):
        (folder / name).write_bytes(b"never opened")
    (folder / "broken_flc.fits").write_bytes(b"<html>")
    hdus = fits.HDUList([fits.PrimaryHDU(header=fits.Header({"INSTRUME": "STIS", "ROOTNAME": "o1"}))])
    hdus.writeto(folder / "o1_flt.fits")
    visit = open_visit([folder])
    assert [e.rootname for e in visit.exposures] == [
        "iepw14g4q", "iepw14g6q", "iepw14gaq", "iepw14geq",
    ]  # fmt: skip
    assert Path(visit.exposures[0].path).name == "iepw14g4q_flc.fits"
    reasons = {Path(out.path).name: (out.why, out.is_error) for out in visit.left_out}
    assert reasons["broken_flc.fits"] == ("not a FITS file", True)
    assert reasons["o1_flt.fits"] == ("instrument STIS is left alone", False)
    assert reasons["iepw14g4q_raw.fits"] == ("raw data", False)
    assert "iepw14g4q_flc.fits is used" in reasons["iepw14g4q_flt.fits.gz"][0]
    assert "iepw14g4q_flc.fits is used" in reasons["hst_16801_14_wfc3_uvis_f336w_iepw14g4_flc.fits"][0]
    assert "notes.txt" not in reasons
    assert len(visit.offered) == 4
    assert all(len(e.solutions) == len(read_exposure(e.path).solutions) for e in visit.exposures)


def test_raw_data_that_are_named_are_left_out_with_a_line(folder: Path) -> None:
    raw = shutil.copy(folder / "iepw14g4q_flc.fits", folder / "iepw14g4q_raw.fits")
    (folder / "iepw14g4q_spt.fits").write_bytes(b"never opened")
    visit = open_visit([raw, folder / "iepw14g4q_spt.fits", folder / "iepw14g6q_flc.fits"])
    assert [e.rootname for e in visit.exposures] == ["iepw14g6q"]
    assert [(out.why, out.is_error) for out in visit.left_out] == [
        ("raw data", False),
        ("support file", False),
    ]
    with pytest.raises(FileAccessError):
        open_visit([folder / "absent_raw.fits"])


def test_an_association_names_its_members(folder: Path) -> None:
    visit = open_visit([folder / "iepw14040_asn.fits"])
    assert [e.rootname for e in visit.exposures] == ["iepw14gaq", "iepw14geq"]
    assert set(visit.by_association()) == {"iepw14040"}


def test_named_headerlets_join_their_exposure_by_destim(folder: Path) -> None:
    names = sorted(folder.glob("*_hlet.fits"))
    # the name of the file says nothing: only DESTIM counts
    odd = names[0].rename(folder / "some_hlet.fits")
    visit = open_visit([folder, odd, *names[1:]])
    for exposure in visit.exposures:
        last = exposure.solutions[-1]
        assert last.origin.kind == "file"
        assert last.destim == exposure.rootname
        assert last.name.mode == "SVM"
    alone = open_visit([odd])
    assert alone.exposures == ()
    assert len(alone.headerlets) == 1


def test_a_file_that_was_named_must_be_usable(folder: Path) -> None:
    bad = folder / "bad_flc.fits"
    bad.write_bytes(b"<html>")
    with pytest.raises(FormatError, match="bad_flc"):
        open_visit([bad])
    with pytest.raises(FileAccessError):
        open_visit([folder / "nowhere_flc.fits"])
    assert open_visit([bad], strict=False).left_out[0].is_error


def test_an_exposure_without_a_wcs_spoils_no_folder(folder: Path) -> None:
    bad = folder / "iepw14g4q_flc.fits"
    bad.write_bytes(bad.read_bytes().replace(b"CRVAL1  =", b"CRVALX  ="))
    (folder / "gone_flc.fits").symlink_to("nowhere")
    visit = open_visit([folder])
    assert [e.rootname for e in visit.exposures] == ["iepw14g6q", "iepw14gaq", "iepw14geq"]
    assert {Path(out.path).name for out in visit.left_out if out.is_error} == {bad.name, "gone_flc.fits"}
    with pytest.raises(FormatError, match="CRVAL1 is absent"):
        open_visit([bad])
    assert open_visit([bad], strict=False).exposures == ()


def test_a_headerlet_file_that_is_named_is_not_left_out(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    named = sorted(Path().glob("*g4_hlet.fits"))
    visit = open_visit([folder, *named])
    assert {Path(out.path).name for out in visit.left_out}.isdisjoint(path.name for path in named)
    assert len(visit.offered) == 3


def test_gzip_gives_the_same_exposure(folder: Path) -> None:
    flc = folder / "iepw14gaq_flc.fits"
    packed = folder / "iepw14gaq_flc.fits.gz"
    packed.write_bytes(gzip.compress(flc.read_bytes()))
    plain, zipped = read_exposure(flc), read_exposure(packed)
    assert [s.wcsname for s in plain.solutions] == [s.wcsname for s in zipped.solutions]
    assert np.array_equal(read_pixels(plain, 1), read_pixels(zipped, 1))


@pytest.mark.parametrize("plane", ["SCI", "ERR", "DQ"])
def test_pixels_equal_astropy(plane: str, folder: Path) -> None:
    path = folder / "iepw14g4q_flc.fits"
    exposure = read_exposure(path)
    with fits.open(path) as hdus:
        theirs = hdus[plane, 2].data
        assert np.array_equal(read_pixels(exposure, 2, plane=plane), theirs)
        assert np.array_equal(read_pixels(exposure, 2, plane=plane, rows=slice(10, 20)), theirs[10:20])
    with pytest.raises(FormatError, match="no TIME"):
        read_pixels(exposure, 1, plane="TIME")


def test_colliding_extvers_and_gzipped_headerlets_do_not_matter(tmp_path: Path) -> None:
    for name, recipe in (
        ("plain", SMALL),
        ("odd", Recipe(size=(96, 64), stars=5, galaxies=0, noise=False, colliding_extvers=True)),
        ("zip", Recipe(size=(96, 64), stars=5, galaxies=0, noise=False, gzip_headerlets=True)),
    ):
        make_visit(tmp_path / name, recipe=recipe)
    plain, odd, zipped = (
        read_exposure(tmp_path / name / "iepw14g4q_flc.fits") for name in ("plain", "odd", "zip")
    )
    extvers = [s.origin.extver for s in odd.solutions if s.origin.kind == "hdrlet"]
    assert len(set(extvers)) < len(extvers)
    for other in (odd, zipped):
        assert [s.wcsname for s in other.solutions] == [s.wcsname for s in plain.solutions]
        assert [v.same_as for v in judge(other)] == [v.same_as for v in judge(plain)]


def test_a_damaged_headerlet_extension_is_listed_as_broken(folder: Path) -> None:
    path = folder / "iepw14g4q_flc.fits"
    exposure = read_exposure(path)
    spot = next(s.origin.hdu for s in exposure.solutions if s.origin.kind == "hdrlet")
    assert spot is not None
    with fits.open(path) as hdus:
        start = hdus[spot]._data_offset
    data = bytearray(path.read_bytes())
    data[start : start + 80] = b"x" * 80
    path.write_bytes(data)
    verdicts = judge(read_exposure(path))
    assert [v.faults[0].code for v in verdicts if v.faults] == ["broken"]


def test_unsound_headerlets_of_a_visit_are_found(tmp_path: Path) -> None:
    recipe = Recipe(size=(96, 64), stars=5, galaxies=0, noise=False, unsound=("FIT_SVM",))
    make_visit(tmp_path, recipe=recipe)
    visit = open_visit([tmp_path, *tmp_path.glob("*_hlet.fits")])
    for exposure in visit.exposures:
        sound = [verdict.sound for verdict in judge(exposure)]
        assert sound.count(False) == 1
        assert sound[-1] is False


@pytest.mark.parametrize("instrument", ["IR", "ACS/WFC"])
def test_other_detectors(instrument: str, tmp_path: Path) -> None:
    make_visit(tmp_path, recipe=Recipe(instrument, size=(96, 64), stars=5, galaxies=0))
    visit = open_visit([tmp_path])
    assert len(visit.exposures) == 4
    assert {e.detector for e in visit.exposures} == {instrument.rpartition("/")[2]}
    assert not any(verdict.faults for e in visit.exposures for verdict in judge(e))
    assert not visit.is_consistent


def test_wfpc2_is_listed_and_checked(tmp_path: Path) -> None:
    write_wfpc2(tmp_path / "u2eq0201t_c0m.fits")
    (exposure,) = open_visit([tmp_path]).exposures
    assert (exposure.detector, exposure.filter, exposure.mode) == ("WFPC2", "F606W", "image")
    assert [chip.id.ccdchip for chip in exposure.chips] == [1, 2, 3, 4]
    assert [s.wcsname for s in exposure.solutions] == ["IDC_v5r1512fi", "IDC_v5r1512fi-GSC240"]
    assert [verdict.sound for verdict in judge(exposure)] == [True, True]
