"""Tables of every format."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from trueup.errors import FileAccessError, FormatError
from trueup.fits.table import read_table

TABLE = Table({"rootname": ["iepw14g4q", "iepw14g6q"], "sky": [12.5, -3.0], "n": [1, 2]})


@pytest.mark.parametrize(
    ("name", "style"),
    [("a.fits", "fits"), ("a.ecsv", "ascii.ecsv"), ("a.csv", "ascii.csv"), ("a.xml", "votable")],
)
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("named", [False, True])
def test_formats(name: str, style: str, packed: bool, named: bool, tmp_path: Path) -> None:
    path = tmp_path / name
    TABLE.write(path, format=style)
    if packed:
        path.write_bytes(gzip.compress(path.read_bytes()))
    if not named:
        path = path.rename(tmp_path / "table")
    table = read_table(path)
    assert table.colnames == TABLE.colnames
    assert [str(word) for word in table["rootname"]] == list(TABLE["rootname"])
    assert np.array_equal(table["sky"], TABLE["sky"])
    assert np.array_equal(table["n"], TABLE["n"])


def test_the_first_table_of_a_file_with_images(tmp_path: Path) -> None:
    path = tmp_path / "a.fits"
    image = fits.ImageHDU(np.ones((100, 100)))
    second = fits.table_to_hdu(Table({"other": [1]}))
    fits.HDUList([fits.PrimaryHDU(), image, fits.table_to_hdu(TABLE), second]).writeto(path)
    assert read_table(path).colnames == TABLE.colnames


def test_units_that_nobody_knows_do_not_matter(tmp_path: Path) -> None:
    column = fits.Column("wavelength", "E", unit="angstroems per furlong", array=np.ones(3))
    path = tmp_path / "a.fits"
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU.from_columns([column])]).writeto(path)
    assert len(read_table(path)) == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x00\xff\xfe\x01" * 100, "neither FITS nor text"),
        (b"", "without columns"),
        (b"# %ECSV 1.0\n# ---\n# nonsense\n", "no readable table"),
        (b"<?xml version='1.0'?><VOTABLE version='1.4'></RESOURCE>", "no readable table"),
        (b"a,b\n1,2,3\n4,5,6\n", "no readable table"),
    ],
)
def test_files_that_hold_no_table(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "table"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=message) as caught:
        read_table(path)
    assert str(path) in str(caught.value)


def test_fits_files_that_hold_no_table(tmp_path: Path) -> None:
    path = tmp_path / "a.fits"
    fits.PrimaryHDU(np.ones((3, 3))).writeto(path)
    with pytest.raises(FormatError, match="no table extension"):
        read_table(path)
    TABLE.write(path, format="fits", overwrite=True)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(FormatError, match="truncated"):
        read_table(path)
    with pytest.raises(FileAccessError):
        read_table(tmp_path / "absent.csv")
