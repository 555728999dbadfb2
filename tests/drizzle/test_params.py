"""Settings and bit masks."""

from __future__ import annotations

import json
import re
from dataclasses import Field, fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.drizzle.bits import ALL_BITS, good_bits
from trueup.drizzle.params import DrizzleParams
from trueup.errors import UsageError


@pytest.mark.parametrize(
    ("spelling", "mask"),
    [
        ("336", 336),
        (336, 336),
        ("256,64,16", 336),
        ("256+64+16", 336),
        (" 256, 64 ,16 ", 336),
        ("~4096,64", ALL_BITS - 4096 - 64),
        ("~(4096+64)", ALL_BITS - 4096 - 64),
        (~4160, ALL_BITS - 4096 - 64),
        ("65535", 65535),
        ("0", 0),
        (0, 0),
        ("~0", ALL_BITS),
        ("none", ALL_BITS),
        ("None", ALL_BITS),
        ("", ALL_BITS),
    ],
)
def test_spellings_of_bits(spelling: str | int, mask: int) -> None:
    assert good_bits(spelling) == mask


@pytest.mark.parametrize("spelling", ["abc", "12,x", "3,4", "1+2,4", "-", "~", "1.5", "99999999999", "+"])
def test_other_spellings_are_errors(spelling: str) -> None:
    with pytest.raises(UsageError, match="bits"):
        good_bits(spelling)


@given(st.sets(st.sampled_from([1 << n for n in range(16)]), min_size=1))
def test_sum_list_and_complement_agree(bits: set[int]) -> None:
    listed = ",".join(map(str, bits))
    assert good_bits(listed) == good_bits(sum(bits)) == good_bits(listed.replace(",", "+"))
    assert good_bits(f"~{listed}") == ALL_BITS & ~good_bits(listed)


@pytest.mark.parametrize("step", ["sep", "final", "sky"])
def test_bad_bits_leave_out_good_and_reset_ones(step: Any) -> None:
    def bad(bits: str, **others: Any) -> int:
        return DrizzleParams(**{f"{step}_bits": bits}, **others).bad_bits(step)

    assert bad("336", reset_bits="4096") == ALL_BITS - 336 - 4096
    assert bad("~4096,64", reset_bits="none") == 4160
    assert bad("none") == 0


@pytest.mark.parametrize(
    ("detector", "exposures", "sep", "final"),
    [
        ("UVIS", 1, 65535, 65535),
        ("UVIS", 2, 336, 336),
        ("UVIS", 9, 336, 336),
        ("WFC", 4, 336, 336),
        ("IR", 2, 65535, 528),
        ("IR", 4, 528, 528),
        ("HRC", 2, 0, 0),
    ],
)
def test_bits_by_detector_and_number(detector: str, exposures: int, sep: int, final: int) -> None:
    params = DrizzleParams().for_exposures(detector, exposures)
    assert params.bad_bits("sep") == ALL_BITS & ~sep & ~4096
    assert params.bad_bits("final") == ALL_BITS & ~final & ~4096


def test_bits_by_detector_are_asked_for() -> None:
    with pytest.raises(UsageError, match="for_exposures"):
        DrizzleParams().bad_bits("final")


@pytest.mark.parametrize(
    ("detector", "exposures", "combine", "snr", "scale"),
    [
        ("UVIS", 2, "minmed", (3.5, 3.0), (1.5, 1.2)),
        ("WFC", 3, "minmed", (3.5, 3.0), (1.5, 1.2)),
        ("WFC", 4, "median", (3.5, 3.0), (1.5, 1.2)),
        ("IR", 5, "median", (5.0, 4.0), (3.0, 2.4)),
        ("HRC", 3, "minmed", (3.5, 3.0), (1.2, 0.7)),
    ],
)
def test_rejection_by_detector_and_number(
    detector: str, exposures: int, combine: str, snr: tuple[float, float], scale: tuple[float, float]
) -> None:
    params = DrizzleParams().for_exposures(detector, exposures)
    assert (params.cr, params.combine, params.cr_snr, params.cr_scale) == (True, combine, snr, scale)
    assert params.sky == "match"


def test_one_exposure_and_a_photon_counter_have_no_rejection() -> None:
    single = DrizzleParams().for_exposures("UVIS", 1)
    assert (single.cr, single.sky) == (False, "localmin")
    assert DrizzleParams(cr=True).for_exposures("UVIS", 1).cr is False
    assert DrizzleParams().for_exposures("SBC", 3).cr is False
    assert DrizzleParams(cr=True).for_exposures("SBC", 3).cr is True


def test_given_values_stay_and_nothing_else_is_left_open() -> None:
    given = DrizzleParams(final_bits=0, cr=False, cr_snr=(4, 2), kernel="turbo", hthresh=9.0)
    params = given.for_exposures("UVIS", 2)
    for name in ("final_bits", "cr", "cr_snr", "kernel", "hthresh"):
        assert getattr(params, name) == getattr(given, name)
    still = {f.name for f in fields(params) if getattr(params, f.name) is None}
    assert still == {"scale", "rot", "shape", "center", "sky_values", "lthresh", "keep"}
    assert params.for_exposures("IR", 7) == params


def test_something_must_be_left_to_combine() -> None:
    params = DrizzleParams(combine="median", nlow=1, nhigh=1)
    assert params.for_exposures("UVIS", 3).nhigh == 1
    with pytest.raises(UsageError, match="nlow 1 and nhigh 1 leave nothing of 2 exposures"):
        params.for_exposures("UVIS", 2)
    # these do not use them
    assert replace(params, combine="minmed").for_exposures("UVIS", 2).cr
    assert replace(params, cr=False).for_exposures("UVIS", 2).combine == "median"


@pytest.mark.parametrize("field", fields(DrizzleParams), ids=lambda field: field.name)
def test_every_field_is_checked(field: Field[Any]) -> None:
    with pytest.raises(UsageError, match=f"{field.name} is .*; it can be"):
        DrizzleParams(**{field.name: object()})


@pytest.mark.parametrize(
    "setting",
    [
        {"kernel": "cubic"},
        {"weight": "exp"},
        {"units": "electrons"},
        {"planes": ("err", "dq")},
        {"pixfrac": 0.0},
        {"pixfrac": 1.01},
        {"pixfrac": float("nan")},
        {"scale": -0.04},
        {"rot": float("inf")},
        {"shape": (0, 10)},
        {"shape": (10, 10, 10)},
        {"center": (10.0, 91.0)},
        {"sky": "mode"},
        {"combine": "iminmed"},
        {"nlow": -1},
        {"nlow": True},
        {"minmed_nsigma": (4.0,)},
        {"blot": "spline3"},
        {"cr_snr": (-1.0, 3.0)},
        {"cr_grow": 0},
        {"static_sigma": 0},
        {"compat": "drizzlepac"},
        {"threads": -1},
        {"sep_bits": "many"},
        {"final_bits": "many"},
        {"reset_bits": "4096,3"},
        {"sky_bits": None},
    ],
)
def test_values_that_do_not_work_are_errors(setting: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        DrizzleParams(**setting)


def test_settings_come_back_from_json() -> None:
    params = DrizzleParams(shape=(10, 20), pixfrac=0.8, planes=("err",), cr_snr=(3.5, 3.0), cr=False)
    text = params.to_json()
    assert json.loads(text)["shape"] == [10, 20]
    assert json.loads(text)["fill"] is None
    assert DrizzleParams.from_json(text) == params
    assert DrizzleParams.from_json(replace(params, fill=-1.0).to_json()).fill == -1.0
    # how it was run says nothing about the picture
    assert DrizzleParams(threads=3, keep="steps", write_dq=True).to_json() == DrizzleParams().to_json()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"pixfrack": 0.8}', "no setting is called pixfrack; there are grid, "),
        ('{"pixfrac": "0.8"}', "pixfrac is '0.8'"),
        ("[0.8]", "not a JSON object"),
        ("{pixfrac", "not JSON"),
    ],
)
def test_json_that_does_not_work(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        DrizzleParams.from_json(text)


def test_settings_print_as_aligned_lines() -> None:
    lines = str(DrizzleParams(cr_snr=(4, 2), planes=())).splitlines()
    assert len(lines) == len(fields(DrizzleParams))
    column = lines[0].index("common")
    assert all(line[column - 1] == " " != line[column] for line in lines)
    words = {line.split()[0]: line[column:] for line in lines}
    assert (words["cr_snr"], words["planes"], words["combine"], words["static"]) == (
        "4 2",
        "none",
        "default",
        "yes",
    )
