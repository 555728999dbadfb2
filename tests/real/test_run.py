"""Real infrared exposures through the whole job."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from runs import statuses

from trueup.config import Config, Http
from trueup.workflow.run import Run, run


@pytest.fixture(scope="module")
def done(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    offline = replace(Config(), http=Http(offline=True))
    (found,) = run([real_data / "wfc3-ir-pixels"], out=tmp_path_factory.mktemp("ir") / "run", config=offline)
    return found


def test_it_gets_to_the_end(done: Run) -> None:
    assert set(statuses(done.manifest).values()) == {"done", "skipped"}
    assert done.exit_code in {0, 1}
    assert len(done.manifest["inputs"]) == 4
    assert {one["filter"] for one in done.manifest["products"]} == {"F140W"}


def test_what_cannot_be_measured_says_so(done: Run) -> None:
    measured = json.loads((done.folder / "tables" / "measurement.json").read_bytes())
    for row in measured["relative"]:
        assert row["verdict"] != "unmeasurable" or row["why"]
    assert done.manifest["choice"]["reason"]
    assert done.manifest["offsets"] == []


def test_the_page_tells_it(done: Run) -> None:
    page = (done.folder / "report.html").read_text()
    assert "F140W" in page
    assert "None" not in page.split("<script")[0].split("</style>")[-1]
