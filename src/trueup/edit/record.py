"""Undo records: how to make the previous bytes of a file from its present ones.

A record is one JSON file in `.trueup/` beside the exposure. It holds the ranges that both versions share
and, compressed, the bytes that only the older one had; never pixels.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trueup.edit.lock import state_folder
from trueup.errors import FormatError
from trueup.fits.splice import Piece, Recipe, Span

_SCHEMA = "trueup.undo/1"
_NAME = re.compile(r"\.undo-(\d{4,})\.json$")


@dataclass(frozen=True, slots=True)
class Step:
    """One change of a file that can be undone.

    Parameters
    ----------
    file : Path
        The exposure.
    number : int
        1 for the first change; the largest is undone first.
    when : str
        Time, ISO 8601, UTC.
    what : str
        The change in words.
    before, after : str
        SHA-256 of the file, hexadecimal.

    Examples
    --------
    >>> Step(Path("a_flc.fits"), 1, "2026-01-01T00:00:00+00:00", "apply", "00", "ff").path.name
    'a_flc.fits.undo-0001.json'
    """

    file: Path
    number: int
    when: str
    what: str
    before: str
    after: str

    @property
    def path(self) -> Path:
        """The file of the record."""
        name = f"{self.file.name}.undo-{self.number:04d}.json"
        return state_folder(self.file.parent) / name

    def as_dict(self) -> dict[str, str | int]:
        """One item of ``trueup undo --list --format json``."""
        return {
            "file": str(self.file),
            "step": self.number,
            "when": self.when,
            "what": self.what,
            "before": self.before,
            "after": self.after,
        }

    def __str__(self) -> str:
        return f"step {self.number} of {self.when}: {self.what}"


def steps(path: Path) -> tuple[Step, ...]:
    """The changes of a file that are on record, the newest first.

    Examples
    --------
    >>> steps(Path("/nowhere/a_flc.fits"))
    ()
    """
    found = []
    for name in state_folder(path.parent).glob(f"{_escaped(path.name)}.undo-*.json"):
        if _NAME.search(name.name):
            found.append(_step(_load(name), path))
    return tuple(sorted(found, key=lambda step: -step.number))


def new_step(path: Path, what: str, *, before: str, after: str) -> Step:
    """The step that a change made now is.

    Examples
    --------
    >>> new_step(Path("/nowhere/a_flc.fits"), "apply", before="00", after="ff").number
    1
    """
    last = max((step.number for step in steps(path)), default=0)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return Step(path, last + 1, now, what, before, after)


def encode(step: Step, back: Recipe) -> bytes:
    """The content of a record; `back` makes the older file from the newer one.

    Examples
    --------
    >>> step = new_step(Path("/nowhere/a_flc.fits"), "apply", before="00", after="ff")
    >>> b'"recipe": [[0, 2880]]' in encode(step, (Span(0, 2880),))
    True
    """
    record = {
        "schema": _SCHEMA,
        "file": step.file.name,
        "number": step.number,
        "when": step.when,
        "what": step.what,
        "before": step.before,
        "after": step.after,
        "recipe": [_pack(piece) for piece in back],
    }
    return json.dumps(record).encode()


def recipe(step: Step) -> Recipe:
    """How to make the file before the step from the file after it.

    Raises
    ------
    FormatError
        When the record is damaged.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     step = new_step(Path(name, "a_flc.fits"), "apply", before="00", after="ff")
    ...     step.path.parent.mkdir()
    ...     _ = step.path.write_bytes(encode(step, (Span(0, 2880), b"old")))
    ...     recipe(step)
    (Span(start=0, stop=2880), b'old')
    """
    content = _load(step.path)
    try:
        return tuple(_unpack(piece) for piece in content["recipe"])
    except (ValueError, KeyError, TypeError, zlib.error) as error:
        raise _damaged(step.path) from error


def _pack(piece: Piece) -> list[int] | str:
    if isinstance(piece, Span):
        return [piece.start, piece.stop]
    return base64.b64encode(zlib.compress(piece)).decode()


def _unpack(piece: list[int] | str) -> Piece:
    if isinstance(piece, str):
        return zlib.decompress(base64.b64decode(piece, validate=True))
    start, stop = piece
    return Span(int(start), int(stop))


def _load(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except ValueError as error:
        raise _damaged(path) from error
    if not isinstance(content, dict) or content.get("schema") != _SCHEMA:
        raise _damaged(path)
    return content


def _step(content: dict[str, Any], file: Path) -> Step:
    try:
        number, when, what = int(content["number"]), str(content["when"]), str(content["what"])
        return Step(file, number, when, what, str(content["before"]), str(content["after"]))
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(state_folder(file.parent)) from error


def _damaged(path: Path) -> FormatError:
    return FormatError("is not an undo record of trueup, or is damaged", file=path)


def _escaped(name: str) -> str:
    return re.sub(r"([*?[])", r"[\1]", name)
