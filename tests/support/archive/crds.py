"""CRDS: file information by JSON-RPC, and the files."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from astropy.io import fits

from archive.files import Files
from archive.server import Answer, Request, Server


@dataclass
class Crds:
    """The calibration server, with the files it knows."""

    files: Files

    def mount(self, server: Server, start: str = "") -> None:
        server.mount(f"{start}/json/", self.answer)
        server.mount(f"{start}/unchecked_get/references/hst/", self.files)

    def answer(self, request: Request) -> Answer:
        call = json.loads(request.body)
        if call["method"] != "get_file_info_map":
            return _result(None, {"message": f"Method {call['method']} not found"})
        observatory, names, fields = call["params"]
        assert observatory == "hst"
        return _result({name: self._info(name, fields) for name in names}, None)

    def _info(self, name: str, fields: list[str]) -> dict[str, str] | str:
        content = self.files.contents.get(name)
        if content is None:
            return "NOT FOUND unknown file"
        info = {
            "size": str(len(content)),
            "sha1sum": hashlib.sha1(content, usedforsecurity=False).hexdigest(),
            "rejected": "false",
            "blacklisted": "false",
            "instrument": "wfc3",
        }
        return {field: info[field] for field in fields}


def mdriztab(**columns: tuple[str, list[Any]]) -> bytes:
    """A table for WFC3, its columns as format and values."""
    hdu = fits.BinTableHDU.from_columns(
        [fits.Column(name, *of[:1], array=of[1]) for name, of in columns.items()]
    )
    primary = fits.PrimaryHDU()
    primary.header["INSTRUME"] = "WFC3"
    file = BytesIO()
    fits.HDUList([primary, hdu]).writeto(file)
    return file.getvalue()


def _result(result: object, error: object) -> Answer:
    body = json.dumps({"id": "1", "jsonrpc": "1.0", "result": result, "error": error})
    return Answer(body.encode(), headers={"Content-Type": "application/json"})
