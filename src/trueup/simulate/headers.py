"""Headers of an exposure with the keywords that the calibration pipeline writes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from trueup.model.cards import Card, Cards
from trueup.simulate.cards import (
    Row,
    idc_linear_rows,
    idc_rows,
    image_rows,
    linear_rows,
    make_cards,
    orientat,
    region,
    sip_rows,
    table_error_rows,
    table_rows,
)
from trueup.simulate.detectors import Detector, root
from trueup.simulate.pixels import Planes
from trueup.simulate.plan import PROPOSAL, TARGET, VISIT, PlannedExposure
from trueup.simulate.recipe import Recipe
from trueup.simulate.solutions import Candidate

MJD_ZERO = datetime(1858, 11, 17)  # noqa: DTZ001 - MJD is counted in UTC by definition
WRITTEN = "2022-08-01"
_PIVOT = {"F275W": 2704.0, "F336W": 3354.0, "F110W": 11534.0, "F160W": 15369.0}
_OTHER_PIVOT = 6000.0
_HISTORY = ("DQICORR complete ...", "  values checked for saturation", "FLATCORR complete ...")


def primary_header(recipe: Recipe, exposure: PlannedExposure, n_extensions: int) -> Cards:
    """The primary header of an exposure."""
    rows = [
        *_file_rows(recipe, exposure, n_extensions),
        *_target_rows(exposure),
        *_time_rows(exposure),
        *_mode_rows(recipe, exposure),
        *_reference_rows(recipe.detector),
        *_readout_rows(recipe.detector),
        *_association_rows(recipe, exposure),
    ]
    history = [Card(f"HISTORY {line}".ljust(80)) for line in _HISTORY]
    return Cards((*make_cards(rows), *history))


def _heading(text: str) -> list[Row]:
    return [("", None, ""), ("", None, f"/ {text}"), ("", None, "")]


def _file_rows(recipe: Recipe, exposure: PlannedExposure, n_extensions: int) -> Iterator[Row]:
    detector = recipe.detector
    yield "SIMPLE", True, "file does conform to FITS standard"
    yield "BITPIX", 16, "number of bits per data pixel"
    yield "NAXIS", 0, "number of data axes"
    yield "EXTEND", True, "FITS dataset may contain extensions"
    yield "ORIGIN", "trueup simulation", "FITS file originator"
    yield "DATE", WRITTEN, "date this file was written (yyyy-mm-dd)"
    yield "NEXTEND", n_extensions, "Number of standard extensions"
    yield "FILENAME", f"{exposure.rootname}_{detector.suffix}.fits", "name of file"
    yield "FILETYPE", "SCI", "type of data found in data file"
    yield "TELESCOP", "HST", "telescope used to acquire data"
    yield "INSTRUME", detector.instrument, "identifier for instrument used to acquire data"
    yield "EQUINOX", 2000.0, "equinox of celestial coord. system"


def _target_rows(exposure: PlannedExposure) -> Iterator[Row]:
    yield from _heading("DATA DESCRIPTION KEYWORDS")
    yield "ROOTNAME", exposure.rootname, "rootname of the observation set"
    yield "IMAGETYP", "EXT", "type of exposure identifier"
    yield "PRIMESI", "WFC3", "instrument designated as prime"
    yield "TARGNAME", "SIMULATED-FIELD", "proposer's target name"
    yield "RA_TARG", TARGET[0], "right ascension of the target (deg) (J2000)"
    yield "DEC_TARG", TARGET[1], "declination of the target (deg) (J2000)"
    yield "PROPOSID", PROPOSAL, "PEP proposal identifier"
    yield "LINENUM", f"{VISIT}.{exposure.number + 1:03d}", "proposal logsheet line number"
    yield "PR_INV_L", "Simulated", "last name of principal investigator"
    yield "PR_INV_F", "Visit", "first name of principal investigator"


def _time_rows(exposure: PlannedExposure) -> Iterator[Row]:
    start = MJD_ZERO + timedelta(days=exposure.expstart)
    yield from _heading("EXPOSURE INFORMATION")
    yield "SUNANGLE", 98.4, "angle between sun and V1 axis"
    yield "SUN_ALT", 41.2, "altitude of the sun above Earth's limb"
    yield "FGSLOCK", "FINE", "commanded FGS lock (FINE,COARSE,GYROS,UNKNOWN)"
    yield "GYROMODE", "T", "number of gyros scheduled, T=3+OBAD"
    yield "REFFRAME", "ICRS", "guide star catalog version"
    yield "MTFLAG", " ", "moving target flag; T if it is a moving target"
    yield "DATE-OBS", start.strftime("%Y-%m-%d"), "UT date of start of observation (yyyy-mm-dd)"
    yield "TIME-OBS", start.strftime("%H:%M:%S"), "UT time of start of observation (hh:mm:ss)"
    yield "EXPSTART", round(exposure.expstart, 8), "exposure start time (Modified Julian Date)"
    end = exposure.expstart + exposure.exptime / 86400
    yield "EXPEND", round(end, 8), "exposure end time (Modified Julian Date)"
    yield "EXPTIME", exposure.exptime, "exposure duration (seconds)--calculated"
    yield "EXPFLAG", "NORMAL", "Exposure interruption indicator"
    yield "QUALCOM1", "", ""
    yield "QUALITY", "", ""
    yield "DARKTIME", exposure.exptime + 4.0, "fiducial pixel dark time (secs)"
    yield "PA_V3", round(exposure.pa_v3, 6), "position angle of V3-axis of HST (deg)"
    yield "POSTARG1", 0.0, "POSTARG in axis 1 direction"
    yield "POSTARG2", 0.0, "POSTARG in axis 2 direction"


def _mode_rows(recipe: Recipe, exposure: PlannedExposure) -> Iterator[Row]:
    detector = recipe.detector
    yield from _heading("SCIENCE INSTRUMENT CONFIGURATION")
    yield "CAL_VER", "3.7.1 (Oct-18-2023)", "calibration software version"
    yield "OBSTYPE", "IMAGING", "observation type - imaging or spectroscopic"
    yield "OBSMODE", "MULTIACCUM" if detector.is_ir else "ACCUM", "operating mode"
    if detector.is_ir:
        yield "SAMP_SEQ", "STEP100", "MultiAccum exposure time sequence name"
        yield "NSAMP", 14, "number of MULTIACCUM samples"
    yield "SCLAMP", "NONE", "lamp status, NONE or name of lamp which is on"
    yield "NRPTEXP", 1, "number of repeat exposures in set: default 1"
    yield "SUBARRAY", recipe.size is not None, "data from a subarray (T) or full frame (F)"
    yield "DETECTOR", detector.detector, "detector in use"
    if detector.instrument == "ACS":
        yield "FILTER1", exposure.filter, "element selected from filter wheel 1"
        yield "FILTER2", "CLEAR2L", "element selected from filter wheel 2"
    else:
        yield "FILTER", exposure.filter, "element selected from filter wheel"
    yield "APERTURE", detector.detector, "aperture name"
    yield "CRSPLIT", 1, "number of cosmic ray split exposures"
    yield "CTEDIR", "NONE", "CTE measurement direction: serial or parallel"
    yield "SCAN_TYP", "N", "C:bostrophidon; D:C with dwell; N:N/A"
    yield "SCAN_WID", 0.0, "scan width (arcsec)"
    yield "SCAN_RAT", 0.0, "commanded rate of the line scan (arcsec/sec)"
    yield "CHINJECT", "NONE", "Charge Injection Mode"
    yield "PROPAPER", "", "proposed aperture name"
    yield "DIRIMAGE", "NONE", "direct image for grism or prism exposure"
    yield "PATTERN1", "NONE", "primary pattern type"
    yield "P1_NPTS", 0, "number of points in primary pattern"
    for step in ("DQICORR", "BLEVCORR", "BIASCORR", "DARKCORR", "FLATCORR", "PCTECORR", "PHOTCORR"):
        yield step, "COMPLETE", "calibration switch"
    yield "CRCORR", "COMPLETE" if detector.is_ir else "OMIT", "combine observations to reject cosmic rays"
    yield "FLSHCORR", "OMIT", "post flash correction"
    yield "DRIZCORR", "PERFORM", "drizzle processing"
    yield "CRMASK", False, "flag CR-rejected pixels in input files (T/F)"


def _reference_rows(detector: Detector) -> Iterator[Row]:
    yield from _heading("CALIBRATION REFERENCE FILES")
    yield "IDCTAB", detector.references["IDCTAB"], "origin of Polynomial Distortion"
    yield "DGEOFILE", "N/A", "Distortion correction image"
    yield "MDRIZTAB", detector.references["MDRIZTAB"], "MultiDrizzle parameter table"
    yield "D2IMFILE", detector.references["D2IMFILE"], "origin of detector to image correction"
    yield "NPOLFILE", detector.references["NPOLFILE"], "origin of non-polynmial distortion model"
    for keyword in ("DARKFILE", "PFLTFILE", "BPIXTAB", "CCDTAB"):
        yield keyword, "N/A", "calibration reference file"


def _readout_rows(detector: Detector) -> Iterator[Row]:
    yield from _heading("CALIBRATED ENGINEERING PARAMETERS")
    yield "FLASHDUR", 0.0, "Exposure time in seconds: 0.1 to 409.5"
    yield "FLASHCUR", "ZERO", "Post flash current (zero, low, medium, high)"
    yield "CCDAMP", "ABCD", "CCD Amplifier Readout Configuration"
    yield "CCDGAIN", 1.5 if detector.detector == "UVIS" else 2.0, "commanded gain of CCD"
    for amplifier in "ABCD":
        yield f"CCDOFST{amplifier}", 3, "commanded CCD bias offset for amplifier"
    for amplifier in "ABCD":
        yield f"ATODGN{amplifier}", detector.gain, "calibrated gain for amplifier"
    for amplifier, noise in zip("ABCD", detector.read_noise, strict=True):
        yield f"READNSE{amplifier}", noise, "calibrated read noise for amplifier"
    for amplifier in "ABCD":
        yield f"BIASLEV{amplifier}", 2550.0, "bias level for amplifier"


def _association_rows(recipe: Recipe, exposure: PlannedExposure) -> Iterator[Row]:
    detector = recipe.detector
    yield from _heading("ASSOCIATION KEYWORDS")
    yield "ASN_ID", exposure.asn_id, "unique identifier assigned to association"
    yield "ASN_TAB", f"{exposure.asn_id.lower()}_asn.fits", "name of the association table"
    yield "ASN_MTYP", "EXP-DTH", "Role of the Member in the Association"
    yield "UPWCSVER", "1.7.2", "Version of STWCS used to update the WCS"
    yield "PYWCSVER", "5.3.3", "Version of Astropy used to update the WCS"
    yield from _photometry_rows(exposure)
    yield "DISTNAME", distname(detector, exposure.rootname), "Distortion model name"
    yield "SIPNAME", sipname(detector, exposure.rootname), "origin of SIP polynomial distortion model"


def sipname(detector: Detector, rootname: str) -> str:
    """SIPNAME: rootname and root of the IDCTAB."""
    return f"{rootname}_{detector.reference_root}"


def distname(detector: Detector, rootname: str) -> str:
    """DISTNAME: SIPNAME and the roots of the table files."""
    files = (detector.references[name] for name in ("NPOLFILE", "D2IMFILE"))
    return "-".join([sipname(detector, rootname), *("NOMODEL" if f == "N/A" else root(f) for f in files)])


def _photometry_rows(exposure: PlannedExposure) -> Iterator[Row]:
    yield "PHOTFLAM", 1.3e-18, "Inverse sensitivity, ergs/cm2/A/e-"
    yield "PHOTZPT", -21.1, "ST magnitude zero point"
    yield "PHOTPLAM", _PIVOT.get(exposure.filter, _OTHER_PIVOT), "Pivot wavelength (Angstroms)"
    yield "PHOTBW", 160.0, "RMS bandwidth of filter plus detector"


def science_header(recipe: Recipe, exposure: PlannedExposure, *, chip: int, planes: Planes) -> Cards:
    """Header of a SCI extension: every WCS of the file and what describes them."""
    detector = recipe.detector
    figures = detector.chips[chip]
    active, extver = exposure.candidates[exposure.active], chip + 1
    wcs = active.chips[chip]
    distorted = wcs.without_tables()
    rows = [
        *_extension_rows(recipe, exposure, name="SCI", extver=extver),
        *([] if detector.is_ir else [("CCDCHIP", figures.ccdchip, "CCD chip (1 or 2)")]),
        *_geometry_rows(recipe, exposure, chip),
        ("ORIENTAT", orientat(wcs), "position angle of image y axis (deg. e of n)"),
        ("RA_APER", TARGET[0], "RA of aperture reference position"),
        ("DEC_APER", TARGET[1], "Declination of aperture reference position"),
        ("NCOMBINE", 1, "number of image sets combined during CR rejection"),
        ("PHOTMODE", f"{detector.instrument} {detector.detector} {exposure.filter}", "Observation con"),
        *_photometry_rows(exposure),
        *_section_rows(recipe, exposure, chip),
        *_statistics_rows(recipe, exposure, planes),
        ("RADESYS", "ICRS", "Equatorial coordinate system"),
        ("S_REGION", region(wcs), ""),
        *idc_rows(figures, detector),
        *_alternate_rows(exposure, chip),
        *_error_rows(active),
        *(row for row in linear_rows(wcs, active.wcsname) if row[0] != "RADESYS"),
        *sip_rows(distorted),
        *table_rows(wcs, extver),
        *idc_linear_rows(figures, detector),
        *table_error_rows(wcs, detector, names=True),
        *_fit_rows(exposure),
    ]
    return Cards(tuple(make_cards(rows)))


def _extension_rows(recipe: Recipe, exposure: PlannedExposure, *, name: str, extver: int) -> Iterator[Row]:
    bitpix = {"SCI": -32, "ERR": -32, "TIME": -32, "DQ": 16, "SAMP": 16}[name]
    flux = "ELECTRONS/S" if recipe.detector.counts_per_second else "ELECTRONS"
    units = {"SCI": flux, "ERR": flux, "TIME": "SECONDS", "DQ": "UNITLESS", "SAMP": "SAMPLES"}
    yield from image_rows(bitpix, recipe.shape)
    yield "ORIGIN", "trueup simulation", "FITS file originator"
    yield "DATE", WRITTEN, "date this file was written (yyyy-mm-dd)"
    yield "INHERIT", True, "inherit the primary header"
    yield "EXTNAME", name, "extension name"
    yield "EXTVER", extver, "extension version number"
    yield "ROOTNAME", exposure.rootname, "rootname of the observation set"
    yield "EXPNAME", exposure.rootname, "exposure identifier"
    yield "BUNIT", units[name], "brightness units"
    yield from _heading("World Coordinate System and Related Parameters")


def _geometry_rows(recipe: Recipe, exposure: PlannedExposure, chip: int) -> Iterator[Row]:
    yield "LTV1", exposure.ltv[chip][0], "offset in X to subsection start"
    yield "LTV2", exposure.ltv[chip][1], "offset in Y to subsection start"
    yield "LTM1_1", 1.0, "reciprocal of sampling rate in X"
    yield "LTM2_2", 1.0, "reciprocal of sampling rate in Y"
    wcs = exposure.candidates["IDC"].chips[0]
    yield "PA_APER", round(orientat(wcs), 3), "Position Angle of reference aperture center (de"
    yield "VAFACTOR", recipe.detector.vafactor, "velocity aberration plate scale factor"


def _section_rows(recipe: Recipe, exposure: PlannedExposure, chip: int) -> Iterator[Row]:
    ny, nx = recipe.shape
    # the infrared array is read with 5 reference pixels on each side
    border = 10 if recipe.detector.is_ir else 0
    left, bottom = exposure.ltv[chip]
    yield "CENTERA1", int(nx // 2 - left) + 1 + border // 2, "subarray axis1 center pt in unbinned dect. pix"
    yield (
        "CENTERA2",
        int(ny // 2 - bottom) + 1 + border // 2,
        "subarray axis2 center pt in unbinned dect. pix",
    )
    yield "SIZAXIS1", nx + border, "subarray axis1 size in unbinned detector pixels"
    yield "SIZAXIS2", ny + border, "subarray axis2 size in unbinned detector pixels"
    yield "BINAXIS1", 1, "axis1 data bin size in unbinned detector pixels"
    yield "BINAXIS2", 1, "axis2 data bin size in unbinned detector pixels"


def _statistics_rows(recipe: Recipe, exposure: PlannedExposure, planes: Planes) -> Iterator[Row]:
    good = int((planes.dq == 0).sum())
    yield "NGOODPIX", good, "number of good pixels"
    yield "SDQFLAGS", 31743, "serious data quality flags"
    yield "GOODMIN", round(float(planes.sci.min()), 6), "minimum value of good pixels"
    yield "GOODMAX", round(float(planes.sci.max()), 6), "maximum value of good pixels"
    yield "GOODMEAN", round(float(planes.sci.mean(dtype=float)), 6), "mean value of good pixels"
    yield "MEANDARK", 0.0, "average of the dark values subtracted"
    yield "MEANFLSH", 0.0, "Mean number of counts in post flash exposure"
    sky = recipe.detector.sky_rates[min(exposure.filter_index, len(recipe.detector.sky_rates) - 1)]
    per_exposure = 1.0 if recipe.detector.counts_per_second else exposure.exptime
    yield "MDRIZSKY", sky * per_exposure, "Sky value computed by AstroDrizzle"


def _alternate_rows(exposure: PlannedExposure, chip: int) -> Iterator[Row]:
    """Alternates: O telemetry, A distortion-only, B the solution that was active before."""
    for key, family in alternates(exposure).items():
        candidate = exposure.candidates[family]
        yield from linear_rows(candidate.chips[chip], candidate.wcsname, key=key)
        yield f"WCSTYPE{key}", candidate.wcstype, ""
        if key == "B":
            yield f"HDRNAME{key}", candidate.hdrname, ""
    yield "MJDREF", 0.0, "[d] MJD of fiducial time"
    for keyword in ("IDCTAB", "D2IMFILE", "NPOLFILE"):
        yield keyword, "N/A", ""


def alternates(exposure: PlannedExposure) -> dict[str, str]:
    """Families of the alternate solutions by key."""
    keys = {"O": "OPUS", "A": "IDC"}
    return keys if exposure.previous == "IDC" else {**keys, "B": exposure.previous}


def _error_rows(active: Candidate) -> Iterator[Row]:
    if active.fit is not None:
        yield "CRDER1", active.fit.rms_ra_mas / 3.6e6, "RMS in RA of WCS fit(deg)"
        yield "CRDER2", active.fit.rms_dec_mas / 3.6e6, "RMS in Dec of WCS fit(deg)"


def _fit_rows(exposure: PlannedExposure) -> Iterator[Row]:
    active = exposure.candidates[exposure.active]
    yield "WCSTYPE", active.wcstype, ""
    if active.fit is not None:
        yield "RMS_RA", active.fit.rms_ra_mas, "RMS in RA of WCS fit(mas)"
        yield "RMS_DEC", active.fit.rms_dec_mas, "RMS in Dec of WCS fit(mas)"
        yield "NMATCHES", active.fit.nmatches, ""
        yield "FITGEOM", "rscale", ""
    yield "HDRNAME", active.hdrname, ""


def plane_header(recipe: Recipe, exposure: PlannedExposure, *, name: str, chip: int) -> Cards:
    """Header of an ERR, DQ, SAMP or TIME extension: a linear WCS that nobody ever updates."""
    linear = exposure.candidates["IDC"].chips[chip].linear()
    rows = [
        *_extension_rows(recipe, exposure, name=name, extver=chip + 1),
        *linear_rows(linear, exposure.candidates["IDC"].wcsname),
        *_geometry_rows(recipe, exposure, chip),
        ("MJDREF", 0.0, ""),
    ]
    return Cards(tuple(make_cards(rows)))
