"""Text files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trueup.errors import FileAccessError


def write_text(path: Path, text: str) -> Path:
    """Write a file beside its place, then move it there.

    Parameters
    ----------
    path : Path
        Replaced if it is there.
    text : str

    Returns
    -------
    Path

    Raises
    ------
    FileAccessError
        Where it cannot be written.

    Examples
    --------
    >>> write_text(Path("/nowhere/batch.jsonl"), "{}")
    Traceback (most recent call last):
    trueup.errors.FileAccessError: /nowhere/batch.jsonl: No such file or directory
    """
    draft = path.with_name(f".{path.name}.part")
    try:
        draft.write_text(text, encoding="utf-8")
        os.replace(draft, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise FileAccessError(os.strerror(error.errno or 0), file=path) from error
    return path


def write_json(path: Path, values: Mapping[str, Any]) -> Path:
    """Write plain values, floats as they are; NaN is an error.

    Parameters
    ----------
    path : Path
        Replaced if it is there.
    values : mapping

    Returns
    -------
    Path

    Raises
    ------
    FileAccessError
        Where it cannot be written.
    ValueError, TypeError
        Where a value has no place in JSON.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_json(Path(folder, "b.json"), {"n": 1}).read_text().split()
    ['{', '"n":', '1', '}']
    """
    return write_text(path, json.dumps(values, indent=1, allow_nan=False) + "\n")
