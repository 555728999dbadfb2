"""Read a drizzled product, ours or the archive's: DRC, DRZ, plain image."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trueup.errors import DataError, FormatError
from trueup.fits.walk import ByteSource, Hdu, open_source, walk
from trueup.model.cards import Cards
from trueup.model.chipwcs import ChipWcs

Pixels = NDArray[np.float32]

_STORED = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}


@dataclass(frozen=True, slots=True, eq=False)
class Product:
    """A drizzled image with its weight and its linear WCS.

    Parameters
    ----------
    path : str
        Where it was read from.
    sci : (ny, nx) float32 array
        NaN where there is no data.
    wht : (ny, nx) float32 array or None
        Weight; None where the file has none.
    wcs : ChipWcs
        Linear (TAN).
    primary, header : Cards
        Headers of the file and of the image.

    Examples
    --------
    >>> wcs = ChipWcs((0, 0), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (4, 4))
    >>> Product("a_drc.fits", np.zeros((4, 4), np.float32), None, wcs, Cards(), Cards()).filter
    ''
    """

    path: str
    sci: Pixels
    wht: Pixels | None
    wcs: ChipWcs
    primary: Cards
    header: Cards

    def _text(self, keyword: str) -> str:
        return self.primary.text(keyword) or self.header.text(keyword)

    @property
    def filter(self) -> str:
        """FILTER, else those of FILTER1 and FILTER2 that are not clear."""
        names = (self._text(keyword) for keyword in ("FILTER", "FILTER1", "FILTER2"))
        return "+".join(name for name in names if name and not name.upper().startswith("CLEAR"))

    @property
    def detector(self) -> str:
        """DETECTOR in upper case; the instrument where it is a number or absent."""
        name = self._text("DETECTOR").upper()
        return name if name.isalpha() else self._text("INSTRUME").upper()

    @property
    def wcsname(self) -> str:
        """WCSNAME of the image."""
        return self.header.text("WCSNAME")

    @property
    def exptime(self) -> float | None:
        """Total exposure time in seconds."""
        return self.primary.number("EXPTIME") or self.header.number("EXPTIME")

    @property
    def epoch(self) -> float | None:
        """Middle of the exposures in Julian years; None where EXPSTART is missing."""
        times = [self.primary.number(k) or self.header.number(k) for k in ("EXPSTART", "EXPEND")]
        known = [time for time in times if time is not None]
        return 2000.0 + (sum(known) / len(known) - 51544.5) / 365.25 if times[0] is not None else None

    @property
    def electrons_per_unit(self) -> float | None:
        """Electrons per unit of the image: EXPTIME for a rate, 1 for counts; None if unknown."""
        unit = self._text("BUNIT").upper().replace(" ", "")
        if unit.endswith(("/S", "/SEC", "S-1")):
            return self.exptime
        return 1.0 if unit in {"ELECTRONS", "COUNTS", "ELECTRON"} else None


def read_product(path: str | os.PathLike[str] | ByteSource) -> Product:
    """Read a drizzled product.

    Parameters
    ----------
    path : str, path-like or ByteSource
        Plain or gzipped; the image is in extension SCI, or else in the first HDU that has one.

    Returns
    -------
    Product

    Raises
    ------
    FormatError
        Where the file is not FITS, truncated, or holds no image.
    DataError
        Where the image has no linear celestial WCS: an exposure is not a product.

    Examples
    --------
    >>> read_product("nowhere_drc.fits")
    Traceback (most recent call last):
    trueup.errors.FileAccessError: nowhere_drc.fits: No such file or directory
    """
    source = open_source(path) if isinstance(path, str | os.PathLike) else path
    hdus = walk(source)
    image = _image(hdus, source.name)
    sci = _pixels(image, source)
    weight = next((hdu for hdu in hdus if hdu.extname == "WHT" and hdu.shape == image.shape), None)
    wht = None if weight is None else _pixels(weight, source)
    if wht is not None:
        sci = np.where(wht > 0, sci, np.float32(np.nan))
    return Product(source.name, sci, wht, _linear_wcs(image, source.name), hdus[0].header, image.header)


def read_frame(path: str | os.PathLike[str]) -> ChipWcs:
    """The pixel grid of a drizzled image.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    ChipWcs
        Without distortion.

    Raises
    ------
    FormatError
        Where the file holds no image.
    DataError
        Where its projection is not RA---TAN.

    Examples
    --------
    >>> read_frame("nowhere_drc.fits")
    Traceback (most recent call last):
    trueup.errors.FileAccessError: nowhere_drc.fits: No such file or directory
    """
    source = open_source(path)
    return _linear_wcs(_image(walk(source), source.name), source.name)


def _image(hdus: tuple[Hdu, ...], name: str) -> Hdu:
    science = [hdu for hdu in hdus if hdu.extname == "SCI"]
    if len(science) > 1:
        raise DataError(f"{len(science)} SCI extensions", file=name, todo="drizzle the exposure first")
    images = [h for h in (*science, *hdus) if len(h.shape) == 2 and h.data_size]
    if not images or images[0].header.text("XTENSION") == "BINTABLE":
        raise FormatError("no image in it", file=name, todo="give a drizzled product (DRC, DRZ)")
    return images[0]


def _pixels(hdu: Hdu, source: ByteSource) -> Pixels:
    stored = np.dtype(_STORED[int(hdu.header.number("BITPIX") or 8)])
    pixels = np.frombuffer(hdu.read(source), stored).reshape(hdu.shape).astype(np.float32)
    scale, zero = hdu.header.number("BSCALE"), hdu.header.number("BZERO")
    if scale not in (None, 1.0) or zero not in (None, 0.0):
        pixels = pixels * np.float32(scale or 1.0) + np.float32(zero or 0.0)
    return pixels


def _linear_wcs(hdu: Hdu, name: str) -> ChipWcs:
    header = hdu.header
    if header.text("CTYPE1") != "RA---TAN" or header.text("CTYPE2") != "DEC--TAN":
        raise DataError(
            f"projection {header.text('CTYPE1') or 'unknown'}, a drizzled product has RA---TAN",
            file=name,
            todo="drizzle the exposure first",
        )
    crpix = _required(header, "CRPIX1", name) - 1, _required(header, "CRPIX2", name) - 1
    crval = _required(header, "CRVAL1", name), _required(header, "CRVAL2", name)
    return ChipWcs(crpix, crval, _cd(header, name), (hdu.shape[0], hdu.shape[1]))


def _cd(header: Cards, name: str) -> NDArray[np.float64]:
    cd = np.array([[header.number(f"CD{i}_{j}") or 0.0 for j in (1, 2)] for i in (1, 2)])
    if not cd.any():
        pc = np.array([[header.number(f"PC{i}_{j}") for j in (1, 2)] for i in (1, 2)], dtype=float)
        pc = np.where(np.isfinite(pc), pc, np.eye(2))
        cd = pc * [[_required(header, "CDELT1", name)], [_required(header, "CDELT2", name)]]
    return cd


def _required(header: Cards, keyword: str, name: str) -> float:
    value = header.number(keyword)
    if value is None:
        raise DataError(f"no {keyword} in the image header", file=name)
    return value
