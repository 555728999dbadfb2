"""Cosmic-ray masks in the DQ of exposures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from trueup.edit.dq import write_masks
from trueup.edit.record import steps
from trueup.edit.undo import undo
from trueup.errors import DataError, FileAccessError
from trueup.fits.visit import open_visit
from trueup.model.exposure import Exposure
from trueup.simulate import Recipe, make_visit

SHAPE = (60, 80)


@pytest.fixture
def exposures(tmp_path: Path) -> tuple[Exposure, ...]:
    make_visit(tmp_path, recipe=Recipe(size=(80, 60), stars=5, galaxies=0))
    for path in tmp_path.glob("*_flc.fits"):
        with fits.open(path, mode="update") as hdus:
            rng = np.random.default_rng(len(path.name))
            for extver in (1, 2):
                hdus["DQ", extver].data[...] = rng.choice([0, 64, 4096, 4096 + 16, 8192], SHAPE)
                hdus["DQ", extver].add_checksum()
    return open_visit([tmp_path]).exposures[:2]


def masks_for(exposures: tuple[Exposure, ...]) -> dict[tuple[str, int], np.ndarray]:
    rng = np.random.default_rng(4)
    return {
        (e.rootname, c.id.extver): (rng.random(SHAPE) > 0.1).astype(np.uint8)
        for e in exposures
        for c in e.chips
    }


def pixels(exposure: Exposure, extname: str) -> list[np.ndarray]:
    with fits.open(exposure.path, checksum=True) as hdus:
        hdus.verify("exception")
        return [hdu.data.copy() for hdu in hdus if hdu.name == extname]


def test_the_bit_is_set_and_cleared_and_nothing_else(exposures: tuple[Exposure, ...]) -> None:
    before = {e.path: pixels(e, "DQ") for e in exposures}
    science = {e.path: pixels(e, "SCI") for e in exposures}
    masks = masks_for(exposures)
    assert len(write_masks(exposures, masks)) == 2
    for exposure in exposures:
        for extver, (old, new) in enumerate(
            zip(before[exposure.path], pixels(exposure, "DQ"), strict=True), 1
        ):
            hit = masks[exposure.rootname, extver] == 0
            assert new.dtype == old.dtype
            assert np.array_equal(new & 4096 != 0, hit)
            assert np.array_equal(new & ~4096, old & ~4096)
        for old, new in zip(science[exposure.path], pixels(exposure, "SCI"), strict=True):
            assert np.array_equal(old, new)


def test_undo_restores_every_byte(exposures: tuple[Exposure, ...]) -> None:
    before = [Path(e.path).read_bytes() for e in exposures]
    write_masks(exposures, masks_for(exposures))
    assert [Path(e.path).read_bytes() for e in exposures] != before
    assert [s.what for e in exposures for s in steps(Path(e.path))] == ["flag cosmic rays"] * 2
    undo([e.path for e in exposures])
    assert [Path(e.path).read_bytes() for e in exposures] == before


def test_what_is_flagged_already_is_not_written_again(exposures: tuple[Exposure, ...]) -> None:
    masks = masks_for(exposures)
    write_masks(exposures, masks)
    inode = Path(exposures[0].path).stat().st_ino
    assert write_masks(exposures, masks) == ()
    assert Path(exposures[0].path).stat().st_ino == inode


def test_only_chips_with_a_mask_change(exposures: tuple[Exposure, ...]) -> None:
    first = exposures[0]
    before = pixels(first, "DQ")
    write_masks(exposures, {(first.rootname, 2): np.zeros(SHAPE, np.uint8)})
    after = pixels(first, "DQ")
    assert np.array_equal(after[0], before[0])
    assert (after[1] & 4096 != 0).all()


def test_all_files_or_none(exposures: tuple[Exposure, ...]) -> None:
    before = [Path(e.path).read_bytes() for e in exposures]
    wrong = masks_for(exposures) | {(exposures[1].rootname, 1): np.ones((3, 4), np.uint8)}
    with pytest.raises(DataError, match="DQ has 80x60 integer pixels, not 4x3"):
        write_masks(exposures, wrong)
    with pytest.raises(DataError, match="no DQ extension"):
        write_masks(exposures, {(exposures[1].rootname, 3): np.ones(SHAPE, np.uint8)})
    Path(exposures[1].path).chmod(0o444)
    with pytest.raises(FileAccessError, match="read-only"):
        write_masks(exposures, masks_for(exposures))
    assert [Path(e.path).read_bytes() for e in exposures] == before
