"""`trueup ls --format json` on the real files, pinned."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from trueup.cli import run

UVIS, INFRARED = "IDC_2731450pi", "IDC_w3m18525i"


@pytest.fixture
def listed(real_data: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    folders = [str(real_data / "headers"), str(real_data / "wfc3-ir-pixels")]
    assert run(["ls", *folders, "--format", "json"]) == 0
    return dict(json.loads(capsys.readouterr().out))


def item(listed: dict[str, Any], rootname: str) -> dict[str, Any]:
    return dict(next(i for i in listed["items"] if i["rootname"] == rootname))


def test_every_exposure_is_listed_and_the_rest_is_named(listed: dict[str, Any]) -> None:
    assert listed["schema"] == "trueup.ls/1"
    assert [(i["rootname"], i["detector"], i["filter"]) for i in listed["items"]] == [
        ("ib4606c5q", "UVIS", "F555W"),
        ("ib4606cpq", "IR", "F110W"),
        ("ib6o23rtq", "IR", "F140W"),
        ("ib6o23rwq", "IR", "F140W"),
        ("ib6o23rzq", "IR", "F140W"),
        ("ib6o23s2q", "IR", "F140W"),
        ("j94f05bgq", "WFC", "F606W"),
    ]
    left_out = {Path(out["file"]).name for out in listed["left_out"]}
    assert left_out == {"ia1d23dmq_flt_hlet.fits", "jbz504010_asn.fits"}
    assert not any(out["error"] for out in listed["left_out"])
    assert listed["consistent"]
    assert listed["findings"] == []


def test_uvis_exposure(listed: dict[str, Any]) -> None:
    exposure = item(listed, "ib4606c5q")
    assert exposure["asn_id"] == "ib4606060"
    assert (exposure["mode"], exposure["guiding"], exposure["exptime"]) == ("image", "fine", 1.0)
    rows = [(s["wcsname"], s["origin"], s["key"], s["hdu"]) for s in exposure["solutions"]]
    assert rows == [
        (f"{UVIS}-FIT_REL_GAIAeDR3", "primary", None, None),
        (UVIS, "alternate", "A", None),
        (f"{UVIS}-HSC30", "alternate", "B", None),
        ("OPUS", "alternate", "O", None),
        ("OPUS", "hdrlet", None, 7),
        (UVIS, "hdrlet", None, 8),
        (f"{UVIS}-GSC240", "hdrlet", None, 9),
        (f"{UVIS}-HSC30", "hdrlet", None, 10),
        (f"{UVIS}-FIT_REL_GAIADR2", "hdrlet", None, 11),
        (f"{UVIS}-FIT_SVM_GAIADR2", "hdrlet", None, 12),
        (UVIS, "hdrlet", None, 14),
        (f"{UVIS}-FIT_REL_GAIAeDR3", "hdrlet", None, 23),
    ]
    assert [s["same_as"] for s in exposure["solutions"]] == [
        [], [6, 11], [8], [5], [4], [2, 11], [], [3], [], [], [2, 6], [],
    ]  # fmt: skip
    active = exposure["solutions"][0]
    assert (active["nmatches"], round(active["rms_ra_mas"], 2)) == (573, 5.76)
    assert active["offset_max_mas"] == 0
    gsc, hsc = exposure["solutions"][6], exposure["solutions"][7]
    assert gsc["offset_center_mas"] > exposure["solutions"][1]["offset_center_mas"]
    assert hsc["offset_max_mas"] == pytest.approx(177.8, abs=0.5)


def test_exactly_one_solution_is_unsound(listed: dict[str, Any]) -> None:
    unsound = [
        (i["rootname"], s["index"], s["faults"])
        for i in listed["items"]
        for s in i["solutions"]
        if s["sound"] is False
    ]
    ((rootname, index, (fault,)),) = unsound
    assert (rootname, index, fault["code"], fault["chip"]) == ("ib4606c5q", 12, "chip-geometry", 2)
    assert fault["reference_mas"] == pytest.approx(168.2, abs=0.5)
    assert fault["mas"] == pytest.approx(177.8, abs=0.5)
    assert fault["reference_pix"] == pytest.approx(168.2 / 39.62, abs=0.02)
    assert f"{UVIS}-HSC30" in fault["text"]


def test_uvis_notes(listed: dict[str, Any]) -> None:
    notes = [{n["code"] for n in s["notes"]} for s in item(listed, "ib4606c5q")["solutions"]]
    assert notes[0] == {"table-cut", "only-copy"}
    assert notes[3] == {"linear-only", "no-reference"}
    assert notes[9] == {"crder-in-mas"}
    assert notes[7] == {"duplicate"}


def test_infrared_exposure(listed: dict[str, Any]) -> None:
    exposure = item(listed, "ib4606cpq")
    assert len(exposure["solutions"]) == 13
    assert all(s["sound"] for s in exposure["solutions"])
    assert exposure["solutions"][12]["same_as"] == [1]
    assert [s["hdu"] for s in exposure["solutions"][4:]] == [6, 7, 8, 9, 10, 11, 12, 14, 15]
    assert exposure["solutions"][8]["nmatches"] is None


def test_plain_exposures(listed: dict[str, Any]) -> None:
    plain = item(listed, "ib6o23rtq")
    assert plain["active"] is None
    assert plain["guiding"] == "fine/gyro"
    (only,) = plain["solutions"]
    assert (only["family"], only["nmatches"], only["wcsname"]) == ("telemetry", None, None)
    acs = item(listed, "j94f05bgq")
    assert acs["asn_id"] == "j94f05bgq"
    assert [s["sound"] for s in acs["solutions"]] == [None, None]


def test_a_headerlet_alone_is_listed_as_one_solution(
    real_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(real_data / "headers" / "ia1d23dmq_flt_hlet.fits")
    assert run(["ls", path, "--format", "json"]) == 0
    (headerlet,) = json.loads(capsys.readouterr().out)["headerlets"]
    assert headerlet["destim"] == "ia1d23dmq"
    assert headerlet["wcsname"] == INFRARED
    assert headerlet["sound"] is None


def test_members_that_are_not_there_are_bad_data(real_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(real_data / "headers" / "jbz504010_asn.fits")
    assert run(["ls", path, "--format", "json"]) == 3
    listed = json.loads(capsys.readouterr().out)
    assert [Path(out["file"]).name[:9] for out in listed["left_out"]] == ["jbz504ejq", "jbz504ekq"]


def test_text_names_the_fault_and_the_next_command(
    real_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["ls", str(real_data / "headers" / "ib4606c5q_flc.fits"), "--check"]) == 0
    out = capsys.readouterr().out
    assert "NO: chip-geometry" in out
    assert "SCI,2 (CCDCHIP 1) does not belong to SCI,1 (CCDCHIP 2): off by 168.2 mas" in out
    assert "Next: trueup drizzle" in out


@pytest.mark.parametrize("style", ["jsonl", "ecsv"])
def test_other_formats(style: str, real_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["ls", str(real_data / "headers"), "--format", style]) == 0
    out = capsys.readouterr().out
    if style == "jsonl":
        assert json.loads(out.splitlines()[0])["rootname"] == "ib4606c5q"
    else:
        from astropy.table import Table

        table = Table.read(out, format="ascii.ecsv")
        assert list(table["rootname"]) == ["ib4606c5q", "ib4606cpq", "j94f05bgq"]
