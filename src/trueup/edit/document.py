"""A FITS file as a list of units, to be put together again with some of them changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from trueup.fits.checksum import with_checksum
from trueup.fits.splice import Piece, Recipe, Span, joined
from trueup.fits.walk import ByteSource, Hdu, walk
from trueup.model.cards import Cards

_CHUNK = 4 << 20


@dataclass(frozen=True, slots=True)
class Unit:
    """One HDU of the new file.

    Parameters
    ----------
    header : Cards
    data : Span or bytes
        With its padding.
    hdu : Hdu, optional
        The HDU of the old file that it stands for.

    Examples
    --------
    >>> from trueup.model.cards import make_card
    >>> Unit(Cards((make_card("EXTNAME", "HDRLET"),)), b"").extname
    'HDRLET'
    """

    header: Cards
    data: Piece
    hdu: Hdu | None = None

    @property
    def extname(self) -> str:
        """EXTNAME in upper case; PRIMARY for the first HDU of the old file."""
        return self.hdu.extname if self.hdu else self.header.text("EXTNAME").upper()

    @property
    def extver(self) -> int | None:
        """EXTVER, or None where it is missing or no number."""
        number = self.header.number("EXTVER")
        return None if number is None else int(number)

    @property
    def is_changed(self) -> bool:
        """Whether it differs from what stands in the old file."""
        return self.hdu is None or self.header != self.hdu.header

    def with_header(self, header: Cards) -> Unit:
        """The same data under another header."""
        return replace(self, header=header)


Units = tuple[Unit, ...]


def units_of(hdus: Iterable[Hdu]) -> Units:
    """The HDUs of the old file as they are.

    Examples
    --------
    >>> units_of([])
    ()
    """
    return tuple(Unit(hdu.header, Span(hdu.data_start, hdu.end), hdu) for hdu in hdus)


def recipe_of(units: Units, source: ByteSource) -> Recipe:
    """How the new file is made from the old one; CHECKSUM is kept valid.

    Parameters
    ----------
    units : tuple of Unit
    source : ByteSource
        The old file.

    Returns
    -------
    tuple of Span or bytes
        Bytes after the last HDU stay the last.

    Examples
    --------
    >>> from trueup.fits.walk import BytesSource
    >>> recipe_of((), BytesSource(b"", "memory"))
    ()
    """
    pieces: list[Piece] = []
    for unit in units:
        if unit.hdu is not None and not unit.is_changed:
            pieces.append(Span(unit.hdu.header_start, unit.hdu.data_start))
        else:
            pieces.append(with_checksum(unit.header, _chunks(unit.data, source)).to_bytes())
        pieces.append(unit.data)
    last = max((unit.hdu.end for unit in units if unit.hdu is not None), default=source.size)
    end = _end_of_hdus(source) if last < source.size else last
    return joined([*pieces, Span(end, source.size)])


def _end_of_hdus(source: ByteSource) -> int:
    return walk(source)[-1].end


def _chunks(data: Piece, source: ByteSource) -> Iterator[bytes]:
    if isinstance(data, bytes):
        yield data
        return
    for start in range(data.start, data.stop, _CHUNK):
        yield source.read(start, min(_CHUNK, data.stop - start))
