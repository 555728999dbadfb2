"""The tables of a visit: associations and the WCSCORR history."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trueup.model.cards import Cards
from trueup.simulate.cards import make_cards, orientat
from trueup.simulate.detectors import Detector, root
from trueup.simulate.files import table_hdu
from trueup.simulate.headers import alternates, sipname
from trueup.simulate.plan import PlannedExposure

_WCSCORR = np.dtype(
    [("WCS_ID", "S40"), ("EXTVER", ">i2"), ("WCS_key", "S1")]
    + [(name, "S24") for name in ("HDRNAME", "SIPNAME", "NPOLNAME", "D2IMNAME")]
    + [(name, ">f8") for name in ("CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2")]
    + [(name, ">f8") for name in ("CD1_1", "CD1_2", "CD2_1", "CD2_2")]
    + [("CTYPE1", "S24"), ("CTYPE2", "S24")]
    + [(name, ">f8") for name in ("ORIENTAT", "PA_V3", "RMS_RA", "RMS_Dec")]
    + [("NMatch", ">i4"), ("Catalog", "S40"), ("DESCRIP", "S128")]
)
_MEMBERS = np.dtype([("MEMNAME", "S14"), ("MEMTYPE", "S14"), ("MEMPRSNT", "u1")])
_EMPTY_ROWS = 6


def wcscorr_hdu(exposure: PlannedExposure, detector: Detector) -> bytes:
    """The WCSCORR table: a row per chip and solution that was ever in the header, then empty rows."""
    families = [("O", "OPUS"), ("", "IDC"), *((k, f) for k, f in alternates(exposure).items() if k == "B")]
    families.append(("", exposure.active))
    chips = len(detector.chips)
    rows = np.zeros(len(families) * chips + _EMPTY_ROWS, _WCSCORR)
    for i, (key, family) in enumerate(families):
        candidate = exposure.candidates[family]
        for chip, wcs in enumerate(candidate.chips):
            row = rows[i * chips + chip]
            row["WCS_ID"], row["EXTVER"], row["WCS_key"] = candidate.wcsname, chip + 1, key
            row["HDRNAME"] = candidate.hdrname[:24]
            row["SIPNAME"] = sipname(detector, exposure.rootname)
            row["NPOLNAME"] = root(detector.references["NPOLFILE"])
            row["D2IMNAME"] = root(detector.references["D2IMFILE"])
            row["CRVAL1"], row["CRVAL2"] = wcs.crval
            row["CRPIX1"], row["CRPIX2"] = wcs.crpix[0] + 1, wcs.crpix[1] + 1
            row["CD1_1"], row["CD1_2"], row["CD2_1"], row["CD2_2"] = wcs.cd.ravel()
            row["CTYPE1"], row["CTYPE2"] = "RA---TAN", "DEC--TAN"
            row["ORIENTAT"], row["PA_V3"] = orientat(wcs), exposure.pa_v3
    filled = ("TROWS", len(families) * chips, "Number of updated rows in table")
    return table_hdu(rows, "WCSCORR", extra=[filled])


def association_bytes(exposures: Sequence[PlannedExposure], detector: Detector) -> bytes:
    """An association table of the exposures of one filter and their product."""
    asn_id = exposures[0].asn_id
    rows = np.zeros(len(exposures) + 1, _MEMBERS)
    rows["MEMNAME"] = [*(e.rootname.upper() for e in exposures), asn_id]
    rows["MEMTYPE"] = [*("EXP-DTH" for _ in exposures), "PROD-DTH"]
    rows["MEMPRSNT"] = ord("T")
    primary = make_cards(
        [
            ("SIMPLE", True, "data conform to FITS standard"),
            ("BITPIX", 8, "bits per data value"),
            ("NAXIS", 0, "number of data axes"),
            ("EXTEND", True, "File may contain standard extensions"),
            ("NEXTEND", 1, "Number of standard extensions"),
            ("FILENAME", f"{asn_id.lower()}_asn.fits", "name of file"),
            ("FILETYPE", "ASN_TABLE", "type of data found in data file"),
            ("TELESCOP", "HST", "telescope used to acquire data"),
            ("INSTRUME", detector.instrument, "identifier for instrument used to acquire data"),
            ("ROOTNAME", asn_id.lower(), "rootname of the observation set"),
            ("DETECTOR", detector.detector, "detector in use"),
            ("ASN_ID", asn_id.lower(), "unique identifier assigned to association"),
            ("ASN_TAB", f"{asn_id.lower()}_asn.fits", "name of the association table"),
            ("ASN_STAT", "COMPLETE", "status of association (COMPLETE/INCOMPLETE)"),
            ("ASN_PROD", True, "product created (T/F)"),
        ]
    )
    return Cards(tuple(primary)).to_bytes() + table_hdu(rows, "ASN")
