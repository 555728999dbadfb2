"""Headerlets that trueup writes are read back as the same solution."""

import io

import numpy as np
import pytest
from astropy.io import fits
from scenes import header

from trueup.fits.headerlet import read_headerlet
from trueup.fits.headerlet_write import hdrlet_extension, headerlet_bytes
from trueup.fits.walk import BytesSource
from trueup.model.cards import Cards, make_card
from trueup.model.chipwcs import ChipWcs, LookupTable
from trueup.model.exposure import Exposure
from trueup.model.names import WcsName
from trueup.model.solution import ChipId, ChipSolution, Origin, Solution

TABLE = LookupTable(np.arange(6, dtype=np.float32).reshape(2, 3), (0.0, 0.0), (1.0, 2.0), (64.0, 32.0))


def solution() -> Solution:
    """One chip with SIP, a table and numbers that a float cannot reproduce."""
    cards = [make_card("CTYPE1", "RA---TAN-SIP"), make_card("CTYPE2", "DEC--TAN-SIP")]
    for word, text in (
        ("CRPIX1", "2048.0"), ("CRPIX2", "1026.0"), ("CRVAL1", "137.864615506750001"),
        ("CRVAL2", "-64.90"), ("CD1_1", "-1.10E-05"), ("CD2_2", "1.100D-05"), ("A_ORDER", "2"),
        ("A_2_0", "2.93081163466262E-06"), ("B_ORDER", "2"), ("CRDER1", "1.5E-06"),
    ):  # fmt: skip
        cards.append(Cards.from_bytes(f"{word:<8}= {text:>20}".ljust(80).encode()).items[0])
    cards += [make_card("CPDIS1", "LOOKUP"), make_card("DP1", "EXTVER: 3.0"), make_card("NMATCHES", 46)]
    wcs = ChipWcs((2047, 1025), (137.86, -64.9), np.diag([-1.1e-5, 1.1e-5]), (2051, 4096), npol=(TABLE, None))
    part = ChipSolution(ChipId(1, 2), wcs, Cards(tuple(cards)))
    name = WcsName.parse("IDC_2731450pi-FIT_REL_GAIADR3")
    return Solution(name, Origin("primary"), chips=(part,))


def exposure(primary: Cards, active: Solution) -> Exposure:
    return Exposure("a_flc.fits", primary, (), (active,), active)


def test_round_trip() -> None:
    mine = solution()
    primary = header(ROOTNAME="iepw14g4q", IDCTAB="iref$2731450pi_idc.fits", NPOLFILE="N/A", UPWCSVER="1.7")
    content = headerlet_bytes(mine, exposure(primary, mine))
    back = read_headerlet(BytesSource(content, "x"), Origin("file"))
    for word in ("CRVAL1", "CRVAL2", "CD1_1", "CD2_2", "A_2_0", "CRDER1"):
        assert back.chips[0].cards.find(word) == mine.chips[0].cards.find(word)
    table = back.chips[0].wcs.npol[0]
    assert table is not None
    assert table.equals(TABLE)
    assert (back.wcsname, back.hdrname, back.destim) == (
        mine.wcsname,
        f"iepw14g4q_{mine.wcsname}",
        "iepw14g4q",
    )
    assert back.fit.nmatches == 46
    assert back.fit.catalog == "GAIADR3"


@pytest.mark.parametrize(
    ("words", "distname"),
    [
        ({}, "NOMODEL-NOMODEL-NOMODEL"),
        ({"IDCTAB": "iref$x_idc.fits", "NPOLFILE": "N/A"}, "a_x-NOMODEL-NOMODEL"),
        ({"IDCTAB": "/data/x_idc.fits", "NPOLFILE": "jref$y_npl.fits", "D2IMFILE": "z_d2i.fits"}, "a_x-y-z"),
        ({"IDCTAB": "iref$x_idc.fits", "DISTNAME": "mine"}, "mine"),
    ],
)
def test_name_of_the_distortion_model(words: dict[str, str], distname: str) -> None:
    mine = solution()
    content = headerlet_bytes(mine, exposure(header(ROOTNAME="a", **words), mine))
    with fits.open(io.BytesIO(content)) as hdus:
        assert hdus[0].header["DISTNAME"] == distname


def test_extension_is_what_astropy_expects() -> None:
    mine = solution()
    content = headerlet_bytes(mine, exposure(header(ROOTNAME="a"), mine))
    cards, data = hdrlet_extension(content, 4)
    primary = fits.PrimaryHDU()
    whole = io.BytesIO()
    primary.writeto(whole)
    whole.write(cards.to_bytes() + data)
    with fits.open(io.BytesIO(whole.getvalue())) as hdus:
        hdus.verify("exception")
        assert (hdus[1].name, hdus[1].ver) == ("HDRLET", 4)
        with fits.open(io.BytesIO(hdus[1].data.tobytes())) as inner:
            assert [hdu.name for hdu in inner] == ["PRIMARY", "SIPWCS", "WCSDVARR"]
            for hdu in inner[1:]:
                index = inner.index_of((hdu.name, hdu.ver))
                assert hdus[1].header[f"XIND{index}"] == hdu.fileinfo()["hdrLoc"]
