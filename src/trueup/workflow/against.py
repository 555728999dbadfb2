"""The options that say what a visit is measured against."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Against:
    """What a visit is measured against, besides itself.

    Parameters
    ----------
    catalog
        Reference stars: ECSV, CSV, FITS or VOTable with Gaia's column names; or the word gaia, which
        fetches those of Gaia DR3.
    columns
        Its columns where they have other names, or a number for all stars: ra=ALPHA,dec=DELTA,epoch=2016.0.
        pm_dispersion=5 (mas/yr) widens the errors where there are no proper motions.
    faintest
        Leave fainter stars of the catalogue out.
    brightest
        Leave brighter stars of the catalogue out.
    reference
        A drizzled image as the reference frame.
    anchor
        A filter, file or visit that the others are compared with.
    centroids
        Your own positions, one file per exposure, named after it.
    psf
        STDPSF files, named as in the library of STScI; exposures of that detector and filter are fitted
        with them.
    """

    catalog: str | None = None
    columns: str = ""
    faintest: float | None = None
    brightest: float | None = None
    reference: str | None = None
    anchor: str | None = None
    centroids: tuple[str, ...] = ()
    psf: tuple[str, ...] = ()
