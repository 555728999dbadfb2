"""A drizzled image as the reference frame: its sources are the catalogue."""

from __future__ import annotations

import os
from collections.abc import Mapping

import numpy as np

from trueup.astrometry.pairs.match import detector_fixed
from trueup.astrometry.pairs.peak import Search
from trueup.astrometry.pairs.plane import project
from trueup.astrometry.references.catalog import Catalog
from trueup.astrometry.references.catalog_name import legal_name
from trueup.astrometry.stars.psf import drizzled_fwhm_pix
from trueup.astrometry.stars.sources import Sources, find_sources
from trueup.errors import DataError, UsageError
from trueup.fits.product_read import Product, read_product
from trueup.model.names import WcsName

_FARTHEST_DITHER_MAS = 15_000.0
_POOR = 2


def read_reference(path: str | os.PathLike[str], *, columns: Mapping[str, str] | None = None) -> Catalog:
    """Find the sources of a drizzled image and make them a catalogue at its epoch.

    Parameters
    ----------
    path : str or path-like
        A mosaic, DRC or DRZ, ours or the archive's.
    columns : mapping of str to str, optional
        Numbers for what an image cannot tell: ``epoch`` where the header lacks EXPSTART, and
        ``pm_dispersion`` where its stars have moved since.

    Returns
    -------
    Catalog
        Without proper motions; errors are those of the centroids. Named after the catalogue in its
        WCSNAME, else after the file.

    Raises
    ------
    FileAccessError, FormatError, DataError
        Where it cannot be read, is no drizzled image, or has no clean source.
    UsageError
        Where anything else is stated, or no number.

    Examples
    --------
    >>> read_reference("nowhere_drc.fits")
    Traceback (most recent call last):
    trueup.errors.FileAccessError: nowhere_drc.fits: No such file or directory
    """
    stated = _numbers(columns or {})
    product = read_product(path)
    sources = product_sources(product)
    sources = sources[sources.tier < _POOR]
    if not len(sources):
        raise DataError(
            "no clean source in it", file=product.path, todo="give a deeper image, or a catalogue"
        )
    ra, dec = product.wcs.pixel_to_sky(sources.x, sources.y)
    unknown = np.full(len(sources), np.nan)
    epoch = stated.get("epoch", product.epoch)
    return Catalog(
        name=WcsName.parse(product.wcsname).catalog or legal_name(os.path.basename(path).partition(".")[0]),
        file=product.path,
        ra=ra,
        dec=dec,
        error_mas=sources.sigma * product.wcs.scale_arcsec() * 1000,
        pmra=unknown,
        pmdec=unknown,
        pm_error=unknown,
        epoch=unknown if epoch is None else np.full(len(sources), epoch),
        mag=-2.5 * np.log10(sources.flux),
        parallax=np.zeros(len(sources)),
        pm_dispersion=stated.get("pm_dispersion"),
    )


def _numbers(stated: Mapping[str, str]) -> dict[str, float]:
    numbers = {}
    for name, text in stated.items():
        word = "epoch" if name == "ref_epoch" else name
        try:
            numbers[word] = float(text)
        except ValueError:
            numbers[word] = np.nan
        if word not in {"epoch", "pm_dispersion"} or not np.isfinite(numbers[word]):
            raise UsageError(
                f"{name}={text} for an image", todo="state epoch=YEAR or pm_dispersion=MAS_PER_YEAR"
            )
    return numbers


def product_sources(product: Product) -> Sources:
    """The sources of a drizzled image that are not fixed to the detector.

    Parameters
    ----------
    product : Product

    Returns
    -------
    Sources

    Examples
    --------
    >>> from trueup.model.cards import Cards
    >>> from trueup.model.chipwcs import ChipWcs
    >>> wcs = ChipWcs((50, 50), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (100, 100))
    >>> noise = np.random.default_rng(1).normal(0, 1, (100, 100)).astype(np.float32)
    >>> len(product_sources(Product("a_drc.fits", noise, None, wcs, Cards(), Cards()))) < 5
    True
    """
    scale = product.wcs.scale_arcsec()
    fwhm = drizzled_fwhm_pix(product.detector, product.filter, scale_arcsec=scale)
    sources = find_sources(product.sci, fwhm_pix=fwhm, gain=product.electrons_per_unit)
    ny, nx = product.wcs.shape
    ra, dec = product.wcs.pixel_to_sky((nx - 1) / 2, (ny - 1) / 2)
    seen = project(sources, product.wcs, center=(float(ra), float(dec)))
    return sources[~detector_fixed(seen, search=Search(_FARTHEST_DITHER_MAS, scale * 1000 / 2))]
