"""ChipWcs against astropy, and as its own inverse."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes import chip_wcs

from trueup.model.chipwcs import ChipWcs, LookupTable, plane_to_sky, sky_to_plane

RNG = np.random.default_rng(3)
X, Y = RNG.uniform(-1, 4096, 5000), RNG.uniform(-1, 2051, 5000)


def as_astropy(wcs: ChipWcs) -> WCS:
    """The same WCS built by astropy from a header and table extensions."""
    header = fits.Header()
    sip = "-SIP" if wcs.has_sip else ""
    header["CTYPE1"], header["CTYPE2"] = f"RA---TAN{sip}", f"DEC--TAN{sip}"
    for i in (1, 2):
        header[f"CRPIX{i}"] = wcs.crpix[i - 1] + 1
        header[f"CRVAL{i}"] = wcs.crval[i - 1]
        for j in (1, 2):
            header[f"CD{i}_{j}"] = wcs.cd[i - 1, j - 1]
    for letter, coefficients in (("A", wcs.sip_a), ("B", wcs.sip_b)):
        if coefficients is not None:
            header[f"{letter}_ORDER"] = len(coefficients) - 1
            for p, q in zip(*np.nonzero(coefficients), strict=True):
                header[f"{letter}_{p}_{q}"] = coefficients[p, q]
    hdus = fits.HDUList([fits.PrimaryHDU()])
    words = (("WCSDVARR", "CPDIS", "DP", wcs.npol), ("D2IMARR", "D2IMDIS", "D2IM", wcs.d2im))
    for extname, distortion, record, tables in words:
        for axis, table in enumerate(tables, start=1):
            if table is None:
                continue
            hdu = fits.ImageHDU(table.data, name=extname, ver=axis)
            for word in ("crpix", "crval", "cdelt"):
                for i in (1, 2):
                    hdu.header[f"{word.upper()}{i}"] = getattr(table, word)[i - 1]
            hdus.append(hdu)
            header[f"{distortion}{axis}"] = "LOOKUP"
            header[f"{record}{axis}"] = f"EXTVER: {axis}"
            header[f"{record}{axis}"] = "NAXES: 2"
            for i in (1, 2):
                header[f"{record}{axis}"] = f"AXIS.{i}: {i}"
    return WCS(header, hdus)


@pytest.mark.parametrize("tables", [False, True])
@pytest.mark.parametrize("chip", [1, 2])
def test_sky_positions_equal_astropy(chip: int, tables: bool) -> None:
    wcs = chip_wcs(chip, tables)
    ra, dec = wcs.pixel_to_sky(X, Y)
    ra0, dec0 = as_astropy(wcs).all_pix2world(X, Y, 0)
    error = np.hypot((ra - ra0) * np.cos(np.radians(dec0)), dec - dec0) * 3.6e6
    assert error.max() <= 1e-3
    # the tables are worth more than the tolerance: they must have been applied
    bare = wcs.without_tables().pixel_to_sky(X, Y)
    assert (np.abs(bare[1] - dec).max() * 3.6e6 > 1) == tables


def test_round_trip() -> None:
    wcs = chip_wcs(1)
    x, y = wcs.sky_to_pixel(*wcs.pixel_to_sky(X, Y))
    assert np.hypot(x - X, y - Y).max() <= 1e-6


def test_scalars_and_broadcasting() -> None:
    wcs = chip_wcs(1)
    ra, dec = wcs.pixel_to_sky(100, 200)
    assert ra.shape == ()
    grid = wcs.pixel_to_sky(np.arange(3)[None, :], np.arange(2)[:, None])
    assert grid[0].shape == (2, 3)
    assert np.allclose(wcs.sky_to_pixel(ra, dec), (100, 200), atol=1e-9)


def test_table_is_clamped_at_its_edge() -> None:
    table = LookupTable(np.array([[1, 2], [3, 4]], np.float32), (1, 1), (1, 1), (10, 10))
    assert table.offset(-50.0, -50.0) == 1
    assert table.offset(500.0, 500.0) == 4
    assert table.offset(5.0, 5.0) == pytest.approx(2.5)


def test_positions_behind_the_tangent_plane_have_no_pixel() -> None:
    wcs = chip_wcs(1, tables=False)
    x, y = wcs.sky_to_pixel((wcs.crval[0] + 180) % 360, -wcs.crval[1])
    assert np.isnan(x)
    assert np.isnan(y)


@settings(max_examples=200)
@given(
    ra0=st.floats(0, 360, exclude_max=True),
    dec0=st.floats(-90, 90),
    xi=st.floats(-1, 1),
    eta=st.floats(-1, 1),
)
def test_projection_inverts_everywhere(ra0: float, dec0: float, xi: float, eta: float) -> None:
    ra, dec = plane_to_sky(xi, eta, (ra0, dec0))
    assert 0 <= ra < 360
    back = sky_to_plane(ra, dec, (ra0, dec0))
    assert np.allclose(back, (xi, eta), atol=1e-10)
