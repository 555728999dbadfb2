"""Scenes with known truth: stars that are no Gaussians, cosmic rays, noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scene:
    """An image in electrons and where its stars are."""

    image: Floats
    x: Floats
    y: Floats
    flux: Floats


def render(shape: tuple[int, int], x: Floats, y: Floats, flux: Floats, *, fwhm: float) -> Floats:
    """Moffat stars (beta 3.5: wings), integrated over pixels on a 5 x 5 subgrid."""
    image = np.zeros(shape)
    core = fwhm / 2 / np.sqrt(2 ** (1 / 3.5) - 1)
    sub = (np.arange(5) - 2) / 5
    for x0, y0, f in zip(x, y, flux, strict=True):
        left, low = max(round(x0) - 12, 0), max(round(y0) - 12, 0)
        rows = np.arange(low, min(low + 25, shape[0]))
        columns = np.arange(left, min(left + 25, shape[1]))
        dy = (rows[:, None] + sub - y0)[:, None, :, None]
        dx = (columns[:, None] + sub - x0)[None, :, None, :]
        profile = (1 + (dx**2 + dy**2) / core**2) ** -3.5 * 2.5 / (np.pi * core**2)
        image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] += f * profile.mean(axis=(2, 3))
    return image


def cosmic_rays(rng: np.random.Generator, shape: tuple[int, int], share: float) -> Floats:
    """Straight tracks of one to ten pixels over a share of the image, drizzled to a fraction of a pixel."""
    from scipy.ndimage import shift

    ny, nx = shape
    count = int(share * ny * nx / 4)
    start = rng.uniform(0, 1, (2, count)) * [[ny], [nx]]
    angle, length = rng.uniform(0, np.pi, count), 0.3 + np.minimum(rng.exponential(3, count), 10)
    charge = rng.lognormal(6, 1, count) * length / 12
    image = np.zeros(shape)
    for step in np.linspace(0, 1, 12):
        row = (start[0] + step * length * np.sin(angle)).astype(int)
        column = (start[1] + step * length * np.cos(angle)).astype(int)
        inside = (row < ny) & (column < nx) & (column >= 0)
        np.add.at(image, (row[inside], column[inside]), charge[inside])
    return shift(image, rng.uniform(-0.5, 0.5, 2), order=1)


@pytest.fixture(scope="session")
def scene() -> Callable[..., Scene]:
    """Make a scene: positions and fluxes, or as many stars as asked for."""

    def make(
        seed: int = 0,
        *,
        shape: tuple[int, int] = (400, 500),
        count: int = 40,
        stars: tuple[Floats, Floats, Floats] | None = None,
        rays: float = 0.03,
        fwhm: float = 2.0,
    ) -> Scene:
        rng = np.random.default_rng(seed)
        if stars is None:
            x, y = rng.uniform(20, shape[1] - 20, count), rng.uniform(20, shape[0] - 20, count)
            stars = x, y, 10 ** rng.uniform(3, 4.5, count)
        clean = render(shape, *stars, fwhm=fwhm) + 30.0
        image = rng.poisson(clean) + rng.normal(0, 4, shape)
        for _ in range(2):
            image += cosmic_rays(rng, shape, rays / 2) if rays else 0.0
        return Scene(image, *stars)

    return make
