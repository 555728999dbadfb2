"""The whole job: from observation ids or files to aligned products and a page that says what was done."""

from trueup.workflow.run.batch import run
from trueup.workflow.run.recipe import RunRecipe, read_recipe
from trueup.workflow.run.visit import Run, run_visit

__all__ = ["Run", "RunRecipe", "read_recipe", "run", "run_visit"]
