"""A bundle: a zip file with headerlets and a manifest, to hand a solution to a colleague."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import tempfile
import zipfile
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trueup import __version__
from trueup.errors import ChangedError, FormatError
from trueup.fits.walk import BytesSource, walk

MANIFEST = "manifest.json"
_SCHEMA = "trueup.bundle/1"
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Member:
    """A headerlet of a bundle.

    Parameters
    ----------
    name : str
        File name, without folders.
    rootname : str
        The exposure it is for.
    content : bytes

    Examples
    --------
    >>> Member("a_hlet.fits", "a", b"").name
    'a_hlet.fits'
    """

    name: str
    rootname: str
    content: bytes


def bundle_bytes(members: Sequence[Member]) -> bytes:
    """The zip file that holds some headerlets; equal members give equal bytes.

    Parameters
    ----------
    members : sequence of Member

    Returns
    -------
    bytes

    Examples
    --------
    >>> bundle_bytes([])[:2]
    b'PK'
    """
    manifest = {
        "schema": _SCHEMA,
        "version": __version__,
        "headerlets": [_entry(member) for member in members],
    }
    files = [(MANIFEST, json.dumps(manifest, indent=1).encode())]
    files += [(member.name, member.content) for member in members]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            info = zipfile.ZipInfo(name, _EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return out.getvalue()


def read_bundle(path: str | os.PathLike[str]) -> tuple[Member, ...]:
    """The headerlets of a bundle, checked against its manifest.

    Parameters
    ----------
    path : path

    Returns
    -------
    tuple of Member

    Raises
    ------
    FormatError
        When it is no bundle.
    ChangedError
        When a headerlet is not the one that was put in.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     _ = Path(name, "a.zip").write_bytes(bundle_bytes([Member("a_hlet.fits", "a", b"")]))
    Traceback (most recent call last):
    trueup.errors.FormatError: a_hlet.fits: not a FITS file
    """
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = json.loads(archive.read(MANIFEST))
            return tuple(_member(archive, entry, path) for entry in manifest["headerlets"])
    except (zipfile.BadZipFile, KeyError, TypeError, json.JSONDecodeError) as error:
        raise FormatError(f"is no bundle of headerlets ({error})", file=path) from error


@contextlib.contextmanager
def unpacked(paths: Sequence[str | os.PathLike[str]], rootnames: Collection[str]) -> Iterator[list[str]]:
    """Headerlet files, those of bundles as temporary files.

    Parameters
    ----------
    paths : sequence of path
        Headerlet files and bundles.
    rootnames : collection of str
        Of a bundle, only headerlets for these exposures are taken.

    Examples
    --------
    >>> with unpacked(["a_hlet.fits"], []) as files:
    ...     files
    ['a_hlet.fits']
    """
    with tempfile.TemporaryDirectory(prefix="trueup-") as folder:
        files = []
        for number, path in enumerate(paths):
            if not zipfile.is_zipfile(path):
                files.append(os.fspath(path))
                continue
            for member in read_bundle(path):
                if member.rootname in rootnames:
                    target = Path(folder, f"{number}-{member.name}")
                    target.write_bytes(member.content)
                    files.append(str(target))
        yield files


def _entry(member: Member) -> dict[str, Any]:
    primary = walk(BytesSource(member.content, member.name))[0].header
    return {
        "file": member.name,
        "rootname": member.rootname,
        "hdrname": primary.text("HDRNAME"),
        "wcsname": primary.text("WCSNAME"),
        "sha256": hashlib.sha256(member.content).hexdigest(),
    }


def _member(archive: zipfile.ZipFile, entry: dict[str, Any], path: str | os.PathLike[str]) -> Member:
    name = str(entry["file"])
    # a name that leads out of the folder is never written
    if Path(name).name != name:
        raise FormatError(f"headerlet {name!r} is no plain file name", file=path)
    content = archive.read(name)
    if hashlib.sha256(content).hexdigest() != entry["sha256"]:
        raise ChangedError(f"headerlet {name} is not what the manifest says", file=path)
    return Member(name, str(entry["rootname"]), content)
