"""What an archive has of an observation, and what an archive is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Product:
    """One file of an archive.

    Attributes
    ----------
    obs_id : str
        The observation it was found under.
    filename : str
    kind : str
        FLC, ASN, DRC, HLET and so on.
    project : str
        CALWF3, HAP-SVM and so on; empty where nobody knows.
    uri : str
        What the archive calls it.
    size : int, optional
        Bytes, as listed.
    proprietary : bool
    released : str
        The date it becomes public, ISO; empty where unknown.
    """

    obs_id: str
    filename: str
    kind: str
    project: str
    uri: str
    size: int | None = None
    proprietary: bool = False
    released: str = ""


@dataclass(frozen=True, slots=True)
class Stream:
    """Bytes on their way.

    Attributes
    ----------
    pieces : iterator of bytes
        Raises OSError or NetworkError where they end too early.
    start : int
        Where in the file the first one belongs; 0 where the source cannot resume.
    size : int, optional
        Of the whole file; None where the source does not say.
    mark : str
        What tells this version of the file from another; empty where the source does not say.
    """

    pieces: Iterator[bytes]
    start: int = 0
    size: int | None = None
    mark: str = ""


class Archive(Protocol):
    """Where products come from: MAST, a public bucket, a folder."""

    @property
    def name(self) -> str:
        """As in the manifest: mast, s3, or the folder."""

    def find(self, ids: Sequence[str]) -> list[Product]:
        """Everything it has of some observations; raises where an id is unknown."""

    def open(self, product: Product, start: int, mark: str) -> AbstractContextManager[Stream]:
        """The bytes of a product from `start`, or from 0 where its mark is another one."""
