"""Blot: equal to the peer's interpolation, exact for polynomials."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from frames import turned_frame
from peers import needs_drizzlepac, run_peer
from scenes import chip_wcs

from trueup.drizzle.blot import BlotSettings, Interpolation, blot
from trueup.drizzle.mapping import Mapping, pixel_mapping
from trueup.errors import UsageError

SCRIPT = """
from drizzlepac import cdriz

results = {}
image, (x, y) = job["image"], job["positions"]
for name, interpolation, exptime, ratio in cases:
    def mapping(column, row):
        at = np.rint(row).astype(int) - 1, np.rint(column).astype(int) - 1
        return x[at] + 1, y[at] + 1
    results[name] = np.empty(x.shape, np.float32)
    ny, nx = image.shape
    cdriz.tblot(
        image, results[name], 1, nx, 1, ny, ratio, 1.0, 1.0, 1.0, "center", interpolation, exptime, -7.0,
        1.0, 1, mapping,
    )
"""

INTERPOLATIONS = get_args(Interpolation)
NAMES_OF_PEER = {"lanczos3": "lan3"}


def small_mapping(shape: tuple[int, int] = (120, 140), *, margin: int = 0) -> tuple[Mapping, tuple[int, int]]:
    """A turned chip on a frame that is `margin` pixels too small on each side."""
    chip = replace(chip_wcs(1, tables=False), shape=shape, crpix=(60.0, 50.0))
    frame = turned_frame(chip, rot_deg=41.0)
    ny, nx = frame.shape
    cut = (ny - 2 * margin, nx - 2 * margin)
    moved = (frame.crpix[0] - margin, frame.crpix[1] - margin)
    return pixel_mapping(chip, replace(frame, shape=cut, crpix=moved)), cut


def positions(mapping: Mapping) -> np.ndarray:
    ny, nx = mapping.shape
    y, x = np.mgrid[:ny, :nx]
    return np.stack(mapping(x, y))


@needs_drizzlepac
def test_every_interpolation_equals_the_peer(
    tmp_path_factory: pytest.TempPathFactory, peer_python: str
) -> None:
    mapping, shape = small_mapping(margin=20)
    rng = np.random.default_rng(0)
    image = rng.normal(5, 3, shape).astype(np.float32)
    image[rng.random(shape) < 0.01] += np.float32(1e4)
    at = positions(mapping)
    # beyond the centres of the last pixels the peer reads memory that is not the image's
    ny, nx = shape
    safe = (at[0].astype(np.float32) <= nx - 1) & (at[1].astype(np.float32) <= ny - 2)
    reach = np.where(safe, at, -9)
    cases = [
        (f"{name} {exptime}", NAMES_OF_PEER.get(name, name), exptime, ratio)
        for name in INTERPOLATIONS
        for exptime, ratio in ((1.0, 1.0), (513.7, 1.013))
    ]
    folder = tmp_path_factory.mktemp("blot")
    peer = run_peer(peer_python, SCRIPT, folder=folder, cases=cases, image=image, positions=reach)
    for name, _, exptime, ratio in cases:
        settings = BlotSettings(name.split()[0], exptime, ratio, missing=-7.0, compat=True)
        ours, theirs = blot(image, mapping, settings=settings)[safe], peer[name][safe]
        assert np.array_equal(ours == -7, theirs == -7)
        assert 0.3 < (ours != -7).mean() < 0.95
        # a sum of products as large as the brightest pixel, rounded to float32
        assert np.abs(ours - theirs).max() <= 4e-7 * 1e4 * exptime
        assert np.median(np.abs(ours / theirs - 1)) < 3e-7


@pytest.mark.parametrize(("interpolation", "degree"), [("linear", 1), ("poly3", 3), ("poly5", 5)])
def test_polynomials_are_interpolated_exactly(interpolation: Interpolation, degree: int) -> None:
    mapping, shape = small_mapping()
    ny, nx = shape
    y, x = np.mgrid[:ny, :nx] / 100.0

    def surface(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return 2 + 3 * x - y + (x - 1) ** degree - 2 * (y - 0.5) ** degree

    at = positions(mapping)
    found = blot(surface(x, y).astype(np.float32), mapping, settings=BlotSettings(interpolation))
    inner = (np.minimum(*at) > 2) & (at[0] < nx - 4) & (at[1] < ny - 4)
    np.testing.assert_allclose(found[inner], surface(*(at / 100))[inner], rtol=1e-6, atol=2e-6)


def test_nearest_takes_the_nearest_pixel() -> None:
    mapping, (ny, nx) = small_mapping(margin=10)
    image = np.arange(ny * nx, dtype=np.float32).reshape(ny, nx)
    x, y = np.floor(positions(mapping) + 0.5).astype(int)
    inside = (x >= 0) & (x < nx) & (y >= 0) & (y < ny)
    found = blot(image, mapping, settings=BlotSettings("nearest", missing=-1))
    assert np.array_equal(found, np.where(inside, image[y.clip(0, ny - 1), x.clip(0, nx - 1)], -1))


@pytest.mark.parametrize("interpolation", ["linear", "poly3", "poly5", "lanczos3"])
def test_a_plane_continues_to_the_edges_of_the_image(interpolation: Interpolation) -> None:
    mapping, (ny, nx) = small_mapping(margin=10)
    slope = 0.0 if interpolation == "lanczos3" else 1.0
    y, x = np.mgrid[:ny, :nx]
    at = positions(mapping)
    inside = (np.minimum(*at) >= -0.5) & (at[0] <= nx - 0.5) & (at[1] <= ny - 0.5)
    image = (50 + slope * (x - 2 * y)).astype(np.float32)
    found = blot(image, mapping, settings=BlotSettings(interpolation, missing=-9))
    assert 0.3 < inside.mean() < 0.95
    assert np.array_equal(found == -9, ~inside)
    np.testing.assert_allclose(found[inside], 50 + slope * (at[0] - 2 * at[1])[inside], rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (5, 1), (1, 7)])
@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
@pytest.mark.parametrize("compat", [False, True])
def test_images_smaller_than_the_kernel(
    shape: tuple[int, int], interpolation: Interpolation, compat: bool
) -> None:
    mapping, _ = small_mapping((9, 9))
    found = blot(np.full(shape, 4, np.float32), mapping, settings=BlotSettings(interpolation, compat=compat))
    np.testing.assert_allclose(found[found != 0], 4, rtol=1e-6)


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
def test_threads_do_not_change_the_image(interpolation: Interpolation) -> None:
    mapping, shape = small_mapping()
    image = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    images = [blot(image, mapping, settings=BlotSettings(interpolation, threads=n)) for n in (1, 2, 4)]
    assert np.array_equal(images[0], images[1])
    assert np.array_equal(images[0], images[2])


def test_a_star_is_found_where_it_is() -> None:
    """Flux and place of a star survive: poly5 at 2 pixels FWHM."""
    mapping, (ny, nx) = small_mapping()
    x0, y0 = (float(v) for v in mapping(70.3, 61.8))
    y, x = np.mgrid[:ny, :nx]
    image = np.exp(-0.5 * ((x - x0) ** 2 + (y - y0) ** 2) / 0.9**2).astype(np.float32)
    found = blot(image, mapping)
    yc, xc = np.mgrid[: found.shape[0], : found.shape[1]]
    assert abs((found * xc).sum() / found.sum() - 70.3) < 0.01
    assert abs((found * yc).sum() / found.sum() - 61.8) < 0.01


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"interpolation": "sinc"}, "blot is 'sinc'"),
        ({"exptime": 0.0}, "exptime is 0"),
        ({"pixel_ratio": -1.0}, "pixel_ratio is -1"),
        ({"threads": -2}, "threads is -2"),
    ],
)
def test_wrong_settings_are_errors(change: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        replace(BlotSettings(), **change)


def test_an_empty_image_is_an_error() -> None:
    with pytest.raises(UsageError, match=r"shape \(0, 5\)"):
        blot(np.empty((0, 5), np.float32), small_mapping()[0])
