"""Fixtures every test may use."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Generator, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from trueup.config import Config

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real files, beside the repository or at TRUEUP_TEST_DATA; skips where absent."""
    folder = Path(os.environ.get("TRUEUP_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder} (set TRUEUP_TEST_DATA)")
    return folder


@pytest.fixture(autouse=True)
def _only_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reaches a service that it has not started itself."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and address[0] not in {"127.0.0.1", "::1"}:
            raise AssertionError(f"a test connects to {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(scope="session", autouse=True)
def _no_settings_of_the_user() -> Iterator[None]:
    """Tests see neither the settings nor the tokens of whoever runs them."""
    ours = tuple(f"TRUEUP_{section.name.upper()}_" for section in fields(Config))
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith((*ours, "MAST_API_TOKEN", "CRDS_")):
                patch.delenv(name)
        patch.setenv("TRUEUP_CONFIG", "")
        patch.setenv("NETRC", "/nowhere/netrc")
        yield


@pytest.fixture(scope="session")
def peer_python() -> str:
    """The interpreter for scripts that use drizzlepac or stwcs, which change global state."""
    return sys.executable


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where TRUEUP_REAL=required, a skipped test on real files is a failed one."""
    report = yield
    required = os.environ.get("TRUEUP_REAL") == "required"
    if required and report.skipped and item.path.is_relative_to(ROOT / "tests" / "real"):
        report.outcome = "failed"
        report.longrepr = f"tests on real files must run here: {report.longrepr}"
    return report
