"""What a drizzle run can be told."""

from __future__ import annotations

import json
import math
import os
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self

from trueup.drizzle.bits import ALL_BITS, Bits, good_bits, reset_mask
from trueup.drizzle.known_rows import known_row
from trueup.drizzle.mdriztab import Columns, row_settings
from trueup.drizzle.settings import settings_of, settings_of_product
from trueup.drizzle.vocabulary import (
    OPTIONAL,
    RULES,
    Blot,
    Combine,
    Compat,
    Kernel,
    PlaneName,
    Sky,
    Units,
    Weight,
)
from trueup.errors import UsageError

Pair = tuple[float, float]

# how a run goes, not what comes out: another machine or user has their own
_NOT_STORED = {"threads", "keep", "write_dq"}


@dataclass(frozen=True, slots=True)
class DrizzleParams:
    """Settings of a drizzle run; None means by detector and number of exposures.

    Parameters
    ----------
    grid : str
        ``common``: all products of a call share one pixel grid; ``own``: each has its own; or a
        drizzled image whose grid is used.
    scale : float, optional
        Output pixel in arcsec; that of the detector by default.
    rot : float, optional
        Position angle of the output y axis, degrees from north through east.
    shape : (int, int), optional
        Output size NX NY in pixels.
    center : (float, float), optional
        RA and Dec of the reference point, degrees.
    kernel : str
        ``square``: exact overlap of the shrunken input pixel with the output pixels; ``turbo``: the
        same without rotation; ``point``; ``gaussian``; ``lanczos2``; ``lanczos3``.
    pixfrac : float
        Side of the shrunken input pixel, above 0 to 1.
    weight : str
        A good pixel weighs its exposure time (``EXP``), its inverse variance by the ERR image
        (``ERR``) or by flat, dark, sky and read noise (``IVM``).
    units : str
        ``cps``: counts or electrons per second; ``counts``: times the total exposure time.
    fill : float
        Value of output pixels without data.
    planes : tuple of str
        ``err`` and ``coverage``: further planes, in a companion file.
    sep_bits : str or int, optional
        DQ bits that do not make a pixel bad on the way to the cosmic-ray mask: ``336``,
        ``256,64,16``, ``256+64+16``, ``~4096,64`` (all but these), ``none`` (ignore DQ).
    final_bits : str or int, optional
        The same for the final image.
    reset_bits : str or int
        DQ bits taken as not set: old cosmic-ray flags were made with another WCS.
    sky : str, optional
        ``localmin``: each chip set has its own sky, the smallest of its chips; ``globalmin``: the
        smallest of all; ``match``: levels are made equal where exposures overlap, which is what the
        archive's tutorials use, for it keeps the sky of extended targets; ``globalmin+match``;
        ``none``. By default ``match``, for a single exposure ``localmin``.
    sky_values : str, optional
        File with the sky of each exposure, instead of `sky`.
    sky_bits : str or int
        As `sep_bits`, for the statistics of the sky.
    combine : str, optional
        How the separate images become one without cosmic rays: ``median``, ``mean``, ``sum``,
        ``minmed`` (median, or minimum where that is significantly lower), ``imedian`` (median, with
        the first image where all are masked), ``minimum``.
    nlow : int
        Lowest values left out of the combination.
    nhigh : int
        Highest values left out of the combination.
    lthresh : float, optional
        Lower values are left out of the combination.
    hthresh : float, optional
        Higher values are left out of the combination.
    minmed_nsigma : (float, float)
        How significantly, and how close to such pixels.
    minmed_grow : int
        Radius in pixels of the second value.
    blot : str
        Interpolation of the combined image: ``poly5``, ``linear``, ``nearest``, ``poly3``,
        ``lanczos3``.
    cr : bool, optional
        Whether to reject cosmic rays; by default where there is more than one exposure.
    cr_snr : (float, float), optional
        Signal-to-noise ratio of a cosmic ray, and of its neighbours.
    cr_scale : (float, float), optional
        How much of the local gradient to allow, at a cosmic ray and its neighbours.
    cr_grow : int
        Size in pixels of the box masked around a cosmic ray; 1 is the pixel itself.
    cte_grow : int
        Length in pixels of the trail masked away from the readout.
    static : bool
        Whether to mask pixels that are far below the sky.
    static_sigma : float
        How far, in sigma.
    compat : str
        ``astrodrizzle``: with its approximations, so that products can be compared; ``none``: exact.
    threads : int
        Threads; 0 takes one per processor. The result does not depend on it.
    allow_mixed : bool
        Drizzle exposures together whose WCS solutions are of different kinds, disagree about the sky,
        or are unsound.
    keep : str, optional
        Folder for the intermediate images.
    write_dq : bool
        Whether to write the cosmic-ray masks into the DQ of the inputs, bit 4096; can be undone.
    context : bool
        Whether to record which chips fell on each output pixel.

    Raises
    ------
    UsageError
        Where a value is not one of these.

    Examples
    --------
    >>> params = DrizzleParams(pixfrac=0.8)
    >>> params.combine is None, params.for_exposures("UVIS", 2).combine
    (True, 'minmed')
    >>> DrizzleParams(kernel="cubic")
    Traceback (most recent call last):
    trueup.errors.UsageError: kernel is 'cubic'; it can be square, turbo, point, gaussian, ...
    """

    grid: str = "common"
    scale: float | None = None
    rot: float | None = None
    shape: tuple[int, int] | None = None
    center: Pair | None = None
    kernel: Kernel = "square"
    pixfrac: float = 1.0
    weight: Weight = "EXP"
    units: Units = "cps"
    fill: float = math.nan
    planes: tuple[PlaneName, ...] = ()
    sep_bits: Bits | None = None
    final_bits: Bits | None = None
    reset_bits: Bits = "4096"
    sky: Sky | None = None
    sky_values: str | None = None
    sky_bits: Bits = "0"
    combine: Combine | None = None
    nlow: int = 0
    nhigh: int = 0
    lthresh: float | None = None
    hthresh: float | None = None
    minmed_nsigma: Pair = (4.0, 3.0)
    minmed_grow: int = 1
    blot: Blot = "poly5"
    cr: bool | None = None
    cr_snr: Pair | None = None
    cr_scale: Pair | None = None
    cr_grow: int = 1
    cte_grow: int = 0
    static: bool = True
    static_sigma: float = 4.0
    compat: Compat = "none"
    threads: int = 0
    allow_mixed: bool = False
    keep: str | None = None
    write_dq: bool = False
    context: bool = True

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None and field.name in OPTIONAL:
                continue
            allowed, works = RULES[field.name]
            if not works(value):
                raise UsageError(f"{field.name} is {value!r}", todo=f"it can be {allowed}")
        for bits in (self.sep_bits, self.final_bits, self.sky_bits, self.reset_bits):
            if bits is not None:
                good_bits(bits)

    def for_exposures(self, detector: str, exposures: int) -> ResolvedParams:
        """The settings with what depends on detector and number of exposures filled in.

        Parameters
        ----------
        detector : str
        exposures : int

        Returns
        -------
        ResolvedParams
            Values that were given stay, but one exposure has no cosmic rays rejected.

        Raises
        ------
        UsageError
            Where nlow and nhigh leave nothing to combine.

        Examples
        --------
        >>> params = DrizzleParams(cr_snr=(5, 4)).for_exposures("UVIS", 2)
        >>> params.cr_snr, params.cr_scale, params.final_bits
        ((5, 4), (1.5, 1.2), '336')
        """
        row = known_row(detector, exposures)
        several = exposures > 1
        values: dict[str, Any] = {
            "sep_bits": row.sep_bits if row else "0",
            "final_bits": row.final_bits if row else "0",
            "sky": "match" if several else "localmin",
            "combine": (row and row.combine) or "minmed",
            # a photon counter sees no cosmic rays
            "cr": several and detector != "SBC",
            "cr_snr": (row and row.cr_snr) or (3.5, 3.0),
            "cr_scale": (row and row.cr_scale) or (1.2, 0.7),
        }
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        values |= {name: value for name, value in given.items() if name not in values or value is not None}
        # there is nothing to compare one exposure with
        values["cr"] = values["cr"] and several
        left = exposures - self.nlow - self.nhigh
        if values["cr"] and values["combine"] != "minmed" and left < 1:
            raise UsageError(
                f"nlow {self.nlow} and nhigh {self.nhigh} leave nothing of {exposures} exposures",
                todo="leave out fewer",
            )
        return ResolvedParams(**values)

    def bad_bits(self, step: Literal["sep", "final", "sky"]) -> int:
        """The DQ bits that make a pixel bad in one step.

        Parameters
        ----------
        step : str

        Raises
        ------
        UsageError
            Where they are by detector and :meth:`for_exposures` was not asked.

        Examples
        --------
        >>> DrizzleParams(final_bits="~4096,64").bad_bits("final")
        64
        """
        bits: Bits | None = getattr(self, f"{step}_bits")
        if bits is None:
            raise UsageError(f"{step}_bits are by detector", todo="ask params.for_exposures(detector, n)")
        return ALL_BITS & ~good_bits(bits) & ~reset_mask(self.reset_bits)

    def to_json(self) -> str:
        """The settings as JSON text, unknown numbers as null; without those of the machine.

        Examples
        --------
        >>> DrizzleParams().to_json()[:20]
        '{"grid": "common", "'
        """
        values: dict[str, Any] = {k: v for k, v in asdict(self).items() if k not in _NOT_STORED}
        values["fill"] = None if math.isnan(self.fill) else self.fill
        return json.dumps(values)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Settings from JSON text: an object with any of the names of the fields.

        Raises
        ------
        UsageError
            Where it is no such object, or a name or value is unknown.

        Examples
        --------
        >>> DrizzleParams.from_json('{"pixfrac": 0.8, "shape": [10, 20]}').shape
        (10, 20)
        """
        return cls(**settings_of(text))

    @classmethod
    def from_product(cls, path: str | os.PathLike[str]) -> Self:
        """The settings of a product of trueup, its pixel grid included.

        Raises
        ------
        DataError
            Where the file has no settings.

        Examples
        --------
        >>> DrizzleParams.from_product("nowhere_trueup_drc.fits")
        Traceback (most recent call last):
        trueup.errors.FileAccessError: nowhere_trueup_drc.fits: No such file or directory
        """
        return cls(**settings_of_product(path))

    @staticmethod
    def from_mdriztab(
        path: str | os.PathLike[str],
        filter: str,  # noqa: A002 - the word of the field
        n: int,
        *,
        columns: Columns = "all",
    ) -> DrizzleParams:
        """The settings of one row of an MDRIZTAB reference table.

        Parameters
        ----------
        path : str or path-like
        filter : str
            As FILTER; several joined by ``;``.
        n : int
            Number of exposures.
        columns : str
            ``all``, or those that the archive's tutorial takes: bits, combination, thresholds and
            scales of the cosmic-ray test (``tutorial``).

        Raises
        ------
        DataError
            Where the table has no row for the filter and number of exposures, or no such columns.

        Examples
        --------
        >>> DrizzleParams.from_mdriztab("nowhere_mdz.fits", "F336W", 2)
        Traceback (most recent call last):
        trueup.errors.FileAccessError: nowhere_mdz.fits: No such file or directory
        """
        return DrizzleParams(**row_settings(path, filter, n, columns=columns))

    def __str__(self) -> str:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        width = max(map(len, values))
        return "\n".join(f"{name:{width}}  {_words(value)}" for name, value in values.items())


@dataclass(frozen=True, slots=True)
class ResolvedParams(DrizzleParams):
    """Settings in which nothing is left to the detector.

    Examples
    --------
    >>> DrizzleParams().for_exposures("IR", 4).cr_snr
    (5.0, 4.0)
    """

    sep_bits: Bits = "0"
    final_bits: Bits = "0"
    sky: Sky = "match"
    combine: Combine = "minmed"
    cr: bool = True
    cr_snr: Pair = (3.5, 3.0)
    cr_scale: Pair = (1.2, 0.7)


def _words(value: object) -> str:
    if value is None:
        return "default"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return " ".join(map(str, value)) or "none"
    return str(value)
