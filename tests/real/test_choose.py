"""Choosing for real exposures of which only the headers are here."""

from __future__ import annotations

from pathlib import Path

import pytest

import trueup
from trueup.model.soundness import judge


@pytest.mark.parametrize("with_infrared", [False, True])
def test_the_unsound_headerlet_of_ib4606c5q_is_never_given(real_data: Path, with_infrared: bool) -> None:
    """The active WCS of the same name is right, and stays."""
    names = ["ib4606c5q_flc.fits", "ib4606cpq_flt.fits"][: 1 + with_infrared]
    visit = trueup.open_visit([real_data / "headers" / name for name in names])
    choice = trueup.choose(trueup.measure(visit))
    assert choice.verdict == "unmeasurable"
    assert all(one.was_active for one in choice.exposures)
    exposure = choice.exposures[0].exposure
    verdicts = judge(exposure)
    (torn,) = [s for s, verdict in zip(exposure.solutions, verdicts, strict=True) if verdict.faults]
    assert torn.wcsname == exposure.active.wcsname
    (reason,) = [one.reason for one in choice.rejected if one.solution is torn]
    assert "chip-geometry" in reason
    assert "168.2 mas" in reason
