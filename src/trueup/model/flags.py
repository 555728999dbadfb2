"""What can be said of a WCS solution: faults, which make it unsound, and notes, which do not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from trueup.model.solution import ChipId

Code = Literal[
    "chip-geometry", "mixed-chips", "sip-missing", "table-missing", "wrong-destim",
    "missing-chip", "scale", "broken",
    "table-cut", "stale-fit-keywords", "crder-in-mas", "linear-only", "duplicate", "only-copy",
    "no-reference",
]  # fmt: skip

FAULTS = frozenset(
    {
        "chip-geometry",
        "mixed-chips",
        "sip-missing",
        "table-missing",
        "wrong-destim",
        "missing-chip",
        "scale",
        "broken",
    }
)


@dataclass(frozen=True, slots=True)
class Flag:
    """One fault of a solution, or a note on it.

    Attributes
    ----------
    code : str
    text : str
        In plain words.
    chip : ChipId or None
    mas, pix : float or None
        Its size at the worst corner of the chip.
    reference_mas, reference_pix : float or None
        Its size at the reference pixel of the chip.
    """

    code: Code
    text: str
    chip: ChipId | None = None
    mas: float | None = None
    pix: float | None = None
    reference_mas: float | None = None
    reference_pix: float | None = None

    @property
    def is_fault(self) -> bool:
        """Whether the flag makes a solution unsound."""
        return self.code in FAULTS


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known about one solution.

    Attributes
    ----------
    flags : tuple of Flag
    same_as : tuple of int
        Positions in ``exposure.solutions`` of the solutions that are the same on the sky.
    checkable : bool
        False where nothing was there to check the chips against.
    """

    flags: tuple[Flag, ...] = ()
    same_as: tuple[int, ...] = ()
    checkable: bool = True

    @property
    def faults(self) -> tuple[Flag, ...]:
        """The flags that make the solution unsound."""
        return tuple(flag for flag in self.flags if flag.is_fault)

    @property
    def notes(self) -> tuple[Flag, ...]:
        """The flags that do not."""
        return tuple(flag for flag in self.flags if not flag.is_fault)

    @property
    def sound(self) -> bool | None:
        """False with any fault; None where the chips could not be checked."""
        if self.faults:
            return False
        return True if self.checkable else None
