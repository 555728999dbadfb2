"""Read a table of any usual format: FITS, ECSV, CSV, VOTable."""

from __future__ import annotations

import os
import warnings
from io import BytesIO
from typing import TYPE_CHECKING

from trueup.errors import FormatError
from trueup.fits.walk import ByteSource, open_source, walk

if TYPE_CHECKING:
    from astropy.table import Table

_PEEK = 1024


def read_table(path: str | os.PathLike[str]) -> Table:
    r"""Read a table; its content, not its name, says what it is.

    Parameters
    ----------
    path : str or path-like
        FITS (the first extension that is a table), ECSV, CSV with a header line, or VOTable; plain
        or gzipped.

    Returns
    -------
    astropy.table.Table

    Raises
    ------
    FileAccessError
        Where the file cannot be read.
    FormatError
        Where it holds no table, or is truncated.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w+", suffix=".csv") as file:
    ...     print("rootname,sky", "iepw14g4q,12.5", sep="\n", file=file, flush=True)
    ...     read_table(file.name)["sky"][0].item()
    12.5
    """
    source = open_source(path)
    start = source.read(0, _PEEK)
    if start.startswith(b"SIMPLE  ="):
        return _fits_table(source)
    reader = "votable" if b"<VOTABLE" in start else "ascii.ecsv" if b"%ECSV" in start else "ascii.csv"
    content = source.read(0, source.size)
    if reader != "votable":
        try:
            content.decode()
        except UnicodeDecodeError as error:
            raise FormatError("no table: neither FITS nor text", file=source.name) from error
    return _parsed(content, reader, source.name)


def _fits_table(source: ByteSource) -> Table:
    tables = [hdu for hdu in walk(source) if hdu.header.text("XTENSION") in {"BINTABLE", "TABLE"}]
    if not tables:
        raise FormatError("no table extension in it", file=source.name)
    # only that one: a product may hold gigabytes of pixels before it
    primary = source.read(0, walk(source)[0].data_start)
    extension = source.read(tables[0].header_start, tables[0].end - tables[0].header_start)
    return _parsed(primary + extension, "fits", source.name)


def _parsed(content: bytes, reader: str, name: str) -> Table:
    from astropy.table import Table

    # a unit that astropy does not know, or a version of VOTable, is no reason to fail
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            table = Table.read(BytesIO(content), format=reader)
        except Exception as error:  # readers raise whatever they meet
            raise FormatError(f"no readable table: {' '.join(str(error).split())}", file=name) from error
    if not table.colnames:
        raise FormatError("a table without columns", file=name)
    return table
