"""Simulated visits that several tests look at."""

from __future__ import annotations

import pytest

from trueup.simulate import Recipe, Truth, make_visit


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    """The default visit on small subarrays."""
    return make_visit(tmp_path_factory.mktemp("small"), seed=3, recipe=Recipe(size=(320, 240)))


@pytest.fixture(scope="session")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    """A few stars, no galaxies, no noise."""
    recipe = Recipe(size=(500, 400), stars=60, galaxies=0, noise=False)
    return make_visit(tmp_path_factory.mktemp("clean"), seed=5, recipe=recipe)
