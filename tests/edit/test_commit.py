"""All or nothing, whatever happens in between."""

import errno
import hashlib
import itertools
import json
import os
import resource
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mortal import Mortal, folder_in_memory

from trueup.edit.commit import Change, commit, exclusive
from trueup.edit.journal import journals, pending
from trueup.edit.lock import locked
from trueup.edit.record import steps
from trueup.edit.undo import undo
from trueup.errors import ChangedError, DataError, FileAccessError, FormatError
from trueup.fits.splice import Span, fingerprint

OLD = bytes(range(256)) * 40
NEW = b"header".ljust(80) + OLD[80:5000] + b"more" + OLD[5000:]
RECIPE = (NEW[:80], Span(80, 5000), b"more", Span(5000, len(OLD)))


def change(path: Path, **more: Any) -> Change:
    return Change(path, RECIPE, fingerprint(path), "apply NEW", **more)


def apply(*paths: Path) -> None:
    with exclusive(paths):
        commit([change(path) for path in paths], "apply NEW")


@pytest.fixture
def mortal() -> Mortal:
    return Mortal()


@pytest.fixture
def memory() -> Iterator[Path]:
    with folder_in_memory() as path:
        yield path


@pytest.fixture
def visit(memory: Path) -> list[Path]:
    """Two files in one folder and one in another."""
    paths = [memory / "a" / "1_flc.fits", memory / "a" / "2_flc.fits", memory / "b" / "3_flc.fits"]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(OLD)
    return paths


def strangers(directory: Path) -> list[Path]:
    """Files that should not be there."""
    known = {"lock", "1_flc.fits", "2_flc.fits", "3_flc.fits"}
    files = [p for p in directory.rglob("*") if p.is_file() and p.name not in known]
    return [p for p in files if ".undo-" not in p.name]


def test_commit_and_undo_several_steps(tmp_path: Path) -> None:
    path = tmp_path / "a_flc.fits"
    path.write_bytes(OLD)
    path.chmod(0o640)
    os.utime(path, ns=(10**18, 2 * 10**18))
    apply(path)
    assert path.read_bytes() == NEW
    assert path.stat().st_mode & 0o777 == 0o640
    assert path.stat().st_mtime_ns == 2 * 10**18
    with exclusive([path]):
        commit([Change(path, (b"third",), fingerprint(path), "apply THIRD")], "apply")
    assert [step.what for step in steps(path)] == ["apply THIRD", "apply NEW"]
    assert steps(path)[1].before == hashlib.sha256(OLD).hexdigest()
    undo([path])
    assert path.read_bytes() == NEW
    undo([path])
    assert path.read_bytes() == OLD
    assert path.stat().st_mtime_ns == 2 * 10**18
    with pytest.raises(DataError, match="no change by trueup"):
        undo([path])
    assert not strangers(tmp_path / ".trueup")


def test_extended_attributes_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "1_flc.fits"
    path.write_bytes(OLD)
    try:
        os.setxattr(path, "user.note", b"mine")
    except OSError as error:
        if error.errno != errno.ENOTSUP:
            raise
        pytest.skip("the file system has no extended attributes")
    apply(path)
    assert os.getxattr(path, "user.note") == b"mine"


def test_record_holds_changed_bytes_only(tmp_path: Path) -> None:
    path = tmp_path / "1_flc.fits"
    noise = os.urandom(3_000_000)
    path.write_bytes(noise)
    recipe = (Span(0, 1000), b"x" * 80, Span(1080, len(noise)))
    with exclusive([path]):
        commit([Change(path, recipe, fingerprint(path), "apply")], "apply")
    assert steps(path)[0].path.stat().st_size < 1000
    undo([path])
    assert path.read_bytes() == noise


@pytest.mark.parametrize("count", [1, 3])
def test_killed_after_each_call(visit: list[Path], mortal: Mortal, count: int) -> None:
    """After a kill every file is old or new; the next command makes them all the same."""
    paths = visit[:count]
    seen = set()
    for calls in itertools.count(1):
        lived = mortal.run(lambda: apply(*paths), calls=calls)
        contents = [path.read_bytes() for path in paths]
        assert set(contents) <= {OLD, NEW}
        interrupted = [j for d in {p.parent for p in paths} for j in pending(d)]
        if len(set(contents)) == 2:
            assert {f for j in interrupted for f in j.files} == set(paths)
        decided = bool(interrupted) or contents[0] == NEW
        with exclusive([paths[-1]]):
            pass
        with exclusive(paths):
            pass
        assert [p.read_bytes() for p in paths] == [NEW if decided else OLD] * count
        assert [len(steps(p)) for p in paths] == [int(decided)] * count
        assert not any(strangers(p.parent) for p in paths)
        seen.add((decided, bool(interrupted)))
        if decided:
            undo(paths)
        assert [p.read_bytes() for p in paths] == [OLD] * count
        if lived:
            break
    assert calls > 20 * count
    assert seen == {(False, False), (True, True), (True, False)}


def test_undo_killed_after_each_call(visit: list[Path], mortal: Mortal) -> None:
    """The same for taking back."""
    paths = visit[:2]
    for calls in itertools.count(1):
        if calls == 1 or paths[0].read_bytes() == OLD:
            apply(*paths)
        lived = mortal.run(lambda: undo(paths), calls=calls)
        assert {path.read_bytes() for path in paths} <= {OLD, NEW}
        with exclusive(paths):
            pass
        assert len({path.read_bytes() for path in paths}) == 1
        assert {len(steps(p)) for p in paths} == {int(paths[0].read_bytes() == NEW)}
        if lived:
            break
    assert calls > 20


def interrupt(paths: list[Path], mortal: Mortal) -> None:
    """Kill an apply between two renames."""
    for calls in itertools.count(1):
        for path in paths:
            path.write_bytes(OLD)
            shutil.rmtree(path.parent / ".trueup", ignore_errors=True)
        mortal.run(lambda: apply(*paths), calls=calls)
        if [path.read_bytes() for path in paths] == [NEW, OLD]:
            return


def test_nothing_is_renamed_over_a_change_made_after_the_kill(visit: list[Path], mortal: Mortal) -> None:
    paths = visit[:2]
    interrupt(paths, mortal)
    paths[1].write_bytes(b"mine")
    with pytest.raises(ChangedError, match="was changed after 'apply NEW' was interrupted") as error:
        apply(*paths)
    assert paths[1].read_bytes() == b"mine"
    (journal,) = journals(paths[0].parent)
    assert str(journal.path(paths[0].parent)) in str(error.value)
    journal.path(paths[0].parent).unlink()
    with exclusive(paths):
        pass
    assert paths[1].read_bytes() == b"mine"
    assert not strangers(paths[0].parent)


def test_moved_folder_recovers(visit: list[Path], mortal: Mortal, memory: Path) -> None:
    """Journals name files relative to their folder."""
    paths = visit[:2]
    interrupt(paths, mortal)
    moved = memory / "moved"
    paths[0].parent.rename(moved)
    (journal,) = pending(moved)
    assert journal.files == (moved / "1_flc.fits", moved / "2_flc.fits")
    with exclusive([moved / "1_flc.fits"]):
        pass
    assert (moved / "1_flc.fits").read_bytes() == (moved / "2_flc.fits").read_bytes() == NEW
    assert pending(moved) == ()


def test_a_running_step_is_not_pending(visit: list[Path]) -> None:
    apply(visit[0])
    with locked([visit[0].parent]):
        assert pending(visit[0].parent) == ()


def test_changed_since(visit: list[Path]) -> None:
    path = visit[0]
    planned = change(path)
    path.write_bytes(OLD[::-1])
    with exclusive([path]), pytest.raises(ChangedError, match="changed by another program"):
        commit([planned], "apply")
    assert path.read_bytes() == OLD[::-1]
    assert not strangers(path.parent)


def test_undo_refuses_a_changed_file(visit: list[Path]) -> None:
    apply(*visit)
    visit[1].write_bytes(NEW + b"x")
    with pytest.raises(ChangedError, match="was changed by another program since 'apply NEW'"):
        undo(visit)
    assert [p.read_bytes() for p in visit] == [NEW, NEW + b"x", NEW]


def test_damaged_record(visit: list[Path]) -> None:
    path = visit[0]
    apply(path)
    record = steps(path)[0].path
    record.write_bytes(record.read_bytes()[:-20])
    with pytest.raises(FormatError, match="undo record"):
        undo([path])
    assert path.read_bytes() == NEW


def test_disk_full(visit: list[Path]) -> None:
    """A visit whose second file does not fit leaves both untouched."""
    big = OLD * 20
    visit[1].write_bytes(big)
    changes = [change(visit[0]), Change(visit[1], (b"x", Span(0, len(big))), fingerprint(visit[1]), "apply")]
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with exclusive(visit[:2]):
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
            with pytest.raises(FileAccessError, match="free some space") as error:
                commit(changes, "apply")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            signal.signal(signal.SIGXFSZ, handler)
    assert error.value.file == visit[1]
    assert visit[0].read_bytes() == OLD
    assert visit[1].read_bytes() == big
    assert not strangers(visit[0].parent)
    assert not steps(visit[0])


def test_copy_to_another_folder(visit: list[Path], memory: Path) -> None:
    target = memory / "b" / "1_flc.fits"
    with exclusive([visit[0], target]):
        commit([change(visit[0], target=target)], "apply")
        with pytest.raises(FileAccessError, match="exists already"):
            commit([change(visit[0], target=target)], "apply")
    assert visit[0].read_bytes() == OLD
    assert target.read_bytes() == NEW
    assert not steps(target)


def test_two_processes_take_turns(visit: list[Path], mortal: Mortal) -> None:
    """The second waits until the first has left the folder."""
    path = visit[0]
    log = path.parent / "log"

    def slow(name: str) -> None:
        with exclusive([path]), open(log, "a", buffering=1) as out:
            out.write(f"{name} in\n")
            time.sleep(0.05)
            out.write(f"{name} out\n")

    children = [threading.Thread(target=mortal.run, args=(lambda n=n: slow(n),)) for n in "abc"]
    for child in children:
        child.start()
    for child in children:
        child.join()
    lines = log.read_text().split()
    names = lines[::2]
    assert sorted(names[::2]) == ["a", "b", "c"]
    assert names[::2] == names[1::2]


@pytest.mark.parametrize(
    ("moves", "removals"),
    [
        ([(".a.trueup-new", "../precious")], []),
        ([("a", "precious")], []),
        ([], ["precious"]),
        ([], [".trueup/../precious"]),
    ],
)
def test_a_foreign_journal_moves_and_removes_nothing(
    memory: Path, moves: list[tuple[str, str]], removals: list[str]
) -> None:
    folder = memory / "download"
    (folder / ".trueup").mkdir(parents=True)
    for name in ("download/a", "download/.a.trueup-new", "download/precious", "precious"):
        (memory / name).write_bytes(b"mine")
    content = {
        "schema": "trueup.journal/1", "id": "x", "what": "apply", "started": "",
        "moves": [{"source": a, "target": b, "before": None, "after": ""} for a, b in moves],
        "removals": removals,
    }  # fmt: skip
    (folder / ".trueup" / "journal-x.json").write_text(json.dumps(content))
    with pytest.raises(FormatError, match="not a journal"), exclusive([folder / "a"]):
        pass
    assert (memory / "precious").read_bytes() == (folder / "precious").read_bytes() == b"mine"
