"""Products with known stars, and the story of a visit that is told of them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from trueup.astrometry.pairs.fit import Fit
from trueup.report.story import Residuals, Story, StoryOffset, StoryProduct

SHIFT_PIX = (1.4, -0.7)
SCALE_DEG = 0.04 / 3600
SIZE = (1500, 1600)
STAR = (820.3, 760.6)
CENTER = (83.84, -69.26)


def wcs_cards(shape: tuple[int, int], *, angle_deg: float = 25.0) -> fits.Header:
    """A turned TAN grid of 40 mas."""
    ny, nx = shape
    turn = np.radians(angle_deg)
    cards = fits.Header()
    cards["CTYPE1"], cards["CTYPE2"] = "RA---TAN", "DEC--TAN"
    cards["CRPIX1"], cards["CRPIX2"] = nx / 2 + 3.25, ny / 2 - 8.5
    cards["CRVAL1"], cards["CRVAL2"] = CENTER
    cards["CD1_1"], cards["CD1_2"] = -SCALE_DEG * np.cos(turn), SCALE_DEG * np.sin(turn)
    cards["CD2_1"], cards["CD2_2"] = SCALE_DEG * np.sin(turn), SCALE_DEG * np.cos(turn)
    cards["BUNIT"] = "ELECTRONS/S"
    cards["WCSNAME"] = "IDC_test-<b>FIT</b>"
    cards["TARGNAME"] = "SECRET-TARGET"
    return cards


def star_field(
    shape: tuple[int, int] = SIZE, *, shift: tuple[float, float] = (0.0, 0.0), seed: int = 1
) -> NDArray[np.float32]:
    """Noise, stars, and one bright star at STAR, all shifted alike; nothing along the left edge."""
    rng = np.random.default_rng(seed)
    ny, nx = shape
    image = rng.normal(0.01, 0.002, shape).astype(np.float32)
    places = np.random.default_rng(7).uniform((20, 20), (nx - 20, ny - 20), (200, 2))
    for (x, y), flux in [*zip(places, rng.uniform(0.05, 0.5, 200), strict=True), (STAR, 8.0)]:
        left, low = int(x) - 12, int(y) - 12
        part = (slice(max(low, 0), low + 25), slice(max(left, 0), left + 25))
        rows, columns = np.mgrid[part]
        apart = (columns - x - shift[0]) ** 2 + (rows - y - shift[1]) ** 2
        image[part] += (flux * np.exp(-apart / (2 * 1.6**2)))[: image[part].shape[0], : image[part].shape[1]]
    image[:, :30] = np.nan
    return image


def write_product(path: Path, image: NDArray[np.float32]) -> Path:
    """As a DRC file; where there is no data the weight is 0."""
    known = np.isfinite(image)
    header = wcs_cards(image.shape)
    primary = fits.PrimaryHDU()
    primary.header["TARGNAME"] = "SECRET-TARGET"
    sci = fits.ImageHDU(np.where(known, image, 0).astype(np.float32), header, name="SCI")
    weight = fits.ImageHDU(known.astype(np.float32), header, name="WHT")
    fits.HDUList([primary, sci, weight]).writeto(path)
    return path


def offset(a: str, b: str, when: str, *, shift: tuple[float, float]) -> StoryOffset:
    """As measured: where the stars are, and how far they lie off."""
    from astropy.wcs import WCS

    wcs = WCS(wcs_cards(SIZE))
    x, y = np.random.default_rng(7).uniform((20, 20), (SIZE[1] - 20, SIZE[0] - 20), (200, 2)).T
    ra, dec = wcs.all_pix2world(x, y, 0)
    there = wcs.all_pix2world(x + shift[0], y + shift[1], 0)
    east = (there[0] - ra) * np.cos(np.radians(dec)) * 3.6e6
    north = (there[1] - dec) * 3.6e6
    fit = Fit(
        n=200,
        east_mas=float(east.mean()),
        north_mas=float(north.mean()),
        sigma_east_mas=0.3,
        sigma_north_mas=0.3,
        rotation_deg=-0.0,
        sigma_rotation_deg=0.0001,
        corner_mas=float(np.hypot(east, north).max()),
        corner_sigma_mas=0.4,
        verdict="fail" if any(shift) else "pass",
        why="1.0 +- 0.1 mas",
    )
    best_ra, best_dec = wcs.all_pix2world(*STAR, 0)
    residuals = Residuals(ra, dec, east, north, np.linspace(-5, 0, 200))
    return StoryOffset(a, b, when, asdict(fit), residuals, (float(best_ra), float(best_dec)))


def two_filters(folder: Path) -> Story:
    """F275W shifted against F336W before, and not after."""
    images = {
        ("F336W", "before"): star_field(seed=1),
        ("F275W", "before"): star_field(seed=2, shift=SHIFT_PIX),
        ("F336W", "after"): star_field(seed=1),
        ("F275W", "after"): star_field(seed=2),
    }
    products = tuple(
        StoryProduct(
            str(write_product(folder / f"{name}_{when}_drc.fits", image)),
            name,
            when,
            "IDC_test-<b>FIT</b>",
            {"iepw14g4q SCI,1": 0.012},
            {"iepw14g4q SCI,1": 0.1},
        )
        for (name, when), image in images.items()
    )
    offsets = (
        offset("F336W", "F275W", "before", shift=SHIFT_PIX),
        offset("F336W", "F275W", "after", shift=(0.0, 0.0)),
    )
    return Story("iepw14", {"items": []}, products=products, offsets=offsets)
