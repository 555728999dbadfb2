"""Small exposures made of values alone: two chips, real-sized distortion."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from trueup.model.cards import Cards, Value, make_card
from trueup.model.chipwcs import ChipWcs, LookupTable, plane_to_sky, sky_to_plane
from trueup.model.exposure import Chip, Exposure, Plane
from trueup.model.names import WcsName
from trueup.model.solution import ChipId, ChipSolution, Origin, OriginKind, Solution

SHAPE = (2051, 4096)
FIELD = (137.84, -64.91)
CHIPS = (ChipId(1, 2), ChipId(2, 1))
SCALE_DEG = 0.0396 / 3600


def header(**values: Value) -> Cards:
    """A header of new cards."""
    return Cards(tuple(make_card(word, value) for word, value in values.items()))


def table(seed: int, shape: tuple[int, int] = (32, 64)) -> LookupTable:
    """A lookup table of up to 0.06 pixel."""
    data = np.random.default_rng(seed).uniform(-0.06, 0.06, shape).astype(np.float32)
    return LookupTable(data, (0.0, 0.0), (0.0, 0.0), (64.0, 64.0))


def chip_wcs(number: int, tables: bool = True) -> ChipWcs:
    """The distortion-only WCS of chip 1 or 2, 4th-order SIP."""
    rng = np.random.default_rng(number)
    sip_a, sip_b = np.zeros((5, 5)), np.zeros((5, 5))
    for coefficients in (sip_a, sip_b):
        for p in range(5):
            for q in range(5 - p):
                if p + q > 1:
                    coefficients[p, q] = rng.normal() * 10 ** (-5.5 - 4.5 * (p + q - 2))
    turn = np.radians(30.0 + 0.1 * number)
    cd = SCALE_DEG * np.array([[-np.cos(turn), np.sin(turn)], [np.sin(turn) * 0.998, np.cos(turn)]])
    xi, eta = cd @ [0.0, 2080.0 * (number - 1)]
    at = plane_to_sky(xi, eta, FIELD)
    crval = (float(at[0]), float(at[1]))
    pair = (table(number), table(number + 10)) if tables else (None, None)
    d2im = (table(number + 20), table(number + 30)) if tables else (None, None)
    return ChipWcs((2047.0, 1025.0), crval, cd, SHAPE, sip_a, sip_b, pair, d2im)


def moved(wcs: ChipWcs, east_mas: float, north_mas: float, rotation_deg: float = 0.0) -> ChipWcs:
    """The WCS after one affine motion of the tangent plane of the field."""
    turn = np.radians(rotation_deg)
    spin = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    shift = np.array([east_mas, north_mas]) / 3.6e6
    plane = np.array(sky_to_plane(*wcs.crval, FIELD))
    xi, eta = spin @ plane + shift
    ra, dec = plane_to_sky(xi, eta, FIELD)
    return replace(wcs, crval=(float(ra), float(dec)), cd=spin @ wcs.cd)


def solution(name: str, wcss: tuple[ChipWcs, ...], origin: OriginKind = "hdrlet", hdu: int = 7) -> Solution:
    """A solution of the given chips."""
    parts = tuple(
        ChipSolution(chip, wcs, header(CTYPE1="RA---TAN-SIP" if wcs.has_sip else "RA---TAN"))
        for chip, wcs in zip(CHIPS, wcss, strict=False)
    )
    return Solution(
        WcsName.parse(name),
        Origin(origin, hdu=hdu if origin == "hdrlet" else None),
        hdrname=name,
        npolfile="iref$y7b1516qi_npl.fits",
        d2imfile="iref$y7b1516hi_d2i.fits",
        chips=parts,
    )


def distortion_only(origin: OriginKind = "hdrlet") -> Solution:
    """The reference solution."""
    return solution("IDC_2731450pi", (chip_wcs(1), chip_wcs(2)), origin)


def fit(east_mas: float, north_mas: float, mode: str = "REL") -> Solution:
    """A sound fit: both chips moved together."""
    wcss = tuple(moved(chip_wcs(n), east_mas, north_mas, 0.004) for n in (1, 2))
    return solution(f"IDC_2731450pi-FIT_{mode}_GAIAeDR3", wcss)


def exposure(*solutions: Solution, **keywords: Value) -> Exposure:
    """An exposure with these solutions, the first one active."""
    words: dict[str, Value] = {"ROOTNAME": "iepw14g4q", "INSTRUME": "WFC3", "DETECTOR": "UVIS"}
    primary = header(**{**words, "EXPTIME": 178.0, "FILTER": "F336W", **keywords})
    planes = {"SCI": Plane(0, SHAPE, -32)}
    chips = tuple(Chip(chip, SHAPE, header(IDCSCALE=0.0396, VAFACTOR=1.0), planes) for chip in CHIPS)
    first = replace(solutions[0], origin=Origin("primary"))
    return Exposure("iepw14g4q_flc.fits", primary, chips, (first, *solutions[1:]), first)
