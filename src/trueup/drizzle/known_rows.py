"""Rows of the archive's MDRIZTAB tables that are known: the defaults by detector.

A row serves from `numimages` exposures on, until the next one of its table. What a row does not say
is as in AstroDrizzle. ``DrizzleParams.from_mdriztab`` reads the table itself, where a user has it.
"""

from __future__ import annotations

from dataclasses import dataclass

Pair = tuple[float, float]


@dataclass(frozen=True, slots=True)
class KnownRow:
    """Some columns of one row, its filter being ANY.

    Attributes
    ----------
    table : str
        Root of the reference file, ``<table>_mdz.fits``.
    detector : str
    row : int
        As AstroDrizzle counts, from 1.
    numimages : int
        Exposures from which on it serves.
    sep_bits, final_bits : str
    combine : str or None
    cr_snr, cr_scale : (float, float) or None
        None where the value is not known.

    Examples
    --------
    >>> KnownRow("2ck18260i", "UVIS", 1, 1, "65535", "65535").combine is None
    True
    """

    table: str
    detector: str
    row: int
    numimages: int
    sep_bits: str
    final_bits: str
    combine: str | None = None
    cr_snr: Pair | None = None
    cr_scale: Pair | None = None


KNOWN_ROWS = (
    KnownRow("2ck18260i", "UVIS", 1, 1, "65535", "65535"),
    KnownRow("2ck18260i", "UVIS", 2, 2, "336", "336", "minmed", (3.5, 3.0), (1.5, 1.2)),
    KnownRow("37g1550cj", "WFC", 1, 1, "65535", "65535"),
    KnownRow("37g1550cj", "WFC", 2, 2, "336", "336", "minmed", (3.5, 3.0), (1.5, 1.2)),
    KnownRow("37g1550cj", "WFC", 3, 4, "336", "336", "median", (3.5, 3.0), (1.5, 1.2)),
    KnownRow("3562021pi", "IR", 1, 1, "65535", "65535"),
    # of the second row only the bits are known; the thresholds are those of the third
    KnownRow("3562021pi", "IR", 2, 2, "65535", "528", None, (5.0, 4.0), (3.0, 2.4)),
    KnownRow("3562021pi", "IR", 3, 4, "528", "528", "median", (5.0, 4.0), (3.0, 2.4)),
    # the table before 2ck18260i
    KnownRow("ubi1853qi", "UVIS", 2, 2, "96", "96", "minmed", (3.5, 3.0), (1.2, 0.7)),
)

_CURRENT = {"2ck18260i", "37g1550cj", "3562021pi"}


def known_row(detector: str, exposures: int) -> KnownRow | None:
    """The row in use for some exposures of a detector.

    Parameters
    ----------
    detector : str
    exposures : int

    Returns
    -------
    KnownRow or None
        None for a detector whose table is not known.

    Examples
    --------
    >>> known_row("WFC", 3).row, known_row("WFC", 4).row, known_row("HRC", 2)
    (2, 3, None)
    """
    rows = [
        row
        for row in KNOWN_ROWS
        if row.table in _CURRENT and row.detector == detector and row.numimages <= exposures
    ]
    return rows[-1] if rows else None
