"""What the page of a visit tells, as plain data: it can be told again from the files of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Values = Mapping[str, Any]


def is_measured(fit: Values) -> bool:
    """Whether a FIT of the JSON contract has an offset that counts.

    Examples
    --------
    >>> is_measured({"east_mas": 74.5, "verdict": "unmeasurable"})
    False
    """
    return fit.get("east_mas") is not None and fit.get("verdict") != "unmeasurable"


@dataclass(frozen=True, slots=True)
class StoryProduct:
    """A drizzled image of the visit.

    Parameters
    ----------
    path : str
        The file. All products of a visit lie on one pixel grid.
    filter : str
        With its detector where the visit has several, as ``UVIS F336W``.
    when : str
        ``before`` or ``after`` the choice, or ``now`` where it changed nothing.
    wcsname : str
        Solution of its inputs; ``MIXED`` where they differ.
    cosmic_rays : mapping of str to float
        Share of the pixels of each chip that cosmic rays hit, by names like ``iepw14g4q SCI,1``.
    sky : mapping of str to float
        Sky of each chip, by the same names, in the unit of the exposure.

    Examples
    --------
    >>> StoryProduct("a_drc.fits", "F336W", "before", "IDC_2731450pi-GSC240").label
    'F336W before'
    """

    path: str
    filter: str
    when: str
    wcsname: str
    cosmic_rays: Mapping[str, float] = field(default_factory=dict)
    sky: Mapping[str, float] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """Filter, and when if there are two answers."""
        return self.filter if self.when == "now" else f"{self.filter} {self.when}"


@dataclass(frozen=True, slots=True, eq=False)
class Residuals:
    """Displacements of the stars that two products share, second minus first.

    Parameters
    ----------
    ra_deg, dec_deg : (n,) float64 arrays
        Where each star is in the first product.
    east_mas, north_mas : (n,) float64 arrays
        How far it lies off in the second.
    magnitude : (n,) float64 array
        Instrumental, of the first product.

    Examples
    --------
    >>> one = np.ones(1)
    >>> len(Residuals(one, one, one, one, one).ra_deg)
    1
    """

    ra_deg: Floats
    dec_deg: Floats
    east_mas: Floats
    north_mas: Floats
    magnitude: Floats


@dataclass(frozen=True, slots=True, eq=False)
class StoryOffset:
    """The offset between the products of two filters.

    Parameters
    ----------
    a, b : str
        Filters; the numbers are `b` minus `a`.
    when : str
        ``before``, ``after`` or ``now``, as of the products.
    fit : mapping
        FIT of the JSON contract.
    residuals : Residuals or None
    star : (float, float) or None
        The star that shows it best (ra, dec), degrees.

    Examples
    --------
    >>> StoryOffset("F336W", "F275W", "before", {"east_mas": None}).star is None
    True
    """

    a: str
    b: str
    when: str
    fit: Values
    residuals: Residuals | None = None
    star: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Story:
    """A visit, what was wrong with it, what was done, and how the two compare.

    Parameters
    ----------
    name : str
        Of the visit, as ``iepw14``.
    listing : mapping
        As ``trueup ls --format json`` prints it, of the files as they were found.
    measurement, choice : mapping or None
        As ``trueup measure`` and ``trueup choose`` print them; None where the stage was left out.
    products : tuple of StoryProduct
    offsets : tuple of StoryOffset
    findings : tuple of str
    manifest : mapping
        Of the run: files, versions, options, stages.
    commands : tuple of (str, str)
        What to type to apply, to undo, to do it again: purpose and command.
    pictures : tuple of str
        PNG files that show the offsets without a viewer: in print, without JavaScript.

    Examples
    --------
    >>> Story("iepw14", {"items": []}).filters
    ()
    """

    name: str
    listing: Values
    measurement: Values | None = None
    choice: Values | None = None
    products: tuple[StoryProduct, ...] = ()
    offsets: tuple[StoryOffset, ...] = ()
    findings: tuple[str, ...] = ()
    manifest: Values = field(default_factory=dict)
    commands: tuple[tuple[str, str], ...] = ()
    pictures: tuple[str, ...] = ()

    @property
    def filters(self) -> tuple[str, ...]:
        """The filters that were drizzled, in the order of the products."""
        return tuple(dict.fromkeys(product.filter for product in self.products))

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """The pairs of filters with a measured offset."""
        return tuple(dict.fromkeys((offset.a, offset.b) for offset in self.offsets))

    def offset(self, a: str, b: str, *, when: str) -> StoryOffset | None:
        """The offset of two filters before, after or now."""
        return next((o for o in self.offsets if (o.a, o.b, o.when) == (a, b, when)), None)
