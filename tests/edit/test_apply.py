"""Putting solutions in force on a simulated visit: rules, refusals, archiving."""

import gzip
import io
import os
import shutil
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from mortal import Mortal
from wfpc2 import write_wfpc2

from trueup.edit.apply import apply
from trueup.edit.headerlets import attach, bundle, delete, extract
from trueup.edit.lock import locked
from trueup.edit.plan import plan
from trueup.edit.record import steps
from trueup.edit.undo import undo
from trueup.errors import (
    ChangedError,
    DataError,
    FileAccessError,
    FormatError,
    SelectionError,
    SolutionError,
    TrueupError,
    UsageError,
)
from trueup.fits.exposure import read_exposure
from trueup.fits.visit import open_visit
from trueup.model.soundness import judge
from trueup.simulate import Recipe, make_visit

REL = "IDC_2731450pi-FIT_REL_GAIAeDR3"
SVM = "IDC_2731450pi-FIT_SVM_GAIAeDR3"
SMALL: dict[str, Any] = {"size": (32, 24), "stars": 2, "galaxies": 0, "noise": False, "exposures": 1}


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("simulated")
    make_visit(folder, recipe=Recipe(**SMALL))
    return folder


@pytest.fixture
def visit(simulated: Path, tmp_path: Path) -> Path:
    """A fresh copy of the visit: one exposure with FIT_REL in force, one with GSC240."""
    folder = tmp_path / "visit"
    shutil.copytree(simulated, folder)
    return folder


@pytest.fixture
def files(visit: Path) -> list[Path]:
    return sorted(visit.glob("*_flc.fits"))


@pytest.fixture
def one(visit: Path) -> Path:
    """The exposure with GSC240 in force."""
    return visit / "iepw14gaq_flc.fits"


def headerlets(visit: Path) -> list[Path]:
    return sorted(visit.glob("*_hlet.fits"))


def active(path: Path) -> str:
    return read_exposure(path).active.wcsname


def refused(path: Path, error: type[TrueupError], match: str, *args: Any, **options: Any) -> TrueupError:
    """An apply that must fail and leave the file and its folder as they are."""
    before, names = path.read_bytes(), {p.name for p in path.parent.iterdir()}
    with pytest.raises(error, match=match) as caught:
        apply([path], *args, **options)
    assert path.read_bytes() == before
    assert {p.name for p in path.parent.iterdir()} == names
    return caught.value


def change_headers(path: Path, edit: Callable[[fits.HDUList], object]) -> None:
    """Edit a file with astropy; HDUs that are not asked for stay as they are."""
    with fits.open(path, mode="update") as hdus:
        edit(hdus)


def test_visit_gets_one_common_solution(visit: Path, files: list[Path]) -> None:
    before = [path.read_bytes() for path in files]
    done = apply([visit], headerlets=headerlets(visit))
    assert [file.target.wcsname for file in done.files] == [SVM, SVM]
    assert [active(path) for path in files] == [SVM, SVM]
    undo([visit])
    assert [path.read_bytes() for path in files] == before


def test_dry_run_writes_nothing_and_tells_all(one: Path) -> None:
    names = {p.name for p in one.parent.iterdir()}
    planned = apply([one], "rel", dry_run=True)
    assert {p.name for p in one.parent.iterdir()} == names
    (item,) = [file.as_dict() for file in planned.files]
    assert item["from"]["wcsname"].endswith("GSC240")
    assert item["to"] == {"index": 7, "wcsname": REL, "hdrname": item["to"]["hdrname"], "origin": "hdrlet"}
    changes = {(c["extname"], c["extver"], c["keyword"]): (c["old"], c["new"]) for c in item["changes"]}
    apply([one], "rel")
    with fits.open(one) as hdus:
        for (extname, extver, keyword), (_, new) in changes.items():
            header = hdus[extname, extver or 1].header if extname != "PRIMARY" else hdus[0].header
            assert header.get(keyword) == new
    assert f"{one}: IDC_2731450pi-GSC240 -> {REL}" in str(planned)


def test_copies_into_another_folder(one: Path, tmp_path: Path) -> None:
    before = one.read_bytes()
    apply([one], "rel", out=tmp_path / "out")
    assert one.read_bytes() == before
    assert active(tmp_path / "out" / one.name) == REL
    with pytest.raises(FileAccessError, match="exists already"):
        apply([one], "rel", out=tmp_path / "out")


def test_active_solution_changes_nothing(one: Path) -> None:
    before = one.read_bytes()
    done = apply([one], "#1")
    assert done.summary.endswith("is in force already")
    assert one.read_bytes() == before
    assert not steps(one)


def test_headerlet_file_is_kept_byte_for_byte(visit: Path, one: Path) -> None:
    (path,) = [p for p in headerlets(visit) if "ga_hlet" in p.name]
    apply([one], headerlets=[path])
    with fits.open(one) as hdus:
        last = max(hdu.header["EXTVER"] for hdu in hdus if hdu.name == "HDRLET")
        kept = hdus["HDRLET", last]
        assert kept.data.tobytes()[: path.stat().st_size] == path.read_bytes()
        assert kept.header["WCSNAME"] == SVM


def extvers(path: Path) -> list[Any]:
    with fits.open(path) as hdus:
        return [hdu.header.get("EXTVER") for hdu in hdus if hdu.name == "HDRLET"]


def test_without_archive_nothing_is_added(visit: Path, one: Path) -> None:
    (path,) = [p for p in headerlets(visit) if "ga_hlet" in p.name]
    count = len(extvers(one))
    apply([one], headerlets=[path], archive=False)
    assert len(extvers(one)) == count


@pytest.mark.parametrize("compress", [False, True])
def test_colliding_extvers_come_out_in_order(tmp_path: Path, compress: bool) -> None:
    make_visit(tmp_path, recipe=Recipe(**SMALL, colliding_extvers=True, gzip_headerlets=compress))
    path = tmp_path / "iepw14gaq_flc.fits"
    before = extvers(path)
    apply([path], "rel")
    after = extvers(path)
    assert before != after == list(range(1, len(before) + 1))
    assert active(path) == REL


def test_checksums_stay_valid(one: Path) -> None:
    def add(hdus: fits.HDUList) -> None:
        for hdu in hdus:
            if hdu.name in {"PRIMARY", "SCI", "ERR", "DQ"}:
                hdu.add_checksum()

    change_headers(one, add)
    apply([one], "rel")
    with fits.open(one, checksum=True) as hdus:
        assert [hdu.verify_checksum() for hdu in hdus if "CHECKSUM" in hdu.header] == [1] * 7
        assert [hdu.verify_datasum() for hdu in hdus if "DATASUM" in hdu.header] == [1] * 7


def test_planes_without_data_or_wcs_get_the_linear_part(one: Path) -> None:
    def empty(hdus: fits.HDUList) -> None:
        for name in ("ERR", "DQ"):
            header = fits.Header([("EXTNAME", name), ("EXTVER", 2), ("NPIX1", 32), ("PIXVALUE", 0.0)])
            hdus[name, 2] = fits.ImageHDU(header=header)

    with fits.open(one) as hdus:
        empty(hdus)
        content = io.BytesIO()
        hdus.writeto(content)
    one.write_bytes(content.getvalue())
    apply([one], "rel")
    with fits.open(one) as hdus:
        assert hdus["ERR", 2].header["CRVAL1"] == hdus["SCI", 2].header["CRVAL1"]
        assert hdus["DQ", 2].header["CTYPE1"] == "RA---TAN"
        assert hdus["DQ", 2].header["WCSNAME"] == REL


def test_bytes_after_the_last_hdu_stay_the_last(one: Path) -> None:
    with one.open("ab") as file:
        file.write(bytes(2880))
    before = one.read_bytes()
    apply([one], headerlets=headerlets(one.parent)[:1])
    assert one.read_bytes().endswith(bytes(2880))
    assert len(open_visit([one]).exposures) == 1
    undo([one])
    assert one.read_bytes() == before


def test_wfpc2(tmp_path: Path) -> None:
    path = write_wfpc2(tmp_path / "u2eq0201t_c0m.fits")
    before = read_exposure(path)
    apply([path], "apriori")
    after = read_exposure(path)
    assert after.active.wcsname == "IDC_v5r1512fi-GSC240"
    for chip in (1, 2, 3, 4):
        want = before.solutions[1].wcs(chip).pixel_to_sky([0, 79], [0, 79])
        assert np.array_equal(after.active.wcs(chip).pixel_to_sky([0, 79], [0, 79]), want)
    apply([path], "distortion-only")
    again = read_exposure(path).active.wcs(3).pixel_to_sky(5, 5)
    assert np.array_equal(again, before.active.wcs(3).pixel_to_sky(5, 5))


def test_nameless_linear_exposure_gets_a_headerlet(one: Path, visit: Path) -> None:
    """A plain FLT without names or distortion crosses to a complete headerlet, with a warning."""

    def strip(hdus: fits.HDUList) -> None:
        for hdu in hdus:
            if hdu.name == "SCI":
                words = ("WCSNAME", "CRVAL1A", "A_", "B_", "CPDIS", "CPERR", "D2IM", "DP1", "DP2")
                for word in [w for w in hdu.header if w == "WCSNAME" or w.startswith(words[1:])]:
                    hdu.header.remove(word, ignore_missing=True)
                hdu.header["CTYPE1"], hdu.header["CTYPE2"] = "RA---TAN", "DEC--TAN"

    with fits.open(one) as hdus:
        strip(hdus)
        content = io.BytesIO()
        fits.HDUList(hdus[:7]).writeto(content, output_verify="silentfix")
    one.write_bytes(content.getvalue())
    (path,) = [p for p in headerlets(visit) if "ga_hlet" in p.name]
    done = apply([one], headerlets=[path])
    assert "another distortion model" in done.warnings[0]
    exposure = read_exposure(one)
    assert exposure.active.wcsname == SVM
    assert judge(exposure)[0].sound is not False
    names = [s.wcsname for s in exposure.solutions if s.origin.kind == "hdrlet"]
    assert names == [SVM, "OPUS"]


def test_unsound(tmp_path: Path) -> None:
    make_visit(tmp_path, recipe=Recipe(**SMALL, unsound=("FIT_REL",)))
    path = tmp_path / "iepw14gaq_flc.fits"
    error = refused(path, SolutionError, "unsound.*chip-geometry", "rel")
    assert "--allow unsound" in str(error)
    apply([path], "rel", allow=["unsound"])
    assert active(path) == REL
    count = len(extvers(path))
    for _ in range(3):
        apply([path], "apriori")
        apply([path], "rel", allow=["unsound"])
    assert len(extvers(path)) == count


def test_linear(one: Path) -> None:
    refused(one, SolutionError, "linear", "OPUS")
    apply([one], "OPUS", allow=["distortion"])
    assert active(one) == "OPUS"


def test_other_distortion_that_is_not_whole(visit: Path, one: Path) -> None:
    path = visit / "other_hlet.fits"
    (source,) = [p for p in headerlets(visit) if "ga_hlet" in p.name]
    with fits.open(source) as hdus:
        for hdu in hdus:
            if hdu.name == "SIPWCS":
                hdu.header["A_2_0"] *= 1.01
                for word in ("CPDIS1", "CPDIS2"):
                    del hdu.header[word]
        hdus.writeto(path)
    refused(one, SolutionError, "not all of it|unsound", headerlets=[path])


def test_other_distortion_that_is_whole(visit: Path, one: Path) -> None:
    path = visit / "other_hlet.fits"
    (source,) = [p for p in headerlets(visit) if "ga_hlet" in p.name]
    with fits.open(source) as hdus:
        hdus[0].header["WCSNAME"] = "IDC_new-FIT_SVM_GAIADR3"
        for hdu in hdus:
            if hdu.name == "SIPWCS":
                hdu.header["A_2_0"] *= 1 + 1e-7
        hdus.writeto(path)
    alternates = [s for s in read_exposure(one).solutions if s.origin.kind == "alternate"]
    done = apply([one], headerlets=[path])
    assert "another distortion model" in done.warnings[0]
    after = read_exposure(one)
    keys = [s.origin.key for s in after.solutions if s.origin.kind == "alternate"]
    assert keys == [s.origin.key for s in alternates if not s.has_sip]
    kept = [s.wcsname for s in after.solutions if s.origin.kind == "hdrlet"]
    assert {s.wcsname for s in alternates} <= set(kept)


def test_wrong_destim(visit: Path, one: Path) -> None:
    (path,) = [p for p in headerlets(visit) if "g4_hlet" in p.name]
    refused(one, SolutionError, "for iepw14g4q", headerlets=[path])
    strange = open_visit([visit / "iepw14g4q_flc.fits"]).exposures[0]
    with pytest.raises(SolutionError, match="iepw14g4q"):
        plan(open_visit([one]), strange.solutions[-1])


def test_missing_chip(visit: Path, one: Path) -> None:
    path = visit / "half_hlet.fits"
    (source,) = [p for p in headerlets(visit) if "ga_hlet" in p.name]
    with fits.open(source) as hdus:
        fits.HDUList([hdu for hdu in hdus if (hdu.name, hdu.ver) != ("SIPWCS", 2)]).writeto(path)
    refused(one, SolutionError, "missing-chip", headerlets=[path], allow=["unsound"])


def test_broken_headerlet(one: Path) -> None:
    with fits.open(one) as hdus:
        at = next(hdu for hdu in hdus if hdu.header.get("WCSNAME") == REL and hdu.name == "HDRLET").fileinfo()
    content = bytearray(one.read_bytes())
    content[at["datLoc"] : at["datLoc"] + 80] = b"x" * 80
    one.write_bytes(content)
    refused(one, SolutionError, "broken", "rel", allow=["unsound"])


def test_selections_that_are_not_one_solution(one: Path) -> None:
    refused(one, SelectionError, "matches several solutions that differ", "*")
    refused(one, SelectionError, "no solution matches", "nothing")
    refused(one, SelectionError, "no headerlet file")
    refused(one, UsageError, "nothing to allow is called 'all'", "rel", allow=["all"])


def test_only_copy_is_not_lost(visit: Path, one: Path) -> None:
    (path,) = [p for p in headerlets(visit) if "ga_hlet" in p.name]
    apply([one], headerlets=[path], archive=False)
    refused(one, SolutionError, "kept nowhere else", "rel", archive=False)
    apply([one], "rel")
    apply([one], "svm")
    assert active(one) == SVM


def test_links(one: Path, tmp_path: Path) -> None:
    link = tmp_path / one.name
    link.symlink_to(one)
    with pytest.raises(FileAccessError, match="symbolic link"):
        apply([link], "rel")
    apply([link], "rel", follow_links=True)
    assert link.is_symlink()
    assert active(one) == REL
    undo([link], follow_links=True)
    os.link(one, tmp_path / "second.fits")
    refused(one, FileAccessError, "2 hard links", "rel")
    apply([one], "rel", follow_links=True)
    assert active(one) == REL


def test_read_only(one: Path) -> None:
    one.chmod(0o444)
    refused(one, FileAccessError, "read-only", "rel")
    one.chmod(0o644)
    one.parent.chmod(0o555)
    try:
        refused(one, FileAccessError, "read-only folder", "rel")
    finally:
        one.parent.chmod(0o755)


def test_compressed(one: Path) -> None:
    packed = one.with_name("iepw14gaq_flc.fits.gz")
    packed.write_bytes(gzip.compress(one.read_bytes()))
    one.unlink()
    refused(packed, FileAccessError, "compressed", "rel")


def test_not_fits_and_truncated(one: Path) -> None:
    content = one.read_bytes()
    one.write_bytes(content[:-3000])
    refused(one, FormatError, "truncated", "rel")
    one.write_bytes(b"no fits")
    refused(one, FormatError, "not a FITS file", "rel")
    with pytest.raises(DataError, match="no exposure"):
        apply(headerlets(one.parent), "rel")


def test_one_bad_exposure_stops_the_visit(files: list[Path]) -> None:
    before = [path.read_bytes() for path in files]
    files[1].chmod(0o444)
    with pytest.raises(FileAccessError):
        apply(files, "rel")
    assert [path.read_bytes() for path in files] == before


def test_plan_is_for_one_state_of_the_file(one: Path) -> None:
    made = plan(open_visit([one]), "rel")
    apply([one], "distortion-only")
    now = one.read_bytes()
    with pytest.raises(ChangedError):
        made.commit()
    assert one.read_bytes() == now
    stale = open_visit([one])
    undo([one])
    with pytest.raises(ChangedError):
        plan(stale, "rel")


def test_two_processes_on_one_file(one: Path) -> None:
    """The second waits, sees what the first did, and plans anew."""
    started = threading.Event()
    results = []

    def second() -> None:
        started.set()
        results.append(Mortal().run(lambda: apply([one], "distortion-only")))

    thread = threading.Thread(target=second)
    with locked([one.parent]):
        made = plan(open_visit([one]), "rel")
        thread.start()
        started.wait()
        made.write()
    thread.join()
    assert results == [True]
    assert [step.what for step in steps(one)] == ["apply IDC_2731450pi", f"apply {REL}"]
    assert active(one) == "IDC_2731450pi"


def test_bundle_for_a_colleague(visit: Path, simulated: Path, tmp_path: Path) -> None:
    apply([visit], headerlets=headerlets(visit))
    path = bundle([visit], tmp_path / "b.zip")
    assert path.read_bytes() == bundle([visit], tmp_path / "c.zip").read_bytes()
    fresh = tmp_path / "fresh"
    shutil.copytree(simulated, fresh)
    apply([fresh], headerlets=[path])
    for mine, theirs in zip(sorted(visit.glob("*_flc*")), sorted(fresh.glob("*_flc*")), strict=True):
        a, b = read_exposure(mine).active, read_exposure(theirs).active
        assert np.array_equal(a.wcs(2).pixel_to_sky(3, 4), b.wcs(2).pixel_to_sky(3, 4))
        assert a.wcsname == b.wcsname == SVM
    with pytest.raises(FileAccessError, match="exists already"):
        bundle([visit], path)


def test_bundle_that_was_tampered_with(one: Path, tmp_path: Path) -> None:
    path = bundle([one], tmp_path / "b.zip")
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    for name, edit in (("bad.zip", b"GSC240"), ("out.zip", b'"file": "')):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            for member, content in contents.items():
                new = content
                if name == "bad.zip" and member != "manifest.json":
                    new = content.replace(edit, edit[:-1] + b"1")
                if name == "out.zip" and member == "manifest.json":
                    new = content.replace(edit, edit + b"../")
                archive.writestr(member, new)
    refused(one, ChangedError, "not what the manifest says", headerlets=[tmp_path / "bad.zip"])
    refused(one, FormatError, "no plain file name", headerlets=[tmp_path / "out.zip"])


def test_extract_attach_delete(visit: Path, one: Path, tmp_path: Path) -> None:
    before = one.read_bytes()
    written = extract([one], dest=tmp_path / "out")
    assert len(written) == len({p.name for p in written}) == 4
    with pytest.raises(FileAccessError, match="exists already"):
        extract([one], dest=tmp_path / "out")
    told = delete([one], REL)
    assert [str(change).split(",")[0] for change in told[str(one)]] == ["remove HDRLET"]
    assert REL not in {s.wcsname for s in read_exposure(one).solutions}
    with fits.open(one) as hdus:
        assert hdus[0].header["NEXTEND"] == len(hdus) - 1
    with pytest.raises(SelectionError, match="is no HDRLET"):
        delete([one], "#1")
    (path,) = [p for p in written if "FIT_REL" in p.name]
    attach([one], [path])
    attach([one], [path])
    assert [s.wcsname for s in read_exposure(one).solutions if s.origin.kind == "hdrlet"].count(REL) == 1
    (stranger,) = [p for p in headerlets(visit) if "g4_hlet" in p.name]
    with pytest.raises(SolutionError, match="for iepw14g4q"):
        attach([one], [stranger])
    undo([one])
    undo([one])
    assert one.read_bytes() == before
