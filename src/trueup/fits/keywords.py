"""The keywords of a WCS solution in HST headers, and those computed from it."""

from __future__ import annotations

import math
import re

import numpy as np

from trueup.model.cards import CARD, Card, Cards, make_card
from trueup.model.chipwcs import ChipWcs
from trueup.model.names import WcsName
from trueup.model.solution import ChipSolution, Solution

_LINEAR = re.compile(r"(?:WCSAXES|CRPIX\d|CRVAL\d|CTYPE\d|CUNIT\d|CD\d_\d|LONPOLE|LATPOLE|RADESYS)$")
_STEPS = re.compile(r"(?:CDELT\d|PC\d_\d|CROTA\d)$")
_DISTORTION = re.compile(
    r"(?:[AB]P?_(?:ORDER|\d_\d|DMAX)|D2IM(?:DIS|ERR)?\d|D2IMEXT|CPDIS\d|CPERR\d|DP\d|NPOLEXT)$"
)
_STORY = re.compile(
    r"(?:WCSNAME|WCSTYPE|HDRNAME|FITNAME|CRDER\d|RMS_RA|RMS_DEC|NMATCH|NMATCHES|CATALOG|FITGEOM"
    r"|RELGEOM|RELMATCH|RELRMS_R|RELRMS_D|RELREFIM|ORIENTAT|S_REGION)$"
)

IDC = (
    "IDCSCALE", "OCX10", "OCX11", "OCY10", "OCY11", "IDCTHETA", "IDCXREF", "IDCYREF", "IDCV2REF", "IDCV3REF",
)  # fmt: skip
MODEL = ("IDCTAB", "NPOLFILE", "D2IMFILE", "SIPNAME", "DISTNAME")

_FIT_WORDS = {
    "REL": "relatively aligned to",
    "IMG": "aligned image-by-image to",
    "EVM": "aligned by visit-exposures to",
    "SVM": "aligned by visit to",
    "MVM": "aligned by multi-visit to",
}
_LINE = CARD - 13


def describes_solution(keyword: str) -> bool:
    """Whether a keyword of SCI, ERR, DQ, SAMP or TIME belongs to the solution in force.

    Examples
    --------
    >>> [describes_solution(word) for word in ("CRVAL1", "CRVAL1A", "RMS_RA", "VAFACTOR", "PA_APER")]
    [True, False, True, False, False]
    """
    return any(pattern.match(keyword) for pattern in (_LINEAR, _STEPS, _DISTORTION, _STORY))


def linear_cards(cards: Cards, *, tan: bool = False) -> tuple[Card, ...]:
    """The linear part of a WCS, values with their own characters.

    Parameters
    ----------
    cards : Cards
        WCS cards without the key of an alternate.
    tan : bool, optional
        Write CTYPE as plain RA---TAN and DEC--TAN.

    Returns
    -------
    tuple of Card
        WCSAXES first; always with all four CD terms and never with CDELT beside them.

    Examples
    --------
    >>> cards = Cards((make_card("CD1_1", 1e-5), make_card("CD2_2", 1e-5), make_card("CDELT1", 1.0)))
    >>> [card.keyword for card in linear_cards(cards)]
    ['WCSAXES', 'CD1_1', 'CD2_2', 'CD1_2', 'CD2_1']
    """
    axes = cards.find("WCSAXES") or make_card("WCSAXES", 2, "Number of coordinate axes")
    found = [card for card in cards if _LINEAR.match(card.keyword) and card.keyword != "WCSAXES"]
    if tan:
        found = [_plain(card) for card in found]
    for (i, j), number in np.ndenumerate(_cd(cards)):
        keyword = f"CD{i + 1}_{j + 1}"
        if keyword not in cards:
            found.append(make_card(keyword, float(number)))
    return (axes, *found)


def distortion_cards(cards: Cards) -> tuple[Card, ...]:
    """SIP polynomial and references to lookup tables, as they are.

    Examples
    --------
    >>> len(distortion_cards(Cards((make_card("A_ORDER", 4), make_card("CRVAL1", 5.0)))))
    1
    """
    return tuple(card for card in cards if _DISTORTION.match(card.keyword))


def fit_cards(solution: Solution, part: ChipSolution) -> tuple[Card, ...]:
    """What a solution says of its own fit, as SCI keywords.

    A solution that is no fit says nothing; "no fit" written as 0, blank or -1 is not repeated. CRDER
    is the chip's own; that of an active solution without a fit is a leftover.

    Examples
    --------
    >>> from trueup.model.solution import ChipId, Origin
    >>> cards = Cards((make_card("RMS_RA", 5.5), make_card("NMATCH", 46), make_card("RMS_DEC", "")))
    >>> fit = Solution(WcsName.parse("IDC_x-FIT_REL_GAIADR3"), Origin("hdrlet"), cards=cards)
    >>> wcs = ChipWcs((0, 0), (10.0, 0.0), np.diag([-1e-5, 1e-5]), (100, 100))
    >>> [(c.keyword, c.value) for c in fit_cards(fit, ChipSolution(ChipId(1, 2), wcs, Cards()))]
    [('RMS_RA', 5.5), ('NMATCHES', 46)]
    """
    is_fit = solution.family in {"fit", "user"}
    found: list[Card] = []
    if is_fit or solution.origin.kind != "primary":
        found += [card for card in part.cards if card.keyword in {"CRDER1", "CRDER2"}]
    if not is_fit:
        return tuple(found)
    for keyword, other in (("RMS_RA", ""), ("RMS_DEC", ""), ("NMATCHES", "NMATCH")):
        for cards in (part.cards, solution.cards):
            card = cards.find(keyword) or cards.find(other)
            if card is not None and (cards.number(card.keyword) or 0) > 0:
                found.append(card.with_keyword(keyword))
                break
    geometry = part.cards.find("FITGEOM") or solution.cards.find("FITGEOM")
    if geometry is not None and geometry.value:
        found.append(geometry)
    return tuple(found)


def _plain(card: Card) -> Card:
    words = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN"}
    word = words.get(card.keyword)
    return card if word in (None, card.value) else make_card(card.keyword, word, card.comment)


def _cd(cards: Cards) -> np.ndarray:
    """CD, or PC times CDELT where a header has those; absent terms as the standard says."""
    if any(f"CD{i}_{j}" in cards for i in (1, 2) for j in (1, 2)):
        return np.array([[cards.number(f"CD{i}_{j}") or 0.0 for j in (1, 2)] for i in (1, 2)])
    cd = np.eye(2)
    for i, j in np.ndindex(2, 2):
        term = cards.number(f"PC{i + 1}_{j + 1}")
        step = cards.number(f"CDELT{i + 1}")
        cd[i, j] = (cd[i, j] if term is None else term) * (1.0 if step is None else step)
    return cd


def orientat_card(cards: Cards) -> Card:
    """ORIENTAT: position angle of the image y axis, degrees east of north.

    Examples
    --------
    >>> orientat_card(Cards((make_card("CD1_2", 1e-5), make_card("CD2_2", 1e-5)))).value
    45.0
    """
    cd = _cd(cards)
    angle = math.degrees(math.atan2(cd[0, 1], cd[1, 1]))
    return make_card("ORIENTAT", angle, "position angle of image y axis (deg. e of n)")


def wcs_type(name: WcsName) -> str:
    """WCSTYPE: what a WCSNAME means, in the words that stwcs uses.

    Examples
    --------
    >>> wcs_type(WcsName.parse("IDC_2731450pi-FIT_REL_GAIAeDR3"))
    'undistorted a posteriori solution relatively aligned to GAIAEDR3'
    >>> wcs_type(WcsName.parse("OPUS"))
    'pipeline default not aligned'
    """
    base = name.base.upper()
    if not name.text:
        return "not aligned"
    if name.family == "user" or not base.startswith(("OPUS", "IDC_")):
        return "user-defined"
    start = "pipeline default" if base.startswith("OPUS") else "undistorted"
    catalog = (name.catalog or "").upper()
    if name.family == "fit":
        how = _FIT_WORDS.get(name.mode or "", "aligned to")
        return f"{start} a posteriori solution {how} {catalog}"
    return f"{start} a priori solution based on {catalog}" if catalog else f"{start} not aligned"


def region_card(wcs: ChipWcs) -> Card:
    """S_REGION: the polygon of a chip's corner pixels, closed.

    Examples
    --------
    >>> wcs = ChipWcs((0, 0), (10.0, 0.0), np.diag([-1e-5, 1e-5]), (100, 100))
    >>> region_card(wcs).value[:24]
    'POLYGON ICRS 10.0 0.0 10'
    """
    ny, nx = wcs.shape
    ra, dec = wcs.pixel_to_sky(np.array([0, 0, nx - 1, nx - 1, 0]), np.array([0, ny - 1, ny - 1, 0, 0]))
    words = [w for pair in zip(ra, dec, strict=True) for w in (f"{pair[0]} ", f"{pair[1]} ")]
    lines = ["POLYGON ICRS "]
    for word in words:
        if len(lines[-1] + word) > _LINE:
            lines.append("")
        lines[-1] += word
    heads = ["S_REGION= "] + ["CONTINUE  "] * (len(lines) - 1)
    tails = ["&'"] * (len(lines) - 1) + ["'"]
    return Card("".join(f"{h}'{t}{e}".ljust(CARD) for h, t, e in zip(heads, lines, tails, strict=True)))
