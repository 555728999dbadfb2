"""Files of an archive: whole, by range, and with whatever goes wrong on the way."""

from __future__ import annotations

import threading
import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import formatdate

from archive.faults import Fault
from archive.server import Answer, Request


@dataclass
class Files:
    """A download service; the file is the query ``uri`` or the end of the path.

    Attributes
    ----------
    contents : mapping of str to bytes
    faults : mapping of str to Fault
        By name of the file; changes what would be right.
    private : mapping of str to str
        Files that need a token, and which.
    mark : str
        How versions are told apart: ``ETag``, ``Last-Modified``, or empty.
    """

    contents: Mapping[str, bytes]
    faults: dict[str, Fault] = field(default_factory=dict)
    private: dict[str, str] = field(default_factory=dict)
    mark: str = "ETag"

    def __post_init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> Answer:
        name = request.query.get("uri", request.path).rpartition("/")[2]
        if name not in self.contents:
            return Answer(b"no such file", 404)
        if name in self.private and request.headers.get("authorization") != f"token {self.private[name]}":
            return Answer(b"not for you", 401)
        with self._lock:
            count = self._counts[name]
            self._counts[name] += 1
        answer = ranged(request, self.contents[name], self.mark)
        fault = self.faults.get(name)
        return fault(request, answer, count) if fault else answer


def ranged(request: Request, content: bytes, mark: str = "ETag") -> Answer:
    """The content, or the part of it that the request wants if it is still the same content."""
    number = zlib.crc32(content)
    version = f'"{number:x}"' if mark == "ETag" else formatdate(number, usegmt=True)
    headers = {"Accept-Ranges": "bytes", "Content-Type": "application/octet-stream"}
    if mark:
        headers[mark] = version
    wanted = request.headers.get("range", "")
    if not wanted.startswith("bytes=") or request.headers.get("if-range", version) != version:
        return Answer(content, 200, headers)
    first, _, last = wanted.removeprefix("bytes=").partition("-")
    size = len(content)
    start = int(first) if first else max(0, size - int(last))
    stop = min(size, int(last) + 1) if first and last else size
    if start >= stop:
        return Answer(b"no such range", 416, {"Content-Range": f"bytes */{size}"})
    return Answer(content[start:stop], 206, {**headers, "Content-Range": f"bytes {start}-{stop - 1}/{size}"})
