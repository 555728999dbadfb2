"""The kernels against AstroDrizzle's own: square through the exact mapping, the others through ours."""

from __future__ import annotations

import importlib.util
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from frames import turned_frame
from scenes import chip_wcs

from trueup.drizzle.canvas import Canvas, empty_canvas, finished
from trueup.drizzle.mapping import pixel_mapping
from trueup.drizzle.resample import Drop, Pixels, add_chip

# kernel, pixfrac, rotation in degrees, output scale in arcsec
Case = tuple[str, float, float, float]
GRIDS = [(1.0, 30.0, 0.0396), (0.8, 75.0, 0.0396), (0.8, 10.0, 0.02), (1.0, 0.0, 0.06)]
SQUARE: list[Case] = [("square", *grid) for grid in [*GRIDS, (0.6, 0.0, 0.08)]]
OTHERS = ("turbo", "point", "gaussian", "lanczos2", "lanczos3")
CENTRED: list[Case] = [(kernel, *grid) for kernel in OTHERS for grid in GRIDS]
CHIP = replace(chip_wcs(1, tables=False), shape=(150, 220))
FIELDS = ("crpix", "crval", "cd", "shape")
SCALE_ARCSEC = 0.0396

SCRIPT = """
import sys
import numpy as np
from frames import astropy_wcs
from drizzlepac import cdriz
from trueup.drizzle.mapping import pixel_mapping
from trueup.model.chipwcs import ChipWcs

def drizzle(job):
    def wcs(name, *more):
        return ChipWcs(*(job[f"{name}_{f}"] for f in ("crpix", "crval", "cd", "shape", *more)))
    source, target = wcs("source", "a", "b"), wcs("target")
    def exact(x, y):
        return astropy_wcs(target).wcs_world2pix(*astropy_wcs(source).all_pix2world(x, y, 1), 1)
    ours = pixel_mapping(source, target)
    def same(x, y):
        return tuple(at + 1 for at in ours(x - 1, y - 1))
    kernel = str(job["kernel"])
    mapping = exact if kernel == "square" else same
    planes = [np.zeros(tuple(job["target_shape"]), t) for t in (np.float32, np.float32, np.int32)]
    cdriz.tdriz(
        job["data"], job["weight"], *planes, 1, 0, 1, 1, len(job["data"]), float(job["ratio"]), 1.0, 1.0,
        "center", float(job["pixfrac"]), kernel, "cps", 1.0, 1.0, "INDEF", 0, 0, 1, mapping,
    )
    return dict(zip(("sci", "wht", "context"), planes))

for name in sys.argv[1:]:
    np.savez(name + ".out.npz", **drizzle(np.load(name)))
"""


def job(case: Case) -> dict[str, Any]:
    kernel, pixfrac, rot_deg, scale = case
    frame = turned_frame(CHIP, rot_deg=rot_deg, scale_arcsec=scale)
    rng = np.random.default_rng(0)
    data = rng.normal(10, 3, CHIP.shape).astype(np.float32)
    weight = np.where(rng.random(CHIP.shape) < 0.03, 0, 500).astype(np.float32)
    planes = {"data": data, "weight": weight, "ratio": scale / SCALE_ARCSEC, "pixfrac": pixfrac}
    named = {f"{n}_{f}": getattr(w, f) for n, w in (("source", CHIP), ("target", frame)) for f in FIELDS}
    return planes | named | {"source_a": CHIP.sip_a, "source_b": CHIP.sip_b, "kernel": kernel}


def drizzled(case: Case) -> Canvas:
    kernel, pixfrac, rot_deg, scale = case
    given = job(case)
    canvas = empty_canvas(turned_frame(CHIP, rot_deg=rot_deg, scale_arcsec=scale), chips=1)
    mapping = pixel_mapping(CHIP, canvas.frame, scale=given["ratio"])
    pixels = Pixels(given["data"] * np.float32(given["ratio"] ** 2), given["weight"])
    add_chip(canvas, pixels, wcs=mapping, drop=Drop(kernel, pixfrac))
    return canvas


@pytest.fixture(scope="module")
def peer(
    tmp_path_factory: pytest.TempPathFactory, peer_python: str, root: Path
) -> dict[Case, dict[str, np.ndarray]]:
    if importlib.util.find_spec("drizzlepac") is None:
        pytest.skip("drizzlepac is not installed")
    folder = tmp_path_factory.mktemp("peer")
    names = {case: str(folder / f"{i}.npz") for i, case in enumerate(SQUARE + CENTRED)}
    for case, name in names.items():
        np.savez(name, **job(case))
    command = [peer_python, "-W", "ignore", "-c", SCRIPT, *names.values()]
    path = {"PYTHONPATH": str(root / "tests" / "support")}
    done = subprocess.run(command, capture_output=True, text=True, env=path, cwd=folder)
    assert done.returncode == 0, done.stderr[-2000:]
    answers = {}
    for case, name in names.items():
        with np.load(f"{name}.out.npz") as planes:
            answers[case] = dict(planes)
    return answers


@pytest.mark.parametrize("case", SQUARE + CENTRED, ids=str)
def test_kernels_equal_the_peers(case: Case, peer: dict[Case, dict[str, np.ndarray]]) -> None:
    canvas, theirs = drizzled(case), peer[case]
    sci, wht = finished(canvas)
    top = wht.max()
    assert np.mean(wht > 0) > 0.1
    assert np.array_equal(np.abs(wht) > 1e-7 * top, np.abs(theirs["wht"]) > 1e-7 * top)
    np.testing.assert_allclose(wht, theirs["wht"], atol=2e-6 * top)
    # where hardly anything overlaps, a value is a quotient of two roundings
    solid = wht > (0.2 if "lanczos" in case[0] else 1e-3) * top
    np.testing.assert_allclose(sci[solid], theirs["sci"][solid], rtol=1e-5, atol=1e-5)
    assert np.median(np.abs(sci[solid] / theirs["sci"][solid] - 1)) < 3e-7
    assert canvas.context is not None
    assert np.array_equal(canvas.context[0][solid], theirs["context"][solid])
