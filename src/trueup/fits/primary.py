"""The primary header alone, without a walk through the file."""

from __future__ import annotations

import gzip
import os
import zlib

from trueup.errors import FileAccessError, FormatError
from trueup.model.cards import Cards

_START = 128 * 1024  # longer than any primary header that is met


def read_primary(path: str | os.PathLike[str]) -> Cards:
    """Read the primary header of a FITS file, gzipped or not, from its first bytes.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    Cards

    Raises
    ------
    FileAccessError
        Where the file cannot be read.
    FormatError
        Where it is not FITS.

    Examples
    --------
    >>> read_primary("nowhere_flc.fits")
    Traceback (most recent call last):
    trueup.errors.FileAccessError: nowhere_flc.fits: No such file or directory
    """
    try:
        with open(path, "rb") as file:
            start = file.read(_START)
        if start.startswith(b"\x1f\x8b"):
            with gzip.open(path) as packed:
                start = packed.read(_START)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise FormatError(f"damaged gzip data ({error})", file=path) from error
    except OSError as error:
        raise FileAccessError(error.strerror or str(error), file=path) from error
    if not start.startswith(b"SIMPLE  ="):
        raise FormatError("not a FITS file", file=path)
    return Cards.from_bytes(start)
