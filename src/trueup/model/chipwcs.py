"""The world coordinate system of one chip: detector pixels to the sky and back.

The model is that of the HST pipelines: lookup tables of the detector (D2IM) on the raw pixel,
then the SIP polynomial and the non-polynomial tables (NPOL) both evaluated at the corrected
pixel and added, then the CD matrix and the gnomonic (TAN) projection.

Pixels are 0-based with the pixel centre at integers; the numbers of a lookup table are those of its
FITS header. Angles are degrees, ICRS.

References
----------
Shupe et al. 2005, ASPC 347, 491 (SIP); Calabretta & Greisen 2002, A&A 395, 1077 (TAN);
Hack, Dencheva & Fruchter 2012, STScI TSR 2012-01 (HST lookup tables).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from astropy.wcs import WCS

Floats = NDArray[np.float64]
Pair = tuple[float, float]

_NEWTON_STEPS = 30
_CLOSE_PIX = 1e-10


@dataclass(frozen=True, slots=True, eq=False)
class LookupTable:
    """A bilinear lookup table of pixel offsets along one axis.

    Parameters
    ----------
    data : (ny, nx) float32 array
        Offsets in pixels.
    crpix, crval, cdelt : (float, float)
        Table pixel, image pixel and step along x and y, 1-based as in the FITS header.

    Examples
    --------
    >>> table = LookupTable(np.float32([[0, 1], [0, 1]]), (1, 1), (1, 1), (64, 64))
    >>> table.offset(32.0, 0.0).item()
    0.5
    """

    data: NDArray[np.float32]
    crpix: Pair
    crval: Pair
    cdelt: Pair

    def offset(self, x: ArrayLike, y: ArrayLike) -> Floats:
        """Interpolate at 0-based pixels (arrays of one shape); clamped at the edge."""
        ny, nx = self.data.shape
        i, fx = self._locate(np.asarray(x, float), 0, size=nx)
        j, fy = self._locate(np.asarray(y, float), 1, size=ny)
        i1, j1 = np.minimum(i + 1, nx - 1), np.minimum(j + 1, ny - 1)
        table = self.data.astype(np.float64)
        low = table[j, i] * (1 - fx) + table[j, i1] * fx
        high = table[j1, i] * (1 - fx) + table[j1, i1] * fx
        return np.asarray(low * (1 - fy) + high * fy)

    def _locate(self, pixel: Floats, axis: int, *, size: int) -> tuple[NDArray[np.intp], Floats]:
        at = (pixel + 1 - self.crval[axis]) / self.cdelt[axis] + self.crpix[axis] - 1
        at = np.clip(at, 0, size - 1)
        # a pixel that is nowhere (NaN) stays so
        cell = np.nan_to_num(np.floor(at)).astype(np.intp)
        return cell, at - cell

    def equals(self, other: LookupTable) -> bool:
        """Whether both tables give the same offsets, bit for bit."""
        mine, others = (self.crpix, self.crval, self.cdelt), (other.crpix, other.crval, other.cdelt)
        return mine == others and np.array_equal(self.data, other.data)


Tables = tuple[LookupTable | None, LookupTable | None]


@dataclass(frozen=True, slots=True, eq=False)
class ChipWcs:
    """The mapping between the pixels of one chip and the sky.

    Parameters
    ----------
    crpix : (float, float)
        Reference pixel (x, y), 0-based.
    crval : (float, float)
        Right ascension and declination of the reference pixel, degrees, ICRS.
    cd : (2, 2) array
        Degrees per pixel.
    shape : (int, int)
        Size of the chip (ny, nx) in pixels.
    sip_a, sip_b : (n+1, n+1) array, optional
        SIP coefficients; element [p, q] multiplies u**p v**q.
    npol, d2im : pair of LookupTable or None
        Tables along x and y.

    Examples
    --------
    >>> wcs = ChipWcs((0, 0), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (100, 100))
    >>> ra, dec = wcs.pixel_to_sky(0.0, 0.0)
    >>> float(ra), float(dec)
    (150.0, 2.0)
    """

    crpix: Pair
    crval: Pair
    cd: Floats
    shape: tuple[int, int]
    sip_a: Floats | None = None
    sip_b: Floats | None = None
    npol: Tables = (None, None)
    d2im: Tables = (None, None)
    _inverse: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "cd", np.asarray(self.cd, np.float64).reshape(2, 2))
        object.__setattr__(self, "_inverse", np.linalg.inv(self.cd))

    @property
    def has_tables(self) -> bool:
        """Whether any lookup table is present."""
        return any(table is not None for table in (*self.npol, *self.d2im))

    @property
    def has_sip(self) -> bool:
        """Whether a SIP polynomial is present."""
        return self.sip_a is not None or self.sip_b is not None

    def without_tables(self) -> ChipWcs:
        """The same WCS without lookup tables: SIP, CD and TAN."""
        return replace(self, npol=(None, None), d2im=(None, None))

    def linear(self) -> ChipWcs:
        """The same WCS without any distortion: CD and TAN."""
        return replace(self.without_tables(), sip_a=None, sip_b=None)

    def to_astropy(self) -> WCS:
        """The same mapping as an astropy WCS, distortion included.

        Returns
        -------
        astropy.wcs.WCS
            ICRS; its pixels are 0-based in `pixel_to_world`.

        Examples
        --------
        >>> wcs = ChipWcs((0, 0), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (100, 100))
        >>> wcs.to_astropy().pixel_to_world(0, 0).to_string()
        '150 2'
        """
        from astropy.wcs import WCS, DistortionLookupTable, Sip

        wcs, crpix = WCS(naxis=2), np.asarray(self.crpix) + 1.0
        wcs.wcs.ctype = [f"{axis}-TAN{'-SIP' if self.has_sip else ''}" for axis in ("RA--", "DEC-")]
        wcs.wcs.crpix, wcs.wcs.crval, wcs.wcs.cd = crpix, self.crval, self.cd
        wcs.wcs.cunit, wcs.wcs.radesys = ["deg", "deg"], "ICRS"
        wcs.array_shape = self.shape
        if self.has_sip:
            a, b = (np.zeros((2, 2)) if terms is None else terms for terms in (self.sip_a, self.sip_b))
            wcs.sip = Sip(a, b, None, None, crpix)
        wcs.cpdis1, wcs.cpdis2, wcs.det2im1, wcs.det2im2 = (
            t and DistortionLookupTable(t.data, t.crpix, t.crval, t.cdelt) for t in (*self.npol, *self.d2im)
        )
        wcs.wcs.set()
        return wcs

    def scale_arcsec(self) -> float:
        """Pixel scale at the reference pixel, arcsec per pixel."""
        return float(np.sqrt(abs(np.linalg.det(self.cd))) * 3600)

    def corners(self) -> tuple[Floats, Floats]:
        """Pixel centres of the four chip corners, counter-clockwise from (0, 0)."""
        ny, nx = self.shape
        return np.array([0.0, nx - 1, nx - 1, 0.0]), np.array([0.0, 0.0, ny - 1, ny - 1])

    def pixel_to_focal(self, x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
        """Distortion-corrected offsets (u, v) from the reference pixel, in pixels."""
        x, y = np.asarray(x, float), np.asarray(y, float)
        x, y = x + _offset(self.d2im[0], x, y), y + _offset(self.d2im[1], x, y)
        u, v = x - self.crpix[0], y - self.crpix[1]
        du = _polynomial(self.sip_a, u, v) + _offset(self.npol[0], x, y)
        dv = _polynomial(self.sip_b, u, v) + _offset(self.npol[1], x, y)
        return u + du, v + dv

    def pixel_to_plane(self, x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
        """Intermediate world coordinates (xi, eta) in the tangent plane of CRVAL, degrees."""
        u, v = self.pixel_to_focal(x, y)
        return self.cd[0, 0] * u + self.cd[0, 1] * v, self.cd[1, 0] * u + self.cd[1, 1] * v

    def pixel_to_sky(self, x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
        """Right ascension (0 to 360) and declination of 0-based pixels, degrees.

        Parameters
        ----------
        x, y : array_like
            Pixel coordinates, broadcast against each other.

        Returns
        -------
        ra, dec : float64 arrays
        """
        xi, eta = self.pixel_to_plane(*np.broadcast_arrays(x, y))
        return plane_to_sky(xi, eta, self.crval)

    def sky_to_pixel(self, ra: ArrayLike, dec: ArrayLike) -> tuple[Floats, Floats]:
        """0-based pixels of sky positions, to 1e-10 pixel.

        Parameters
        ----------
        ra, dec : array_like
            Degrees, broadcast against each other.

        Returns
        -------
        x, y : float64 arrays
            NaN where the position is behind the tangent plane or the distortion
            polynomial has no inverse there.
        """
        ra, dec = np.broadcast_arrays(ra, dec)
        xi, eta = sky_to_plane(ra, dec, self.crval)
        return self.plane_to_pixel(xi, eta)

    def plane_to_pixel(self, xi: ArrayLike, eta: ArrayLike) -> tuple[Floats, Floats]:
        """Invert :meth:`pixel_to_plane` by fixed-point iteration with the local Jacobian."""
        xi, eta = np.asarray(xi, float), np.asarray(eta, float)
        goal_u = self._inverse[0, 0] * xi + self._inverse[0, 1] * eta
        goal_v = self._inverse[1, 0] * xi + self._inverse[1, 1] * eta
        x, y = goal_u + self.crpix[0], goal_v + self.crpix[1]
        if not (self.has_sip or self.has_tables):
            return x, y
        for _ in range(_NEWTON_STEPS):
            u, v = self.pixel_to_focal(x, y)
            step_x, step_y = self._newton_step(x, y, du=goal_u - u, dv=goal_v - v)
            x, y = x + step_x, y + step_y
            error = np.hypot(step_x, step_y)
            if not np.any(error > _CLOSE_PIX):
                return x, y
        lost = ~(error <= 1e-6)
        return np.where(lost, np.nan, x), np.where(lost, np.nan, y)

    def _newton_step(self, x: Floats, y: Floats, *, du: Floats, dv: Floats) -> tuple[Floats, Floats]:
        """Solve the SIP Jacobian; the tables' slopes (< 1e-3) only cost an iteration."""
        u, v = x - self.crpix[0], y - self.crpix[1]
        a_u, a_v = _gradient(self.sip_a, u, v)
        b_u, b_v = _gradient(self.sip_b, u, v)
        j00, j01, j10, j11 = 1 + a_u, a_v, b_u, 1 + b_v
        det = j00 * j11 - j01 * j10
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return (j11 * du - j01 * dv) / det, (j00 * dv - j10 * du) / det


def plane_to_sky(xi: Any, eta: Any, crval: Pair) -> tuple[Floats, Floats]:
    """Deproject tangent-plane coordinates.

    Parameters
    ----------
    xi, eta : array_like
        Intermediate world coordinates, degrees.
    crval : (float, float)
        Tangent point (ra, dec), degrees.

    Returns
    -------
    ra, dec : float64 arrays
        Degrees, ra in [0, 360).

    Examples
    --------
    >>> ra, dec = plane_to_sky(0.0, 0.5, (10.0, 20.0))
    >>> bool(abs(dec - 20.5) < 1e-4)
    True
    """
    xi, eta = np.radians(xi), np.radians(eta)
    dec0 = np.radians(crval[1])
    depth = np.cos(dec0) - eta * np.sin(dec0)
    ra = (crval[0] + np.degrees(np.arctan2(xi, depth))) % 360.0
    dec = np.arctan2(np.sin(dec0) + eta * np.cos(dec0), np.hypot(xi, depth))
    # a tiny negative angle modulo 360 rounds to 360
    return np.where(ra >= 360.0, 0.0, ra), np.asarray(np.degrees(dec))


def sky_to_plane(ra: Any, dec: Any, crval: Pair) -> tuple[Floats, Floats]:
    """Project sky positions onto the tangent plane of a point.

    Parameters
    ----------
    ra, dec : array_like
        Degrees.
    crval : (float, float)
        Tangent point (ra, dec), degrees.

    Returns
    -------
    xi, eta : float64 arrays
        Degrees; NaN for positions 90 degrees or more from the tangent point.

    Examples
    --------
    >>> xi, eta = sky_to_plane(10.0, 20.5, (10.0, 20.0))
    >>> float(xi), bool(abs(eta - 0.5) < 1e-4)
    (0.0, True)
    """
    # differences first: cos(ra - ra0) would lose half the digits near the tangent point
    d_ra = np.radians((np.asarray(ra, float) - crval[0] + 180.0) % 360.0 - 180.0)
    dec, dec0 = np.radians(np.asarray(dec, float)), np.radians(crval[1])
    turn = 2 * np.sin(d_ra / 2) ** 2
    cos_c = np.cos(dec - dec0) - turn * np.cos(dec) * np.cos(dec0)
    with np.errstate(divide="ignore", invalid="ignore"):
        xi = np.cos(dec) * np.sin(d_ra) / cos_c
        eta = (np.sin(dec - dec0) + turn * np.cos(dec) * np.sin(dec0)) / cos_c
    behind = cos_c <= 0
    return np.where(behind, np.nan, np.degrees(xi)), np.where(behind, np.nan, np.degrees(eta))


def _offset(table: LookupTable | None, x: Floats, y: Floats) -> Floats | float:
    return 0.0 if table is None else table.offset(x, y)


def _polynomial(coefficients: Floats | None, u: Floats, v: Floats) -> Floats | float:
    """Horner in v inside Horner in u; the sum runs over p + q <= order only."""
    if coefficients is None:
        return 0.0
    order = len(coefficients) - 1
    total: Any = 0.0
    for p in range(order, -1, -1):
        inner: Any = 0.0
        for q in range(order - p, -1, -1):
            inner = inner * v + coefficients[p, q]
        total = total * u + inner
    return np.asarray(total)


def _gradient(coefficients: Floats | None, u: Floats, v: Floats) -> tuple[Any, Any]:
    if coefficients is None:
        return 0.0, 0.0
    power = np.arange(len(coefficients))
    along_u, along_v = np.zeros_like(coefficients), np.zeros_like(coefficients)
    along_u[:-1, :] = coefficients[1:, :] * power[1:, None]
    along_v[:, :-1] = coefficients[:, 1:] * power[None, 1:]
    return _polynomial(along_u, u, v), _polynomial(along_v, u, v)
