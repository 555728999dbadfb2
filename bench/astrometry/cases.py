"""What is measured, and how well it has to be."""

from __future__ import annotations

from dataclasses import dataclass

SERIES = ("G", "R")
FIRST_SEED = 9000


@dataclass(frozen=True, slots=True)
class Bars:
    """The largest rms error that is allowed.

    Parameters
    ----------
    axis_mas : dict of str to float
        Per series; without one the error only has to be honest.
    rotation_deg : float, optional
        In series G.
    may_refuse : bool
        An honest UNMEASURABLE is as good.
    """

    axis_mas: dict[str, float]
    rotation_deg: float | None = 2e-4
    may_refuse: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """Two dithered exposures of one field, or one exposure and a catalogue.

    Parameters
    ----------
    name : str
    filters : (str, str)
        Of the two exposures.
    stars : int
        In the field of the first exposure.
    brightest : float
        Electrons in the first filter; their numbers fall as the power -0.8 of the flux.
    ratio : float
        Median flux in the second filter over that in the first.
    bars : Bars
    gaia : int
        Stars of the catalogue in the field; with any, one exposure is measured against it.
    """

    name: str
    filters: tuple[str, str]
    stars: int
    bars: Bars
    brightest: float = 3e5
    ratio: float = 1.0
    gaia: int = 0

    @property
    def across(self) -> bool:
        """Whether two filters are compared."""
        return self.filters[0] != self.filters[1]


CASES = (
    Case("dense", ("F336W", "F336W"), 2000, Bars({"G": 0.1, "R": 0.5})),
    Case("medium", ("F336W", "F336W"), 300, Bars({"G": 0.1, "R": 0.5})),
    Case("uv", ("F275W", "F275W"), 57, Bars({"G": 0.6, "R": 1.5}), brightest=2e4),
    Case("cross-300", ("F336W", "F275W"), 300, Bars({"G": 0.6, "R": 1.5}), ratio=0.03),
    Case("cross-80", ("F336W", "F275W"), 80, Bars({"G": 1.0, "R": 1.5}, None, may_refuse=True), ratio=0.03),
    Case("absolute-46", ("F336W", "F336W"), 300, Bars({"G": 0.4, "R": 1.5}, None), gaia=46),
    Case("absolute-10", ("F336W", "F336W"), 100, Bars({"R": 1.5}, None, may_refuse=True), gaia=10),
)
