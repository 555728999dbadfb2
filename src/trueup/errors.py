"""Every error trueup raises on purpose.

::

    TrueupError                  exit 70
    |-- UsageError(ValueError)       2   the command or call is wrong
    |   `-- SelectionError               a selection matches nothing, or several solutions
    |-- DataError(ValueError)        3   a file's content is wrong
    |   |-- FormatError                  not FITS, truncated, unreadable structure
    |   |-- SolutionError                a WCS solution cannot be used
    |   `-- ChangedError                 a file is no longer what a record says
    |-- FileAccessError(OSError)     3   the file system refuses
    `-- NetworkError(OSError)        4   a service cannot be reached

A message says where (file, chip, solution), what was found and what to do.
"""

from __future__ import annotations

from typing import ClassVar

EXIT_FINE = 0
EXIT_FINDING = 1


class TrueupError(Exception):
    """Base of all errors raised by trueup.

    Parameters
    ----------
    found : str
        What was found.
    file, chip, solution : object, optional
        Where it was found; each is also kept as an attribute.
    todo : str, optional
        What the user can do about it.

    Examples
    --------
    >>> print(TrueupError("no SCI extension", file="a_flc.fits", todo="download it again"))
    a_flc.fits: no SCI extension; download it again
    """

    exit_code: ClassVar[int] = 70

    def __init__(
        self,
        found: str,
        *,
        file: object = None,
        chip: object = None,
        solution: object = None,
        todo: str = "",
    ) -> None:
        self.found = found
        self.file = file
        self.chip = chip
        self.solution = solution
        self.todo = todo
        super().__init__(self._message())

    def _message(self) -> str:
        where = [str(self.file)] if self.file is not None else []
        if self.chip is not None:
            where.append(f"chip {self.chip}" if isinstance(self.chip, int) else str(self.chip))
        if self.solution is not None:
            where.append(f"solution {self.solution}")
        message = ": ".join([", ".join(where), self.found]) if where else self.found
        return f"{message}; {self.todo}" if self.todo else message


class UsageError(TrueupError, ValueError):
    """The command line or the arguments of a call are wrong."""

    exit_code = 2


class SelectionError(UsageError):
    """A selection matches no solution, or several that differ on the sky."""


class DataError(TrueupError, ValueError):
    """The content of a file is wrong."""

    exit_code = 3


class FormatError(DataError):
    """A file is not FITS, is truncated or has an unreadable structure."""


class SolutionError(DataError):
    """A WCS solution cannot be used on this exposure."""


class ChangedError(DataError):
    """A file was changed by someone else since trueup wrote it."""


class FileAccessError(TrueupError, OSError):
    """The file system refuses to read or write."""

    exit_code = 3

    def __str__(self) -> str:
        return self._message()


class NetworkError(TrueupError, OSError):
    """A service cannot be reached or answers with nonsense."""

    exit_code = 4

    def __str__(self) -> str:
        return self._message()
