"""From exposures to one drizzled image."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trueup.drizzle.grid import chip_scale_arcsec, output_frame
from trueup.drizzle.params import DrizzleParams
from trueup.drizzle.resample import Drop, Pixels, add_chip, empty_canvas, finished
from trueup.errors import DataError, SolutionError
from trueup.fits.exposure import read_pixels
from trueup.fits.product import write_product
from trueup.model.chipwcs import ChipWcs
from trueup.model.exposure import Chip, Exposure
from trueup.model.mosaic import Mosaic
from trueup.model.select import select
from trueup.model.solution import Solution
from trueup.model.visit import Visit

log = logging.getLogger(__name__)

Selection = str | Mapping[str, Solution] | Callable[[Exposure], Solution]
Image = NDArray[np.float32]

_RATES = ("ELECTRONS/S", "COUNTS/S")
_SUMS = ("ELECTRONS", "COUNTS")


def drizzle(
    exposures: Visit | Iterable[Exposure],
    *,
    solution: Selection | None = None,
    params: DrizzleParams | None = None,
    output: str | None = None,
) -> Mosaic:
    """Drizzle exposures onto one grid, under any solution; the inputs are not touched.

    Parameters
    ----------
    exposures : Visit or iterable of Exposure
        They become one image.
    solution : str, mapping or callable, optional
        A selection as in ``trueup ls`` (name, glob, ``#3``, family), solutions by rootname, or a
        function of the exposure; by default the solution in force.
    params : DrizzleParams, optional
    output : str, optional
        File to write; a file that trueup did not write is never replaced.

    Returns
    -------
    Mosaic

    Raises
    ------
    SolutionError
        Where exposures are solved in different ways and `params` does not allow that.
    DataError
        Where an exposure cannot be drizzled, or no pixel falls on the grid.

    Notes
    -----
    A pixel weighs its exposure time where its DQ is good, else nothing. Cosmic rays are
    not rejected beyond the DQ flags.

    Examples
    --------
    >>> drizzle([])
    Traceback (most recent call last):
    trueup.errors.DataError: no chip to drizzle
    """
    params = params or DrizzleParams()
    members = exposures.exposures if isinstance(exposures, Visit) else tuple(exposures)
    chosen = under(members, solution)
    require_drizzlable(chosen)
    if not params.allow_mixed:
        require_same_kind(chosen)
    mosaic = drizzle_onto(output_frame(chosen, params), chosen, params)
    return mosaic if output is None else write_product(mosaic, output)


def drizzle_onto(frame: ChipWcs, exposures: Sequence[Exposure], params: DrizzleParams) -> Mosaic:
    """Drizzle exposures, under their solutions in force, onto a given frame.

    Parameters
    ----------
    frame : ChipWcs
        Without distortion.
    exposures : sequence of Exposure
    params : DrizzleParams

    Returns
    -------
    Mosaic

    Raises
    ------
    DataError
        Where no good pixel falls on the frame, or an image has an unknown unit.

    Examples
    --------
    >>> frame = ChipWcs((0, 0), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (2, 2))
    >>> drizzle_onto(frame, [], DrizzleParams())
    Traceback (most recent call last):
    trueup.errors.DataError: no good pixel falls on the output grid...
    """
    chips = [(exposure, chip) for exposure in exposures for chip in exposure.chips]
    canvas = empty_canvas(frame, chips=len(chips), context=params.context)
    drop = Drop(params.pixfrac, params.threads)
    for index, (exposure, chip) in enumerate(chips):
        log.info("drizzling %s chip %s under %s", exposure.path, chip.id, exposure.solution.name)
        scale = frame.scale_arcsec() / chip_scale_arcsec(exposure, chip)
        data = read_rate(exposure, chip) * np.float32(scale**2)
        weight = read_weight(exposure, chip, params)
        add_chip(canvas, Pixels(data, weight), wcs=exposure.wcs(chip.id), index=index, drop=drop)
    if not canvas.weight.any():
        raise DataError(
            "no good pixel falls on the output grid", todo="check --center, --shape and --final-bits"
        )
    sci, wht = finished(canvas, params.fill)
    return Mosaic(sci, wht, canvas.context, frame, tuple(exposures), _unit(*chips[0]), params.to_json())


def under(exposures: Iterable[Exposure], solution: Selection | None) -> tuple[Exposure, ...]:
    """The exposures, each under the selected solution.

    Parameters
    ----------
    exposures : iterable of Exposure
    solution : str, mapping or callable, optional
        As in :func:`drizzle`.

    Returns
    -------
    tuple of Exposure

    Examples
    --------
    >>> under([], "svm")
    ()
    """
    return tuple(e if solution is None else e.under(_selected(e, solution)) for e in exposures)


def _selected(exposure: Exposure, solution: Selection) -> Solution:
    if isinstance(solution, str):
        return select(exposure, solution)
    if isinstance(solution, Mapping):
        return solution.get(exposure.rootname, exposure.solution)
    return solution(exposure)


def require_drizzlable(exposures: Sequence[Exposure]) -> None:
    """Refuse exposures that are no images: grism, moving, scan, calibration, failed.

    Raises
    ------
    DataError
        Naming every one with its reason.

    Examples
    --------
    >>> require_drizzlable([])
    """
    refused = [f"{e.path}: {why}" for e in exposures if (why := why_not(e))]
    if refused:
        raise DataError("cannot be drizzled: " + "; ".join(refused), todo="leave these exposures out")


def why_not(exposure: Exposure) -> str:
    """Why an exposure cannot be drizzled; blank where it can.

    Examples
    --------
    >>> from trueup.model.cards import Cards, make_card
    >>> from trueup.model.names import WcsName
    >>> from trueup.model.solution import Origin
    >>> opus = Solution(WcsName.parse("OPUS"), Origin("primary"))
    >>> why_not(Exposure("a_flc.fits", Cards((make_card("EXPTIME", 0.0),)), (), (opus,), opus))
    'no exposure time'
    """
    if not exposure.usable.drizzle:
        return exposure.usable.why
    if exposure.detector == "WFPC2":
        return "WFPC2 is listed and applied, not drizzled"
    if any(chip.is_cut for chip in exposure.chips):
        return "its pixels were cut"
    return ""


def require_same_kind(exposures: Sequence[Exposure]) -> None:
    """Refuse exposures whose solutions were made in different ways.

    Raises
    ------
    SolutionError
        Naming the files of each kind of solution.

    Examples
    --------
    >>> require_same_kind([])
    """
    kinds = Visit(tuple(exposures)).active_kinds()
    if len(kinds) > 1:
        groups = [f"{label}: {', '.join(e.path for e in group)}" for label, group in kinds.items()]
        raise SolutionError(
            "the exposures are under different solutions (" + "; ".join(groups) + ")",
            todo="choose one for all with --solution, or say --allow-mixed",
        )


def read_rate(exposure: Exposure, chip: Chip) -> Image:
    """The SCI pixels of a chip per second.

    Parameters
    ----------
    exposure : Exposure
    chip : Chip

    Returns
    -------
    (ny, nx) float32 array

    Raises
    ------
    DataError
        Where BUNIT is unknown.

    Examples
    --------
    >>> from trueup.fits.exposure import read_exposure
    >>> from trueup.simulate import Recipe, make_visit
    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> _ = make_visit(folder, recipe=Recipe(size=(64, 48), stars=5, galaxies=0))
    >>> exposure = read_exposure(f"{folder}/iepw14g4q_flc.fits")
    >>> read_rate(exposure, exposure.chips[0]).shape
    (48, 64)
    """
    unit = _unit_of_input(exposure, chip)
    if unit not in _RATES + _SUMS:
        raise DataError(
            f"BUNIT is '{unit}'",
            file=exposure.path,
            chip=chip.id,
            todo=f"trueup drizzles {', '.join(_SUMS + _RATES)}",
        )
    pixels = read_pixels(exposure, chip.id).astype(np.float32, copy=False)
    return pixels if unit in _RATES else pixels / np.float32(exposure.exptime)


def read_weight(exposure: Exposure, chip: Chip, params: DrizzleParams) -> Image:
    """The weight of the pixels of a chip: exposure time where DQ is good, else 0.

    Parameters
    ----------
    exposure : Exposure
    chip : Chip
    params : DrizzleParams
        Which bits are good.

    Returns
    -------
    (ny, nx) float32 array

    Examples
    --------
    >>> from trueup.fits.exposure import read_exposure
    >>> from trueup.simulate import Recipe, make_visit
    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> _ = make_visit(folder, recipe=Recipe(size=(64, 48), stars=5, galaxies=0))
    >>> exposure = read_exposure(f"{folder}/iepw14g4q_flc.fits")
    >>> bool(read_weight(exposure, exposure.chips[0], DrizzleParams()).max() == exposure.exptime)
    True
    """
    bad = params.for_exposures(exposure.detector, 2).bad_bits("final")
    exptime = np.float32(exposure.exptime)
    if bad == 0 or "DQ" not in chip.planes:
        return np.full(chip.shape, exptime, np.float32)
    flags: NDArray[Any] = read_pixels(exposure, chip.id, plane="DQ")
    if not np.issubdtype(flags.dtype, np.integer):
        flags = flags.astype(np.int32)
    unsigned = np.dtype(f"u{flags.dtype.itemsize}")
    mask = unsigned.type(bad & np.iinfo(unsigned).max)
    return np.where(flags.view(unsigned) & mask, np.float32(0), exptime)


def _unit_of_input(exposure: Exposure, chip: Chip) -> str:
    words = chip.header.text("BUNIT") or exposure.header.text("BUNIT")
    return words.upper().replace(" ", "").replace("/SEC", "/S")


def _unit(exposure: Exposure, chip: Chip) -> str:
    return _unit_of_input(exposure, chip).removesuffix("/S") + "/S"
