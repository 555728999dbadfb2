"""Small FITS files with checksums, and an archive of them behind a URL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import Any

import numpy as np
from astropy.io import fits

from trueup.archive.product import Product
from trueup.archive.stream import Stream, open_url
from trueup.archive.transport import Transport
from trueup.config import Http

# patient enough for a busy machine, and quick
QUICK = Http(connect_s=5, read_s=0.8, total_s=30, retries=3, backoff_s=0.01)


def fits_bytes(seed: int, *, pixels: int = 40_000, checksum: bool = True) -> bytes:
    """A primary and three extensions of noise, written by astropy."""
    rng = np.random.default_rng(seed)
    hdus = fits.HDUList([fits.PrimaryHDU()])
    hdus[0].header["NEXTEND"] = 3
    for name in ("SCI", "ERR", "DQ"):
        hdus.append(fits.ImageHDU(rng.integers(0, 9999, pixels).astype(">i2"), name=name))
    out = BytesIO()
    hdus.writeto(out, checksum=checksum)
    return out.getvalue()


@dataclass
class UrlArchive:
    """Files under one URL, listed with their sizes."""

    url: str
    contents: Mapping[str, bytes]
    http: Http = QUICK
    token: str = ""
    listed: dict[str, Product] = field(default_factory=dict)
    name: str = "loopback"

    def __post_init__(self) -> None:
        self.transport = Transport(self.http, token=self.token, home=self.url)
        for name, content in self.contents.items():
            product = Product("visit", name, "FLC", "CALWF3", f"{self.url}/{name}", len(content))
            self.listed.setdefault(name, product)

    def products(self, ids: Sequence[str] = ()) -> list[Product]:
        assert not ids
        return list(self.listed.values())

    def open(self, product: Product, *, start: int, mark: str) -> AbstractContextManager[Stream]:
        return open_url(self.transport, product.uri, start=start, mark=mark, released=product.released)

    def relist(self, name: str, **changes: Any) -> None:
        """Change what is said about a file, or list another one like the first."""
        known = self.listed.get(name) or next(iter(self.listed.values()))
        self.listed[name] = replace(known, **changes)
