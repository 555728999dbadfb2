"""The files of a visit: structure, names, options."""

from __future__ import annotations

import gzip
import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from trueup.errors import FileAccessError, UsageError
from trueup.fits.exposure import read_exposure
from trueup.model.soundness import judge
from trueup.simulate import Recipe, Truth, make_visit


def embedded(hdu: fits.hdu.base.NonstandardExtHDU) -> fits.HDUList:
    content = bytes(hdu.data)
    return fits.open(io.BytesIO(gzip.decompress(content) if hdu.header["COMPRESS"] else content))


def test_hdus_have_the_order_of_the_archive(small: Truth) -> None:
    with fits.open(small.files[0]) as hdus:
        hdus.verify("exception")
        names = [(hdu.name, hdu.ver) for hdu in hdus[1:]]
    planes = [(name, chip) for chip in (1, 2) for name in ("SCI", "ERR", "DQ")]
    tables = [("WCSDVARR", 1), ("WCSDVARR", 2), ("D2IMARR", 1), ("D2IMARR", 2)]
    tables += [(name, ver + 2) for name, ver in tables]
    hdrlets = [("HDRLET", number) for number in (1, 2, 3)]
    assert names == [*planes, *hdrlets, ("WCSCORR", 1), *tables, ("HDRLET", 4)]


def test_headers_name_the_visit(small: Truth) -> None:
    with fits.open(small.files[2]) as hdus:
        primary, science = hdus[0].header, hdus["SCI", 1].header
        assert primary["NEXTEND"] == len(hdus) - 1
        assert (primary["ROOTNAME"], primary["FILTER"], primary["EXPTIME"]) == ("iepw14gaq", "F275W", 720.0)
        assert (primary["ASN_ID"], primary["PROPOSID"]) == ("IEPW14040", 16801)
        assert [hdus["SCI", i].header["CCDCHIP"] for i in (1, 2)] == [2, 1]
        assert science["WCSNAME"] == small.exposures[2].active == "IDC_2731450pi-GSC240"
        assert science["S_REGION"].startswith("POLYGON ICRS 83.8")
        assert hdus["ERR", 1].header["CTYPE1"] == "RA---TAN"
        assert science["DP1.EXTVER"] == 1
        assert hdus["SCI", 2].header["D2IM2.EXTVER"] == 4
    start, end = primary["EXPSTART"], primary["EXPEND"]
    assert (end - start) * 86400 == pytest.approx(720.0, abs=0.01)


def test_right_and_wrong_filter(small: Truth) -> None:
    assert [e.active.partition("-")[2] for e in small.exposures] == ["FIT_REL_GAIAeDR3"] * 2 + ["GSC240"] * 2
    with fits.open(small.files[0]) as hdus:
        header = hdus["SCI", 1].header
    assert (header["NMATCHES"], header["RMS_RA"], header["FITGEOM"]) == (46, 13.0, "rscale")
    assert header["WCSNAMEB"] == "IDC_2731450pi-GSC240"
    with fits.open(small.files[2]) as hdus:
        header = hdus["SCI", 1].header
    assert "NMATCHES" not in header
    assert "WCSNAMEB" not in header


def test_subarray_is_the_same_piece_of_the_detector(small: Truth) -> None:
    with fits.open(small.files[0]) as hdus:
        headers = [hdus["SCI", i].header for i in (1, 2)]
    for header in headers:
        assert (header["SIZAXIS1"], header["SIZAXIS2"]) == (header["NAXIS1"], header["NAXIS2"]) == (320, 240)
        assert header["CRPIX1"] - header["LTV1"] == 2048.0
        assert header["CRPIX2"] - header["LTV2"] == 1026.0
    # the rows next to the gap between the chips
    assert [h["LTV2"] for h in headers] == [240 - 2051, 0]


def test_headerlets_carry_the_solutions(small: Truth) -> None:
    with fits.open(small.files[0]) as hdus:
        for hdu in (h for h in hdus if h.name == "HDRLET"):
            with embedded(hdu) as inner:
                assert inner[0].header["DESTIM"] == "iepw14g4q"
                assert inner[0].header["WCSNAME"] == hdu.header["WCSNAME"]
                # the offsets point at the extensions
                content = bytes(hdu.data)
                for i in range(1, len(inner)):
                    assert content[hdu.header[f"XIND{i}"] :].startswith(b"XTENSION")
    with fits.open(small.headerlets[0]) as inner:
        assert small.headerlets[0].name == "hst_16801_14_wfc3_uvis_f336w_iepw14g4_hlet.fits"
        assert inner[0].header["WCSNAME"] == small.svm == "IDC_2731450pi-FIT_SVM_GAIAeDR3"
        assert len(inner[0].header["HDRNAME"]) > 68
        assert inner["SIPWCS", 2].header["TG_EVER"] == 2
        assert inner["WCSDVARR", 4].data.shape == (32, 64)


def test_association_tables(small: Truth) -> None:
    assert [path.name for path in small.associations] == ["iepw14030_asn.fits", "iepw14040_asn.fits"]
    with fits.open(small.associations[1]) as hdus:
        rows = hdus["ASN"].data
        assert list(rows["MEMNAME"]) == ["IEPW14GAQ", "IEPW14GEQ", "IEPW14040"]
        assert list(rows["MEMTYPE"]) == ["EXP-DTH", "EXP-DTH", "PROD-DTH"]
        assert rows["MEMPRSNT"].all()


def test_tables_of_truth_and_catalogue(small: Truth) -> None:
    truth = Table.read(small.table)
    offset = truth.meta["offsets"]["F275W - F336W"]
    assert offset["before"]["east_mas"] == pytest.approx(60, abs=0.05)
    assert offset["after"]["east_mas"] == pytest.approx(0, abs=1)
    assert set(truth["kind"]) == {"star", "galaxy"}
    gaia = Table.read(small.catalog)
    assert set(gaia["ref_epoch"]) == {2016.0}
    # the catalogue holds the stars of the truth, moved back to its epoch within the errors
    years = small.epoch - 2016.0
    ra = gaia["ra"] + gaia["pmra"] * years / 3.6e6 / np.cos(np.radians(gaia["dec"]))
    dec = gaia["dec"] + gaia["pmdec"] * years / 3.6e6
    dx = (ra[:, None] - truth["ra"]) * np.cos(np.radians(dec))[:, None] * 3.6e6
    nearest = np.hypot(dx, (dec[:, None] - truth["dec"]) * 3.6e6).min(1)
    sigma = np.hypot(gaia["ra_error"], years * gaia["pmra_error"])
    assert 0.7 < np.mean((nearest / sigma) ** 2) / 2 < 1.4


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    def digests(folder: str, seed: int) -> dict[str, str]:
        truth = make_visit(tmp_path / folder, seed=seed, recipe=Recipe(size=(100, 80), stars=20))
        return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in truth.directory.iterdir()}

    first = digests("a", 1)
    assert digests("b", 1) == first
    other = digests("c", 2)
    assert not any(other[name] == first[name] for name in first if name.endswith("flc.fits"))


def test_gzip_and_colliding_extvers(tmp_path: Path) -> None:
    recipe = Recipe(size=(60, 50), stars=0, gzip_headerlets=True, colliding_extvers=True)
    truth = make_visit(tmp_path, recipe=recipe)
    with fits.open(truth.files[0]) as hdus:
        hdrlets = [hdu for hdu in hdus if hdu.name == "HDRLET"]
        assert [hdu.header.get("EXTVER") for hdu in hdrlets] == [1, 2, 2, None]
        for hdu in hdrlets:
            with embedded(hdu) as inner:
                assert inner[0].header["HDRNAME"] == hdu.header["HDRNAME"]


def test_unsound_headerlet_has_a_chip_of_the_solution_before(tmp_path: Path) -> None:
    truth = make_visit(tmp_path, recipe=Recipe(size=(60, 50), stars=0, unsound=("FIT_REL",)))
    with fits.open(truth.files[0]) as hdus:
        hdrlets = {h.header["WCSNAME"].rpartition("-")[2]: h for h in hdus if h.name == "HDRLET"}
        active = [hdus["SCI", i].header for i in (1, 2)]
        with embedded(hdrlets["FIT_REL_GAIAeDR3"]) as fit, embedded(hdrlets["GSC240"]) as before:
            assert fit["SIPWCS", 1].header["CRVAL1"] == active[0]["CRVAL1"]
            assert fit["SIPWCS", 2].header["CRVAL1"] == before["SIPWCS", 2].header["CRVAL1"]
            assert fit["SIPWCS", 2].header["CRVAL1"] != active[1]["CRVAL1"]


def test_soundness_rule_finds_the_unsound_headerlet_and_no_other(tmp_path: Path) -> None:
    truth = make_visit(tmp_path, recipe=Recipe(size=(200, 150), stars=0, unsound=("FIT_REL", "FIT_SVM")))
    for path, headerlet in zip(truth.files, truth.headerlets, strict=True):
        exposure = read_exposure(path, [str(headerlet)])
        unsound = {
            (s.wcsname.partition("-")[2], s.origin.kind): verdict.faults
            for s, verdict in zip(exposure.solutions, judge(exposure), strict=True)
            if verdict.faults
        }
        assert set(unsound) == {("FIT_REL_GAIAeDR3", "hdrlet"), ("FIT_SVM_GAIAeDR3", "file")}
        assert {fault.code for faults in unsound.values() for fault in faults} == {"chip-geometry"}


@pytest.mark.parametrize(
    ("instrument", "suffix", "planes", "filters"),
    [
        ("IR", "flt", ["SCI", "ERR", "DQ", "SAMP", "TIME"], ("F110W", "F160W")),
        ("ACS/WFC", "flc", ["SCI", "ERR", "DQ"] * 2, ("F606W", "F814W")),
    ],
)
def test_other_detectors(
    tmp_path: Path, instrument: str, suffix: str, planes: list[str], filters: tuple[str, str]
) -> None:
    truth = make_visit(tmp_path, recipe=Recipe(instrument=instrument, size=(90, 80), exposures=4))
    assert truth.filters == filters
    assert len({e.rootname for e in truth.exposures}) == 8
    assert truth.files[0].name.endswith(f"_{suffix}.fits")
    with fits.open(truth.files[-1]) as hdus:
        hdus.verify("exception")
        assert [hdu.name for hdu in hdus[1 : 1 + len(planes)]] == planes
        assert np.isfinite(hdus["SCI", 1].data).all()


def test_filters_beyond_the_default(tmp_path: Path) -> None:
    recipe = Recipe(size=(60, 50), stars=5, filters=("F336W", "F275W", "F814W"), exposures=1)
    truth = make_visit(tmp_path, recipe=recipe)
    assert [e.filter for e in truth.exposures] == ["F336W", "F275W", "F814W"]
    assert truth.offset("F814W", "F275W").east_mas == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize(
    "options", [{"instrument": "HRC"}, {"size": (5000, 100)}, {"exposures": 0}, {"unsound": ("IMG",)}]
)
def test_impossible_recipes(options: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        Recipe(**options)


def test_unknown_names(small: Truth) -> None:
    with pytest.raises(UsageError, match="F606W"):
        small.offset("F606W", "F336W")
    with pytest.raises(UsageError, match="x1234567q"):
        small.exposure("x1234567q")


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileAccessError, match="choose another folder"):
        make_visit(tmp_path / "file" / "visit", recipe=Recipe(size=(60, 50)))
