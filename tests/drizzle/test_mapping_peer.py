"""AstroDrizzle's own map against ours in compatible mode."""

from __future__ import annotations

import importlib.util
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from frames import turned_frame
from scenes import chip_wcs

from trueup.drizzle.mapping import pixel_mapping
from trueup.model.chipwcs import ChipWcs

SHAPES = [(300, 217), (119, 121), (130, 139)]

SCRIPT = """
import sys
import numpy as np
from dataclasses import replace
from drizzlepac import cdriz
from frames import astropy_wcs, turned_frame
from scenes import chip_wcs

for name in sys.argv[1:]:
    job = np.load(name)
    chip = replace(chip_wcs(2), shape=tuple(int(n) for n in job["shape"]))
    source, target = astropy_wcs(chip), astropy_wcs(turned_frame(chip))
    ny, nx = chip.shape
    mapping = cdriz.DefaultWCSMapping(source, target, nx, ny, 10)
    np.save(name + ".npy", np.array(mapping(job["x"] + 1, job["y"] + 1)) - 1)
"""


def chip_of(shape: tuple[int, int]) -> ChipWcs:
    return replace(chip_wcs(2), shape=shape)


def test_the_compatible_map_is_that_of_the_peer(tmp_path: Path, peer_python: str, root: Path) -> None:
    if importlib.util.find_spec("drizzlepac") is None:
        pytest.skip("drizzlepac is not installed")
    names = []
    for k, (ny, nx) in enumerate(SHAPES):
        rng = np.random.default_rng(k)
        x, y = rng.uniform(-0.5, nx - 0.5, 5000), rng.uniform(-0.5, ny - 0.5, 5000)
        x[:2], y[:2] = [-0.5, nx - 0.5], [-0.5, ny - 0.5]
        names.append(str(tmp_path / f"{k}.npz"))
        np.savez(names[-1], x=x, y=y, shape=(ny, nx))
    path = {"PYTHONPATH": str(root / "tests" / "support")}
    command = [peer_python, "-W", "ignore", "-c", SCRIPT, *names]
    done = subprocess.run(command, capture_output=True, text=True, env=path, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    for name, shape in zip(names, SHAPES, strict=True):
        chip = chip_of(shape)
        with np.load(name) as job:
            ours = np.array(pixel_mapping(chip, turned_frame(chip), compat=True)(job["x"], job["y"]))
            exact = np.array(pixel_mapping(chip, turned_frame(chip))(job["x"], job["y"]))
        theirs = np.load(f"{name}.npy")
        # sky positions in degrees carry 1e-8 pixel
        assert np.abs(ours - theirs).max() < 3e-8
        assert np.abs(exact - theirs).max() > 1e-5
