"""Cosmic-ray masks in the DQ of exposures: the one edit that decodes pixels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trueup.edit.commit import Change, commit, exclusive
from trueup.edit.document import Unit, recipe_of, units_of
from trueup.edit.guard import editable
from trueup.errors import DataError
from trueup.fits.checksum import ones_sum
from trueup.fits.splice import Built, fingerprint
from trueup.fits.walk import ByteSource, Hdu, open_source, walk
from trueup.model.cards import BLOCK, make_card
from trueup.model.exposure import Exposure

COSMIC_RAY = 4096

Mask = NDArray[np.uint8]
# by ROOTNAME and SCI EXTVER
Masks = Mapping[tuple[str, int], Mask]

_STORED: dict[int, np.dtype[Any]] = {16: np.dtype(">i2"), 32: np.dtype(">i4")}
_WHAT = "flag cosmic rays"


def write_masks(exposures: Iterable[Exposure], masks: Masks) -> tuple[Built, ...]:
    """Set bit 4096 of DQ where a cosmic ray was found and clear it elsewhere, in all files or none.

    ``trueup undo`` takes it back.

    Parameters
    ----------
    exposures : iterable of Exposure
    masks : mapping of (str, int) to (ny, nx) uint8 array
        By ROOTNAME and SCI EXTVER; 0 is a cosmic ray. Chips without a mask stay as they are.

    Returns
    -------
    tuple of Built
        SHA-256 before and after of the files that changed.

    Raises
    ------
    DataError
        Where a chip has no DQ pixels to write to.
    FileAccessError
        Where a file may not be edited; every file is then untouched.

    Examples
    --------
    >>> write_masks([], {})
    ()
    """
    wanted = [
        (exposure, of_file)
        for exposure in exposures
        if (of_file := {ver: mask for (root, ver), mask in masks.items() if root == exposure.rootname})
    ]
    files = [editable(exposure.path) for exposure, _ in wanted]
    with exclusive(files):
        changes = [_change(path, of_file) for path, (_, of_file) in zip(files, wanted, strict=True)]
        return commit([change for change in changes if not change.nothing], _WHAT)


def _change(path: Path, masks: Mapping[int, Mask]) -> Change:
    now = fingerprint(path)
    source = open_source(path)
    hdus = walk(source)
    units = list(units_of(hdus))
    for extver, mask in masks.items():
        index = next(
            (i for i, u in enumerate(units) if u.extname == "DQ" and (u.extver or 1) == extver), None
        )
        if index is None:
            raise DataError("has no DQ extension", file=path, chip=extver, todo="drizzle without --write-dq")
        units[index] = _flagged(units[index], hdus[index], mask=mask, source=source)
    return Change(path, recipe_of(tuple(units), source), now, _WHAT)


def _flagged(unit: Unit, hdu: Hdu, *, mask: Mask, source: ByteSource) -> Unit:
    """The DQ extension with the mask; as it is where nothing changes."""
    stored = _STORED.get(int(hdu.header.number("BITPIX") or 0))
    if stored is None or hdu.shape != mask.shape:
        raise DataError(
            f"DQ has {'x'.join(map(str, reversed(hdu.shape))) or 'no'} integer pixels, "
            f"not {mask.shape[1]}x{mask.shape[0]}",
            file=source.name,
            chip=unit.extver,
            todo="drizzle without --write-dq",
        )
    # also of unsigned integers: BZERO turns the highest bit only
    old: NDArray[Any] = np.frombuffer(hdu.read(source), stored).reshape(hdu.shape)
    bit = stored.type(COSMIC_RAY)
    new = old & ~bit
    new[mask == 0] |= bit
    if np.array_equal(new, old):
        return unit
    data = new.astype(stored).tobytes()
    data += bytes(-len(data) % BLOCK)
    header, datasum = unit.header, unit.header.find("DATASUM")
    if datasum is not None:
        header = header.replace("DATASUM", make_card("DATASUM", str(ones_sum([data])), datasum.comment))
    return Unit(header, data)
