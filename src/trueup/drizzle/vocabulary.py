"""The words and numbers that settings of a drizzle run can be."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal, get_args

Kernel = Literal["square", "turbo", "point", "gaussian", "lanczos2", "lanczos3"]
Weight = Literal["EXP", "ERR", "IVM"]
Units = Literal["cps", "counts"]
PlaneName = Literal["err", "coverage"]
Sky = Literal["localmin", "globalmin", "match", "globalmin+match", "none"]
Combine = Literal["median", "mean", "sum", "minmed", "imedian", "minimum"]
Blot = Literal["poly5", "linear", "nearest", "poly3", "lanczos3"]
Compat = Literal["none", "astrodrizzle"]

# what is allowed, in words, and whether a value is
Rule = tuple[str, Callable[[Any], bool]]

# may be None
OPTIONAL = frozenset(
    {
        "scale",
        "rot",
        "shape",
        "center",
        "sep_bits",
        "final_bits",
        "sky",
        "sky_values",
        "combine",
        "lthresh",
        "hthresh",
        "cr",
        "cr_snr",
        "cr_scale",
        "keep",
    }
)


def _one_of(literal: object) -> Rule:
    words = get_args(literal)
    return ", ".join(words), lambda value: isinstance(value, str) and value in words


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _whole(least: int) -> Rule:
    return f"a whole number from {least} on", lambda value: _is_whole(value) and value >= least


def _is_pair(value: object, works: Callable[[Any], bool]) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and all(map(works, value))


def _is_bits(value: object) -> bool:
    return isinstance(value, str) or _is_whole(value)


_YES_NO: Rule = ("true or false", lambda value: isinstance(value, bool))
_TEXT: Rule = ("a name", lambda value: isinstance(value, str) and value != "")
_NUMBER: Rule = ("a number", _is_number)
_POSITIVE: Rule = ("a positive number", lambda value: _is_number(value) and value > 0)
_TWO_LEVELS: Rule = (
    "two numbers, 0 or more",
    lambda value: _is_pair(value, lambda v: _is_number(v) and v >= 0),
)
_BITS: Rule = ("336, 256,64,16, 256+64+16, ~4096,64 or none", _is_bits)

RULES: dict[str, Rule] = {
    "grid": ("common, own, or a drizzled image", _TEXT[1]),
    "scale": ("a positive number of arcsec", _POSITIVE[1]),
    "rot": ("a number of degrees", _is_number),
    "shape": (
        "two positive sizes",
        lambda value: _is_pair(value, lambda v: _is_whole(v) and v > 0),
    ),
    "center": (
        "RA and Dec in degrees",
        lambda value: _is_pair(value, _is_number) and abs(value[1]) <= 90,
    ),
    "kernel": _one_of(Kernel),
    "pixfrac": ("above 0 and at most 1", lambda value: _is_number(value) and 0 < value <= 1),
    "weight": _one_of(Weight),
    "units": _one_of(Units),
    "fill": ("a number or nan", lambda value: isinstance(value, float) or _is_number(value)),
    "planes": (
        "any of err, coverage",
        lambda value: isinstance(value, tuple) and set(value) <= set(get_args(PlaneName)),
    ),
    "sep_bits": _BITS,
    "final_bits": _BITS,
    "reset_bits": _BITS,
    "sky": _one_of(Sky),
    "sky_values": ("a file", _TEXT[1]),
    "sky_bits": _BITS,
    "combine": _one_of(Combine),
    "nlow": _whole(0),
    "nhigh": _whole(0),
    "lthresh": _NUMBER,
    "hthresh": _NUMBER,
    "minmed_nsigma": _TWO_LEVELS,
    "minmed_grow": _whole(0),
    "blot": _one_of(Blot),
    "cr": _YES_NO,
    "cr_snr": _TWO_LEVELS,
    "cr_scale": _TWO_LEVELS,
    "cr_grow": _whole(1),
    "cte_grow": _whole(0),
    "static": _YES_NO,
    "static_sigma": _POSITIVE,
    "compat": _one_of(Compat),
    "threads": ("0 or more", _whole(0)[1]),
    "allow_mixed": _YES_NO,
    "keep": ("a folder", _TEXT[1]),
    "write_dq": _YES_NO,
    "context": _YES_NO,
}
