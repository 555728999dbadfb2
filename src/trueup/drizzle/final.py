"""Blot, cosmic-ray mask and final drizzle, chip by chip."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from trueup.drizzle.canvas import Canvas, empty_canvas
from trueup.drizzle.cosmic import ChipReadout, CosmicRaySettings, cosmic_ray_mask, trail_direction
from trueup.drizzle.grid import chip_scale_arcsec
from trueup.drizzle.inputs import ChipInput
from trueup.drizzle.resample import Drop, Pixels, add_chip
from trueup.drizzle.run import Image, Known, Run
from trueup.model.mosaic import ChipKey

Mask = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class CosmicRays:
    """What was found to be cosmic rays, by ROOTNAME and SCI EXTVER.

    Parameters
    ----------
    shares : dict of (str, int) to float
        Share of the pixels of each chip; blank where nobody looked.
    masks : dict of (str, int) to (ny, nx) uint8 array
        0 where one was found, else 1; blank unless they are to be written into the inputs.

    Examples
    --------
    >>> CosmicRays({}, {}).shares
    {}
    """

    shares: dict[ChipKey, float]
    masks: dict[ChipKey, Mask]


def final_image(run: Run, known: Known) -> tuple[Canvas, CosmicRays]:
    """Mask the cosmic rays of each chip and drizzle it onto the output image.

    Parameters
    ----------
    run : Run
    known : Known

    Returns
    -------
    canvas : Canvas
    found : CosmicRays
    """
    params = run.params
    canvas = empty_canvas(
        run.final.frame,
        chips=len(run.inputs),
        context=params.context,
        variance="err" in params.planes,
        coverage="coverage" in params.planes,
    )
    drop = Drop(kernel=params.kernel, pixfrac=params.pixfrac, threads=params.threads)
    found = CosmicRays({}, {})
    for one, signal in _with_signals(run.inputs):
        run.hooks.tell("cosmic rays and final drizzle", one.index, len(run.inputs))
        mask = _mask(run, one, known, signal=signal)
        if mask is not None:
            key = one.exposure.rootname, one.chip.id.extver
            found.shares[key] = 1.0 - float(mask.mean())
            if params.write_dq:
                found.masks[key] = mask
        pixels = _pixels(run, one, known, signal=signal, mask=mask)
        add_chip(canvas, pixels, wcs=run.final.mappings[one.index], index=one.index, drop=drop)
    return canvas, found


def _with_signals(inputs: Sequence[ChipInput]) -> Iterator[tuple[ChipInput, Image]]:
    """Each chip with its pixels, which are read while the chip before is worked on."""
    with ThreadPoolExecutor(1) as reader:
        waiting = [reader.submit(one.signal) for one in inputs[:1]]
        for one, following in zip_longest(inputs, inputs[1:]):
            signal = waiting.pop().result()
            if following is not None:
                waiting.append(reader.submit(following.signal))
            yield one, signal


def _pixels(run: Run, one: ChipInput, known: Known, *, signal: Image, mask: Mask | None) -> Pixels:
    good = known.good(one, run.params.bad_bits("final"))
    if mask is not None:
        good &= mask.view(np.bool_)
    sky, ratio = known.sky_of(one), run.final.ratios[one.index]
    weight = one.weight(run.params.weight, good, sky=sky, ratio=ratio)
    variance = one.variance(ratio) if "err" in run.params.planes else None
    return Pixels(one.as_rate(signal, sky=sky, ratio=ratio), weight, variance=variance, exptime=one.exptime)


def _mask(run: Run, one: ChipInput, known: Known, *, signal: Image) -> Mask | None:
    """1 where a pixel is no cosmic ray, as given or found; None where nobody looked."""
    given = run.given.masks.get((one.exposure.rootname, one.chip.id.extver))
    if given is not None:
        wanted: Mask = (given != 0).astype(np.uint8)
        return wanted
    if known.clean is None:
        return None
    params = run.params
    readout = ChipReadout(
        exptime=one.exptime,
        sky=known.sky_of(one),
        read_noise=one.read_noise,
        conversion=one.conversion,
        # AstroDrizzle's blot, unlike its drizzle, takes the nominal scale of every chip
        pixel_ratio=run.separate.frame.scale_arcsec() / chip_scale_arcsec(one.exposure, one.chip),
        trail=trail_direction(one.exposure, one.chip.id),
    )
    settings = CosmicRaySettings(
        params.cr_snr,
        params.cr_scale,
        grow=params.cr_grow,
        cte_grow=params.cte_grow,
        interpolation=params.blot,
        compat=run.compat,
        threads=params.threads,
    )
    blotted = np.empty(one.chip.shape, np.float32) if run.hooks.keep else None
    mask = cosmic_ray_mask(
        signal,
        known.clean,
        mapping=run.separate.mappings[one.index],
        chip=readout,
        settings=settings,
        blotted=blotted,
    )
    name = f"{one.exposure.rootname}_sci{one.chip.id.extver}"
    run.keep(f"{name}_crmask", mask)
    if blotted is not None:
        run.keep(f"{name}_blt", blotted)
    return mask
