"""Is a downloaded file what it should be? Its structure, its checksums, and no web page instead."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

from trueup.errors import FormatError
from trueup.fits.checksum import ones_sum
from trueup.fits.walk import ByteSource, Hdu, open_source, walk

_FITS = re.compile(r"\.fits?(\.gz)?$", re.IGNORECASE)
_PAGE = re.compile(r"\.(html?|xml|svg)$", re.IGNORECASE)
_MARKUP = re.compile(rb"\s*<(!doctype|html|head|body|\?xml)\b", re.IGNORECASE)
_TITLE = re.compile(rb"<title>\s*(.{1,80}?)\s*</title>", re.IGNORECASE | re.DOTALL)
_PEEK = 4096
_PIECE = 4 * 1024 * 1024
_VALID = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes and sha256 of a file that was found good."""

    size: int
    sha256: str


def check_file(path: str, *, name: str = "", size: int | None = None, sha1: str = "") -> Content:
    """Check that a file is whole, and what its name says it is.

    Parameters
    ----------
    path : str
    name : str, optional
        The name it is going to have.
    size : int, optional
        Bytes, as listed. Lists err, so this counts only where extensions are missing, too.
    sha1 : str, optional
        What it must be; empty where nobody knows.

    Returns
    -------
    Content

    Raises
    ------
    FormatError
        Where it is empty, a web page, truncated, or does not fit a checksum.
    FileAccessError
        Where it cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile(suffix="_flc.fits") as file:
    ...     check_file(file.name, name="a_flc.fits")
    Traceback (most recent call last):
    trueup.errors.FormatError: a_flc.fits: empty
    """
    name = name or os.path.basename(path)
    source = open_source(path)
    start = source.read(0, _PEEK)
    if not start:
        raise FormatError("empty", file=name)
    if _MARKUP.match(start) and not _PAGE.search(name):
        title = _TITLE.search(start)
        said = f" ({title[1].decode(errors='replace')})" if title else ""
        raise FormatError(f"a web page instead of the file{said}", file=name)
    if _FITS.search(name):
        _check_fits(_Named(source, name), size)
    return _content(path, name, sha1)


@dataclass(frozen=True, slots=True)
class _Named:
    """A source under the name that messages should say."""

    source: ByteSource
    name: str

    @property
    def size(self) -> int:
        return self.source.size

    def read(self, start: int, count: int) -> bytes:
        return self.source.read(start, count)

    def read_into(self, start: int, buffer: memoryview) -> int:
        return self.source.read_into(start, buffer)


def _check_fits(source: ByteSource, listed: int | None) -> None:
    hdus = walk(source)
    expected = int(hdus[0].header.number("NEXTEND") or 0)
    if listed is not None and source.size < listed and len(hdus) <= expected:
        found = f"truncated: {len(hdus) - 1} of {expected} extensions, {source.size} of {listed} bytes"
        raise FormatError(found, file=source.name)
    for hdu in hdus:
        data = _pieces(source, hdu.data_start, hdu.end)
        stored = hdu.header.text("DATASUM").strip()
        if stored.isdigit() and ones_sum(data) != int(stored):
            raise _damaged(source, hdu, "DATASUM")
        total = _pieces(source, hdu.header_start, hdu.end)
        if hdu.header.text("CHECKSUM").strip() and ones_sum(total) not in {0, _VALID}:
            raise _damaged(source, hdu, "CHECKSUM")


def _damaged(source: ByteSource, hdu: Hdu, keyword: str) -> FormatError:
    return FormatError(
        f"damaged: HDU {hdu.index} ({hdu.extname}) does not fit its {keyword}", file=source.name
    )


def _pieces(source: ByteSource, start: int, stop: int) -> Iterator[bytes]:
    for at in range(start, stop, _PIECE):
        yield source.read(at, min(_PIECE, stop - at))


def _content(path: str, name: str, sha1: str) -> Content:
    digests = [hashlib.sha256(), *([hashlib.sha1(usedforsecurity=False)] if sha1 else [])]
    size = 0
    with open(path, "rb") as file:
        while piece := file.read(_PIECE):
            size += len(piece)
            for digest in digests:
                digest.update(piece)
    if sha1 and digests[1].hexdigest() != sha1.lower():
        raise FormatError(f"damaged: its sha1 is not {sha1}", file=name)
    return Content(size, digests[0].hexdigest())
