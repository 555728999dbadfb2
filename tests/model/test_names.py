"""The WCSNAME grammar."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.model.names import WcsName


@pytest.mark.parametrize(
    ("text", "base", "family", "mode", "catalog", "copy"),
    [
        ("OPUS", "OPUS", "telemetry", None, None, None),
        ("IDC_2731450pi", "IDC_2731450pi", "distortion-only", None, None, None),
        ("IDC_2731450pi-GSC240", "IDC_2731450pi", "apriori", None, "GSC240", None),
        ("IDC_2731450pi-HSC30", "IDC_2731450pi", "apriori", None, "HSC30", None),
        ("IDC_2731450pi-FIT_REL_GAIAeDR3", "IDC_2731450pi", "fit", "REL", "GAIAeDR3", None),
        ("IDC_2731450pi-FIT_SVM_GAIADR2", "IDC_2731450pi", "fit", "SVM", "GAIADR2", None),
        ("IDC_0461802ej-FIT_IMG_2MASS", "IDC_0461802ej", "fit", "IMG", "2MASS", None),
        ("IDC_0461802ej-FIT_EVM_NONE", "IDC_0461802ej", "fit", "EVM", "NONE", None),
        ("IDC_2731450pi-GSC240-1", "IDC_2731450pi", "apriori", None, "GSC240", 1),
        ("IDC_2731450pi-2", "IDC_2731450pi", "distortion-only", None, None, 2),
        ("IDC_2731450pi-FIT_REL_GAIAeDR3-3", "IDC_2731450pi", "fit", "REL", "GAIAeDR3", 3),
        (
            "ib4606c6q_flt_IDC_2731450pi-HSC30-hlet.fits",
            "IDC_2731450pi",
            "apriori",
            None,
            "HSC30",
            None,
        ),
        ("ib4606c5q_flt_OPUS", "OPUS", "telemetry", None, None, None),
        ("TWEAK", "TWEAK", "user", None, None, None),
        ("TWEAK-FIT_REL_GAIADR3", "TWEAK", "fit", "REL", "GAIADR3", None),
        ("my best one", "my best one", "user", None, None, None),
        ("", "", "user", None, None, None),
    ],
)
def test_grammar(
    text: str, base: str, family: str, mode: str | None, catalog: str | None, copy: int | None
) -> None:
    name = WcsName.parse(text)
    assert name.text == text
    assert (name.base, name.family, name.mode, name.catalog, name.copy) == (
        base,
        family,
        mode,
        catalog,
        copy,
    )


@given(st.text(max_size=80))
def test_any_text_is_a_name(text: str) -> None:
    assert WcsName.parse(text).text == text.strip()


def test_none_is_a_blank_name() -> None:
    assert str(WcsName.parse(None)) == "(no WCSNAME)"


def test_kind_ignores_the_distortion_table() -> None:
    uvis = WcsName.parse("IDC_2731450pi-FIT_SVM_GAIAeDR3")
    infrared = WcsName.parse("IDC_w3m18525i-FIT_SVM_GAIAEDR3")
    assert uvis.kind == infrared.kind
    assert uvis.kind != WcsName.parse("IDC_2731450pi-FIT_REL_GAIAeDR3").kind
