"""The output frame: a plain tangent plane that holds all the chips.

Scale and orientation are those of the aperture of the reference chip, without its distortion, as
in AstroDrizzle: IDCSCALE, and PA_V3 turned to the aperture plus IDCTHETA.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from trueup.drizzle.params import DrizzleParams
from trueup.errors import DataError
from trueup.fits.product_read import read_frame
from trueup.model.chipwcs import ChipWcs, plane_to_sky, sky_to_plane
from trueup.model.exposure import Chip, Exposure

Floats = NDArray[np.float64]
Pair = tuple[float, float]

# detectors whose y axis runs against V3; on all others it is x that is mirrored
_FLIPPED_Y = {"WFC"}
_SAME_SCALE = 1.05


def output_frame(exposures: Sequence[Exposure], params: DrizzleParams | None = None) -> ChipWcs:
    """The output frame of exposures under their solutions in force.

    Parameters
    ----------
    exposures : sequence of Exposure
    params : DrizzleParams, optional
        Its grid, scale, rot, shape and center.

    Returns
    -------
    ChipWcs
        Without distortion; `shape` is the size (ny, nx) of the output image.

    Raises
    ------
    DataError
        Where there is no chip.

    Examples
    --------
    >>> output_frame([])
    Traceback (most recent call last):
    trueup.errors.DataError: no chip to drizzle
    """
    params = params or DrizzleParams()
    chips = [(exposure, chip) for exposure in exposures for chip in exposure.chips]
    if not chips:
        raise DataError("no chip to drizzle")
    if params.grid not in {"common", "own"}:
        frame = read_frame(params.grid)
    else:
        wcs = [exposure.wcs(chip.id) for exposure, chip in chips]
        frame = enclosing_frame(wcs, _orthogonal_cd(*_reference_chip(chips)))
    return adjusted_frame(frame, params)


def enclosing_frame(chips: Sequence[ChipWcs], cd: Floats) -> ChipWcs:
    """The smallest frame of a given CD matrix around the pixel centres of all chip corners.

    Parameters
    ----------
    chips : sequence of ChipWcs
    cd : (2, 2) array
        Degrees per pixel.

    Returns
    -------
    ChipWcs
        CRPIX is half the size, and the lowest corner lies on the first pixel.

    Examples
    --------
    >>> chip = ChipWcs((49.5, 49.5), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (100, 100))
    >>> frame = enclosing_frame([chip], chip.cd)
    >>> frame.shape, [round(float(v), 6) + 0.0 for v in frame.sky_to_pixel(*chip.pixel_to_sky(0, 0))]
    ((99, 99), [0.0, 0.0])
    """
    ra, dec = np.concatenate([wcs.pixel_to_sky(*wcs.corners()) for wcs in chips], axis=1)
    center = _spherical_mean(ra, dec)
    offsets = np.linalg.inv(cd) @ np.stack(sky_to_plane(ra, dec, center))
    # a range of whole pixels stays so whatever the rounding
    size = np.maximum(np.ceil(np.ptp(offsets, axis=1) - 1e-6), 1.0)
    crpix = size / 2 - 1
    shift = cd @ (offsets.min(axis=1) + crpix)
    crval = plane_to_sky(shift[0], shift[1], center)
    nx, ny = (int(n) for n in size)
    return ChipWcs((nx / 2 - 1, ny / 2 - 1), (float(crval[0]), float(crval[1])), cd, (ny, nx))


def adjusted_frame(frame: ChipWcs, params: DrizzleParams) -> ChipWcs:
    """A frame with the scale, rotation, size and center that the user asks for.

    Parameters
    ----------
    frame : ChipWcs
        The default frame.
    params : DrizzleParams

    Returns
    -------
    ChipWcs
        The same sky, unless size or center say otherwise.

    Examples
    --------
    >>> frame = ChipWcs((49.0, 49.0), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (100, 100))
    >>> adjusted_frame(frame, DrizzleParams(scale=0.018)).shape
    (200, 200)
    """
    scale = params.scale or frame.scale_arcsec()
    if params.rot is not None:
        frame = _rotated(frame, params.rot, scale)
    elif params.scale is not None:
        frame = _rescaled(frame, scale)
    if params.shape is not None:
        nx, ny = params.shape
        frame = replace(frame, shape=(ny, nx), crpix=((nx - 1) / 2, (ny - 1) / 2))
    return frame if params.center is None else replace(frame, crval=params.center)


def _rescaled(frame: ChipWcs, scale_arcsec: float) -> ChipWcs:
    ratio = frame.scale_arcsec() / scale_arcsec
    ny, nx = (max(1, int(np.ceil(round(ratio * n, 9)))) for n in frame.shape)
    return replace(
        frame,
        cd=frame.cd / ratio,
        crpix=(frame.crpix[0] * ratio, frame.crpix[1] * ratio),
        shape=(ny, nx),
    )


def _rotated(frame: ChipWcs, rot_deg: float, scale_arcsec: float) -> ChipWcs:
    cd = _square_cd(scale_arcsec / 3600, np.radians(rot_deg), float(np.linalg.det(frame.cd)))
    ny, nx = frame.shape
    edges = np.array([[-0.5, nx - 0.5, -0.5, nx - 0.5], [-0.5, -0.5, ny - 0.5, ny - 0.5]])
    turned = np.linalg.inv(cd) @ frame.cd @ (edges - np.array(frame.crpix)[:, None])
    low, high = turned.min(axis=1), turned.max(axis=1)
    nx, ny = (max(1, int(np.ceil(round(n, 6)))) for n in high - low)
    return replace(frame, cd=cd, shape=(ny, nx), crpix=(float(-low[0] - 0.5), float(-low[1] - 0.5)))


def chip_scale_arcsec(exposure: Exposure, chip: Chip) -> float:
    """Nominal pixel scale of a chip: IDCSCALE, else that of its CD matrix.

    Parameters
    ----------
    exposure : Exposure
    chip : Chip

    Returns
    -------
    float
        Arcsec per pixel.

    Examples
    --------
    >>> from trueup.model.cards import Cards, make_card
    >>> from trueup.model.solution import ChipId
    >>> chip = Chip(ChipId(1, 1), (10, 10), Cards((make_card("IDCSCALE", 0.05),)), {})
    >>> from trueup.model.names import WcsName
    >>> from trueup.model.solution import ChipSolution, Origin, Solution
    >>> part = ChipSolution(chip.id, ChipWcs((0, 0), (0, 0), np.eye(2), (10, 10)), Cards())
    >>> opus = Solution(WcsName.parse("OPUS"), Origin("primary"), chips=(part,))
    >>> chip_scale_arcsec(Exposure("a_flc.fits", Cards(), (chip,), (opus,), opus), chip)
    0.05
    """
    nominal = _number(exposure, chip, "IDCSCALE")
    return nominal or exposure.wcs(chip.id).scale_arcsec()


def _reference_chip(chips: Sequence[tuple[Exposure, Chip]]) -> tuple[Exposure, Chip]:
    """The first chip of the detector with the finest pixels."""
    scales = [chip_scale_arcsec(exposure, chip) for exposure, chip in chips]
    finest = min(scales)
    return next(pair for pair, scale in zip(chips, scales, strict=True) if scale < finest * _SAME_SCALE)


def _orthogonal_cd(exposure: Exposure, chip: Chip) -> Floats:
    scale_deg = chip_scale_arcsec(exposure, chip) / 3600
    wcs = exposure.wcs(chip.id)
    v2, v3 = _number(exposure, chip, "IDCV2REF"), _number(exposure, chip, "IDCV3REF")
    pa_v3 = exposure.header.number("PA_V3")
    if v2 is None or v3 is None or pa_v3 is None:
        angle = np.arctan2(wcs.cd[0, 1], wcs.cd[1, 1])
        return _square_cd(scale_deg, angle, np.linalg.det(wcs.cd))
    angle = np.radians(_roll_at_aperture(pa_v3, wcs.crval[1], v2_arcsec=v2, v3_arcsec=v3))
    angle += np.radians(_number(exposure, chip, "IDCTHETA") or 0.0)
    # the y axis of the aperture on the sky; every HST aperture is mirrored
    y_sign = -1.0 if exposure.detector in _FLIPPED_Y else 1.0
    return _square_cd(scale_deg, np.arctan2(y_sign * np.sin(angle), y_sign * np.cos(angle)), -1.0)


def _square_cd(scale_deg: float, angle: float, parity: float) -> Floats:
    mirror = -1.0 if parity < 0 else 1.0
    sin, cos = np.sin(angle), np.cos(angle)
    return np.asarray(scale_deg * np.array([[mirror * cos, sin], [-mirror * sin, cos]]))


def _number(exposure: Exposure, chip: Chip, keyword: str) -> float | None:
    """A keyword of the solution's cards, else of the SCI header."""
    own = exposure.solution.chip(chip.id).cards.number(keyword)
    return chip.header.number(keyword) if own is None else own


def _roll_at_aperture(pa_v3_deg: float, dec_deg: float, *, v2_arcsec: float, v3_arcsec: float) -> float:
    """Position angle of the V3 direction at an aperture, given that at V1 (at `dec_deg`), degrees."""
    pa, dec = np.radians(pa_v3_deg), np.radians(dec_deg)
    v2, v3 = np.radians(v2_arcsec / 3600), np.radians(v3_arcsec / 3600)
    east, north, v1 = np.eye(3)
    pole = np.cos(dec) * north + np.sin(dec) * v1
    v2_axis = np.cos(pa) * east - np.sin(pa) * north
    v3_axis = np.sin(pa) * east + np.cos(pa) * north
    aperture = np.cos(v3) * (np.cos(v2) * v1 + np.sin(v2) * v2_axis) + np.sin(v3) * v3_axis
    local_east = np.cross(pole, aperture)
    local_north = np.cross(aperture, local_east)
    return float(np.degrees(np.arctan2(v3_axis @ local_east, v3_axis @ local_north)))


def _spherical_mean(ra: Floats, dec: Floats) -> Pair:
    ra, dec = np.radians(ra), np.radians(dec)
    x, y = np.mean(np.cos(dec) * np.cos(ra)), np.mean(np.cos(dec) * np.sin(ra))
    z = np.mean(np.sin(dec))
    return float(np.degrees(np.arctan2(y, x)) % 360), float(np.degrees(np.arctan2(z, np.hypot(x, y))))
