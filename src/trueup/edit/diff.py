"""The difference between a file and its planned new version, for people and programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trueup.edit.archive import is_hdrlet
from trueup.edit.document import Unit, Units
from trueup.model.cards import Cards, Value

_COMMENTARY = ("", "COMMENT", "HISTORY")


@dataclass(frozen=True, slots=True)
class KeywordChange:
    """One keyword of one HDU: its value before and after, None where it is absent.

    Parameters
    ----------
    extname : str
    extver : int or None
    keyword : str
        ``DP1.EXTVER`` for a field of a record.
    old, new : str, int, float, bool or None

    Examples
    --------
    >>> print(KeywordChange("SCI", 1, "CRVAL1", 1.0, 2.0))
    SCI,1 CRVAL1: 1.0 -> 2.0
    """

    extname: str
    extver: int | None
    keyword: str
    old: Value
    new: Value

    def __str__(self) -> str:
        old, new = ("-" if value is None else str(value) for value in (self.old, self.new))
        return f"{_label(self.extname, self.extver)} {self.keyword}: {old} -> {new}"


@dataclass(frozen=True, slots=True)
class HduChange:
    """A HDU that is added, replaced or removed.

    Parameters
    ----------
    action : str
        ``add``, ``replace`` or ``remove``.
    extname : str
    extver : int or None
    hdrname : str or None
        Of a HDRLET.

    Examples
    --------
    >>> print(HduChange("add", "HDRLET", 9, "iepw14g4q_IDC_2731450pi"))
    add HDRLET,9 (iepw14g4q_IDC_2731450pi)
    """

    action: str
    extname: str
    extver: int | None
    hdrname: str | None

    def __str__(self) -> str:
        name = f" ({self.hdrname})" if self.hdrname else ""
        return f"{self.action} {_label(self.extname, self.extver)}{name}"


def keyword_changes(units: Units) -> tuple[KeywordChange, ...]:
    """Keywords that change in HDUs of the old file.

    Examples
    --------
    >>> keyword_changes(())
    ()
    """
    changes = []
    for unit in units:
        if unit.hdu is None or not unit.is_changed:
            continue
        old, new = _values(unit.hdu.header), _values(unit.header)
        for keyword in dict.fromkeys((*old, *new)):
            if old.get(keyword) != new.get(keyword):
                was, now = old.get(keyword), new.get(keyword)
                changes.append(KeywordChange(unit.extname, unit.hdu.extver, keyword, was, now))
    return tuple(changes)


def hdu_changes(before: Units, after: Units) -> tuple[HduChange, ...]:
    """HDUs that come and go.

    Examples
    --------
    >>> hdu_changes((), (Unit(Cards(), b""),))
    (HduChange(action='add', extname='', extver=None, hdrname=None),)
    """
    kept = {unit.hdu.index for unit in after if unit.hdu is not None}
    gone = [unit for unit in before if unit.hdu is not None and unit.hdu.index not in kept]
    lost = {_spot(unit) for unit in gone}
    new = [unit for unit in after if unit.hdu is None]
    come = {_spot(unit) for unit in new}
    changes = [_change("remove", unit) for unit in gone if _spot(unit) not in come]
    changes += [_change("replace" if _spot(unit) in lost else "add", unit) for unit in new]
    return tuple(changes)


def _spot(unit: Unit) -> tuple[str, int | None]:
    return unit.extname, unit.extver


def _change(action: str, unit: Unit) -> HduChange:
    hdrname = unit.header.text("HDRNAME") if is_hdrlet(unit) else ""
    return HduChange(action, unit.extname, unit.extver, hdrname or None)


def _values(header: Cards) -> dict[str, Value]:
    return dict(_pairs(header))


def _pairs(header: Cards) -> Iterator[tuple[str, Value]]:
    """Keyword and value; the fields of a record-valued keyword one by one."""
    for card in header:
        keyword, value = card.keyword, card.value
        if keyword in _COMMENTARY:
            continue
        if isinstance(value, str) and keyword.startswith(("DP", "D2IM")) and ": " in value:
            field, _, number = value.partition(": ")
            yield f"{keyword}.{field}", float(number)
        else:
            yield keyword, value


def _label(extname: str, extver: int | None) -> str:
    return extname if extver is None else f"{extname},{extver}"
