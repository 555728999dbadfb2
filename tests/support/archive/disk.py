"""Large files: served from disk by range, and grown from small ones without writing their zeros."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path

from archive.server import Answer, Request
from trueup.fits.walk import ByteSource, Hdu, open_source, walk
from trueup.model.cards import BLOCK, CARD

_PIXELS = {"SCI", "ERR", "DQ"}
# what real files have
_SHAPE = (2051, 4096)
_HEADERS = {"PRIMARY": 25_920, "SCI": 20_160}


@dataclass
class Disk:
    """A download service of one folder, by the last part of the path or of the query ``uri``.

    Attributes
    ----------
    ranges : bool
        Whether it knows ranges.
    version : str
        Part of the ETag.
    """

    folder: Path
    ranges: bool = True
    version: str = "1"
    names: dict[str, Path] = field(default_factory=dict)

    def __call__(self, request: Request) -> Answer:
        name = request.query.get("uri", request.path).rpartition("/")[2]
        path = self.names.get(name, self.folder / name)
        if not path.is_file():
            return Answer(b"no such file", 404)
        size = path.stat().st_size
        headers = {"ETag": f'"{size}-{self.version}"', "Content-Type": "application/fits"}
        wanted = request.headers.get("range", "")
        if not self.ranges or not wanted:
            return Answer(path.read_bytes(), 200, headers)
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        start, stop = int(first), min(size, int(last) + 1)
        with path.open("rb") as file:
            file.seek(start)
            part = file.read(stop - start)
        return Answer(part, 206, {**headers, "Content-Range": f"bytes {start}-{stop - 1}/{size}"})


def grow(small: Path, large: Path, *, headerlets: int = 8) -> Path:
    """Make a file as large as a real one: pixels are holes, headers and headerlets as many as there."""
    source = open_source(small)
    hdus = walk(source)
    hlets = [hdu for hdu in hdus if hdu.extname == "HDRLET"]
    more = list(islice(cycle(hlets), headerlets - len(hlets)))
    with large.open("wb") as file:
        for header, data, skip in _grown(source, (*hdus, *more)):
            file.write(header + data)
            file.seek(skip, 1)
        file.truncate()
    return large


def _grown(source: ByteSource, hdus: tuple[Hdu, ...]) -> Iterator[tuple[bytes, bytes, int]]:
    """Header, data, and bytes of a hole after them."""
    for hdu in hdus:
        header = source.read(hdu.header_start, hdu.data_start - hdu.header_start)
        header = _padded(header, _HEADERS.get(hdu.extname, 0))
        if hdu.extname not in _PIXELS:
            yield header, source.read(hdu.data_start, hdu.end - hdu.data_start), 0
            continue
        for axis, length in ((1, _SHAPE[1]), (2, _SHAPE[0])):
            header = _set(header, f"NAXIS{axis}", length)
        size = _SHAPE[0] * _SHAPE[1] * abs(int(hdu.header.number("BITPIX") or 0)) // 8
        yield header, b"", -(-size // BLOCK) * BLOCK


def _padded(header: bytes, size: int) -> bytes:
    end = header.rindex(b"END" + b" " * 77)
    comments = b"COMMENT".ljust(CARD) * ((size - BLOCK - end) // CARD + 1)
    padded = header[:end] + comments + b"END".ljust(CARD)
    return padded.ljust(max(-(-len(padded) // BLOCK) * BLOCK, len(header)))


def _set(header: bytes, keyword: str, value: int) -> bytes:
    at = header.index(keyword.ljust(8).encode() + b"=")
    return header[:at] + f"{keyword:8}= {value:>20}".encode().ljust(CARD) + header[at + CARD :]
