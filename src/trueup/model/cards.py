"""FITS header cards as text.

A solution keeps the cards it was read from, so that a number is written back with the very
characters it had. Parsing happens when a value is asked for.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

CARD = 80
BLOCK = 2880

Value = str | int | float | bool | None

_STRING = re.compile(r"'((?:[^']|'')*)'")
_COMMENTARY = {"", "COMMENT", "HISTORY", "CONTINUE", "END"}


@dataclass(frozen=True, slots=True)
class Card:
    """One header card, verbatim.

    Parameters
    ----------
    text : str
        80 characters, or a multiple of 80 where CONTINUE cards follow.

    Examples
    --------
    >>> card = Card("CRPIX1  =               2048.0 / Pixel coordinate".ljust(80))
    >>> card.keyword, card.value, card.comment
    ('CRPIX1', 2048.0, 'Pixel coordinate')
    """

    text: str

    @property
    def keyword(self) -> str:
        """The keyword: the first eight characters without trailing blanks."""
        return self.text[:8].rstrip()

    @property
    def value(self) -> Value:
        """The parsed value; strings without trailing blanks, None where undefined."""
        return _parse(self.text)[0]

    @property
    def comment(self) -> str:
        """The comment after the slash."""
        return _parse(self.text)[1]

    def with_keyword(self, keyword: str) -> Card:
        """The same card under another keyword; the value's characters stay."""
        return Card(keyword.ljust(8) + self.text[8:])


def _parse(text: str) -> tuple[Value, str]:
    if text[:8].rstrip() in _COMMENTARY or text[8:10] != "= ":
        return text[8:CARD].rstrip(), ""
    if len(text) > CARD:
        return _parse_long(text)
    body = text[10:]
    match = _STRING.match(body.lstrip())
    if match:
        rest = body.lstrip()[match.end() :]
        return match[1].replace("''", "'").rstrip(), rest.partition("/")[2].strip()
    token, _, comment = body.partition("/")
    return _number(token.strip()), comment.strip()


def _parse_long(text: str) -> tuple[str, str]:
    value, comments = "", []
    for start in range(0, len(text), CARD):
        body = text[start + 10 : start + CARD].lstrip()
        match = _STRING.match(body)
        if match is None:
            comments.append(body.lstrip("/ ").rstrip())
            continue
        value = value.removesuffix("&") + match[1].replace("''", "'").rstrip()
        comments.append(body[match.end() :].partition("/")[2].strip())
    return value.removesuffix("&").rstrip(), " ".join(c for c in comments if c)


def _number(token: str) -> Value:
    if token in {"T", "F"}:
        return token == "T"
    if not token:
        return None
    try:
        return int(token)
    except ValueError:
        pass
    try:
        return float(token.upper().replace("D", "E"))
    except ValueError:
        return token


def _finite(value: str | float) -> float | None:
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def make_card(keyword: str, value: Value, comment: str = "") -> Card:
    """Write a new card in fixed format, with CONTINUE where a string is long.

    Parameters
    ----------
    keyword : str
        At most eight characters.
    value : str, int, float, bool or None
        The value; a float is written with the shortest digits that read back equal.
    comment : str, optional
        Dropped characters that do not fit are lost, the value never is.

    Returns
    -------
    Card

    Examples
    --------
    >>> make_card("NMATCHES", 46).value
    46
    >>> len(make_card("HDRNAME", "x" * 100).text)
    160
    """
    if isinstance(value, str):
        return _string_card(keyword, value, comment)
    token = _token(value)
    text = f"{keyword:<8}= {token:>20}"
    return Card((f"{text} / {comment}" if comment else text)[:CARD].ljust(CARD))


def _token(value: float | bool | None) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "T" if value else "F"
    if isinstance(value, int):
        return str(value)
    token = repr(float(value)).upper()
    mantissa, e, exponent = token.partition("E")
    if "." not in mantissa:
        mantissa += ".0"
    return f"{mantissa}E{int(exponent):+03d}" if e else mantissa


def _string_card(keyword: str, value: str, comment: str) -> Card:
    quoted = value.replace("'", "''")
    if len(quoted) <= CARD - 12:
        text = f"{keyword:<8}= '{quoted:<8}'"
        if comment:
            text = f"{text:<30} / {comment}"
        return Card(text[:CARD].ljust(CARD))
    # a piece never ends inside a doubled quote
    pieces, rest = [], quoted
    while len(rest) > CARD - 13:
        cut = CARD - 13
        if rest[:cut].count("'") % 2:
            cut -= 1
        pieces.append(rest[:cut] + "&")
        rest = rest[cut:]
    pieces.append(rest)
    heads = [f"{keyword:<8}= "] + ["CONTINUE  "] * (len(pieces) - 1)
    lines = [f"{head}'{piece}'" for head, piece in zip(heads, pieces, strict=True)]
    if comment:
        lines[-1] = f"{lines[-1]} / {comment}"
    return Card("".join(line[:CARD].ljust(CARD) for line in lines))


@dataclass(frozen=True, slots=True)
class Cards:
    """An immutable header: a sequence of cards found by keyword.

    Parameters
    ----------
    items : tuple of Card
        The cards in file order, without END.

    Examples
    --------
    >>> header = Cards((make_card("FILTER", "F336W"), make_card("EXPTIME", 178.0)))
    >>> header.get("EXPTIME"), "FILTER2" in header
    (178.0, False)
    """

    items: tuple[Card, ...] = ()
    _first: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        first: dict[str, int] = {}
        for i, card in enumerate(self.items):
            first.setdefault(card.keyword, i)
        object.__setattr__(self, "_first", first)

    @classmethod
    def from_bytes(cls, block: bytes) -> Cards:
        """Read the cards of a header block up to END, blank cards included."""
        text = block.decode("latin-1")
        items: list[str] = []
        for start in range(0, len(text) - CARD + 1, CARD):
            line = text[start : start + CARD]
            if line[:8] == "END     ":
                break
            if line.startswith("CONTINUE") and items:
                items[-1] += line
            else:
                items.append(line)
        return cls(tuple(Card(item) for item in items))

    def to_bytes(self) -> bytes:
        """The header block: cards, END, padded with blanks to a multiple of 2880."""
        text = "".join(card.text for card in self.items) + "END".ljust(CARD)
        return text.ljust(-(-len(text) // BLOCK) * BLOCK).encode("latin-1")

    def __repr__(self) -> str:
        return f"<{len(self.items)} cards>"

    def __iter__(self) -> Iterator[Card]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __contains__(self, keyword: object) -> bool:
        return keyword in self._first

    def find(self, keyword: str) -> Card | None:
        """The first card with this keyword, or None."""
        index = self._first.get(keyword)
        return None if index is None else self.items[index]

    def get(self, keyword: str, default: Value = None) -> Value:
        """The value of the first card with this keyword; the default where absent."""
        card = self.find(keyword)
        return default if card is None else card.value

    def text(self, keyword: str, default: str = "") -> str:
        """The value as a stripped string; the default where absent or undefined."""
        value = self.get(keyword)
        return default if value is None else str(value).strip()

    def number(self, keyword: str) -> float | None:
        """The value as a finite float; None where absent, undefined or not a number."""
        value = self.get(keyword)
        return None if isinstance(value, bool) or value is None else _finite(value)

    def record(self, keyword: str) -> dict[str, float]:
        """The fields of record-valued cards, as ``{"EXTVER": 1.0, "AXIS.1": 1.0}``."""
        fields: dict[str, float] = {}
        for card in self.items:
            if card.keyword == keyword and isinstance(card.value, str):
                name, _, text = card.value.partition(":")
                number = _finite(text)
                if number is not None:
                    fields[name.strip()] = number
        return fields

    def replace(self, keyword: str, *cards: Card) -> Cards:
        """Put cards where the first card of this keyword stands, dropping all it had."""
        if keyword not in self._first:
            return self.append(*cards)
        at = self._first[keyword]
        before = self.items[:at]
        after = (c for c in self.items[at:] if c.keyword != keyword)
        return Cards((*before, *cards, *after))

    def without(self, keywords: Iterable[str]) -> Cards:
        """All cards but those with one of these keywords."""
        gone = set(keywords)
        return Cards(tuple(c for c in self.items if c.keyword not in gone))

    def append(self, *cards: Card) -> Cards:
        """The header with cards added at its end, before trailing blank cards."""
        end = len(self.items)
        while end and not self.items[end - 1].text.strip():
            end -= 1
        return Cards((*self.items[:end], *cards, *self.items[end:]))
