"""What only the archive needs is imported when a service is asked, and may not be installed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from trueup.errors import NetworkError

INSTALL = 'pip install "trueup[archive]"'


@contextlib.contextmanager
def extra() -> Iterator[None]:
    """Around imports of the libraries of the extra ``archive``.

    Raises
    ------
    NetworkError
        Where one is not installed: without it no service can be reached.

    Examples
    --------
    >>> with extra():
    ...     import no_such_library
    Traceback (most recent call last):
    trueup.errors.NetworkError: no_such_library is not installed; pip install "trueup[archive]"
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise NetworkError(f"{error.name} is not installed", todo=INSTALL) from error
