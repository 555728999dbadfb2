"""Small numbers in words."""

from __future__ import annotations

_COUNTS = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def count(number: int) -> str:
    """A small number as a word.

    Examples
    --------
    >>> count(4), count(36)
    ('four', '36')
    """
    return _COUNTS[number] if number < len(_COUNTS) else str(number)


def all_of(number: int) -> str:
    """All of a small number, in words.

    Examples
    --------
    >>> all_of(2), all_of(4), all_of(36)
    ('both', 'all four', 'all 36')
    """
    return "both" if number == 2 else f"all {count(number)}"
