"""A WCS of ours as astropy's, and output frames for tests."""

from __future__ import annotations

import numpy as np
from astropy.wcs import WCS, DistortionLookupTable, Sip

from trueup.drizzle.grid import enclosing_frame
from trueup.model.chipwcs import ChipWcs, LookupTable


def astropy_wcs(wcs: ChipWcs) -> WCS:
    """The same WCS in astropy."""
    kind = "-SIP" if wcs.has_sip else ""
    peer = WCS(naxis=2)
    peer.wcs.ctype = [f"RA---TAN{kind}", f"DEC--TAN{kind}"]
    peer.wcs.crpix = np.array(wcs.crpix) + 1
    peer.wcs.crval, peer.wcs.cd = wcs.crval, wcs.cd
    if wcs.has_sip:
        peer.sip = Sip(wcs.sip_a, wcs.sip_b, None, None, peer.wcs.crpix)
    peer.cpdis1, peer.cpdis2 = map(_table, wcs.npol)
    peer.det2im1, peer.det2im2 = map(_table, wcs.d2im)
    peer.wcs.set()
    return peer


def _table(table: LookupTable | None) -> DistortionLookupTable | None:
    return table and DistortionLookupTable(table.data, table.crpix, table.crval, table.cdelt)


def turned_frame(chip: ChipWcs, *, rot_deg: float = 20.0, scale_arcsec: float = 0.04) -> ChipWcs:
    """An undistorted frame around a chip."""
    sin, cos = np.sin(np.radians(rot_deg)), np.cos(np.radians(rot_deg))
    return enclosing_frame([chip], scale_arcsec / 3600 * np.array([[-cos, sin], [sin, cos]]))
