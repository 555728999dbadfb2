"""The astrometry database: the solutions of an exposure as XML, and each as a headerlet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape

from archive.server import Answer, Request, Server


@dataclass
class AstrometryDb:
    """The service.

    Attributes
    ----------
    headerlets : mapping of str to mapping of str to bytes
        By rootname and WCSNAME.
    """

    headerlets: Mapping[str, Mapping[str, bytes]]

    def mount(self, server: Server, start: str = "/astrometryDB") -> None:
        server.mount(f"{start}/availability", lambda _: Answer(b"<availability>true</availability>"))
        server.mount(f"{start}/observation/read/", self.answer)

    def answer(self, request: Request) -> Answer:
        rootname = request.path.rpartition("/")[2]
        solutions = self.headerlets.get(rootname)
        if solutions is None:
            return Answer(b"no such observation", 404)
        if "wcsname" not in request.query:
            return Answer(_xml(rootname, list(solutions)).encode(), headers={"Content-Type": "text/xml"})
        content = solutions.get(request.query["wcsname"])
        return Answer(b"no such solution", 404) if content is None else Answer(content)


def _xml(rootname: str, names: list[str]) -> str:
    solutions = "".join(
        f"<solution><solutionID>{number}</solutionID><wcsName>{escape(name)}</wcsName></solution>"
        for number, name in enumerate(names, start=1)
    )
    # one that is listed without a number has no headerlet
    solutions += "<solution><solutionID/><wcsName>OPUS</wcsName></solution>"
    return (
        f"<observation><observationID>{rootname}</observationID>"
        f"<bestSolutionID>{len(names)}</bestSolutionID><solutions>{solutions}</solutions></observation>"
    )
