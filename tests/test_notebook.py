"""The whole way as in a notebook: read, look, measure, choose, drizzle, compare, apply; by public names."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.nddata import CCDData
from astropy.wcs import WCS

import trueup
from trueup.simulate import Recipe, make_visit

SVM = "IDC_2731450pi-FIT_SVM_GAIAeDR3"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_visit(tmp_path / "visit", recipe=Recipe(size=(700, 500), stars=400, galaxies=0))
    return tmp_path / "visit"


def test_the_whole_way(folder: Path, tmp_path: Path) -> None:
    visit = trueup.open_visit([folder, *sorted(folder.glob("*_hlet.fits"))])
    assert "iepw14g4q" in _words(visit)
    _check_solutions(visit)
    exposure = visit.exposures[0]
    assert SVM in _words(exposure)
    assert "FIT_REL" in _words(exposure.active)

    measurement = trueup.measure(visit)
    pairs = measurement.pairs
    assert len(pairs) == len(measurement.relative)
    assert pairs["east"].unit == pairs["sigma_east"].unit == u.mas
    assert "iepw14gaq F275W" in _words(measurement)

    choice = trueup.choose(measurement)
    assert choice.common == SVM
    assert "CHANGE" in _words(choice)

    names = {}
    params = trueup.DrizzleParams(cr=False, scale=0.04, rot=0.0, center=_center(visit), shape=(900, 900))
    for which in ("before", "after"):
        for name, group in visit.by_filter().items():
            path = str(tmp_path / f"{name[-5:]}_{which}_drc.fits")
            chosen = choice if which == "after" else None
            mosaic = trueup.drizzle(group, solution=chosen, params=params, output=path)
            names[name[-5:], which] = path
    assert mosaic.wcsname == SVM
    assert "900 x 900 pixels" in _words(mosaic)
    _check_ccddata(mosaic)

    offsets = {}
    for which in ("before", "after"):
        comparison = trueup.compare(names["F336W", which], names["F275W", which])
        assert "F275W minus F336W" in _words(comparison)
        offsets[which] = np.hypot(*comparison.offset)
    assert offsets["before"] > 50 * u.mas
    assert offsets["after"] < 3 * u.mas

    plan = trueup.plan(visit, choice)
    assert SVM in _words(plan)
    assert len(plan.commit()) == 4
    assert {fits.getval(path, "WCSNAME", "SCI", 1) for path in folder.glob("*_flc.fits")} == {SVM}
    trueup.undo([folder])


def test_a_choice_is_for_files_opened_again_or_elsewhere(folder: Path, tmp_path: Path) -> None:
    headerlets = sorted(folder.glob("*_hlet.fits"))
    choice = trueup.choose(trueup.measure(trueup.open_visit([folder, *headerlets])))
    trueup.plan(trueup.open_visit([folder]), choice, out=tmp_path / "not" / "there").commit()
    written = sorted((tmp_path / "not" / "there").glob("*_flc.fits"))
    assert [fits.getval(path, "WCSNAME", "SCI", 1) for path in written] == [SVM] * 4


def test_a_choice_to_derive_is_not_applied(folder: Path) -> None:
    visit = trueup.open_visit([folder])
    choice = trueup.choose(trueup.measure(visit))
    assert choice.verdict == "derive"
    assert "DERIVE" in _words(choice)
    with pytest.raises(trueup.errors.SelectionError, match="nothing to apply"):
        trueup.plan(visit, choice)
    with pytest.raises(trueup.errors.SelectionError, match="nothing to apply"):
        trueup.drizzle(visit, solution=choice)


def test_distortion_and_corners_are_those_of_astropy(folder: Path) -> None:
    exposure = trueup.open_visit([folder]).exposures[0]
    x, y = np.random.default_rng(3).uniform(0, 1, (2, 50)) * np.array([[699], [499]])
    with fits.open(exposure.path) as hdus:
        for row, chip in enumerate(exposure.chips):
            theirs = WCS(hdus["SCI", chip.id.extver].header, hdus)
            there = SkyCoord(*theirs.all_pix2world(x, y, 0), unit="deg")
            ours = exposure.wcs(chip.id).to_astropy()
            assert ours.pixel_to_world(x, y).separation(there).max() < 1e-3 * u.mas
            assert ours.array_shape == chip.shape
            corners = SkyCoord(theirs.calc_footprint(axes=chip.shape[::-1])[[0, 3, 2, 1]], unit="deg")
            assert exposure.footprint[row].separation(corners).max() < 1e-3 * u.mas


def test_text_of_a_header_is_no_markup(folder: Path) -> None:
    path = next(folder.glob("*_flc.fits"))
    fits.setval(path, "FILTER", value="<script>x</script>")
    visit = trueup.open_visit([path])
    for noun in (visit, visit.exposures[0]):
        assert "<script>" not in noun._repr_html_()
        assert "<script>x</script>" in _words(noun)


def _check_solutions(visit: trueup.Visit) -> None:
    table = visit.solutions
    assert len(table) == sum(len(exposure.solutions) for exposure in visit.exposures)
    assert table["rms_ra"].unit == table["offset_max"].unit == u.mas
    fitted = table[(table["rootname"] == "iepw14g4q") & table["active"]]
    header = fits.getheader(visit.exposures[0].path, "SCI", 1)
    assert fitted["wcsname"][0] == header["WCSNAME"]
    assert fitted["rms_ra"][0] == pytest.approx(header["RMS_RA"])
    assert fitted["nmatches"][0] == header["NMATCHES"]
    assert table["sound"][table["wcsname"] == "OPUS"].mask.all()
    assert table["nmatches"][table["family"] == "distortion-only"].mask.all()


def _center(visit: trueup.Visit) -> tuple[float, float]:
    corners = visit.exposures[0].footprint
    return float(corners.ra.deg.mean()), float(corners.dec.deg.mean())


def _check_ccddata(mosaic: trueup.Mosaic) -> None:
    ccd = mosaic.to_ccddata()
    assert isinstance(ccd, CCDData)
    assert ccd.unit == u.electron / u.s
    assert ccd.mask.sum() == (mosaic.wht == 0).sum()
    with fits.open(mosaic.path) as hdus:
        theirs = WCS(hdus["SCI"].header)
    assert ccd.wcs.pixel_to_world(7, 5).separation(theirs.pixel_to_world(7, 5)) < 1e-6 * u.mas


class _Page(HTMLParser):
    """The words of a fragment; what is opened is closed, and nothing is loaded."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in {"script", "link", "iframe", "style"}
        assert all(value.startswith("data:image/png") for name, value in attrs if name in {"src", "href"})
        assert "color:#" not in dict(attrs).get("style", "")
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def _words(noun: Any) -> str:
    page = _Page()
    page.feed(noun._repr_html_())
    page.close()
    assert not page.open
    return " ".join(page.words)
