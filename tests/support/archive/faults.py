"""What can go wrong with one file: each fault changes the right answer.

A fault gets the request, the right answer, and how many requests for the file came before.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import replace

from archive.server import Answer, Ending, Request

Fault = Callable[[Request, Answer, int], Answer]

ALWAYS = 10**9
HTML = b"<!DOCTYPE html>\n<html><head><title>Service unavailable</title></head><body>later</body></html>"


def status(code: int, *, times: int = ALWAYS, **headers: str) -> Fault:
    """An error status; underscores in header names stand for dashes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _, answer, count: Answer(b"busy", code, named) if count < times else answer


def reset(share: float, *, times: int = 1) -> Fault:
    """The connection is reset after this share of the body; 0 is before the answer."""
    return _cut(share, times, ending="reset", declared=True)


def stall(share: float, *, times: int = 1) -> Fault:
    """No more bytes after this share of the body."""
    return _cut(share, times, ending="stall", declared=True)


def trickle(pause: float) -> Fault:
    """A byte at a time."""
    return lambda _, answer, __: replace(answer, pause=pause)


def truncated(share: float, *, declared: bool, times: int = ALWAYS) -> Fault:
    """The connection is closed early, with or without a Content-Length that tells."""
    return _cut(share, times, ending="close", declared=declared)


def chunked(share: float = 1.0, *, times: int = ALWAYS) -> Fault:
    """In chunks; the connection is closed after this share of the body."""

    def fault(_: Request, answer: Answer, count: int) -> Answer:
        if count >= times or share == 1.0:
            return replace(answer, chunked=True)
        return replace(answer, chunked=True, stop=_at(answer, share), ending="close")

    return fault


def packed(_: Request, answer: Answer, __: int) -> Answer:
    """Packed on the way, though nobody asked for it."""
    return replace(
        answer, body=gzip.compress(answer.body), headers={**answer.headers, "Content-Encoding": "gzip"}
    )


def shorter(share: float, *, times: int = ALWAYS) -> Fault:
    """Less of the file, with a Content-Length that fits."""

    def fault(_: Request, answer: Answer, count: int) -> Answer:
        return replace(answer, body=answer.body[: _at(answer, share)]) if count < times else answer

    return fault


def html(*, times: int = ALWAYS) -> Fault:
    """A page with status 200."""
    headers = {"Content-Type": "text/html"}
    return lambda _, answer, count: Answer(HTML, 200, headers) if count < times else answer


def corrupted(at: int, *, times: int = ALWAYS) -> Fault:
    """One byte of a whole answer is wrong."""

    def fault(_: Request, answer: Answer, count: int) -> Answer:
        bad = answer.body[:at] + bytes([answer.body[at] ^ 0x55]) + answer.body[at + 1 :]
        return replace(answer, body=bad) if count < times else answer

    return fault


def other_version(content: bytes) -> Fault:
    """Half of some other content first, under another ETag; then the right one."""

    def fault(_: Request, answer: Answer, count: int) -> Answer:
        if count:
            return answer
        headers = {**answer.headers, "ETag": '"before"'}
        return Answer(content, 200, headers, stop=len(content) // 2, ending="reset")

    return fault


def part_of_other_version(content: bytes, *, etag: str) -> Fault:
    """Half of the right content; then, whatever version is asked for, the rest of some other one."""

    def fault(request: Request, answer: Answer, count: int) -> Answer:
        if count == 0:
            return replace(answer, stop=len(answer.body) // 2, ending="reset")
        if "range" not in request.headers:
            return answer
        headers = {name: value for name, value in answer.headers.items() if name != "ETag"}
        marked = {**headers, "ETag": etag} if etag else headers
        return replace(answer, body=content[-len(answer.body) :], headers=marked)

    return fault


def without_range(content: bytes) -> Fault:
    """Half of it first; whatever range is asked for then, all of it comes."""

    def fault(_: Request, answer: Answer, count: int) -> Answer:
        headers = {name: value for name, value in answer.headers.items() if name != "Content-Range"}
        whole = Answer(content, 200, headers)
        return whole if count else replace(whole, stop=len(content) // 2, ending="reset")

    return fault


def _cut(share: float, times: int, *, ending: Ending, declared: bool) -> Fault:
    def fault(_: Request, answer: Answer, count: int) -> Answer:
        if count >= times:
            return answer
        stop = _at(answer, share)
        return replace(answer, stop=stop, ending=ending, declared=declared)

    return fault


def _at(answer: Answer, share: float) -> int:
    return int(len(answer.body) * share)
