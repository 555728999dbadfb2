"""Sky values that the user gives, by exposure, in a file or a dictionary."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from trueup.drizzle.sky import Sky
from trueup.errors import DataError, FileAccessError
from trueup.model.exposure import Exposure

_YES = ("yes", "true", "y", "t")


def given_sky(exposures: Sequence[Exposure], values: Mapping[str, float | Sequence[float]]) -> Sky:
    """The sky as the user says.

    Parameters
    ----------
    exposures : sequence of Exposure
    values : mapping of str to float or sequence of float
        By file name or rootname: one value for all chips, or one per chip in the order of EXTVER,
        in the units of the pixels.

    Returns
    -------
    Sky

    Raises
    ------
    DataError
        Where an exposure has no value, or a wrong number of them.

    Examples
    --------
    >>> given_sky([], {"iepw14g4q": 21.5}).method
    'given'
    """
    native: dict[tuple[str, int], float] = {}
    for exposure in exposures:
        name = next((name for name in _names(exposure) if name in values), None)
        if name is None:
            raise DataError(
                "no sky value is given", file=exposure.path, todo="add a line for it, of value 0 if need be"
            )
        given = values[name]
        numbers = [float(given)] if isinstance(given, int | float) else [float(value) for value in given]
        if len(numbers) not in (1, len(exposure.chips)):
            raise DataError(
                f"{len(numbers)} sky values are given for {len(exposure.chips)} chips",
                file=exposure.path,
                todo="give one value, or one per chip",
            )
        for k, chip in enumerate(exposure.chips):
            native[exposure.path, chip.id.extver] = numbers[k % len(numbers)]
    return Sky("given", native, dict.fromkeys((exposure.path for exposure in exposures), None))


def read_sky_values(path: str) -> dict[str, tuple[float, ...]]:
    """Read a file of sky values, as AstroDrizzle's ``skyfile``.

    Parameters
    ----------
    path : str
        Lines of a file name or rootname and one value, or one per chip; ``#`` begins a comment.

    Returns
    -------
    dict of str to tuple of float
        For :func:`given_sky`.

    Raises
    ------
    FileAccessError
        Where the file cannot be read.
    DataError
        Where a line is not understood, a name comes twice, or the file says that the values
        are subtracted already.

    Examples
    --------
    >>> read_sky_values("nowhere.txt")
    Traceback (most recent call last):
    trueup.errors.FileAccessError: nowhere.txt: No such file or directory
    """
    try:
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
    except OSError as error:
        raise FileAccessError(error.strerror or str(error), file=path) from error
    except UnicodeDecodeError as error:
        raise DataError("not a text file", file=path) from error
    values: dict[str, tuple[float, ...]] = {}
    for number, line in enumerate(lines, start=1):
        _require_not_applied(line, path)
        words = line.partition("#")[0].split()
        if words:
            name, found = _parsed(words, file=path, line=number)
            if name in values:
                raise DataError(f"{name} comes again in line {number}", file=path, todo="keep one line of it")
            values[name] = found
    return values


def _parsed(words: list[str], *, file: str, line: int) -> tuple[str, tuple[float, ...]]:
    try:
        numbers = tuple(float(word) for word in words[1:])
    except ValueError:
        numbers = ()
    if not numbers or not all(abs(number) < float("inf") for number in numbers):
        raise DataError(
            f"line {line} is '{' '.join(words)}'", file=file, todo="write a file name and one or more numbers"
        )
    return words[0], numbers


def _require_not_applied(line: str, path: str) -> None:
    """AstroDrizzle's files may say so in a comment."""
    if line.startswith("#") and "applied" in line:
        answer = line.replace(":", "=").partition("=")[2].strip().lower()
        if answer in _YES:
            raise DataError(
                "it says that the sky is subtracted already", file=path, todo="drizzle with --sky none"
            )


def _names(exposure: Exposure) -> tuple[str, ...]:
    base = os.path.basename(exposure.path)
    return exposure.path, base, exposure.rootname, exposure.rootname.upper()
