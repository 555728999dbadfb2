"""Settings from the command line, a file and an MDRIZTAB, the first that says something counting."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from trueup.drizzle.mdriztab import Columns, row_settings
from trueup.drizzle.params import DrizzleParams
from trueup.drizzle.settings import settings_of, settings_of_product
from trueup.errors import FileAccessError, UsageError
from trueup.model.exposure import Exposure

ParamsFor = Callable[[Sequence[Exposure]], DrizzleParams]
RowFor = Callable[[Sequence[Exposure]], Mapping[str, Any]]


def layered(
    options: Mapping[str, Any],
    *,
    stored: str | None = None,
    mdriztab: str | os.PathLike[str] | None = None,
    columns: Columns = "all",
    row_for: RowFor | None = None,
    threads: int = 0,
) -> ParamsFor:
    """The settings of each product: options, then stored ones, then a row of an MDRIZTAB.

    What none of them says is by detector and number of exposures.

    Parameters
    ----------
    options : mapping
        Fields of :class:`trueup.DrizzleParams`.
    stored : str, optional
        JSON text, a file of JSON text, or a product of trueup.
    mdriztab : path, optional
        The row is that of the filter and number of exposures of each product.
    columns : str
        See :meth:`trueup.DrizzleParams.from_mdriztab`.
    row_for : callable, optional
        Gives the row of some exposures where no table is given.
    threads : int
        Where neither options nor stored settings say it; 0 is all processors.

    Returns
    -------
    callable
        Gives the settings of some exposures.

    Raises
    ------
    UsageError
        Where a name or value is unknown.
    DataError, FileAccessError
        Where a file cannot be read, or has no settings.

    Examples
    --------
    >>> params = layered({"pixfrac": 0.8}, stored='{"pixfrac": 0.5, "kernel": "turbo"}')([])
    >>> params.pixfrac, params.kernel
    (0.8, 'turbo')
    """
    given = (_stored_settings(stored) if stored else {}) | dict(options)
    # what is wrong should be said before any file is read
    DrizzleParams(**given)

    def params_for(exposures: Sequence[Exposure]) -> DrizzleParams:
        row: Mapping[str, Any] = {}
        if mdriztab is not None and exposures:
            row = row_settings(mdriztab, exposures[0].filter, len(exposures), columns=columns)
        elif row_for is not None:
            row = row_for(exposures)
        return DrizzleParams(**{"threads": threads, **row, **given})

    return params_for


def _stored_settings(stored: str) -> dict[str, Any]:
    if stored.lstrip().startswith(("{", "[")):
        return settings_of(stored)
    try:
        with open(stored, "rb") as file:
            is_fits = file.read(6) == b"SIMPLE"
        return settings_of_product(stored) if is_fits else settings_of(Path(stored).read_text())
    except OSError as error:
        raise FileAccessError(error.strerror or str(error), file=stored) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{stored} is neither JSON nor a product of trueup") from error
