"""From exposures to one drizzled image, in seven steps."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

import numpy as np

from trueup.drizzle.admission import Selection, require_drizzlable, require_same_kind, under
from trueup.drizzle.agreement import require_agreement
from trueup.drizzle.canvas import Canvas, errors, finished
from trueup.drizzle.final import CosmicRays, final_image
from trueup.drizzle.grid import output_frame
from trueup.drizzle.inputs import ChipInput
from trueup.drizzle.params import DrizzleParams
from trueup.drizzle.resample import input_rows
from trueup.drizzle.run import Given, Hooks, Image, Known, Run, start
from trueup.drizzle.separate import clean_image
from trueup.drizzle.sky import Sky, SkySettings, sky_values
from trueup.drizzle.sky_file import given_sky, read_sky_values
from trueup.drizzle.static import StaticMask, static_mask
from trueup.errors import DataError
from trueup.fits.product import write_product
from trueup.model.chipwcs import ChipWcs
from trueup.model.exposure import Exposure
from trueup.model.mosaic import ChipKey, Mosaic
from trueup.model.visit import Visit

log = logging.getLogger(__name__)


def drizzle(
    exposures: Visit | Iterable[Exposure],
    *,
    solution: Selection | None = None,
    params: DrizzleParams | None = None,
    output: str | None = None,
    hooks: Hooks | None = None,
    given: Given | None = None,
) -> Mosaic:
    """Drizzle exposures onto one grid, under any solution; the inputs are not touched.

    Parameters
    ----------
    exposures : Visit or iterable of Exposure
        They become one image.
    solution : str, Choice, mapping or callable, optional
        A selection as in ``trueup ls`` (name, glob, ``#3``, family), a choice, solutions by rootname, or
        a function of the exposure; by default the solution in force.
    params : DrizzleParams, optional
    output : str, optional
        File to write; a file that trueup did not write is never replaced.
    hooks : Hooks, optional
        Who is told about progress and intermediate products.
    given : Given, optional
        What takes the place of a step.

    Returns
    -------
    Mosaic

    Raises
    ------
    SolutionError
        Where exposures are solved in different ways, or disagree about the sky, and `params` does
        not allow that.
    DataError
        Where an exposure cannot be drizzled, or no pixel falls on the grid.

    Notes
    -----
    Cosmic rays are rejected by comparison with the median of at least two exposures. Nothing is
    written into the inputs.

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
        require_agreement(chosen)
    frame = output_frame(chosen, params)
    mosaic = drizzle_onto(frame, chosen, params, hooks=hooks, given=given)
    return mosaic if output is None else write_product(mosaic, output)


def drizzle_onto(
    frame: ChipWcs,
    exposures: Sequence[Exposure],
    params: DrizzleParams,
    *,
    hooks: Hooks | None = None,
    given: Given | None = None,
) -> Mosaic:
    """Drizzle exposures, under their solutions in force, onto a given frame.

    The seven steps: static mask, sky, separate drizzle, median, blot, cosmic-ray mask, final
    drizzle. Those from separate drizzle to mask are left out where cosmic rays are not to be rejected.

    Parameters
    ----------
    frame : ChipWcs
        Without distortion.
    exposures : sequence of Exposure
    params : DrizzleParams
    hooks : Hooks, optional
        Who is told about progress and intermediate products.
    given : Given, optional
        What takes the place of a step.

    Returns
    -------
    Mosaic

    Raises
    ------
    DataError
        Where no chip or good pixel falls on the frame, an image has an unknown unit, or no ERR
        where that is asked for.

    Examples
    --------
    >>> frame = ChipWcs((0, 0), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (2, 2))
    >>> drizzle_onto(frame, [], DrizzleParams())
    Traceback (most recent call last):
    trueup.errors.DataError: no chip falls on the output grid; check --center and --shape
    """
    run = start(frame, exposures, params, hooks=hooks, given=given)
    _require_overlap(run)
    static = _static(run)
    sky = _sky(run, static)
    clean = _clean(run, Known(sky, static))
    canvas, found = final_image(run, Known(sky, static, clean))
    if not canvas.weight.any():
        raise DataError(
            "no pixel on the output grid is good",
            file=_names(run),
            todo="check the DQ and ERR images, and --final-bits",
        )
    return _mosaic(run, canvas, sky=sky, found=found)


def _require_overlap(run: Run) -> None:
    shape = run.final.frame.shape
    if all(input_rows(mapping, slice(None), shape) is None for mapping in run.final.mappings):
        raise DataError(
            "no chip falls on the output grid", file=_names(run), todo="check --center and --shape"
        )


def _names(run: Run) -> str | None:
    return ", ".join(exposure.path for exposure in run.exposures) or None


def _static(run: Run) -> StaticMask | None:
    if run.given.static is not None or not run.params.static:
        return run.given.static
    run.hooks.tell("static mask", 0, 1)
    return static_mask(run.exposures, sigma=run.params.static_sigma, threads=run.params.threads)


def _sky(run: Run, static: StaticMask | None) -> Sky:
    params = run.params
    if run.given.sky is not None:
        return run.given.sky
    if params.sky_values is not None:
        return given_sky(run.exposures, read_sky_values(params.sky_values))
    run.hooks.tell("sky", 0, 1)
    settings = SkySettings(bad_bits=params.bad_bits("sky"), threads=params.threads)
    return sky_values(run.exposures, params.sky, settings=settings, static=static)


def _clean(run: Run, known: Known) -> Image | None:
    """The sky without cosmic rays, where somebody needs it."""
    if run.given.clean is not None or not run.params.cr:
        return run.given.clean
    return clean_image(run, known)


def _mosaic(run: Run, canvas: Canvas, *, sky: Sky, found: CosmicRays) -> Mosaic:
    params = run.params
    err = errors(canvas, params.fill) if "err" in params.planes else None
    sci, wht = finished(canvas, params.fill, threads=params.threads)
    if params.units == "counts":
        total = np.float32(sum(exposure.exptime for exposure in run.exposures))
        sci *= total
        err = None if err is None else err * total
    subtracted = {_key(one): sky.of(one.exposure, one.chip) for one in run.inputs}
    return Mosaic(
        sci,
        wht,
        canvas.context,
        run.final.frame,
        run.exposures,
        unit=_unit(run),
        settings=params.to_json(),
        err=err,
        coverage=canvas.seconds,
        sky=subtracted,
        masks=found.masks,
        cosmic_rays=found.shares,
    )


def _key(one: ChipInput) -> ChipKey:
    return one.exposure.rootname, one.chip.id.extver


def _unit(run: Run) -> str:
    """BUNIT of the output."""
    word = run.inputs[0].unit.removesuffix("/S")
    return word if run.params.units == "counts" else f"{word}/S"
