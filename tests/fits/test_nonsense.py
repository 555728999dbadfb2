"""Headers with nonsense in them: a clear error or a listing with nulls, never a crash."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from trueup.errors import TrueupError
from trueup.fits.headerlet import read_headerlet
from trueup.fits.visit import open_visit
from trueup.fits.walk import BytesSource
from trueup.model.solution import Origin
from trueup.report.listing import listing
from trueup.simulate import Recipe, make_visit

VALUES = ("0", "-1", "1e400", "nan", "99999999", "-99999999999", "9" * 60, "'abc'", "'", "", "T")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("visit")
    make_visit(path, recipe=Recipe(size=(32, 24), stars=2, galaxies=0, noise=False, exposures=1))
    return path


def edited(data: bytes, keyword: str, value: str, extname: str) -> bytes:
    """The file with a keyword of the first extension of this name changed everywhere after it."""
    at = data.index(f"EXTNAME = '{extname}".encode())
    start = data.rindex(b"XTENSION", 0, at)
    found = data.index(f"{keyword:<8}=".encode(), start)
    return data[:found] + f"{keyword:<8}= {value:>20}".ljust(80).encode() + data[found + 80 :]


@pytest.mark.parametrize(
    ("edits", "extname", "found"),
    [
        ({"A_ORDER": "99999999"}, "SIPWCS", "A_ORDER 1e[+]08 is above 9"),
        ({"CD1_1": "0.0", "CD1_2": "0.0"}, "SIPWCS", "CD matrix is singular"),
        ({"CRVAL1": "nan"}, "SIPWCS", "CRVAL1 is absent or no number"),
        ({"NAXIS": "1234567890"}, "SIPWCS", "has NAXIS"),
        ({"PCOUNT": "-100000"}, "WCSDVARR", "has PCOUNT -100000"),
        ({"CDELT1": "0.0"}, "WCSDVARR", "CDELT 0"),
        ({"BITPIX": "32"}, "WCSDVARR", "no 2-D float image"),
    ],
)
def test_headerlets(edits: dict[str, str], extname: str, found: str, folder: Path) -> None:
    data = next(iter(sorted(folder.glob("*_hlet.fits")))).read_bytes()
    for keyword, value in edits.items():
        data = edited(data, keyword, value, extname)
    with pytest.raises(TrueupError, match=found) as caught:
        read_headerlet(BytesSource(data, "odd_hlet.fits"), Origin("file"))
    assert "odd_hlet.fits" in str(caught.value)


@pytest.mark.parametrize("seed", range(4))
def test_any_card_may_hold_anything(seed: int, folder: Path, tmp_path: Path) -> None:
    rng = random.Random(seed)
    whole = (folder / "iepw14g4q_flc.fits").read_bytes()
    path = tmp_path / "iepw14g4q_flc.fits"
    cards = [at for at in range(0, len(whole), 80) if whole[at + 8 : at + 10] == b"= "]
    for _ in range(60):
        data = bytearray(whole)
        for at in rng.sample(cards, 2):
            data[at + 10 : at + 80] = rng.choice(VALUES).rjust(20).ljust(70).encode()
        path.write_bytes(data)
        json.dumps(listing(open_visit([path], strict=False)), allow_nan=False)
