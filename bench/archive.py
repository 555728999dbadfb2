"""Downloads from a loopback archive, beside the downloader of astroquery and bare requests.

usage: archive.py
"""

from __future__ import annotations

import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

from archive.files import Files
from archive.samples import QUICK, UrlArchive, fits_bytes
from archive.server import Server

from archive import faults
from trueup.archive.manifest import Manifest, deliver

LATENCY = 0.15
LARGE = 28_000_000  # pixels per plane: 168 MB


def main() -> None:
    many = {f"iepw14{i:02}q_flc.fits": fits_bytes(i) for i in range(32)}
    with Server(latency=LATENCY) as server:
        server.mount("/", Files(many))
        print(f"32 files, {1000 * LATENCY:.0f} ms latency")
        one = timed("  trueup, one by one", lambda folder: fetch(server, many, folder, parallel=1))
        six = timed("  trueup, six at a time", lambda folder: fetch(server, many, folder, parallel=6))
        peer = timed("  astroquery", lambda folder: astroquery(server, many, folder))
        print(
            f"  {one / six:.1f} times faster than one by one, {peer / six:.1f} times faster than astroquery"
        )
    large = {"iepw14g4q_flc.fits": fits_bytes(1, pixels=LARGE)}
    with Server() as server:
        server.mount("/", Files(large))
        print("one file of 168 MB, with checksums")
        timed("  trueup", lambda folder: fetch(server, large, folder))
        timed("  requests, unchecked", lambda folder: plain(server, large, folder))
        with tempfile.TemporaryDirectory() as folder:
            fetch(server, large, Path(folder))
            timed("  trueup, again", lambda _: fetch(server, large, Path(folder)))
        resume(server, large)


def timed(name: str, action: Callable[[Path], object]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        action(Path(folder))
        seconds = time.perf_counter() - start
    print(f"{name:28}{seconds:7.2f} s", flush=True)
    return seconds


def fetch(server: Server, contents: Mapping[str, bytes], folder: Path, *, parallel: int = 6) -> Manifest:
    archive = UrlArchive(server.url, contents, http=replace(QUICK, parallel=parallel, retries=0, read_s=30))
    manifest = deliver(archive, archive.products(), folder, http=archive.http)
    archive.transport.close()
    return manifest


def resume(server: Server, contents: Mapping[str, bytes]) -> None:
    ((name, content),) = contents.items()
    server.mount("/", Files(contents, {name: faults.reset(0.5)}))
    with tempfile.TemporaryDirectory() as folder:
        (broken,) = fetch(server, contents, Path(folder)).rows
        (row,) = fetch(server, contents, Path(folder)).rows
    first, second = (100 * done.transferred / len(content) for done in (broken, row))
    print(f"  broken off after {first:.1f} %, then {second:.1f} % in the next run: {row.status}")


def plain(server: Server, contents: Mapping[str, bytes], folder: Path) -> None:
    import requests

    for name in contents:
        with requests.get(f"{server.url}/{name}", stream=True) as answer, open(folder / name, "wb") as file:
            for piece in answer.iter_content(1 << 18):
                file.write(piece)


def astroquery(server: Server, contents: Mapping[str, bytes], folder: Path) -> None:
    from astroquery.mast import ObservationsClass

    client = ObservationsClass()
    client.disable_cloud_dataset()
    client._portal_api_connection.MAST_DOWNLOAD_URL = f"{server.url}/download"
    for name in contents:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            client.download_file(
                f"mast:HST/product/{name}", local_path=str(folder / name), cache=False, verbose=False
            )


if __name__ == "__main__":
    main()
