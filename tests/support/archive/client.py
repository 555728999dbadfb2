"""A process that fetches: ``python -m archive.client FOLDER URL NAME=SIZE...``; prints the manifest."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from subprocess import PIPE, Popen

from archive.samples import QUICK, UrlArchive
from trueup.archive.manifest import deliver
from trueup.archive.product import Product


def start(url: str, contents: Mapping[str, bytes], folder: Path, *, limit: int = 0) -> Popen[str]:
    """Fetch in another process, where no file may get larger than `limit` bytes."""
    sizes = [f"{name}={len(content)}" for name, content in contents.items()]
    command = [sys.executable, "-m", "archive.client", str(folder), str(limit), url, *sizes]
    return Popen(command, stdout=PIPE, text=True, env={"PYTHONPATH": str(Path(__file__).parents[1])})


def _main(folder: str, limit: str, url: str, *sizes: str) -> None:
    if int(limit):
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), resource.RLIM_INFINITY))
    archive = UrlArchive(url, {})
    products = [
        Product("visit", name, "FLC", "CALWF3", f"{url}/{name}", int(size))
        for name, _, size in (text.partition("=") for text in sizes)
    ]
    print(json.dumps(deliver(archive, products, Path(folder), http=QUICK).as_dict()))


if __name__ == "__main__":
    _main(*sys.argv[1:])
