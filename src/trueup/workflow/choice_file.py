"""The file in which a choice is kept, and the check that it is still about the files at hand."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trueup import __version__
from trueup.errors import ChangedError, FileAccessError, FormatError, SelectionError
from trueup.fits.splice import sha256_of
from trueup.report.files import write_json

PathLike = str | os.PathLike[str]

_SCHEMA = "trueup.choose/1"
_AGAIN = "run `trueup choose` again on the files as they are"


def write_choice(values: Mapping[str, Any], path: PathLike) -> None:
    """Write a choice as JSON, for ``trueup apply --choice``.

    Parameters
    ----------
    values : mapping
        Of :meth:`trueup.workflow.choose.Proposal.as_dict`.
    path : path
        An earlier choice there is replaced, nothing else is.

    Raises
    ------
    FileAccessError
        Where it cannot be written, or another file has that name.

    Examples
    --------
    >>> write_choice({}, "/nowhere/choice.json")
    Traceback (most recent call last):
    trueup.errors.FileAccessError: /nowhere/choice.json: No such file or directory
    """
    target = Path(path)
    if target.exists():
        try:
            read_choice(target)
        except FormatError as error:
            raise FileAccessError("exists and is no choice", file=path, todo="give another name") from error
    write_json(target, {"schema": _SCHEMA, "version": __version__, **values})


def read_choice(path: PathLike) -> dict[str, Any]:
    """Read what :func:`write_choice` wrote.

    Parameters
    ----------
    path : path

    Returns
    -------
    dict

    Raises
    ------
    FileAccessError, FormatError
        Where it cannot be read, or is something else.

    Examples
    --------
    >>> read_choice("nowhere.json")
    Traceback (most recent call last):
    trueup.errors.FileAccessError: nowhere.json: No such file or directory
    """
    try:
        values = json.loads(Path(path).read_bytes())
        is_choice = values["schema"] == _SCHEMA and _is_complete(values)
    except OSError as error:
        raise FileAccessError(os.strerror(error.errno or 0), file=path) from error
    except (ValueError, KeyError, TypeError):
        is_choice = False
    if not is_choice:
        raise FormatError("is no choice of trueup", file=path, todo="make one with `trueup choose -o`")
    return dict(values)


def _is_complete(values: Mapping[str, Any]) -> bool:
    inputs = [*values["exposures"], *values["headerlets"]]
    named = all(isinstance(one[word], str) for one in inputs for word in ("file", "sha256"))
    numbered = all(isinstance(one["solution"]["index"], int) for one in values["exposures"])
    paired = all({"a", "b", "before", "after"} <= pair.keys() for pair in values["pairs"])
    return named and numbered and paired and isinstance(values["verdict"], str)


@dataclass(frozen=True, slots=True)
class Inputs:
    """The files that a choice is about, where they are now.

    Parameters
    ----------
    exposures : dict of str to str
        Path by rootname.
    headerlets : tuple of str

    Examples
    --------
    >>> Inputs({"iepw14g4q": "iepw14g4q_flc.fits"}, ()).headerlets
    ()
    """

    exposures: dict[str, str]
    headerlets: tuple[str, ...]


def inputs_of(values: Mapping[str, Any], given: Mapping[str, str], *, folder: PathLike = ".") -> Inputs:
    """Find the files of a choice, and refuse others.

    Parameters
    ----------
    values : mapping
        Of :func:`read_choice`.
    given : mapping of str to str
        Paths of the exposures to apply it to, by rootname; blank for all of the choice.
    folder : path
        Where files are looked for that are not where they were.

    Returns
    -------
    Inputs

    Raises
    ------
    SelectionError
        Where an exposure is not in the choice.
    ChangedError
        Where a file is not the one that was measured.
    FileAccessError
        Where one is not to be found.

    Examples
    --------
    >>> inputs_of({"exposures": [], "headerlets": []}, {"iepw14g4q": "iepw14g4q_flc.fits"})
    Traceback (most recent call last):
    trueup.errors.SelectionError: iepw14g4q_flc.fits: the choice says nothing of this exposure; ...
    """
    recorded = {one["rootname"]: one for one in values["exposures"]}
    for rootname, path in given.items():
        if rootname not in recorded:
            raise SelectionError("the choice says nothing of this exposure", file=path, todo=_AGAIN)
    exposures = {
        rootname: given.get(rootname) or _found(one["file"], folder)
        for rootname, one in recorded.items()
        if rootname in given or not given
    }
    _demand_same((path, recorded[rootname]["sha256"]) for rootname, path in exposures.items())
    wanted = [one for one in values["headerlets"] if one["rootname"] is None or one["rootname"] in exposures]
    headerlets = tuple(_found(one["file"], folder) for one in wanted)
    _demand_same(zip(headerlets, (one["sha256"] for one in wanted), strict=True))
    return Inputs(exposures, headerlets)


def _found(name: str, folder: PathLike) -> str:
    """The file where it was, seen from the choice or from here, or of that name beside the choice."""
    for path in (Path(folder, name), Path(name), Path(folder, Path(name).name)):
        if path.is_file():
            return str(path)
    raise FileAccessError(
        "of the choice is not there", file=name, todo="name the exposures, wherever they are"
    )


def _demand_same(files: Iterable[tuple[str, str]]) -> None:
    for path, sha256 in files:
        if sha256_of(path) != sha256:
            found = "is not the file that was measured for the choice (its SHA-256 differs)"
            raise ChangedError(found, file=path, todo=_AGAIN)
