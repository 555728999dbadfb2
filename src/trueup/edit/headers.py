"""The headers of an exposure under another solution: SCI, its companions, and PRIMARY."""

from __future__ import annotations

import re

from trueup.fits.keywords import (
    IDC,
    MODEL,
    describes_solution,
    distortion_cards,
    fit_cards,
    linear_cards,
    orientat_card,
    region_card,
    wcs_type,
)
from trueup.model.cards import Card, Cards, make_card
from trueup.model.solution import ChipSolution, Solution

COMPANIONS = ("ERR", "DQ", "SAMP", "TIME")

_UNKNOWN = (None, "", "N/A")
_KEPT = ("RADESYS", "CUNIT1", "CUNIT2")
_KEYED = re.compile(
    r"(?:WCSAXES|WCSNAME|WCSTYPE|HDRNAME|CRPIX\d|CRVAL\d|CTYPE\d|CUNIT\d|CDELT\d|CD\d_\d|PC\d_\d|CRDER\d"
    r"|LONPOLE|LATPOLE|RADESYS|NMATCH|CATALOG|RMS_RA|RMS_DEC|IDCSCALE|OC[XY]1[01])$"
)


def science_header(header: Cards, solution: Solution, part: ChipSolution) -> Cards:
    """The header of a SCI extension under another solution.

    Parameters
    ----------
    header : Cards
        As it is.
    solution : Solution
    part : ChipSolution
        The part of the solution for this chip.

    Returns
    -------
    Cards
        The whole WCS in one block where its first keyword was. Numbers keep the characters
        of the solution; all that described the old one is gone.

    Examples
    --------
    >>> import numpy as np
    >>> from trueup.model.chipwcs import ChipWcs
    >>> from trueup.model.names import WcsName
    >>> from trueup.model.solution import ChipId, Origin
    >>> own = Cards((make_card("CRVAL1", 10.0), make_card("CD1_1", -1e-5), make_card("CD2_2", 1e-5)))
    >>> part = ChipSolution(ChipId(1, 2), ChipWcs((0, 0), (10, 0), np.diag([-1e-5, 1e-5]), (9, 9)), own)
    >>> new = Solution(WcsName.parse("IDC_x-GSC240"), Origin("hdrlet"), chips=(part,))
    >>> old = Cards((make_card("CRVAL1", 9.9), make_card("RMS_RA", 5.5), make_card("VAFACTOR", 1.0)))
    >>> header = science_header(old, new, part)
    >>> header.get("CRVAL1"), "RMS_RA" in header, "VAFACTOR" in header, header.get("WCSNAME")
    (10.0, False, True, 'IDC_x-GSC240')
    """
    own = part.cards
    block = [*linear_cards(own), *_names(solution)]
    block += fit_cards(solution, part)
    block += [card for card in own if card.keyword == "CATALOG" and card.value]
    if part.claims_sip:
        block += distortion_cards(own)
    block += [card for word in IDC if (card := own.find(word) or header.find(word)) is not None]
    block.append(orientat_card(own))
    if "S_REGION" in header:
        block.append(region_card(part.wcs))
    return _with_block(header.without(IDC), header, block)


def companion_header(header: Cards, solution: Solution, part: ChipSolution) -> Cards:
    """The header of ERR, DQ, SAMP or TIME: the linear part of the WCS.

    Examples
    --------
    >>> import numpy as np
    >>> from trueup.model.chipwcs import ChipWcs
    >>> from trueup.model.names import WcsName
    >>> from trueup.model.solution import ChipId, Origin
    >>> own = Cards((make_card("CTYPE1", "RA---TAN-SIP"), make_card("A_ORDER", 4)))
    >>> part = ChipSolution(ChipId(1, 2), ChipWcs((0, 0), (10, 0), np.diag([-1e-5, 1e-5]), (9, 9)), own)
    >>> new = Solution(WcsName.parse("IDC_x-GSC240"), Origin("hdrlet"), chips=(part,))
    >>> header = companion_header(Cards(), new, part)
    >>> header.get("CTYPE1"), header.get("WCSNAME"), "A_ORDER" in header
    ('RA---TAN', 'IDC_x-GSC240', False)
    """
    block = list(linear_cards(part.cards, tan=True))
    block += [card for card in _names(solution) if card.keyword == "WCSNAME"]
    if "ORIENTAT" in header:
        block.append(orientat_card(part.cards))
    if "S_REGION" in header:
        block.append(region_card(part.wcs))
    return _with_block(header, header, block)


def primary_header(header: Cards, solution: Solution) -> Cards:
    """PRIMARY with the reference files of a headerlet; other solutions share those of the file.

    Examples
    --------
    >>> from trueup.model.names import WcsName
    >>> from trueup.model.solution import Origin
    >>> new = Solution(WcsName.parse("OPUS"), Origin("hdrlet"), cards=Cards((make_card("IDCTAB", "b"),)))
    >>> primary_header(Cards((make_card("IDCTAB", "a"),)), new).get("IDCTAB")
    'b'
    """
    if solution.origin.kind not in {"hdrlet", "file"}:
        return header
    for word in MODEL:
        card = solution.cards.find(word)
        if card is None or (word not in header and card.value in _UNKNOWN):
            continue
        if card.value != header.get(word):
            header = header.replace(word, card)
    return header


def with_extension_count(header: Cards, extensions: int) -> Cards:
    """PRIMARY with NEXTEND set, where it has that keyword.

    Examples
    --------
    >>> with_extension_count(Cards((make_card("NEXTEND", 6),)), 7).get("NEXTEND")
    7
    """
    old = header.find("NEXTEND")
    if old is None or old.value == extensions:
        return header
    return header.replace("NEXTEND", make_card("NEXTEND", extensions, old.comment))


def without_alternate(header: Cards, key: str) -> Cards:
    """A SCI header without the alternate WCS of one key.

    Examples
    --------
    >>> header = Cards((make_card("CRVAL1", 1.0), make_card("CRVAL1A", 1.0)))
    >>> [card.keyword for card in without_alternate(header, "A")]
    ['CRVAL1']
    """
    return Cards(
        tuple(c for c in header if not (c.keyword.endswith(key) and _KEYED.match(c.keyword[: -len(key)])))
    )


def numbered(header: Cards, extver: int) -> Cards:
    """The header with this EXTVER.

    Examples
    --------
    >>> numbered(Cards(), 3).get("EXTVER")
    3
    """
    if header.get("EXTVER") == extver:
        return header
    old = header.find("EXTVER")
    return header.replace("EXTVER", make_card("EXTVER", extver, old.comment if old else "extension value"))


def _names(solution: Solution) -> list[Card]:
    cards = []
    if solution.wcsname:
        cards.append(make_card("WCSNAME", solution.wcsname, "Coordinate system title"))
    cards.append(make_card("WCSTYPE", wcs_type(solution.name)))
    if solution.hdrname:
        cards.append(make_card("HDRNAME", solution.hdrname))
    return cards


def _with_block(header: Cards, old: Cards, block: list[Card]) -> Cards:
    """Replace all keywords of the old solution by one block, where the first of them stood."""
    have = {card.keyword for card in block}
    block += [card for word in _KEPT if word not in have and (card := old.find(word)) is not None]
    place = next((i for i, card in enumerate(header) if describes_solution(card.keyword)), None)
    if place is None:
        return header.append(*block)
    rest = (card for card in header.items[place:] if not describes_solution(card.keyword))
    return Cards((*header.items[:place], *block, *rest))
