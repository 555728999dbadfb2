"""A user's own centroids of one exposure, in place of detection."""

from __future__ import annotations

import os
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from trueup.astrometry.stars.profile import FWHM_PER_SIGMA
from trueup.astrometry.stars.readout import chip_fwhm_pix
from trueup.astrometry.stars.sources import Sources
from trueup.astrometry.stars.starlist import StarList
from trueup.errors import DataError, FormatError
from trueup.fits.table import read_table
from trueup.fits.walk import open_source
from trueup.model.exposure import Chip, Exposure

Floats = NDArray[np.float64]
Columns = Mapping[str, Floats]

_NAMES = {
    "x": ("x", "xcentroid", "x_centroid", "x_image", "xpos"),
    "y": ("y", "ycentroid", "y_centroid", "y_image", "ypos"),
    "extver": ("extver", "sci", "sci_ext", "k"),
    "ccdchip": ("ccdchip", "chip"),
    "flux": ("flux", "counts"),
    "mag": ("mag", "m", "magnitude"),
    "sigma": ("sigma", "sigma_pix", "err", "error"),
    "quality": ("quality", "tier"),
}
_PLAIN = ("x", "y", "mag", "sigma")
_PLAIN_TEXT = "columns x y m [sigma] without a header"
_ROWS_OF_LOWER = 2048
_SIGMA_PIX = 0.03
_POOR = 2


def read_centroids(path: str | os.PathLike[str], exposure: Exposure) -> StarList:
    r"""Read centroids that somebody else measured on an exposure.

    Parameters
    ----------
    path : str or path-like
        A table with named columns (ECSV, CSV, FITS, VOTable): x and y, 1-based as in FITS, ds9 and
        hst1pass; optionally chip (CCDCHIP) or extver (EXTVER of SCI), flux or mag, sigma (error of x and of
        y, pixels) and quality (0 best, 1 clean, 2 and more the rest). Or plain columns
        x y m [sigma], as hst1pass writes them.
    exposure : Exposure
        The one they were measured on.

    Returns
    -------
    StarList
        Without a column for the chip, those of a single chip; on two chips y goes on from the lower to the
        upper one as in hst1pass: the upper chip's rows are counted from 2048.

    Raises
    ------
    FormatError
        Where the file holds no such table.
    DataError
        Where a position is off the chips, or a chip is not in the exposure.
    FileAccessError
        Where the file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from trueup.fits.exposure import read_exposure
    >>> from trueup.simulate import Recipe, make_visit
    >>> folder = tempfile.TemporaryDirectory()
    >>> visit = make_visit(folder.name, recipe=Recipe(size=(64, 64), stars=5, galaxies=0))
    >>> with tempfile.NamedTemporaryFile("w+", suffix=".xym") as file:
    ...     print("10.5 20.0 -12.1", "33.0 2060.0 -9.4", sep="\n", file=file, flush=True)
    ...     stars = read_centroids(file.name, read_exposure(visit.files[0]))
    >>> [(chip.extver, sources.x.tolist(), sources.y.tolist()) for chip, sources in stars.chips]
    [(1, [9.5], [19.0]), (2, [32.0], [11.0])]
    >>> folder.cleanup()
    """
    name = os.fspath(path)
    columns = _columns(name)
    chip_of, y = _chips(columns, exposure, name)
    fwhm = chip_fwhm_pix(exposure, exposure.chips[0])
    parts = []
    for chip in exposure.chips:
        here = chip_of == chip.id.extver
        x_here, y_here = columns["x"][here] - 1, y[here] - 1
        _require_inside(x_here, y_here, chip=chip, name=name)
        there = {word: column[here] for word, column in columns.items()}
        parts.append((chip.id, _sources(x_here, y_here, there, fwhm_pix=fwhm)))
    notes = [f"centroids of {name}"]
    if "sigma" not in columns:
        notes.append(f"centroids without errors: {_SIGMA_PIX} pixels are assumed")
    if lost := len(y) - sum(len(sources) for _, sources in parts):
        notes.append(f"{lost} of {len(y)} centroids are left out: no number, or no error above 0")
    return StarList(exposure.rootname, tuple(parts), fwhm, 0.0, notes=tuple(notes))


def _columns(name: str) -> dict[str, Floats]:
    """The columns that are understood, under our names."""
    plain = _plain_columns(name)
    if plain is not None:
        return plain
    table = read_table(name)
    present = {column.lower(): column for column in table.colnames}
    columns: dict[str, Floats] = {}
    for word, synonyms in _NAMES.items():
        column = next((present[synonym] for synonym in synonyms if synonym in present), None)
        if column is not None:
            try:
                columns[word] = np.array(np.ma.filled(np.ma.asarray(table[column], float), np.nan))
            except (TypeError, ValueError) as error:
                raise FormatError(f"column {column} is not of numbers", file=name) from error
    if not {"x", "y"} <= set(columns):
        raise FormatError(
            f"columns {', '.join(table.colnames[:8])}",
            file=name,
            todo=f"name two of them x and y, or give {_PLAIN_TEXT}",
        )
    return columns


def _plain_columns(name: str) -> dict[str, Floats] | None:
    """Three or four columns of numbers without a header; None for anything else."""
    source = open_source(name)
    try:
        lines = source.read(0, source.size).decode("ascii").splitlines()
    except UnicodeDecodeError:
        return None
    rows = [line.split() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not rows or any(len(row) != len(rows[0]) for row in rows) or len(rows[0]) not in (3, 4):
        return None
    try:
        values = np.array(rows, float)
    except ValueError:
        return None
    return dict(zip(_PLAIN, values.T, strict=False))


def _chips(columns: Columns, exposure: Exposure, name: str) -> tuple[NDArray[np.intp], Floats]:
    """SCI EXTVER of each row, and y on that chip."""
    y = columns["y"]
    extvers = {chip.id.ccdchip: chip.id.extver for chip in exposure.chips}
    if "extver" in columns or "ccdchip" in columns:
        word = "extver" if "extver" in columns else "ccdchip"
        given = columns[word]
        known = list(extvers.values()) if word == "extver" else list(extvers)
        strangers = sorted({f"{value:g}" for value in given[~np.isin(given, known)]})
        if strangers:
            raise DataError(f"{word} {', '.join(strangers)}", file=name, todo=f"the exposure has {known}")
        wanted = given if word == "extver" else np.array([extvers[int(value)] for value in given])
        return wanted.astype(np.intp), y
    if len(exposure.chips) == 1:
        return np.full(len(y), exposure.chips[0].id.extver), y
    if len(exposure.chips) > 2:
        raise DataError(
            "it is not said which chip a position is on",
            file=name,
            todo="add a column chip (CCDCHIP) or extver",
        )
    low, high = exposure.chips
    upper = y > _ROWS_OF_LOWER + 0.5
    return np.where(upper, high.id.extver, low.id.extver), np.where(upper, y - _ROWS_OF_LOWER, y)


def _require_inside(x: Floats, y: Floats, *, chip: Chip, name: str) -> None:
    ny, nx = chip.shape
    out = (x < -0.5) | (x > nx - 0.5) | (y < -0.5) | (y > ny - 0.5)
    if out.any():
        first = int(np.argmax(out))
        raise DataError(
            f"{int(out.sum())} of {len(x)} positions are not on its {nx} x {ny} pixels,"
            f" the first is x = {x[first] + 1:g}, y = {y[first] + 1:g}",
            file=name,
            chip=chip.id,
            todo="give 1-based pixels of each chip with a column chip or extver; without one the upper of two"
            f" chips has y from {_ROWS_OF_LOWER}",
        )


def _sources(x: Floats, y: Floats, columns: Columns, *, fwhm_pix: float) -> Sources:
    """Sources from columns; without a quality all are as good as clean."""
    flux = columns["flux"] if "flux" in columns else 10 ** (-0.4 * columns.get("mag", np.zeros(len(x))))
    sigma = columns.get("sigma", np.full(len(x), _SIGMA_PIX))
    quality = columns.get("quality", np.zeros(len(x)))
    kept = np.isfinite(x) & np.isfinite(y) & np.isfinite(flux) & (sigma > 0)
    tier = np.clip(np.nan_to_num(quality, nan=_POOR), 0, _POOR).astype(np.int8)
    x, y, flux, sigma = x[kept], y[kept], flux[kept], sigma[kept]
    snr = fwhm_pix / (FWHM_PER_SIGMA * sigma)
    sources = Sources(x, y, flux, snr, sigma, np.ones(len(x)), tier[kept])
    return sources[np.argsort(-flux, kind="stable")]
