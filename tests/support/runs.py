"""What a run leaves, without moments and what follows from them."""

from __future__ import annotations

import json
import re
from pathlib import Path

from trueup.simulate import Recipe

# one exposure per filter: one pair to be measured, and nothing to reject cosmic rays with
TWO = Recipe(size=(500, 400), stars=300, galaxies=0, exposures=1, cosmic_rays=0.0)
_DIGEST = re.compile(rb"[0-9a-f]{64}")
_CARD = re.compile(rb"(DATE|CHECKSUM|DATASUM)( *= *)'[^']*'( */[^'\x00]{0,60}updated [0-9T:-]+)?")


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a run by its name: bytes without DATE, the digests of such files, and seconds."""
    return {
        path.relative_to(folder).as_posix(): _timeless(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _timeless(path: Path) -> bytes:
    if path.name == "manifest.json":
        values = json.loads(path.read_bytes())
        for stage in values["stages"]:
            stage |= {"seconds": None, "status": None, "key": None}
        return _DIGEST.sub(b"", json.dumps(values).encode())
    if path.suffix == ".fits":
        return _CARD.sub(rb"\1", path.read_bytes())
    return _DIGEST.sub(b"", path.read_bytes())


def statuses(manifest: dict[str, object]) -> dict[str, str]:
    """Status of each stage."""
    stages = manifest["stages"]
    assert isinstance(stages, list)
    return {stage["name"]: stage["status"] for stage in stages}
