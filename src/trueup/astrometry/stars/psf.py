"""Width of a point source by detector and filter.

References
----------
WFC3 Instrument Handbook, tables 6.9 and 7.5 (FWHM against wavelength); ACS Instrument Handbook,
section 5.6.
"""

from __future__ import annotations

import re

import numpy as np

from trueup.astrometry.stars.profile import FWHM_PER_SIGMA

_PIXEL_ARCSEC = {
    "UVIS": 0.0396,
    "IR": 0.1283,
    "WFC": 0.05,
    "HRC": 0.027,
    "SBC": 0.032,
    "WFPC2": 0.1,
    "PC": 0.0455,
}
# for each detector wavelengths in nm, then widths in arcsec
_WIDTHS = {
    "UVIS": (
        (200, 300, 400, 500, 600, 700, 800, 900, 1000),
        (0.083, 0.075, 0.070, 0.067, 0.067, 0.070, 0.074, 0.078, 0.084),
    ),
    "IR": (
        (800, 900, 1000, 1100, 1200, 1300, 1400, 1500, 1600, 1700),
        (0.124, 0.126, 0.128, 0.130, 0.133, 0.137, 0.141, 0.145, 0.151, 0.156),
    ),
    "WFC": ((400, 600, 800, 950), (0.100, 0.095, 0.100, 0.115)),
    "HRC": ((200, 400, 600, 800, 950), (0.060, 0.050, 0.058, 0.075, 0.095)),
    "SBC": ((120, 200), (0.080, 0.080)),
    "WFPC2": ((200, 600, 1000), (0.130, 0.130, 0.150)),
}


def fwhm_arcsec(detector: str, filter_name: str) -> float:
    """Width of a point source on the sky as a detector sees it, before any drizzling.

    Parameters
    ----------
    detector : str
        UVIS, IR, WFC, HRC, SBC, PC (chip 1 of WFPC2); anything else counts as WFPC2.
    filter_name : str
        As F336W; without a wavelength in it the middle of the detector's range is taken.

    Returns
    -------
    float
        Full width at half maximum, arcsec.

    Examples
    --------
    >>> fwhm_arcsec("UVIS", "F300X"), fwhm_arcsec("IR", "F140W")
    (0.075, 0.141)
    """
    wavelengths, widths = _WIDTHS.get(detector.upper(), _WIDTHS["WFPC2"])
    digits = re.search(r"\d{3}", filter_name)
    if digits is None:
        return widths[len(widths) // 2]
    nanometres = float(digits[0]) * (10 if detector.upper() == "IR" else 1)
    return float(np.interp(nanometres, wavelengths, widths))


def detector_fwhm_pix(detector: str, filter_name: str) -> float:
    """Width of a point source on the detector, in its pixels.

    Parameters
    ----------
    detector, filter_name : str
        As for :func:`fwhm_arcsec`.

    Returns
    -------
    float

    Examples
    --------
    >>> round(detector_fwhm_pix("UVIS", "F275W"), 2)
    1.94
    """
    return fwhm_arcsec(detector, filter_name) / _PIXEL_ARCSEC.get(detector.upper(), 0.1)


def drizzled_fwhm_pix(detector: str, filter_name: str, *, scale_arcsec: float) -> float:
    """Width of a point source in a drizzled product, pixels of the product.

    Parameters
    ----------
    detector, filter_name : str
        As for :func:`fwhm_arcsec`.
    scale_arcsec : float
        Pixel of the product, arcsec.

    Returns
    -------
    float
        The width on the detector and that of the dropped pixel, a box of variance 1/12, in quadrature.

    Examples
    --------
    >>> round(drizzled_fwhm_pix("UVIS", "F300X", scale_arcsec=0.0396), 2)
    2.01
    """
    drop = FWHM_PER_SIGMA**2 / 12 * _PIXEL_ARCSEC.get(detector.upper(), 0.1) ** 2
    return float(np.sqrt(fwhm_arcsec(detector, filter_name) ** 2 + drop) / scale_arcsec)
