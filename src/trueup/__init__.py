"""Puts Hubble exposures on the right sky.

The nouns and verbs below are the public names; each is loaded when it is first used::

    visit = trueup.open_visit(["VISIT"])
    choice = trueup.choose(trueup.measure(visit))
    trueup.plan(visit, choice).commit()

Errors are in the tree of `trueup.errors`, visits with known truth in `trueup.simulate`.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trueup import errors, simulate
    from trueup.astrometry.choosing.choice import Choice
    from trueup.astrometry.choosing.choose import choose
    from trueup.astrometry.measuring.measure import measure
    from trueup.astrometry.measuring.measurement import Measurement
    from trueup.drizzle.params import DrizzleParams
    from trueup.drizzle.pipeline import drizzle
    from trueup.edit.plan import Plan, plan
    from trueup.edit.undo import undo
    from trueup.errors import TrueupError
    from trueup.fits.visit import open_visit
    from trueup.model.chipwcs import ChipWcs
    from trueup.model.exposure import Exposure
    from trueup.model.mosaic import Mosaic
    from trueup.model.names import WcsName
    from trueup.model.solution import Solution
    from trueup.model.visit import Visit
    from trueup.workflow.compare import Comparison, compare
    from trueup.workflow.fetch import fetch

__version__ = "0.1.0"
__all__ = [
    "ChipWcs",
    "Choice",
    "Comparison",
    "DrizzleParams",
    "Exposure",
    "Measurement",
    "Mosaic",
    "Plan",
    "Solution",
    "TrueupError",
    "Visit",
    "WcsName",
    "choose",
    "compare",
    "drizzle",
    "errors",
    "fetch",
    "measure",
    "open_visit",
    "plan",
    "simulate",
    "undo",
]

_HOME = {
    "ChipWcs": "trueup.model.chipwcs",
    "Choice": "trueup.astrometry.choosing.choice",
    "Comparison": "trueup.workflow.compare",
    "DrizzleParams": "trueup.drizzle.params",
    "Exposure": "trueup.model.exposure",
    "Measurement": "trueup.astrometry.measuring.measurement",
    "Mosaic": "trueup.model.mosaic",
    "Plan": "trueup.edit.plan",
    "Solution": "trueup.model.solution",
    "TrueupError": "trueup.errors",
    "Visit": "trueup.model.visit",
    "WcsName": "trueup.model.names",
    "choose": "trueup.astrometry.choosing.choose",
    "compare": "trueup.workflow.compare",
    "drizzle": "trueup.drizzle.pipeline",
    "fetch": "trueup.workflow.fetch",
    "measure": "trueup.astrometry.measuring.measure",
    "open_visit": "trueup.fits.visit",
    "plan": "trueup.edit.plan",
    "undo": "trueup.edit.undo",
}
_ROOMS = {"errors", "simulate"}


def __getattr__(name: str) -> object:
    if name in _ROOMS:
        return import_module(f"trueup.{name}")
    if name in _HOME:
        value = globals()[name] = getattr(import_module(_HOME[name]), name)
        return value
    raise AttributeError(f"module 'trueup' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


class _Package(ModuleType):
    """A package whose verb ``drizzle`` is not hidden by its room ``trueup.drizzle``."""

    def __setattr__(self, name: str, value: object) -> None:
        # the import system binds each loaded submodule to its package, verb or no verb
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
