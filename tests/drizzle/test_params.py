"""Settings and bit masks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.drizzle.params import ALL_BITS, DrizzleParams, good_bits
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
        (None, ALL_BITS),
    ],
)
def test_spellings_of_bits(spelling: str | int | None, mask: int) -> None:
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


def test_bad_bits_leave_out_good_and_reset_ones() -> None:
    assert DrizzleParams(final_bits="336", reset_bits="4096").bad_bits("UVIS") == ALL_BITS - 336 - 4096
    assert DrizzleParams(final_bits="~4096,64", reset_bits="none").bad_bits("UVIS") == 4160
    assert DrizzleParams(final_bits=None).bad_bits("IR") == 0
    assert DrizzleParams().bad_bits("UVIS") == ALL_BITS - 336 - 4096
    assert DrizzleParams().bad_bits("IR") == ALL_BITS - 528 - 4096


@pytest.mark.parametrize(
    "setting",
    [
        {"kernel": "turbo"},
        {"weight": "ERR"},
        {"units": "counts"},
        {"pixfrac": 0.0},
        {"pixfrac": 1.01},
        {"scale": -0.04},
        {"shape": (0, 10)},
        {"center": (10.0, 91.0)},
        {"threads": -1},
        {"final_bits": "many"},
        {"reset_bits": "4096,3"},
    ],
)
def test_values_that_do_not_work_are_errors(setting: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        DrizzleParams(**setting)


def test_settings_as_json() -> None:
    values = json.loads(DrizzleParams(shape=(10, 20), pixfrac=0.8).to_json())
    assert values["shape"] == [10, 20]
    assert values["pixfrac"] == 0.8
    assert values["fill"] is None
