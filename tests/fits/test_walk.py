"""The HDU walk: positions as astropy sees them, and clear errors on damaged files."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from trueup.errors import FileAccessError, FormatError
from trueup.fits.exposure import read_exposure
from trueup.fits.walk import BytesSource, open_source, walk


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "some_flt.fits"
    header = fits.Header([("KEY", i) for i in range(2000)])
    table = fits.BinTableHDU.from_columns(
        [fits.Column("A", "10A", array=["x"] * 3), fits.Column("B", "PE()", array=[[1.0]] * 3)]
    )
    image = fits.ImageHDU(np.zeros((7, 5), np.float32), header, name="SCI", ver=3)
    fits.HDUList([fits.PrimaryHDU(), image, table, fits.ImageHDU(name="ERR")]).writeto(path)
    return path


def test_positions_equal_astropy(file: Path) -> None:
    hdus = walk(open_source(file))
    with fits.open(file) as theirs:
        for mine, other in zip(hdus, theirs, strict=True):
            info = other.fileinfo()
            assert (mine.header_start, mine.data_start) == (info["hdrLoc"], info["datLoc"])
            assert mine.end == info["datLoc"] + info["datSpan"]
    assert (hdus[1].extname, hdus[1].extver, hdus[1].shape) == ("SCI", 3, (7, 5))
    assert hdus[3].extver is None


def test_gzip_is_read_whatever_the_name(file: Path, tmp_path: Path) -> None:
    packed = tmp_path / "packed_flt.fits"
    packed.write_bytes(gzip.compress(file.read_bytes()))
    assert len(walk(open_source(packed))) == 4


@pytest.mark.parametrize("part", [0.02, 0.5, 0.9, 0.999])
def test_truncated_files_say_so(part: float, file: Path) -> None:
    data = file.read_bytes()
    with pytest.raises(FormatError, match="truncated"):
        walk(BytesSource(data[: int(len(data) * part)], "cut_flt.fits"))


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", "not a FITS file"),
        (b"<html>service unavailable</html>" * 100, "not a FITS file"),
        (gzip.compress(b"x" * 10000)[:-20], "damaged gzip"),
    ],
    ids=["empty", "html", "cut-gzip"],
)
def test_other_files_are_refused(data: bytes, found: str, tmp_path: Path) -> None:
    path = tmp_path / "bad_flt.fits"
    path.write_bytes(data)
    with pytest.raises(FormatError, match=found) as caught:
        read_exposure(path)
    assert "bad_flt.fits" in str(caught.value)


def test_bytes_after_the_last_hdu(file: Path) -> None:
    data = file.read_bytes()
    assert len(walk(BytesSource(data + b"\0" * 2880, "padded"))) == 4
    with pytest.raises(FormatError, match="no extension"):
        walk(BytesSource(data + b"x" * 2880, "garbage"))


def test_missing_file_is_a_file_access_error(tmp_path: Path) -> None:
    with pytest.raises(FileAccessError, match="No such file"):
        read_exposure(tmp_path / "nowhere_flc.fits")
    with pytest.raises(OSError, match="nowhere"):
        read_exposure(tmp_path / "nowhere_flc.fits")


def test_an_exposure_needs_a_known_instrument_and_a_sci_extension(file: Path) -> None:
    from trueup.errors import DataError

    with pytest.raises(DataError, match="instrument unknown is left alone"):
        read_exposure(file)
    with fits.open(file, mode="update") as hdus:
        hdus[0].header["INSTRUME"] = "WFC3"
    with pytest.raises(FormatError, match="CRVAL1 is absent"):
        read_exposure(file)
