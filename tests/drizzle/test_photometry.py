"""From simulated stars to the drizzled picture: flux and position."""

from __future__ import annotations

import numpy as np
import pytest

from trueup.drizzle.pipeline import drizzle
from trueup.fits.visit import open_visit
from trueup.simulate import Recipe, make_visit, psf_of

RADIUS = 12


def test_flux_in_an_aperture_is_that_of_the_profile(tmp_path_factory: pytest.TempPathFactory) -> None:
    recipe = Recipe(size=(900, 700), stars=25, galaxies=0, noise=False)
    truth = make_visit(tmp_path_factory.mktemp("sparse"), seed=8, recipe=recipe)
    checked = 0
    for index, name in enumerate(truth.filters):
        members = [e for e in truth.exposures if e.filter == name]
        mosaic = drizzle(open_visit([e.path for e in members]))
        assert mosaic.wcs.scale_arcsec() == pytest.approx(recipe.detector.idcscale)
        starlight = np.nan_to_num(mosaic.sci - recipe.detector.sky_rates[index])
        share = float(psf_of(recipe, name).encircled(RADIUS))
        exposure = mosaic.exposures[0]
        for chip, x, y in zip(exposure.chips, members[0].x, members[0].y, strict=True):
            on_chip = np.isfinite(x)
            sky = exposure.wcs(chip.id).pixel_to_sky(x[on_chip], y[on_chip])
            out_x, out_y = mosaic.wcs.sky_to_pixel(*sky)
            flux = truth.scene.flux[on_chip, index]
            for i in range(len(flux)):
                near = np.hypot(out_x - out_x[i], out_y - out_y[i]) < 70
                star = cutout(starlight, mosaic.wht, out_x[i], out_y[i])
                if star is None or flux[near].sum() > 1.0002 * flux[i]:
                    continue
                y_grid, x_grid = np.mgrid[-20:21, -20:21]
                dx, dy = out_x[i] - round(out_x[i]), out_y[i] - round(out_y[i])
                aperture = np.hypot(x_grid - dx, y_grid - dy) <= RADIUS
                assert star[aperture].sum() == pytest.approx(share * flux[i], rel=1e-3)
                center = (star * x_grid).sum() / star.sum(), (star * y_grid).sum() / star.sum()
                assert center == pytest.approx((dx, dy), abs=0.5e-3 / recipe.detector.idcscale)
                checked += 1
    assert checked >= 8


def cutout(image: np.ndarray, weight: np.ndarray, x: float, y: float) -> np.ndarray | None:
    """The 41 x 41 pixels around a star; None where some have no data."""
    i, j = round(x), round(y)
    if min(i, j) < 20:
        return None
    box = np.s_[j - 20 : j + 21, i - 20 : i + 21]
    return image[box].astype(float) if image[box].shape == (41, 41) and weight[box].all() else None
