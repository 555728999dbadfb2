"""Settings from MDRIZTAB tables: rows, columns and undefined values, beside drizzlepac's own reading."""

from __future__ import annotations

import importlib.util
import json
import logging
import math
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from trueup.drizzle.mdriztab import row_settings
from trueup.drizzle.params import DrizzleParams
from trueup.errors import DataError, FileAccessError, FormatError

INDEF = -2147483647
NAN = math.nan

# format and the values of the rows: ANY 1, ANY 2, ANY 4, F656N 1, F656N 3
COLUMNS: dict[str, tuple[str, list[Any]]] = {
    "filter": ("8A", ["ANY", "ANY", "ANY", "F656N", "F656N"]),
    "numimages": ("1J", [1, 2, 4, 1, 3]),
    "static": ("1L", [False, True, True, False, True]),
    "static_sig": ("1E", [NAN, 4.0, 3.5, NAN, 4.0]),
    "skysub": ("1L", [False, True, True, True, True]),
    "skymethod": ("16A", ["", "match", "globalmin+match", "localmin", "match"]),
    "skystat": ("8A", ["median"] * 5),
    "driz_separate": ("1L", [False, True, True, False, True]),
    "driz_sep_bits": ("1J", [65535, 336, 336, 65535, 96]),
    "driz_sep_kernel": ("8A", ["turbo"] * 5),
    "driz_sep_pixfrac": ("1E", [1.0] * 5),
    "median": ("1L", [False, True, True, False, True]),
    "combine_type": ("8A", ["minmed", "minmed", "median", "minmed", "average"]),
    "combine_nsigma": ("8A", ["4 3", "4 3", "6 3", "4 3", "4 3"]),
    "combine_nlow": ("1J", [0, 0, 1, 0, INDEF]),
    "combine_nhigh": ("1J", [0, 1, 2, 0, INDEF]),
    "combine_lthresh": ("1E", [NAN, NAN, -10.0, NAN, NAN]),
    "combine_hthresh": ("1E", [NAN, NAN, 9000.0, NAN, NAN]),
    "combine_grow": ("1J", [1, 1, 2, 1, 1]),
    "blot": ("1L", [False, True, True, False, True]),
    "blot_interp": ("8A", ["poly5", "poly5", "linear", "poly5", "poly5"]),
    "driz_cr": ("1L", [False, True, True, False, True]),
    "driz_cr_snr": ("8A", ["", "3.5 3.0", "5.0 4.0", "", "4.0 3.0"]),
    "driz_cr_scale": ("8A", ["", "1.5 1.2", "3.0 2.4", "", "1.2 0.7"]),
    "driz_cr_grow": ("1J", [1, 1, 3, 1, 1]),
    "driz_cr_ctegrow": ("1J", [0, 0, 5, 0, 0]),
    "final_wht_type": ("4A", ["EXP", "EXP", "IVM", "EXP", "ERR"]),
    "final_kernel": ("8A", ["square", "square", "lanczos3", "square", "square"]),
    "final_pixfrac": ("1E", [1.0, 1.0, 0.8125, 1.0, 1.0]),
    "final_bits": ("1J", [65535, 336, 528, 65535, 96]),
    "final_units": ("8A", ["cps", "cps", "counts", "cps", "cps"]),
    "final_fillval": ("8A", ["INDEF", "INDEF", "0", "INDEF", "INDEF"]),
    "final_scale": ("1E", [NAN, NAN, 0.0625, NAN, NAN]),
    "final_rot": ("1E", [NAN, 0.0, 30.0, NAN, NAN]),
    "shiftfile": ("8A", [""] * 5),
}

PEER = """
import contextlib, io, json, sys
from drizzlepac.mdzhandler import getMdriztabParameters
answers = []
for files in json.loads(sys.argv[1]):
    with contextlib.redirect_stdout(io.StringIO()):
        answers.append(getMdriztabParameters(files))
print(json.dumps(answers))
"""

# ours, by the name of the column
SAME_NAME = {
    "driz_sep_bits": "sep_bits",
    "final_bits": "final_bits",
    "static": "static",
    "static_sig": "static_sigma",
    "combine_nlow": "nlow",
    "combine_nhigh": "nhigh",
    "combine_lthresh": "lthresh",
    "combine_hthresh": "hthresh",
    "combine_grow": "minmed_grow",
    "blot_interp": "blot",
    "driz_cr": "cr",
    "driz_cr_grow": "cr_grow",
    "driz_cr_ctegrow": "cte_grow",
    "final_wht_type": "weight",
    "final_kernel": "kernel",
    "final_pixfrac": "pixfrac",
    "final_units": "units",
    "final_scale": "scale",
    "final_rot": "rot",
}
PAIRS = {"combine_nsigma": "minmed_nsigma", "driz_cr_snr": "cr_snr", "driz_cr_scale": "cr_scale"}


def write(path: Path, columns: dict[str, tuple[str, list[Any]]]) -> Path:
    made = [fits.Column(name, kind, array=np.array(values)) for name, (kind, values) in columns.items()]
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU.from_columns(made)]).writeto(path)
    return path


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("table") / "x_mdz.fits", COLUMNS)


@pytest.mark.parametrize(
    ("filter_name", "exposures", "row"),
    [
        ("F336W", 1, 0),
        ("F336W", 2, 1),
        ("F336W", 3, 1),
        ("F336W", 4, 2),
        ("F336W", 99, 2),
        ("F656N", 2, 3),
        ("f656n", 3, 4),
        ("F656N;CLEAR2L", 3, 4),
        ("", 2, 1),
    ],
)
def test_rows(table: Path, filter_name: str, exposures: int, row: int) -> None:
    params = DrizzleParams.from_mdriztab(table, filter_name, exposures)
    assert params.sep_bits == str(COLUMNS["driz_sep_bits"][1][row])
    assert params.pixfrac == COLUMNS["final_pixfrac"][1][row]
    assert params.static is COLUMNS["static"][1][row]


def test_a_whole_row(table: Path) -> None:
    assert DrizzleParams.from_mdriztab(table, "F336W", 4) == DrizzleParams(
        static_sigma=3.5,
        sky="globalmin+match",
        sep_bits="336",
        final_bits="528",
        combine="median",
        minmed_nsigma=(6.0, 3.0),
        nlow=1,
        nhigh=2,
        lthresh=-10.0,
        hthresh=9000.0,
        minmed_grow=2,
        blot="linear",
        cr=True,
        cr_snr=(5.0, 4.0),
        cr_scale=(3.0, 2.4),
        cr_grow=3,
        cte_grow=5,
        weight="IVM",
        kernel="lanczos3",
        pixfrac=0.8125,
        units="counts",
        fill=0.0,
        scale=0.0625,
        rot=30.0,
    )


def test_undefined_values_are_left_to_the_detector(table: Path) -> None:
    settings = row_settings(table, "F336W", 1)
    assert not {"static_sigma", "cr_snr", "cr_scale", "lthresh", "scale", "fill"} & set(settings)
    assert settings["sky"] == "none"
    assert settings["cr"] is False
    assert "nlow" not in row_settings(table, "F656N", 3)
    assert row_settings(table, "F656N", 3)["combine"] == "mean"


def test_the_columns_of_the_tutorial(table: Path) -> None:
    assert row_settings(table, "F336W", 2, columns="tutorial") == {
        "sep_bits": "336",
        "combine": "minmed",
        "cr_snr": (3.5, 3.0),
        "cr_scale": (1.5, 1.2),
        "final_bits": "336",
    }


def test_a_table_without_a_fitting_row(tmp_path: Path) -> None:
    few = {name: (kind, values[3:]) for name, (kind, values) in COLUMNS.items()}
    with pytest.raises(DataError, match=r"no row for 2 exposures of F336W \(there are F656N from 1 on"):
        row_settings(write(tmp_path / "f656n_mdz.fits", few), "F336W", 2)
    later = {name: (kind, values[2:3]) for name, (kind, values) in COLUMNS.items()}
    with pytest.raises(DataError, match=r"there are ANY from 4 on"):
        row_settings(write(tmp_path / "later_mdz.fits", later), "F336W", 2)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        (("combine_type", "8A"), "crazy", "combine 'crazy', it can be median"),
        (("driz_cr_snr", "8A"), "high", "row 1 is not readable"),
        (("final_pixfrac", "1E"), 3.0, "pixfrac 3.0, it can be above 0"),
        (("final_bits", "8A"), "many", "bits are 'many'"),
    ],
)
def test_values_that_do_not_work(column: tuple[str, str], value: Any, message: str, tmp_path: Path) -> None:
    columns: dict[str, tuple[str, list[Any]]] = {"filter": ("8A", ["ANY"]), "numimages": ("1J", [1])}
    path = write(tmp_path / "x_mdz.fits", columns | {column[0]: (column[1], [value])})
    with pytest.raises(DataError, match=message) as caught:
        row_settings(path, "F336W", 2)
    assert "x_mdz.fits" in str(caught.value)


def test_files_that_are_no_mdriztab(tmp_path: Path) -> None:
    other = write(tmp_path / "other.fits", {"lambda": ("1E", [1.0])})
    with pytest.raises(DataError, match="no column filter, numimages"):
        row_settings(other, "F336W", 2)
    short = write(tmp_path / "short_mdz.fits", {"filter": ("4A", ["ANY"]), "numimages": ("1J", [1])})
    assert row_settings(short, "F336W", 2) == {}
    with pytest.raises(DataError, match="no column driz_sep_bits"):
        row_settings(short, "F336W", 2, columns="tutorial")
    with pytest.raises(FileAccessError):
        row_settings(tmp_path / "absent_mdz.fits", "F336W", 2)
    cut = tmp_path / "cut_mdz.fits"
    cut.write_bytes(other.read_bytes()[:-2880])
    with pytest.raises(FormatError, match="truncated"):
        row_settings(cut, "F336W", 2)


def test_what_is_not_followed_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    columns: dict[str, tuple[str, list[Any]]] = {
        "filter": ("4A", ["ANY"]),
        "numimages": ("1J", [1]),
        "driz_sep_kernel": ("8A", ["gaussian"]),
        "skystat": ("8A", ["median"]),
        "bits": ("1J", [96]),
        "final_wcs": ("1L", [False]),
        "final_scale": ("1E", [0.1]),
    }
    with caplog.at_level(logging.WARNING):
        settings = row_settings(write(tmp_path / "x_mdz.fits", columns), "F336W", 2)
    assert settings == {"sep_bits": "96", "final_bits": "96"}
    assert [record.getMessage() for record in caplog.records] == [
        "MDRIZTAB is not followed in driz_sep_kernel gaussian"
    ]


def test_the_peer_reads_the_same_rows_and_values(table: Path, tmp_path: Path, peer_python: str) -> None:
    if importlib.util.find_spec("drizzlepac") is None:
        pytest.skip("drizzlepac is not installed")
    cases = [("F336W", 1), ("F336W", 3), ("F336W", 6), ("F656N", 2), ("F656N", 4)]
    jobs = []
    for name, exposures in cases:
        header = fits.Header({"INSTRUME": "WFC3", "FILTER": name, "MDRIZTAB": str(table)})
        path = tmp_path / f"{name}_{exposures}.fits"
        fits.PrimaryHDU(header=header).writeto(path)
        jobs.append([str(path)] * exposures)
    command = [peer_python, "-W", "ignore", "-c", PEER, json.dumps(jobs)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    for (name, exposures), theirs in zip(cases, json.loads(done.stdout.splitlines()[-1]), strict=True):
        ours = row_settings(table, name, exposures)
        for column, field in SAME_NAME.items():
            assert ours.get(field) == (None if theirs[column] == "" else theirs[column]), column
        for column, field in PAIRS.items():
            assert list(ours.get(field, ())) == [float(word) for word in theirs[column].split()], column
