"""The promises of the project about itself: versions, public names, house style."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import trueup


def test_version_is_the_newest_of_the_changelog(root: Path) -> None:
    versions = re.findall(r"^## \[(\d[^\]]*)\]", (root / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert versions[0] == trueup.__version__


def test_import_loads_nothing_heavy() -> None:
    script = "import sys, trueup; print(*{m.partition('.')[0] for m in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert not {"astropy", "scipy", "matplotlib", "numpy", "rich", "cyclopts"} & set(loaded.split())
