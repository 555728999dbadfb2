"""Gaia's stars around the exposures of a visit."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from trueup.archive.gaia import cone_around, fetch_gaia
from trueup.archive.transport import Transport
from trueup.config import Config, read_config
from trueup.model.exposure import Exposure


def gaia_catalog(exposures: Iterable[Exposure], config: Config | None = None) -> Path:
    """Gaia DR3 around some exposures, from the cache or else from a service.

    Parameters
    ----------
    exposures : iterable of Exposure
    config : Config, optional
        Instead of the settings that hold.

    Returns
    -------
    Path
        A file for :func:`trueup.astrometry.references.catalog.read_catalog`.

    Raises
    ------
    DataError
        Where there is no exposure, or no star.
    NetworkError
        Where it is not in the cache and no service answers.

    Examples
    --------
    >>> gaia_catalog([])
    Traceback (most recent call last):
    trueup.errors.DataError: no exposures to look for stars around
    """
    config = config or read_config()
    with Transport(config.http) as transport:
        return fetch_gaia(transport, cone_around(exposures), config.gaia)


def catalog_path(named: str, exposures: Iterable[Exposure], config: Config | None = None) -> str:
    """The file of a catalogue that is named as on the command line.

    Parameters
    ----------
    named : str
        A file, or ``gaia`` (in any case, where there is no such file).
    exposures : iterable of Exposure
        That Gaia's stars are wanted for.
    config : Config, optional
        Instead of the settings that hold.

    Returns
    -------
    str

    Raises
    ------
    DataError, NetworkError
        See :func:`gaia_catalog`.

    Examples
    --------
    >>> catalog_path("stars.ecsv", [])
    'stars.ecsv'
    """
    if named.lower() != "gaia" or os.path.exists(named):
        return named
    return str(gaia_catalog(exposures, config))
