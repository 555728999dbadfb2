"""A small WFPC2 exposure: four chips, each with its own DETECTOR, and no DETECTOR in the primary."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from astropy.io import fits


def write_wfpc2(path: Path) -> Path:
    """Write a C0M file with a distortion-only WCS in force and an a-priori alternate."""
    primary = fits.PrimaryHDU()
    primary.header.update(
        {
            "TELESCOP": "HST",
            "INSTRUME": "WFPC2",
            "ROOTNAME": "u2eq0201t",
            "FILTNAM1": "F606W",
            "FILTNAM2": "",
            "IMAGETYP": "EXT",
            "TARGNAME": "NGC104",
            "EXPTIME": 400.0,
            "EXPSTART": 49765.5,
            "DATE-OBS": "1995-02-17",
            "IDCTAB": "uref$v5r1512fi_idc.fits",
            "NEXTEND": 4,
        }
    )
    hdus = [primary]
    for chip in (1, 2, 3, 4):
        hdu = fits.ImageHDU(np.full((80, 80), chip, np.float32), name="SCI", ver=chip)
        scale = 0.0456 if chip == 1 else 0.0996
        turn = np.radians(45.0 + 90.0 * (chip - 1))
        cd = scale / 3600 * np.array([[-np.cos(turn), np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        words = {"DETECTOR": chip, "BUNIT": "ELECTRONS", "IDCSCALE": scale, "VAFACTOR": 1.0}
        hdu.header.update({**words, "A_ORDER": 2, "A_2_0": 1e-6 * chip, "B_ORDER": 2, "B_0_2": 2e-6})
        for key, name, shift in (("", "IDC_v5r1512fi", 0.0), ("A", "IDC_v5r1512fi-GSC240", 1e-4)):
            wcs = {f"WCSNAME{key}": name, f"CRPIX1{key}": 40.0, f"CRPIX2{key}": 40.0}
            wcs |= {f"CTYPE1{key}": "RA---TAN-SIP", f"CTYPE2{key}": "DEC--TAN-SIP"}
            wcs |= {f"CUNIT1{key}": "deg", f"CUNIT2{key}": "deg"}
            wcs |= {f"CRVAL1{key}": 5.63, f"CRVAL2{key}": -72.05 + 0.01 * chip + shift}
            wcs |= {f"CD{i}_{j}{key}": cd[i - 1, j - 1] for i in (1, 2) for j in (1, 2)}
            hdu.header.update(wcs)
        hdus.append(hdu)
    fits.HDUList(hdus).writeto(path)
    return path
