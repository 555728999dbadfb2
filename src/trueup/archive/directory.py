"""An archive that is a folder: for work without a network, and for tests."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from trueup.archive.criteria import observation_names
from trueup.archive.product import Product
from trueup.archive.selection import kind_of, root_of
from trueup.archive.stream import Stream
from trueup.errors import DataError, FileAccessError, UsageError
from trueup.fits.association import read_members
from trueup.fits.primary import read_primary
from trueup.fits.walk import open_source, walk

_PIECE = 1024 * 1024
_SUFFIXES = {".fits", ".gz"}
# a visit is known by this much of the names of its exposures, an exposure of an advanced pipeline by that
_VISIT, _ROOT = 6, 8


@dataclass(frozen=True, slots=True)
class Directory:
    """The FITS files in a folder and below it.

    Parameters
    ----------
    folder : Path

    Examples
    --------
    >>> Directory(Path("nowhere")).products(["iepw14030"])
    Traceback (most recent call last):
    trueup.errors.UsageError: nowhere: has nothing of iepw14030; see trueup ls there
    """

    folder: Path

    @property
    def name(self) -> str:
        """What the manifest calls it."""
        return str(self.folder)

    def products(self, ids: Sequence[str]) -> tuple[Product, ...]:
        """All files of some observations.

        Parameters
        ----------
        ids : sequence of str
            Associations, rootnames, visits or names with ``*``, in any case.

        Returns
        -------
        tuple of Product

        Raises
        ------
        UsageError
            Where it has nothing of one of them.
        """
        paths = (path for path in self.folder.rglob("*.fits*") if path.suffix in _SUFFIXES)
        # of a file and its copies farther down, the file
        files = [_File.of(path) for path in sorted(paths, key=lambda path: (len(path.parts), path))]
        found: list[Product] = []
        for name in observation_names(ids):
            members = {member for file in files if file.belongs(name) for member in file.members}
            of_it = [file.product(name) for file in files if file.belongs(name) or file.is_of(members)]
            if not of_it:
                raise UsageError(f"has nothing of {name}", file=self.folder, todo="see trueup ls there")
            found += of_it
        return tuple(found)

    @contextmanager
    def open(self, product: Product, *, start: int, mark: str) -> Iterator[Stream]:
        """The bytes of a product from `start`, or from 0 where the file has changed since."""
        try:
            with open(product.uri, "rb") as file:
                state = os.fstat(file.fileno())
                version = f"{state.st_mtime_ns} {state.st_size}"
                at = file.seek(start if mark == version else 0)
                yield Stream(iter(lambda: file.read(_PIECE), b""), at, state.st_size, mark=version)
        except OSError as error:
            raise FileAccessError(error.strerror or str(error), file=product.uri) from error


@dataclass(frozen=True, slots=True)
class _File:
    """What a file says about where it belongs; names in lower case."""

    path: Path
    rootname: str
    association: str
    members: tuple[str, ...]

    @classmethod
    def of(cls, path: Path) -> _File:
        """From its name where it cannot be read: whoever fetches it is told what is wrong."""
        root = root_of(path.name)
        try:
            header = read_primary(path)
            rootname = (header.text("ROOTNAME") or header.text("DESTIM") or root).lower()
            association = header.text("ASN_ID").lower()
            if kind_of(path.name) == "ASN":
                source = open_source(path)
                return cls(path, rootname, association or root, read_members(source, walk(source)))
        except (DataError, FileAccessError):
            return cls(path, root, "", (root,))
        return cls(path, rootname, association, (rootname,))

    def belongs(self, name: str) -> bool:
        """Whether it is of the association, exposure or visit itself."""
        of = {self.rootname, self.association, root_of(self.path.name)}
        pattern = f"{name}*" if len(name) == _VISIT else name
        return any(fnmatchcase(word, pattern) for word in of)

    def is_of(self, members: Collection[str]) -> bool:
        """Whether it is of a member: a headerlet or a copy of an advanced pipeline."""
        roots = {member[:_ROOT] for member in members}
        return self.rootname[:_ROOT] in roots or root_of(self.path.name).rpartition("_")[2][:_ROOT] in roots

    def product(self, name: str) -> Product:
        """The file as a product of an observation."""
        project = "HAP-SVM" if self.path.name.startswith("hst_") else ""
        size = self.path.stat().st_size
        return Product(name, self.path.name, kind_of(self.path.name), project, str(self.path), size)
