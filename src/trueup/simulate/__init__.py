"""Visits with known truth, for the demo, tests and benchmarks."""

from trueup.model.displacement import Displacement
from trueup.simulate.recipe import Recipe
from trueup.simulate.truth import TrueExposure, Truth
from trueup.simulate.visit import make_visit, psf_of

__all__ = ["Displacement", "Recipe", "TrueExposure", "Truth", "make_visit", "psf_of"]
