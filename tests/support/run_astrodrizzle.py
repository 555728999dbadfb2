"""Run AstroDrizzle on a folder of exposures, several times: python run_astrodrizzle.py jobs.json.

The file holds {"inputs": [...], "jobs": {name: {keyword: value}}}; each job leaves its products in a
folder of its name beside the file. The keyword "inputs" of a job takes the place of those of all.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import sys
import tempfile
import warnings
from pathlib import Path

warnings.simplefilter("ignore")
os.environ.setdefault("iref", tempfile.gettempdir() + "/")
os.environ.setdefault("jref", tempfile.gettempdir() + "/")

DEFAULTS = {
    "output": "peer",
    "preserve": False,
    "clean": False,
    "in_memory": False,
    "build": True,
    "context": True,
    "num_cores": 1,
    "driz_sep_bits": "336",
    "final_bits": "336",
    "combine_type": "minmed",
    "driz_cr_snr": "3.5 3.0",
    "driz_cr_scale": "1.5 1.2",
    "skymethod": "localmin",
}


def main() -> None:
    """Run every job."""
    from drizzlepac.astrodrizzle import AstroDrizzle
    from spherical_geometry.polygon import SphericalPolygon

    # skypac asks for a method that spherical_geometry 1.4 no longer has: AstroDrizzle would then take
    # localmin instead of match, and say so in its log only
    if not hasattr(SphericalPolygon, "iter_polygons_flat"):
        SphericalPolygon.iter_polygons_flat = SphericalPolygon.__iter__
    listing = Path(sys.argv[1])
    plan = json.loads(listing.read_text())
    for name, keywords in plan["jobs"].items():
        folder = listing.parent / name
        folder.mkdir()
        inputs = keywords.pop("inputs", None) or plan["inputs"]
        for path in inputs:
            shutil.copy(path, folder)
        os.chdir(folder)
        files = sorted(Path(path).name for path in inputs)
        with Path("log").open("w") as log, contextlib.redirect_stdout(log):
            AstroDrizzle(files, **{**DEFAULTS, **keywords})
        logging.shutdown()


if __name__ == "__main__":
    main()
