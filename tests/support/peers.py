"""Scripts that use drizzlepac or stsci.image, run in a process of their own."""

from __future__ import annotations

import importlib.util
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

needs_drizzlepac = pytest.mark.skipif(
    importlib.util.find_spec("drizzlepac") is None, reason="drizzlepac is not installed"
)


def run_peer(
    python: str, script: str, *, folder: Path, cases: Sequence[Any] = (), **arrays: np.ndarray
) -> dict[str, np.ndarray]:
    """The dictionary `results` of a script that finds `cases` and the arrays in `job`."""
    prologue = f"import json, sys\nimport numpy as np\ncases = json.loads({json.dumps(cases)!r})\n"
    np.savez(folder / "in.npz", allow_pickle=False, **arrays)
    lines = [prologue, "job = np.load(sys.argv[1])", script, "np.savez(sys.argv[2], **results)"]
    command = [python, "-W", "ignore", "-c", "\n".join(lines), "in.npz", "out.npz"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(np.load(folder / "out.npz"))
