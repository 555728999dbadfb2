"""The fields of DrizzleParams as options, of which only those typed count."""

from __future__ import annotations

from dataclasses import asdict, field, fields, make_dataclass
from typing import Annotated, Any, get_type_hints

from cyclopts import Parameter

from trueup.drizzle.params import DrizzleParams

_LISTS = {"planes"}
_DEFAULTS = asdict(DrizzleParams())
_HINTS = get_type_hints(DrizzleParams)


def _option(name: str) -> tuple[str, Any, Any]:
    """None where it was not typed; the help shows the default of DrizzleParams."""
    hint, default = (str if name in _LISTS else _HINTS[name]) | None, _DEFAULTS[name]
    if default in (None, ()):
        return name, hint, field(default=None)
    words = " ".join(map(str, default)) if isinstance(default, tuple) else str(default)
    return name, Annotated[hint, Parameter(show_default=lambda _: words)], field(default=None)


DrizzleOptions: Any = make_dataclass(
    "DrizzleOptions",
    [_option(name) for name in (f.name for f in fields(DrizzleParams))],
    frozen=True,
    namespace={
        "__doc__": (DrizzleParams.__doc__ or "").replace("``", ""),
        # make_dataclass names the module `types`, and cyclopts takes what the standard library
        # defines for a plain value
        "__module__": __name__,
    },
)


def typed(options: Any) -> dict[str, Any]:
    """The settings that were typed, lists split at commas."""
    given = {name: value for name, value in asdict(options).items() if value is not None}
    lists = {name: tuple(filter(None, given[name].split(","))) for name in _LISTS if name in given}
    return given | lists
