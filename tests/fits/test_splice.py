"""Recipes, their inverses, and building a file from one."""

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.errors import ChangedError, FileAccessError
from trueup.fits.splice import Recipe, Span, build, fingerprint, inverse, joined, sha256_of

OLD = bytes(range(200))
spans = st.tuples(st.integers(0, 200), st.integers(0, 200)).map(lambda p: Span(min(p), max(p)))
recipes = st.lists(st.one_of(spans, st.binary(max_size=20)), max_size=8).map(tuple)


def run(recipe: Recipe, old: bytes) -> bytes:
    return b"".join(old[p.start : p.stop] if isinstance(p, Span) else p for p in recipe)


@given(recipes)
def test_inverse_leads_back_whatever_was_reordered_or_repeated(recipe: Recipe) -> None:
    new = run(recipe, OLD)
    back = inverse(recipe, len(OLD), lambda start, n: OLD[start : start + n])
    assert run(back, new) == OLD


@given(recipes)
def test_inverse_stores_only_what_the_new_file_lacks(recipe: Recipe) -> None:
    kept = {i for p in recipe if isinstance(p, Span) for i in range(p.start, p.stop)}
    back = inverse(recipe, len(OLD), lambda start, n: OLD[start : start + n])
    assert sum(len(p) for p in back if isinstance(p, bytes)) == len(OLD) - len(kept)


@given(recipes)
def test_joined_means_the_same(recipe: Recipe) -> None:
    short = joined(recipe)
    assert run(short, OLD) == run(recipe, OLD)
    assert len(short) <= len(recipe)
    assert joined(short) == short


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "old"
    path.write_bytes(OLD)
    return path


def test_build(old: Path, tmp_path: Path) -> None:
    old.chmod(0o604)
    os.utime(old, ns=(1_000_000_007, 2_000_000_009))
    recipe = (Span(100, 200), b"new", Span(0, 50))
    built = build(old, tmp_path / "new", recipe, expect=fingerprint(old))
    new = tmp_path / "new"
    assert new.read_bytes() == run(recipe, OLD)
    assert built.before == hashlib.sha256(OLD).hexdigest() == sha256_of(old)
    assert built.after == hashlib.sha256(new.read_bytes()).hexdigest()
    assert new.stat().st_mode & 0o7777 == 0o604
    assert new.stat().st_mtime_ns == 2_000_000_009
    assert (new.stat().st_uid, new.stat().st_gid) == (old.stat().st_uid, old.stat().st_gid)


def test_build_of_many_chunks(old: Path, tmp_path: Path) -> None:
    data = os.urandom(9 << 20)
    old.write_bytes(data)
    built = build(old, tmp_path / "new", (b"x", Span(1, len(data))), expect=fingerprint(old))
    assert (tmp_path / "new").read_bytes() == b"x" + data[1:]
    assert built.before == hashlib.sha256(data).hexdigest()


def test_owner_is_kept(old: Path, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only the superuser can give files away")
    os.chown(old, 12345, 54321)
    build(old, tmp_path / "new", (b"x",), expect=fingerprint(old))
    assert ((tmp_path / "new").stat().st_uid, (tmp_path / "new").stat().st_gid) == (12345, 54321)


def test_another_file_in_place_is_noticed(old: Path, tmp_path: Path) -> None:
    expect = fingerprint(old)
    times = (old.stat().st_atime_ns, old.stat().st_mtime_ns)
    other = tmp_path / "other"
    other.write_bytes(OLD)
    os.utime(other, ns=times)
    os.replace(other, old)
    with pytest.raises(ChangedError):
        build(old, tmp_path / "new", (Span(0, 10),), expect=expect)
    assert not (tmp_path / "new").exists()


def test_refusals_name_the_file(old: Path, tmp_path: Path) -> None:
    (tmp_path / "new").write_bytes(b"taken")
    with pytest.raises(FileAccessError, match="file exists") as error:
        build(old, tmp_path / "new", (b"x",), expect=fingerprint(old))
    assert error.value.file == old
    assert (tmp_path / "new").read_bytes() == b"taken"


def test_a_recipe_beyond_the_end(old: Path, tmp_path: Path) -> None:
    with pytest.raises(FileAccessError):
        build(old, tmp_path / "new", (Span(0, 300),), expect=fingerprint(old))
    assert not (tmp_path / "new").exists()
