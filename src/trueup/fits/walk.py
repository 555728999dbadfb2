"""Walk over the HDUs of a FITS file without touching pixels.

Headers are read in short pieces through a `ByteSource`, so that the same walk serves a local
file, a decompressed file in memory, a headerlet embedded in another file, and remote bytes.
"""

from __future__ import annotations

import gzip
import os
import zlib
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Protocol

from trueup.errors import FileAccessError, FormatError
from trueup.model.cards import BLOCK, CARD, Cards

# a header of HST fits; remote bytes are paid for
_CHUNK = 8 * BLOCK
_END = b"END" + b" " * 77
_TODO = "download the file again"
_MOST_AXES = 999  # of the FITS standard


class ByteSource(Protocol):
    """Bytes with a name and a size that can be read by range."""

    @property
    def name(self) -> str:
        """What to call it in messages."""

    @property
    def size(self) -> int:
        """Number of bytes."""

    def read(self, start: int, count: int) -> bytes:
        """At most `count` bytes from `start`."""

    def read_into(self, start: int, buffer: memoryview) -> int:
        """Fill a buffer of bytes from `start`; the number of bytes there were."""


@dataclass(frozen=True, slots=True)
class FileSource:
    """A local file, opened for each read."""

    name: str
    size: int

    def read(self, start: int, count: int) -> bytes:
        """At most `count` bytes from `start`."""
        with open(self.name, "rb") as file:
            return os.pread(file.fileno(), count, start)

    def read_into(self, start: int, buffer: memoryview) -> int:
        """Fill a buffer of bytes from `start`; the number of bytes there were."""
        done = 0
        with open(self.name, "rb", buffering=0) as file:
            while done < len(buffer) and (got := os.preadv(file.fileno(), [buffer[done:]], start + done)):
                done += got
        return done


@dataclass(frozen=True, slots=True)
class BytesSource:
    """Bytes in memory."""

    data: bytes
    name: str

    @property
    def size(self) -> int:
        """Number of bytes."""
        return len(self.data)

    def read(self, start: int, count: int) -> bytes:
        """At most `count` bytes from `start`."""
        return self.data[start : start + count]

    def read_into(self, start: int, buffer: memoryview) -> int:
        """Fill a buffer of bytes from `start`; the number of bytes there were."""
        part = memoryview(self.data)[start : start + len(buffer)]
        buffer[: len(part)] = part
        return len(part)


@dataclass(frozen=True, slots=True)
class Hdu:
    """One header-data unit: its cards and where its bytes lie.

    Attributes
    ----------
    index : int
    header : Cards
    header_start, data_start, data_size, end : int
        Bytes; `data_size` without padding, `end` with it.
    """

    index: int
    header: Cards
    header_start: int
    data_start: int
    data_size: int
    end: int

    @property
    def extname(self) -> str:
        """EXTNAME in upper case; PRIMARY for the first HDU."""
        return "PRIMARY" if self.index == 0 else self.header.text("EXTNAME").upper()

    @property
    def extver(self) -> int | None:
        """EXTVER, or None where it is missing or no number."""
        value = self.header.number("EXTVER")
        return None if value is None else int(value)

    @property
    def shape(self) -> tuple[int, ...]:
        """Axis lengths, slowest first."""
        naxis = int(self.header.number("NAXIS") or 0)
        return tuple(int(self.header.number(f"NAXIS{i}") or 0) for i in range(naxis, 0, -1))

    def read(self, source: ByteSource) -> bytes:
        """The data bytes, without padding."""
        return source.read(self.data_start, self.data_size)


def open_source(path: str | os.PathLike[str]) -> ByteSource:
    """Open a local file, decompressing gzip whatever its name.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    ByteSource

    Raises
    ------
    FileAccessError
        Where the file cannot be read.
    FormatError
        Where gzip data are damaged.

    Examples
    --------
    >>> open_source("nowhere_flc.fits")
    Traceback (most recent call last):
    trueup.errors.FileAccessError: nowhere_flc.fits: No such file or directory
    """
    try:
        size = os.stat(path).st_size
        source = FileSource(os.fspath(path), size)
        if source.read(0, 2) != b"\x1f\x8b":
            return source
        return BytesSource(gzip.decompress(Path(path).read_bytes()), os.fspath(path))
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise FormatError(f"damaged gzip data ({error})", file=path, todo=_TODO) from error
    except OSError as error:
        raise FileAccessError(error.strerror or str(error), file=path) from error


def walk(source: ByteSource) -> tuple[Hdu, ...]:
    """List the HDUs of a FITS file and check that all their bytes are there.

    Parameters
    ----------
    source : ByteSource

    Returns
    -------
    tuple of Hdu

    Raises
    ------
    FormatError
        Where the bytes are not FITS, a header has no END, or the file is truncated.

    Examples
    --------
    >>> from trueup.model.cards import make_card
    >>> cards = Cards((make_card("SIMPLE", True), make_card("BITPIX", 8), make_card("NAXIS", 0)))
    >>> [hdu.extname for hdu in walk(BytesSource(cards.to_bytes(), "memory"))]
    ['PRIMARY']
    """
    if source.read(0, 9) != b"SIMPLE  =":
        raise FormatError("not a FITS file", file=source.name)
    hdus: list[Hdu] = []
    start = 0
    while start < source.size:
        if hdus and source.read(start, 8) != b"XTENSION":
            if source.read(start, BLOCK).strip(b"\0 "):
                raise FormatError(
                    f"bytes after HDU {len(hdus) - 1} are no extension",
                    file=source.name,
                    todo=_TODO,
                )
            break
        hdus.append(_read_hdu(source, start, len(hdus)))
        start = hdus[-1].end
    return tuple(hdus)


def _read_hdu(source: ByteSource, start: int, index: int) -> Hdu:
    block = _read_header(source, start, index)
    header = Cards.from_bytes(block)
    data_start = start + len(block)
    size = _data_size(header, source.name, index)
    end = data_start + -(-size // BLOCK) * BLOCK
    if end > source.size:
        raise FormatError(
            f"truncated: HDU {index} ends at byte {end}, the file at {source.size}",
            file=source.name,
            todo=_TODO,
        )
    return Hdu(index, header, start, data_start, size, end)


def _read_header(source: ByteSource, start: int, index: int) -> bytes:
    block = b""
    while True:
        chunk = source.read(start + len(block), _CHUNK)
        scanned = len(block)
        block += chunk
        for at in range(scanned, len(block) - CARD + 1, CARD):
            if block[at : at + CARD] == _END:
                size = -(-(at + CARD) // BLOCK) * BLOCK
                if size <= len(block):
                    return block[:size]
        if len(chunk) < _CHUNK:
            raise FormatError(
                f"truncated: the header of HDU {index} has no END", file=source.name, todo=_TODO
            )


def _data_size(header: Cards, name: str, index: int) -> int:
    naxis = header.number("NAXIS")
    bitpix = header.number("BITPIX")
    if naxis is None or bitpix is None:
        raise FormatError(f"HDU {index} has no BITPIX or NAXIS", file=name, todo=_TODO)
    if naxis == 0:
        return 0
    if not 0 < naxis <= _MOST_AXES:
        raise FormatError(f"HDU {index} has NAXIS {naxis:g}", file=name, todo=_TODO)
    axes = [header.number(f"NAXIS{i}") for i in range(1, int(naxis) + 1)]
    if any(axis is None or axis < 0 for axis in axes):
        raise FormatError(f"HDU {index} lacks an axis length", file=name, todo=_TODO)
    items = prod(int(axis) for axis in axes if axis is not None)
    parameters = int(header.number("PCOUNT") or 0)
    groups = int(header.number("GCOUNT") or 1)
    size = abs(int(bitpix)) // 8 * groups * (parameters + items)
    if size < 0:
        raise FormatError(f"HDU {index} has PCOUNT {parameters}, GCOUNT {groups}", file=name, todo=_TODO)
    return size
