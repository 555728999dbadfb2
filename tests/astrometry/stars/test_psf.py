"""Widths of point sources."""

from __future__ import annotations

import pytest

from trueup.astrometry.stars.psf import detector_fwhm_pix, drizzled_fwhm_pix, fwhm_arcsec


@pytest.mark.parametrize(
    ("detector", "name", "low", "high"),
    [
        ("UVIS", "F275W", 0.074, 0.080),
        ("uvis", "F606W", 0.066, 0.068),
        ("IR", "F160W", 0.150, 0.152),
        ("WFC", "F814W+CLEAR2L", 0.09, 0.11),
        ("NICMOS", "unknown", 0.1, 0.2),
    ],
)
def test_widths(detector: str, name: str, low: float, high: float) -> None:
    assert low <= fwhm_arcsec(detector, name) <= high
    assert drizzled_fwhm_pix(detector, name, scale_arcsec=0.04) > fwhm_arcsec(detector, name) / 0.04


def test_a_width_on_the_detector_is_in_its_pixels() -> None:
    assert detector_fwhm_pix("IR", "F160W") == pytest.approx(1.18, abs=0.01)
    assert detector_fwhm_pix("UVIS", "F606W") == pytest.approx(1.69, abs=0.01)
