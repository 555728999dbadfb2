"""Find the point-like sources of an image and measure their centres.

Cosmic rays outnumber stars by a hundred to one in an ultraviolet frame, so every step is built to
refuse them: a local maximum must have four bright neighbours, as a point source of the known width
has, the fit of the fixed-width profile leaves positive outliers out, and what fits badly goes to a
lower tier. Detection takes the width from a table: one estimated from the image would lock on cosmic
rays. Only what that width calls clean stars, if there are enough, corrects it for the final fit.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from trueup.astrometry.stars.detect import find_peaks, neighbour_share
from trueup.astrometry.stars.epsf import best_width, effective_psf
from trueup.astrometry.stars.fitting import WRONG, WRONG_EFFECTIVE, Fitted
from trueup.astrometry.stars.neighbours import in_wings, isolated, repeated
from trueup.astrometry.stars.profile import Gaussian, Profile, neighbour_ratio
from trueup.astrometry.stars.psfgrid import PsfGrid
from trueup.astrometry.stars.sky import measure_sky
from trueup.astrometry.stars.stamps import Frame
from trueup.errors import UsageError

Floats = NDArray[np.float64]
Image = NDArray[np.floating]
Index = NDArray[np.intp]

_POOR = 2
_SHARED_SNR = 30.0
_SHARED_APART_PIX = 8.0
_MOST_SHARED = 300
_ENOUGH_FOR_WIDTH = 60
_WIDER = (1.5, 2.4)
_SUITS = 2.0
_CENTRE_OF_EXTENDED = 0.03


@dataclass(frozen=True, slots=True)
class Detection:
    """How sources are found.

    Parameters
    ----------
    threshold : float
        Least height of a peak above the sky, in sky noise.
    shape : float
        Least height of the lowest of the four neighbours of a peak, as a fraction of what a point
        source at the worst pixel phase has.
    bright, clean : float
        Signal-to-noise above which, and mismatch of the profile below which, a source is tier 0.
    width, effective : int
        Clean bright stars that it takes to correct the width, and to fit an effective PSF.
    limit : int
        At most so many peaks are looked at, the brightest.

    Examples
    --------
    >>> Detection(threshold=8.0).threshold
    8.0
    """

    threshold: float = 5.0
    shape: float = 0.45
    bright: float = 20.0
    clean: float = 1.5
    width: int = 8
    effective: int = 30
    limit: int = 50_000


@dataclass(frozen=True, slots=True, eq=False)
class Sources:
    """Point-like sources of one image, brightest first.

    Parameters
    ----------
    x, y : (n,) float64 arrays
        Centres, 0-based pixels.
    flux : (n,) float64 array
        Flux of the fitted profile, in units of the image.
    snr : (n,) float64 array
        Flux over its error.
    sigma : (n,) float64 array
        Error of x and of y, pixels: of noise, larger by the root of the mismatch where that exceeds 1, and of
        the profile at an unlucky pixel phase.
    mismatch : (n,) float64 array
        Reduced chi-square of the profile fit, an error of the profile itself allowed for.
    tier : (n,) int8 array
        0 bright and clean, 1 clean, 2 the rest: cosmic rays, galaxies, stars in the wings of brighter ones.

    Examples
    --------
    >>> one = np.ones(1)
    >>> sources = Sources(one, one, one, one, one, one, np.zeros(1, np.int8))
    >>> len(sources), len(sources[sources.tier > 0])
    (1, 0)
    """

    x: Floats
    y: Floats
    flux: Floats
    snr: Floats
    sigma: Floats
    mismatch: Floats
    tier: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, select: NDArray[np.bool_] | Index | slice) -> Sources:
        """The sources of a boolean mask, an index array or a slice."""
        return Sources(*(getattr(self, item.name)[select] for item in fields(self)))


def find_sources(
    image: Image,
    *,
    fwhm_pix: float,
    mask: NDArray[np.bool_] | None = None,
    gain: float | None = None,
    psf: PsfGrid | None = None,
    settings: Detection | None = None,
) -> Sources:
    """Find point-like sources and fit their centres.

    Parameters
    ----------
    image : (ny, nx) float array
        An exposure's chip or a drizzled product; the sky need not be subtracted; NaN is no data.
    fwhm_pix : float
        Width of a point source in this image, pixels.
    mask : (ny, nx) bool array, optional
        True where a pixel must not be used.
    gain : float, optional
        Electrons per image unit, for the photon noise of the sources; the exposure time for an image in
        electrons/s. By default the noise is that of the sky.
    psf : PsfGrid, optional
        The PSF of the image, where it is known better than by its width.
    settings : Detection, optional

    Returns
    -------
    Sources
        Brightest first.

    Raises
    ------
    UsageError
        If the image is not two-dimensional or the width is not positive.

    Examples
    --------
    >>> y, x = np.mgrid[:64, :64]
    >>> noise = np.random.default_rng(1).normal(0, 1, (64, 64))
    >>> star = 500 * np.exp(-((x - 30.3) ** 2 + (y - 20.8) ** 2) / (2 * 0.85**2))
    >>> found = find_sources(star + noise, fwhm_pix=2.1)
    >>> round(float(found.x[0]), 1), round(float(found.y[0]), 1)
    (30.3, 20.8)
    """
    return find_with_psf(image, fwhm_pix=fwhm_pix, mask=mask, gain=gain, psf=psf, settings=settings)[0]


def find_with_psf(
    image: Image,
    *,
    fwhm_pix: float,
    mask: NDArray[np.bool_] | None = None,
    gain: float | None = None,
    psf: PsfGrid | None = None,
    settings: Detection | None = None,
) -> tuple[Sources, PsfGrid | Profile]:
    """Find point-like sources and the PSF that their centres were fitted with.

    Parameters
    ----------
    image, fwhm_pix, mask, gain, psf, settings
        As for :func:`find_sources`.

    Returns
    -------
    sources : Sources
    psf : PsfGrid or Profile
        The one given, or what the clean stars of the image share.

    Raises
    ------
    UsageError
        As :func:`find_sources`.

    Examples
    --------
    >>> find_with_psf(np.random.default_rng(1).normal(0, 1, (64, 64)), fwhm_pix=2.1)[1]
    Gaussian(fwhm_pix=2.1)
    """
    settings = settings or Detection()
    if image.ndim != 2 or not fwhm_pix > 0:
        raise UsageError(f"an image of shape {image.shape} and a width of {fwhm_pix} pixels")
    if mask is not None:
        image = np.where(mask, np.nan, image)
    half = max(2, round(fwhm_pix))
    frame = Frame(image, measure_sky(image), gain)
    least = settings.shape * neighbour_ratio(fwhm_pix)
    y, x = find_peaks(image, frame.sky, threshold=settings.threshold, least=least, margin=half + 2)
    if len(x) > settings.limit:
        keep = np.sort(np.argsort(-image[y, x], kind="stable")[: settings.limit])
        y, x = y[keep], x[keep]
    fit = frame.fit((y, x), Gaussian(fwhm_pix), half=half, wrong=WRONG)
    extended, wide = _extended(frame, (y, x), fit, fwhm_pix=fwhm_pix, settings=settings)
    kept = fit.good & (fit.snr > settings.threshold) & ~wide
    y, x, fit = y[kept], x[kept], fit[kept]
    profile: Profile | None
    if psf is None:
        profile = _shared_profile(frame, (y, x), fit, fwhm_pix=fwhm_pix, settings=settings)
    else:
        profile = psf.at(x, y)
    if profile is not None:
        wrong = WRONG if isinstance(profile, Gaussian) else WRONG_EFFECTIVE
        fit = frame.fit((y, x), profile, half=half, wrong=wrong, start=fit)
    stars = _sources((y, x), fit, floor=phase_error(fwhm_pix, known=profile is not None), settings=settings)
    found = joined(stars[fit.good & (fit.snr > settings.threshold)], extended)
    return found, psf or profile or Gaussian(fwhm_pix)


def phase_error(fwhm_pix: float, *, known: bool) -> float:
    """Error of a centre that does not shrink with the noise: it depends on where in its pixel the star is.

    Parameters
    ----------
    fwhm_pix : float
        Width of a point source, pixels.
    known : bool
        Whether width or shape of the stars were fitted, not only their centres.

    Returns
    -------
    float
        Pixels, per axis: measured on simulated stars of telescope optics, 1 to 2 pixels wide.

    Examples
    --------
    >>> phase_error(2.0, known=True) < phase_error(2.0, known=False) < phase_error(1.0, known=True)
    True
    """
    undersampled = max(0.0, 1.8 - fwhm_pix)
    return 0.003 + 0.009 * undersampled if known else 0.004 + 0.017 * undersampled


def _shared_profile(
    frame: Frame, at: tuple[Index, Index], fit: Fitted, *, fwhm_pix: float, settings: Detection
) -> Profile | None:
    """The profile that the clean stars share: a width, or a shape; None where they are too few to tell."""
    half = max(2, round(fwhm_pix))
    y, x = at
    clean = (fit.snr > _SHARED_SNR) & (fit.mismatch < settings.clean)
    clean &= isolated(x + fit.x, y + fit.y, fit.flux, reach_pix=_SHARED_APART_PIX)
    best = np.nonzero(clean)[0]
    best = best[np.argsort(-fit.snr[best], kind="stable")[:_MOST_SHARED]]
    stamps, noise = frame.stamps((y[best], x[best]), half + 1)
    whole = np.isfinite(stamps).all(axis=(1, 2))
    stamps, noise = stamps[whole], noise[whole]
    if len(stamps) < settings.width:
        return None
    few = slice(0, _ENOUGH_FOR_WIDTH)
    width = best_width(stamps[few, 1:-1, 1:-1], fwhm_pix=fwhm_pix, noise=noise[few], gain=frame.gain)
    if len(stamps) < settings.effective:
        return Gaussian(width)
    return effective_psf(stamps, fwhm_pix=width, noise=noise, gain=frame.gain)


def _extended(
    frame: Frame, at: tuple[Index, Index], fit: Fitted, *, fwhm_pix: float, settings: Detection
) -> tuple[Sources, NDArray[np.bool_]]:
    """Galaxies and trailed stars: peaks that a wider profile suits better; and which peaks they are."""
    wide = np.zeros(len(fit.x), bool)
    rest = np.nonzero(~(fit.good & (fit.mismatch < settings.clean)))[0]
    before = np.where(fit.good, fit.mismatch, np.inf)
    found = []
    for times in _WIDER:
        share, _ = neighbour_share(frame.image, frame.sky, (at[0][rest], at[1][rest]))
        rest = rest[share > settings.shape * neighbour_ratio(times * fwhm_pix)]
        here = at[0][rest], at[1][rest]
        half = max(2, round(fwhm_pix)) + 1
        wider = frame.fit(here, Gaussian(times * fwhm_pix), half=half, wrong=2 * WRONG)
        suits = wider.good & (wider.snr > settings.threshold)
        suits &= wider.mismatch < np.minimum(_SUITS * settings.clean, before[rest] / 2)
        floor = _CENTRE_OF_EXTENDED * times * fwhm_pix
        found.append(_sources(here, wider, floor=floor, settings=settings)[suits])
        wide[rest[suits]] = True
        rest = rest[~suits]
    both = _brightest_first(*found)
    return replace(both, tier=np.full(len(both), _POOR, np.int8)), wide


def joined(*parts: Sources) -> Sources:
    """Several lists as one, a source that is in two of them as it was fitted better.

    Parameters
    ----------
    *parts : Sources

    Returns
    -------
    Sources
        Brightest first.

    Examples
    --------
    >>> one, no = np.ones(1), np.zeros(1, np.int8)
    >>> poor, good = Sources(one, one, one, one, one, 9 * one, no), Sources(one, one, one, one, one, one, no)
    >>> joined(poor, good).mismatch.tolist()
    [1.0]
    """
    found = _brightest_first(*parts)
    return found[~repeated(found.x, found.y, found.mismatch)]


def _brightest_first(*parts: Sources) -> Sources:
    both = Sources(
        *(np.concatenate([getattr(part, item.name) for part in parts]) for item in fields(Sources))
    )
    return both[np.argsort(-both.flux, kind="stable")]


def _sources(at: tuple[Index, Index], fit: Fitted, *, floor: float, settings: Detection) -> Sources:
    x, y = at[1] + fit.x, at[0] + fit.y
    clean = (fit.mismatch < settings.clean) & ~in_wings(x, y, fit.flux)
    tier = np.where(clean, np.where(fit.snr > settings.bright, 0, 1), _POOR).astype(np.int8)
    return Sources(x, y, fit.flux, fit.snr, np.hypot(fit.sigma, floor), fit.mismatch, tier)
