"""Files like those of the STDPSF library."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from astropy.io import fits

from trueup.astrometry.stars.profile import pixel_profile

WIDTH = 1.6


def write_stdpsf(path: Path, x: Sequence[int] = (1, 4096), y: Sequence[int] = (1, 2048, 2049, 4096)) -> Path:
    """A library of Gaussians whose width grows from node to node."""
    at = np.arange(-50, 51) / 4
    cube = [
        np.outer(pixel_profile(at, WIDTH * (1 + 0.01 * k)), pixel_profile(at, WIDTH * (1 + 0.01 * k)))
        for k in range(len(x) * len(y))
    ]
    hdu = fits.PrimaryHDU(np.array(cube, np.float32))
    hdu.header["NXPSFS"], hdu.header["NYPSFS"] = len(x), len(y)
    for word, places in (("IPSFX", x), ("JPSFY", y)):
        for k, place in enumerate(places, start=1):
            hdu.header[f"{word}{k:02d}"] = place
    hdu.writeto(path)
    return path
