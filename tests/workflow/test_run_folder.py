"""Stages are done once, whatever happens on the way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mortal import Mortal
from runs import contents

from trueup.errors import FileAccessError, FormatError, UsageError
from trueup.workflow.run.folder import RunFolder, claimed, key_of, open_folder, read_manifest


def stages(place: Path, *, text: str = "one", redo: bool = False) -> dict[str, str]:
    """Two stages, of which the second depends on the first; the status of both."""

    def first(draft: Path) -> None:
        (draft / "tables").mkdir()
        (draft / "tables" / f"{text}.txt").write_text(text)
        (draft / "always.txt").write_text("same")

    def second(draft: Path) -> None:
        (draft / "report.html").write_text(folder.outputs("first")[-1].read_text())

    with claimed(place):
        folder = open_folder(place, redo=redo)
        folder.begin({"visit": "iepw14"})
        folder.stage("first", key_of("first", text), make=first)
        folder.stage("second", key_of("second", folder.digests("first")), make=second)
        folder.update({"exit_code": 0})
    return {one["name"]: one["status"] for one in folder.stages}


def test_what_is_done_is_found_again(tmp_path: Path) -> None:
    place = tmp_path / "run"
    assert stages(place) == {"first": "done", "second": "done"}
    assert stages(place) == {"first": "cached", "second": "cached"}
    assert stages(place, redo=True) == {"first": "done", "second": "done"}


def test_what_changed_is_done_again_and_nothing_old_stays(tmp_path: Path) -> None:
    stages(tmp_path / "run")
    assert stages(tmp_path / "run", text="two") == {"first": "done", "second": "done"}
    names = {path.name for path in (tmp_path / "run").rglob("*")}
    assert names == {"manifest.json", "tables", "two.txt", "always.txt", "report.html"}


@pytest.mark.parametrize("harm", ["damage", "delete"])
def test_a_damaged_output_is_made_again(tmp_path: Path, harm: str) -> None:
    stages(tmp_path / "run")
    output = tmp_path / "run" / "always.txt"
    output.write_text("harm") if harm == "damage" else output.unlink()
    assert stages(tmp_path / "run") == {"first": "done", "second": "cached"}
    assert output.read_text() == "same"


def test_killed_after_any_system_call(tmp_path: Path) -> None:
    """An earlier run with other options, a kill, a run: as if there had been nothing but the last."""
    stages(tmp_path / "whole", text="two")
    whole = contents(tmp_path / "whole")
    for calls in range(1, 200):
        place = tmp_path / f"run{calls}"
        if calls % 2:
            stages(place, text="one")
        lived = Mortal().run(lambda place=place: stages(place, text="two"), calls=calls)  # type: ignore[misc]
        stages(place, text="two")
        assert contents(place) == whole, calls
        if lived:
            break
    assert lived
    assert calls > 20


def test_a_stage_that_is_left_out_leaves_nothing(tmp_path: Path) -> None:
    stages(tmp_path / "run")
    with claimed(tmp_path / "run"):
        folder = open_folder(tmp_path / "run")
        folder.skip("first")
    assert folder.outputs("first") == ()
    assert not (tmp_path / "run" / "tables").exists()


def test_outputs_of_a_stage_that_failed_do_not_count(tmp_path: Path) -> None:
    stages(tmp_path / "run")

    def fail(draft: Path) -> None:
        (draft / "half.txt").write_text("half")
        raise KeyboardInterrupt

    with claimed(tmp_path / "run"):
        folder = open_folder(tmp_path / "run")
        with pytest.raises(KeyboardInterrupt):
            folder.stage("first", "other", make=fail)
    assert folder.outputs("first") == ()
    assert not (tmp_path / "run" / "half.txt").exists()
    assert stages(tmp_path / "run") == {"first": "done", "second": "cached"}


def test_one_process_at_a_time(tmp_path: Path) -> None:
    with claimed(tmp_path), pytest.raises(FileAccessError, match="another run"), claimed(tmp_path):
        pass
    with claimed(tmp_path):
        pass


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(UsageError, match=r"something else \(thesis.txt\)"), claimed(tmp_path):
        pass
    with pytest.raises(FileAccessError), claimed(tmp_path / "thesis.txt"):
        pass
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "manifest.json").write_text(json.dumps({"schema": "of somebody else"}))
    with pytest.raises(FormatError, match="no manifest of a run"), claimed(tmp_path / "other"):
        pass
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["other", "thesis.txt"]


def test_a_manifest_is_never_half_written(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.begin({"visit": "iepw14"})
    with pytest.raises(ValueError, match="not JSON compliant"):
        folder.update({"offset": float("nan")})
    assert "offset" not in read_manifest(tmp_path)
