"""Restore the distortion-only solution with stwcs, archiving the active one."""

import sys

from astropy.io import fits
from stwcs.wcsutil import headerlet

path = sys.argv[1]
with fits.open(path) as hdus:
    names = {hdu.header["WCSNAME"]: hdu.header["HDRNAME"] for hdu in hdus if hdu.name == "HDRLET"}
wanted = next(
    hdrname for wcsname, hdrname in names.items() if wcsname.startswith("IDC_") and "-" not in wcsname
)
headerlet.restore_from_headerlet(path, hdrname=wanted, archive=True)
