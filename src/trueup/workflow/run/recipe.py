"""The options of a run: typed, or kept in a TOML file."""

from __future__ import annotations

import json
import math
import os
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from trueup.drizzle.params import DrizzleParams
from trueup.drizzle.settings import settings_of
from trueup.errors import FileAccessError, UsageError
from trueup.workflow.against import Against

STAGES = ("fetch", "list", "measure", "fit", "choose", "headerlets", "drizzle", "compare", "apply", "report")
_NEEDED = {"list", "choose"}
_FILES_OF_DRIZZLE = ("grid", "sky_values")
# what a run decides itself: all its products lie on one grid, and its inputs stay as they are
_NOT_OF_A_RUN = ("keep", "write_dq")


@dataclass(frozen=True, slots=True)
class RunRecipe:
    """What a run does.

    Parameters
    ----------
    against : Against
        A catalogue or reference image, an anchor, centroids, PSFs.
    headerlets : tuple of str
        Headerlet files to be considered, beside those in the exposures.
    solution : str or None
        Take this solution instead of the measured best one; a selection as in ``trueup apply``.
    drizzle : mapping
        Fields of :class:`trueup.DrizzleParams`.
    skip : tuple of str
        Stages to leave out: fetch, measure (only star lists and tables), fit, headerlets, drizzle, compare,
        report.
    source : str
        Archive for observation ids: ``mast``, ``s3`` or a folder.
    write_exposures : bool
        Leave corrected copies of the exposures in the folder.
    in_place : bool
        Edit the exposures, with an undo record.
    full, private : bool
        Embed the products whole in the report; leave target, coordinates and pixels out of it.

    Raises
    ------
    UsageError
        Where a stage or a drizzle setting is unknown or not one for a run, or exposures are to be both copied
        and edited.

    Examples
    --------
    >>> RunRecipe(skip=("compare",)).skip
    ('compare',)
    >>> RunRecipe(skip=("choose",))
    Traceback (most recent call last):
    trueup.errors.UsageError: the stage choose cannot be left out; ...
    """

    against: Against = field(default_factory=Against)
    headerlets: tuple[str, ...] = ()
    solution: str | None = None
    drizzle: Mapping[str, Any] = field(default_factory=dict)
    skip: tuple[str, ...] = ()
    source: str = "mast"
    write_exposures: bool = False
    in_place: bool = False
    full: bool = False
    private: bool = False

    def __post_init__(self) -> None:
        optional = [stage for stage in STAGES if stage not in _NEEDED]
        for stage in self.skip:
            if stage not in optional:
                found = f"the stage {stage} cannot be left out" if stage in _NEEDED else f"no stage {stage}"
                raise UsageError(found, todo=f"these can be left out: {', '.join(optional)}")
        if self.write_exposures and self.in_place:
            raise UsageError("exposures are to be both copied and edited in place", todo="choose one")
        params = DrizzleParams(**self.drizzle)
        refused = [name for name in _NOT_OF_A_RUN if getattr(params, name)]
        if params.grid == "own":
            refused.append("grid own")
        if refused:
            todo = "leave it out, or use `trueup drizzle`"
            raise UsageError(f"a run cannot do with {refused[0].replace('_', '-')}", todo=todo)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON, with all defaults; :func:`recipe_of` reads them."""
        return asdict(self) | {"drizzle": _plain(self.drizzle)}


def read_recipe(path: str | os.PathLike[str]) -> RunRecipe:
    r"""Read a recipe file.

    Parameters
    ----------
    path : path
        TOML with the fields of :class:`RunRecipe`; ``[against]`` and ``[drizzle]`` are tables.

    Returns
    -------
    RunRecipe

    Raises
    ------
    FileAccessError
        Where it cannot be read.
    UsageError
        Where it is not TOML, or a name is unknown.

    Examples
    --------
    >>> import tempfile
    >>> text = 'skip = ["compare"]\n[against]\ncatalog = "gaia.ecsv"\n[drizzle]\npixfrac = 0.8\n'
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "recipe.toml").write_text(text)
    ...     recipe = read_recipe(f"{folder}/recipe.toml")
    >>> recipe.against.catalog, recipe.drizzle
    ('gaia.ecsv', {'pixfrac': 0.8})
    """
    try:
        values = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise FileAccessError(os.strerror(error.errno or 0), file=path) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"is not TOML: {error}", file=path) from error
    return recipe_of(values, path)


def recipe_of(values: Mapping[str, Any], path: str | os.PathLike[str] | None = None) -> RunRecipe:
    """The recipe of plain values, as a TOML file or a manifest holds them.

    Parameters
    ----------
    values : mapping
    path : path, optional
        Where they were read, for errors.

    Returns
    -------
    RunRecipe

    Raises
    ------
    UsageError
        Where a name is unknown, or a value of the wrong type.

    Examples
    --------
    >>> recipe_of(RunRecipe(solution="svm").as_dict()).solution
    'svm'
    """
    _require_known(values, RunRecipe, path)
    against, drizzle = (_table(values, name, path) for name in ("against", "drizzle"))
    _require_known(against, Against, path)
    _require_types(values, RunRecipe(), path)
    _require_types(against, Against(), path)
    settings = settings_of(json.dumps(_plain(drizzle)))
    return RunRecipe(
        **{**_with_tuples(values), "against": Against(**_with_tuples(against)), "drizzle": settings}
    )


def rooted(recipe: RunRecipe) -> RunRecipe:
    """The recipe with absolute paths, which holds wherever it is repeated.

    Parameters
    ----------
    recipe : RunRecipe

    Returns
    -------
    RunRecipe

    Examples
    --------
    >>> rooted(RunRecipe(source="mast")).source, rooted(RunRecipe(headerlets=("/a/b_hlet.fits",))).headerlets
    ('mast', ('/a/b_hlet.fits',))
    """

    def there(path: Any) -> Any:
        is_word = path in (None, "mast", "s3", "common") or not os.path.exists(path)
        return path if is_word else os.path.abspath(path)

    against = recipe.against
    return replace(
        recipe,
        source=there(recipe.source),
        headerlets=tuple(map(there, recipe.headerlets)),
        against=replace(
            against,
            catalog=there(against.catalog),
            reference=there(against.reference),
            centroids=tuple(map(there, against.centroids)),
            psf=tuple(map(there, against.psf)),
        ),
        drizzle={k: there(v) if k in _FILES_OF_DRIZZLE else v for k, v in recipe.drizzle.items()},
    )


def _table(values: Mapping[str, Any], name: str, path: str | os.PathLike[str] | None) -> Mapping[str, Any]:
    found = values.get(name, {})
    if not isinstance(found, Mapping):
        raise UsageError(f"{name} is {found!r}", file=path, todo=f"make it a table, [{name}]")
    return found


def _require_known(values: Mapping[str, Any], noun: type, path: str | os.PathLike[str] | None) -> None:
    known = [item.name for item in fields(noun)]
    strangers = sorted(set(values) - set(known))
    if strangers:
        todo = f"known are {', '.join(known)}"
        raise UsageError(f"no option {', '.join(strangers)}", file=path, todo=todo)


def _require_types(values: Mapping[str, Any], usual: Any, path: str | os.PathLike[str] | None) -> None:
    """Flags are true or false, lists are lists of text; names and numbers are what their readers take."""
    for name, value in values.items():
        default = getattr(usual, name)
        flag = isinstance(default, bool) and not isinstance(value, bool)
        items = value if isinstance(value, list | tuple) else [None]
        listed = isinstance(default, tuple) and not all(isinstance(item, str) for item in items)
        named = isinstance(default, str) and not isinstance(value, str)
        if flag or listed or named:
            wanted = "true or false" if flag else "a list of texts" if listed else "a text"
            raise UsageError(f"{name} is {value!r}", file=path, todo=f"it can be {wanted}")


def _with_tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


def _plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Drizzle settings without NaN, which JSON does not have."""
    return {
        name: None if isinstance(value, float) and math.isnan(value) else value
        for name, value in settings.items()
    }
