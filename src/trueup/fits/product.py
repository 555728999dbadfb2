"""Write a drizzled image: PRIMARY, SCI, WHT, CTX and HDRTAB.

The file appears complete, under its name, or not at all.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from trueup.errors import FileAccessError, FormatError
from trueup.fits.product_header import (
    CREATOR,
    companion_header,
    image_header,
    plane_header,
    primary_header,
    science_header,
)
from trueup.fits.product_table import input_table
from trueup.fits.splice import explained
from trueup.fits.walk import open_source, walk
from trueup.model.cards import BLOCK, Cards, make_card
from trueup.model.mosaic import Mosaic

_ROWS_AT_ONCE = 128
_SUFFIX = "_trueup_drc.fits"


def write_product(
    mosaic: Mosaic, path: str | os.PathLike[str], *, rootname: str = "", overwrite: bool = False
) -> Mosaic:
    """Write a mosaic as a drizzled product.

    Parameters
    ----------
    mosaic : Mosaic
    path : str or path-like
    rootname : str
        ROOTNAME of the product; by default the association of the first exposure.
    overwrite : bool
        Whether a file that trueup did not write may be replaced.

    Returns
    -------
    Mosaic
        The same with its `path`.

    Raises
    ------
    FileAccessError
        Where there is such a file, or the file system refuses or is full.

    Examples
    --------
    >>> from trueup.model.chipwcs import ChipWcs
    >>> import tempfile
    >>> wcs = ChipWcs((0, 0), (150.0, 2.0), np.diag([-1e-5, 1e-5]), (2, 3))
    >>> plane = np.ones((2, 3), np.float32)
    >>> mosaic = Mosaic(plane, plane, None, wcs, (), "ELECTRONS/S", "{}")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     written = write_product(mosaic, f"{folder}/a_trueup_drc.fits", rootname="a")
    ...     os.path.getsize(written.path) % 2880
    0
    """
    target = Path(path)
    require_free(target, overwrite=overwrite)
    name = rootname or (mosaic.exposures[0].association if mosaic.exposures else target.stem)
    with _replacing(target) as file:
        _write_header(file, primary_header(mosaic, rootname=name, filename=target.name))
        _write_image(file, science_header(mosaic), mosaic.sci)
        _write_image(file, plane_header(mosaic, "WHT", mosaic.wht), mosaic.wht)
        if mosaic.context is not None:
            planes = mosaic.context[0] if len(mosaic.context) == 1 else mosaic.context
            _write_image(file, plane_header(mosaic, "CTX", planes), planes)
        file.write(input_table(mosaic))
        # while the product has no name yet: without its companion it is not to appear
        beside = {"ERR": mosaic.err, "COVERAGE": mosaic.coverage}
        if any(plane is not None for plane in beside.values()):
            _write_companion(mosaic, companion_path(target), planes=beside, overwrite=overwrite)
    return replace(mosaic, path=str(target))


def companion_path(path: str | os.PathLike[str]) -> Path:
    """The file for the error and coverage planes of a product: other programs want none in it.

    Examples
    --------
    >>> companion_path("out/iepw14030_trueup_drc.fits")
    PosixPath('out/iepw14030_trueup_err.fits')
    """
    target = Path(path)
    name = target.name if target.name.endswith(_SUFFIX) else f"{target.stem}{_SUFFIX}"
    return target.with_name(name.removesuffix(_SUFFIX) + "_trueup_err.fits")


def _write_companion(
    mosaic: Mosaic, target: Path, *, planes: Mapping[str, NDArray[np.float32] | None], overwrite: bool
) -> None:
    require_free(target, overwrite=overwrite)
    there = {extname: plane for extname, plane in planes.items() if plane is not None}
    with _replacing(target) as file:
        _write_header(file, companion_header(target.name, extensions=len(there)))
        for extname, plane in there.items():
            unit = {"ERR": mosaic.unit, "COVERAGE": "SECONDS"}[extname]
            header = plane_header(mosaic, extname, plane).append(make_card("BUNIT", unit))
            _write_image(file, header, plane)


def write_image(pixels: NDArray[Any], path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write an intermediate image: its pixels and nothing else.

    Parameters
    ----------
    pixels : (ny, nx) array
        float32, int32, uint8 or bool.
    path : str or path-like
    overwrite : bool
        Whether a file that trueup did not write may be replaced.

    Raises
    ------
    FileAccessError
        Where there is such a file, or the file system refuses or is full.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_image(np.ones((2, 3), np.float32), f"{folder}/a_median.fits")
    ...     os.path.getsize(f"{folder}/a_median.fits")
    8640
    """
    target = Path(path)
    require_free(target, overwrite=overwrite)
    image = pixels.view(np.uint8) if pixels.dtype == np.bool_ else pixels
    with _replacing(target) as file:
        _write_header(file, companion_header(target.name, extensions=1))
        _write_image(file, image_header("SCI", image), image)


def require_free(path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Refuse to replace a file that trueup did not write.

    Parameters
    ----------
    path : str or path-like
        Where a product is to be written.
    overwrite : bool
        Whether it may be replaced all the same.

    Raises
    ------
    FileAccessError

    Examples
    --------
    >>> require_free("nowhere_trueup_drc.fits")
    """
    if overwrite or not os.path.lexists(path) or _is_ours(path):
        return
    raise FileAccessError(
        "exists, and trueup did not write it",
        file=os.fspath(path),
        todo="choose another name with -o, or say --overwrite",
    )


def _is_ours(path: str | os.PathLike[str]) -> bool:
    try:
        header = walk(open_source(path))[0].header
    except (FormatError, FileAccessError):
        return False
    return header.text("CREATOR").startswith(CREATOR)


@contextlib.contextmanager
def _replacing(target: Path) -> Iterator[BinaryIO]:
    """A file that takes the place of the target when the block ends well."""
    draft = target.with_name(f".{target.name}.{os.getpid()}.part")
    with explained(target, "check that the folder exists and is writable"):
        try:
            with open(draft, "xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, target)
        finally:
            draft.unlink(missing_ok=True)
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _write_header(file: BinaryIO, header: Cards) -> None:
    file.write(header.to_bytes())


def _write_image(file: BinaryIO, header: Cards, image: NDArray[Any]) -> None:
    _write_header(file, header)
    rows = image.reshape(-1, image.shape[-1])
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        some = rows[start : start + _ROWS_AT_ONCE]
        # FITS is big-endian; a swap is three times as fast as a conversion
        stored = some.byteswap() if sys.byteorder == "little" else np.ascontiguousarray(some)
        file.write(stored.data)
    file.write(bytes(-image.nbytes % BLOCK))
