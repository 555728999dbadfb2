"""CHECKSUM of the FITS standard (section 4.4.2.7 and appendix J of version 4.0)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from trueup.model.cards import Cards, make_card

_MASK = 0xFFFFFFFF
_PUNCTUATION = {*range(0x3A, 0x41), *range(0x5B, 0x61)}


def with_checksum(header: Cards, data: Iterable[bytes]) -> Cards:
    """The header with a valid CHECKSUM, where it has one at all.

    Parameters
    ----------
    header : Cards
    data : iterable of bytes
        The data of the HDU with its padding, in pieces of a multiple of four bytes.

    Returns
    -------
    Cards
        DATASUM is left as it is: it depends on the data only.

    Examples
    --------
    >>> header = Cards((make_card("SIMPLE", True), make_card("CHECKSUM", "")))
    >>> ones_sum([with_checksum(header, []).to_bytes()]) == 0xFFFFFFFF
    True
    """
    card = header.find("CHECKSUM")
    if card is None:
        return header
    blank = header.replace("CHECKSUM", make_card("CHECKSUM", "0" * 16, card.comment))
    total = ones_sum([blank.to_bytes(), *data])
    return header.replace("CHECKSUM", make_card("CHECKSUM", _encode(~total & _MASK), card.comment))


def ones_sum(pieces: Iterable[bytes]) -> int:
    """The ones'-complement sum of 32-bit words.

    Parameters
    ----------
    pieces : iterable of bytes
        Each a multiple of four bytes long.

    Examples
    --------
    >>> ones_sum([bytes([255, 255, 255, 255]), bytes([0, 0, 0, 2])])
    2
    """
    total = 0
    for piece in pieces:
        total += int(np.frombuffer(piece, ">u4").sum(dtype=np.uint64))
    while total > _MASK:
        total = (total & _MASK) + (total >> 32)
    return total


def _encode(value: int) -> str:
    """Sixteen letters and digits whose bytes add up to the value."""
    text = bytearray(16)
    for i in range(4):
        quarter, rest = divmod(value >> (24 - 8 * i) & 0xFF, 4)
        letters = [quarter + 0x30 + (rest if j == 0 else 0) for j in range(4)]
        while any(letter in _PUNCTUATION for letter in letters):
            for j in (0, 2):
                if letters[j] in _PUNCTUATION or letters[j + 1] in _PUNCTUATION:
                    letters[j] += 1
                    letters[j + 1] -= 1
        text[i::4] = bytes(letters)
    return (text[-1:] + text[:-1]).decode("ascii")
