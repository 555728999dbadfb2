"""FITS structures written byte by byte: extensions, the WCSCORR and ASN tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trueup.model.cards import BLOCK, Cards
from trueup.simulate.cards import Row, make_cards

# logical columns hold the letters T and F
_FORMS = {"i2": "I", "i4": "J", "f8": "D", "u1": "L"}


def hdu(header: Cards, data: NDArray[Any] | None = None) -> bytes:
    """A header and its data, big-endian, each padded to whole blocks."""
    return b"".join(hdu_parts(header, data))


def hdu_parts(header: Cards, data: NDArray[Any] | None = None) -> Iterator[bytes | memoryview]:
    """The same in pieces, so that a large array is not copied once more."""
    yield header.to_bytes()
    if data is None:
        return
    swapped = np.ascontiguousarray(data, dtype=data.dtype.newbyteorder(">"))
    yield swapped.data
    yield b"\0" * (-swapped.nbytes % BLOCK)


def table_hdu(rows: NDArray[np.void], extname: str, *, extra: Sequence[Row] = ()) -> bytes:
    """A binary table from a structured array of big-endian bytes, integers, floats and T/F letters."""
    assert rows.dtype.names is not None
    header: list[Row] = [
        ("XTENSION", "BINTABLE", "binary table extension"),
        ("BITPIX", 8, "array data type"),
        ("NAXIS", 2, "number of array dimensions"),
        ("NAXIS1", rows.dtype.itemsize, "length of dimension 1"),
        ("NAXIS2", len(rows), "length of dimension 2"),
        ("PCOUNT", 0, "number of group parameters"),
        ("GCOUNT", 1, "number of groups"),
        ("TFIELDS", len(rows.dtype.names), "number of table fields"),
    ]
    for i, name in enumerate(rows.dtype.names, start=1):
        header += [(f"TTYPE{i}", name, ""), (f"TFORM{i}", _form(rows.dtype[name]), "")]
    header += [("EXTNAME", extname, "extension name"), ("EXTVER", 1, "extension version"), *extra]
    content = rows.tobytes()
    return Cards(tuple(make_cards(header))).to_bytes() + content + b"\0" * (-len(content) % BLOCK)


def _form(dtype: np.dtype[Any]) -> str:
    if dtype.kind == "S":
        return "A" if dtype.itemsize == 1 else f"{dtype.itemsize}A"
    return _FORMS[dtype.str[1:]]
