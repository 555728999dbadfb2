"""What an archive has of an observation, and what an archive is."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from trueup.archive.stream import Stream


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
    listed_as : str
        The URI in the archive that lists it, where `uri` is a copy elsewhere.
    """

    obs_id: str
    filename: str
    kind: str
    project: str
    uri: str
    size: int | None = None
    proprietary: bool = False
    released: str = ""
    listed_as: str = ""


class Archive(Protocol):
    """Where products come from: MAST, a public bucket, a folder."""

    @property
    def name(self) -> str:
        """As in the manifest: mast, s3, or the folder."""

    def products(self, ids: Sequence[str]) -> Sequence[Product]:
        """Everything it has of some observations; raises where an id is unknown."""

    def open(self, product: Product, *, start: int, mark: str) -> AbstractContextManager[Stream]:
        """The bytes of a product from `start`, or from 0 where its mark is another one."""
