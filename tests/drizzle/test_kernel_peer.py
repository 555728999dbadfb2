"""The square kernel against AstroDrizzle's own, through one and the same exact mapping."""

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

from trueup.drizzle.resample import Drop, Pixels, add_chip, empty_canvas, finished

CASES = [(1.0, 30.0, 0.0396), (0.8, 75.0, 0.0396), (1.0, 10.0, 0.02), (0.6, 0.0, 0.08)]
CHIP = replace(chip_wcs(1, tables=False), shape=(150, 220))
FIELDS = ("crpix", "crval", "cd", "shape")

SCRIPT = """
import sys
import numpy as np
from frames import astropy_wcs
from drizzlepac import cdriz
from trueup.model.chipwcs import ChipWcs

def drizzle(job):
    def wcs(name, *more):
        return astropy_wcs(ChipWcs(*(job[f"{name}_{f}"] for f in ("crpix", "crval", "cd", "shape", *more))))
    source, target = wcs("source", "a", "b"), wcs("target")
    def mapping(x, y):
        return target.wcs_world2pix(*source.all_pix2world(x, y, 1), 1)
    planes = [np.zeros(tuple(job["target_shape"]), t) for t in (np.float32, np.float32, np.int32)]
    cdriz.tdriz(
        job["data"], job["weight"], *planes, 1, 0, 1, 1, len(job["data"]), float(job["ratio"]), 1.0, 1.0,
        "center", float(job["pixfrac"]), "square", "cps", 1.0, 1.0, "INDEF", 0, 0, 1, mapping,
    )
    return dict(zip(("sci", "wht", "context"), planes))

for name in sys.argv[1:]:
    np.savez(name + ".out.npz", **drizzle(np.load(name)))
"""

Case = tuple[float, float, float]


def job(case: Case) -> dict[str, Any]:
    pixfrac, rot_deg, scale = case
    frame = turned_frame(CHIP, rot_deg=rot_deg, scale_arcsec=scale)
    rng = np.random.default_rng(0)
    data = rng.normal(10, 3, CHIP.shape).astype(np.float32)
    weight = np.where(rng.random(CHIP.shape) < 0.03, 0, 500).astype(np.float32)
    planes = {"data": data, "weight": weight, "ratio": frame.scale_arcsec() / 0.0396, "pixfrac": pixfrac}
    named = {f"{n}_{f}": getattr(w, f) for n, w in (("source", CHIP), ("target", frame)) for f in FIELDS}
    return planes | named | {"source_a": CHIP.sip_a, "source_b": CHIP.sip_b}


@pytest.fixture(scope="module")
def peer(
    tmp_path_factory: pytest.TempPathFactory, peer_python: str, root: Path
) -> dict[Case, dict[str, np.ndarray]]:
    if importlib.util.find_spec("drizzlepac") is None:
        pytest.skip("drizzlepac is not installed")
    folder = tmp_path_factory.mktemp("peer")
    names = {case: str(folder / f"{i}.npz") for i, case in enumerate(CASES)}
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


@pytest.mark.parametrize("case", CASES)
def test_square_kernel_equals_the_peer(case: Case, peer: dict[Case, dict[str, np.ndarray]]) -> None:
    pixfrac, rot_deg, scale = case
    ours, theirs = job(case), peer[case]
    canvas = empty_canvas(turned_frame(CHIP, rot_deg=rot_deg, scale_arcsec=scale), chips=1)
    data = ours["data"] * np.float32(ours["ratio"] ** 2)
    add_chip(canvas, Pixels(data, ours["weight"]), wcs=CHIP, drop=Drop("square", pixfrac))
    sci, wht = finished(canvas)
    covered = wht > 0
    assert covered.mean() > 0.3
    assert np.array_equal(covered, theirs["wht"] > 0)
    np.testing.assert_allclose(wht, theirs["wht"], atol=500 * 1e-6)
    # where hardly anything overlaps, a value is a quotient of two roundings
    solid = wht > 1e-3 * wht.max()
    np.testing.assert_allclose(sci[solid], theirs["sci"][solid], rtol=1e-5, atol=1e-5)
    assert np.median(np.abs(sci[solid] / theirs["sci"][solid] - 1)) < 2e-7
    assert canvas.context is not None
    assert np.array_equal(canvas.context[0], theirs["context"])
