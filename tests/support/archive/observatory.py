"""All services at once, around one simulated visit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from astropy.table import Table

from archive.astrometry_db import AstrometryDb
from archive.crds import Crds, mdriztab
from archive.files import Files
from archive.mast import contents_of, tutorial
from archive.s3 import BUCKET, bucket, key_of
from archive.server import Server
from archive.tap import Tap, gaia_like
from trueup.simulate import Truth

MDRIZTAB = "2ck18260i_mdz.fits"


@dataclass(frozen=True)
class Observatory:
    """A server of everything but the bucket, and the endpoint of that."""

    server: Server
    endpoint: str

    @property
    def settings(self) -> dict[str, str]:
        """Where everything is, as settings."""
        url = self.server.url
        return {
            "mast.url": url,
            "crds.url": f"{url}/crds",
            "gaia.urls": f"{url}/tap",
            "astrometry_db.url": f"{url}/astrometryDB",
            "s3.endpoint": self.endpoint,
        }

    def asked(self) -> set[str]:
        """Which services were asked for something."""
        return {request.path.split("/")[1] for request in self.server.asked()}


@contextmanager
def observatory(truth: Truth) -> Iterator[Observatory]:
    contents = contents_of(truth.directory)
    flcs = {key_of(name): content for name, content in contents.items() if name.endswith("_flc.fits")}
    with Server() as server, bucket(flcs) as endpoint:
        tutorial({name: len(content) for name, content in contents.items()}).mount(server, Files(contents))
        Crds(Files({MDRIZTAB: mdriztab(filter=("8A", ["ANY"]), numimages=("J", [1]))})).mount(server, "/crds")
        Tap(gaia_like(Table.read(truth.catalog))).mount(server)
        AstrometryDb({e.rootname: {"SVM": e.headerlet.read_bytes()} for e in truth.exposures}).mount(server)
        yield Observatory(server, endpoint)


def in_bucket(name: str) -> str:
    """The URL of a file in the bucket."""
    return f"s3://{BUCKET}/{key_of(name)}"
