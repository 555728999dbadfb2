"""How data-quality bits are spelled."""

from __future__ import annotations

from trueup.errors import UsageError

Bits = str | int

ALL_BITS = 0xFFFFFFFF


def good_bits(bits: Bits) -> int:
    """Read a set of DQ bits that do not make a pixel bad.

    Parameters
    ----------
    bits : str or int
        ``336`` = ``256,64,16`` = ``256+64+16``; ``~4096,64`` is all but these; ``""`` and ``none``
        are all bits: DQ is ignored.

    Returns
    -------
    int
        Bit mask of 32 bits.

    Raises
    ------
    UsageError
        Where it is spelled otherwise.

    Examples
    --------
    >>> good_bits("256,64,16")
    336
    >>> good_bits("~4096,64") == ALL_BITS - 4096 - 64
    True
    """
    text = str(bits).strip()
    if text.lower() in {"", "none"}:
        return ALL_BITS
    if isinstance(bits, int) and bits < 0:
        return bits & ALL_BITS
    inverted = text.startswith("~")
    words = text.removeprefix("~").strip().removeprefix("(").removesuffix(")")
    separator = "+" if "+" in words else ","
    numbers = [word.strip() for word in words.split(separator)]
    if not all(word.isdecimal() and int(word) <= ALL_BITS for word in numbers):
        raise UsageError(f"bits are '{bits}'", todo="write 336, 256,64,16, 256+64+16, ~4096,64 or none")
    mask = 0
    for number in map(int, numbers):
        if len(numbers) > 1 and number & (number - 1):
            raise UsageError(f"{number} in bits '{bits}' is not a single bit", todo="list powers of two")
        mask |= number
    return ALL_BITS & ~mask if inverted else mask


def reset_mask(bits: Bits) -> int:
    """The DQ bits taken as not set; ``none`` and ``""`` are no bits.

    Examples
    --------
    >>> reset_mask("4096"), reset_mask("none")
    (4096, 0)
    """
    return 0 if str(bits).strip().lower() in {"", "none"} else good_bits(bits)
