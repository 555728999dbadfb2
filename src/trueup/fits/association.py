"""Association (ASN) tables and the member table (HDRTAB) of drizzled products."""

from __future__ import annotations

from collections.abc import Sequence

from trueup.errors import FormatError
from trueup.fits.walk import ByteSource, Hdu


def read_members(source: ByteSource, hdus: Sequence[Hdu]) -> tuple[str, ...]:
    """Rootnames of the exposures of an association, products left out.

    Parameters
    ----------
    source : ByteSource
    hdus : sequence of Hdu
        Its walked HDUs.

    Returns
    -------
    tuple of str
        Lower case.

    Raises
    ------
    FormatError
        Where there is no ASN table.
    """
    names, kinds = _columns(source, hdus, extname="ASN", wanted=("MEMNAME", "MEMTYPE"))
    members = zip(names, kinds, strict=True)
    return tuple(name.lower() for name, kind in members if not kind.upper().startswith("PROD"))


def read_product_inputs(source: ByteSource, hdus: Sequence[Hdu]) -> tuple[tuple[str, str], ...]:
    """Rootname and WCSNAME of each input chip of a drizzled product.

    Raises
    ------
    FormatError
        Where the product has no HDRTAB.
    """
    rootnames, names = _columns(source, hdus, extname="HDRTAB", wanted=("ROOTNAME", "WCSNAME"))
    return tuple((root.lower(), name) for root, name in zip(rootnames, names, strict=True))


def _columns(
    source: ByteSource, hdus: Sequence[Hdu], *, extname: str, wanted: tuple[str, str]
) -> tuple[list[str], list[str]]:
    """Two text columns of a binary table; an absent one reads as blanks."""
    from astropy.io import fits

    hdu = next((h for h in hdus if h.extname == extname), None)
    if hdu is None:
        raise FormatError(f"no {extname} table", file=source.name)
    table = fits.BinTableHDU.fromstring(source.read(hdu.header_start, hdu.end - hdu.header_start))
    names = {name.upper(): name for name in table.columns.names}
    first, second = (
        [str(value).strip() for value in table.data[names[word]]] if word in names else [""] * len(table.data)
        for word in wanted
    )
    return first, second
