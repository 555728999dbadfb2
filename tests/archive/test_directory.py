"""A folder as an archive: what belongs to an observation, whatever else is there."""

from __future__ import annotations

from pathlib import Path

import pytest
from archive.samples import QUICK

from trueup.archive.directory import Directory
from trueup.archive.manifest import deliver
from trueup.archive.selection import select
from trueup.errors import UsageError
from trueup.simulate import Recipe, make_visit

F336W = {
    "iepw14030_asn.fits",
    "iepw14g4q_flc.fits",
    "iepw14g6q_flc.fits",
    "hst_16801_14_wfc3_uvis_f336w_iepw14g4_hlet.fits",
    "hst_16801_14_wfc3_uvis_f336w_iepw14g6_hlet.fits",
}


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As astroquery leaves it: a folder per observation, and what is no data."""
    folder = tmp_path_factory.mktemp("visit")
    make_visit(folder, recipe=Recipe(size=(96, 64), stars=20))
    (folder / "iepw14g4q").mkdir()
    (folder / "iepw14g4q_flc.fits").rename(folder / "iepw14g4q" / "iepw14g4q_flc.fits")
    (folder / "broken_flc.fits").write_text("<html>")
    (folder / "notes.fits.txt").write_text("iepw14030")
    (folder / "folder.fits").mkdir()
    return folder


def names(visit: Path, *ids: str) -> set[str]:
    return {product.filename for product in Directory(visit).products(ids)}


@pytest.mark.parametrize("name", ["iepw14030", "IEPW14030"])
def test_an_association(visit: Path, name: str) -> None:
    assert names(visit, name) == F336W


def test_an_exposure_and_its_headerlet(visit: Path) -> None:
    assert names(visit, "iepw14g4q") == {name for name in F336W if "g4" in name}


def test_a_visit_and_several_associations(visit: Path) -> None:
    both = names(visit, "iepw14030", "iepw14040")
    assert len(both) == 10
    assert both == names(visit, "iepw14")


def test_a_damaged_file_is_found_by_its_name_and_refused_later(visit: Path, tmp_path: Path) -> None:
    archive = Directory(visit)
    (row,) = deliver(archive, archive.products(["broken"]), tmp_path, http=QUICK).rows
    assert row.status == "failed"
    assert "a web page" in row.error
    assert not list(tmp_path.iterdir())


def test_what_it_does_not_have(visit: Path) -> None:
    with pytest.raises(UsageError, match="has nothing of ib6o23010"):
        Directory(visit).products(["iepw14030", "ib6o23010"])


def test_members_are_known_from_the_association_alone(visit: Path, tmp_path: Path) -> None:
    """Headerlets name their exposure only; the exposures themselves may be elsewhere."""
    for path in [*visit.glob("*_asn.fits"), *visit.glob("*_hlet.fits")]:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    assert names(tmp_path, "iepw14030") == {name for name in F336W if not name.endswith("flc.fits")}


def test_the_same_folder_is_left_alone(visit: Path) -> None:
    archive = Directory(visit)
    products = select(archive.products(["iepw14040"]))
    before = {path.name: path.stat().st_mtime_ns for path in visit.iterdir()}
    manifest = deliver(archive, products, visit, http=QUICK)
    assert {row.status for row in manifest.rows} == {"cached"}
    assert {path.name: path.stat().st_mtime_ns for path in visit.iterdir()} == before
