"""The page of a visit, read as text."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.wcs import WCS
from pages import SIZE, STAR, offset, star_field, wcs_cards, write_product
from PIL import Image

from trueup.astrometry.pairs.fit import Fit
from trueup.report.listing import listing
from trueup.report.measurement import measurement_values
from trueup.report.page import ASSETS, write_page
from trueup.report.page.charts import svg
from trueup.report.page.index import Entry, entry_of, write_index
from trueup.report.page.layers import BUDGET, KNEE, STEPS, ZERO, codes, cut, fit_budget, level, png, windows
from trueup.report.page.rows import matrix, presets
from trueup.report.page.solutions import exposures
from trueup.report.page.words import decision, headline, methods
from trueup.report.story import Story, StoryOffset, StoryProduct
from trueup.simulate import Recipe, make_visit
from trueup.workflow.choose import choose_files

SHA256_OF_VIEWER = "14d587cd3ee7c4861f1a41077ce642029364a21029956ba635bd8fb1202cf9ad"


def told(page: Path) -> dict[str, Any]:
    found = re.search(
        r'<script type="application/json" id="story">(.*?)</script>', page.read_text(), re.DOTALL
    )
    data: dict[str, Any] = json.loads(found.group(1))
    return data


def decoded(image: dict[str, Any]) -> np.ndarray:
    """As the viewer does it, rows from the bottom."""
    channels = np.asarray(Image.open(io.BytesIO(base64.b64decode(image["png"])))).astype(int)
    code = 256 * channels[..., 0] + channels[..., 1]
    values = image["sky"] + image["sigma"] * KNEE * np.sinh((code - ZERO) / (STEPS * KNEE))
    return np.where(code > 0, values, np.nan)[::-1]


def test_codes_round_trip_to_the_stated_step() -> None:
    rng = np.random.default_rng(3)
    image = rng.normal(5, 0.1, (40, 50)).astype(np.float32)
    image[3, 4], image[10, 10], image[20, 20] = np.nan, 900.0, -3.0
    sky, sigma = level(image)
    code = codes(image, sky, sigma)
    assert code[-1 - 3, 4] == 0
    back = decoded({"png": png(code), "sky": sky, "sigma": sigma})
    known = np.isfinite(image)
    step = sigma / STEPS * np.sqrt(1 + ((image - sky) / (sigma * KNEE)) ** 2)
    assert (np.isnan(back) == ~known).all()
    assert (np.abs(back - image)[known] <= 0.51 * step[known]).all()
    assert abs(back[10, 10] / 900 - 1) < 4e-4


def test_cutouts_of_the_page_are_the_pixels_of_the_file(page: Path) -> None:
    data = told(page)
    truth = star_field(seed=2, shift=(1.4, -0.7))
    layer = data["layers"][1]
    whole, *cutouts = layer["images"]
    assert (whole["binning"], len(cutouts)) == (4, 24)
    ny = SIZE[0]
    for image in cutouts:
        top = ny - image["y"] - image["height"]
        expected = truth[top : top + 256, image["x"] : image["x"] + 256]
        found = decoded(image)
        step = (
            image["sigma"] / STEPS * np.sqrt(1 + ((expected - image["sky"]) / (image["sigma"] * KNEE)) ** 2)
        )
        known = np.isfinite(expected)
        assert (np.isfinite(found) == known).all()
        assert (np.abs(found - expected)[known] <= 0.51 * step[known]).all()
    first = cutouts[0]
    assert first["x"] <= STAR[0] - 100 < STAR[0] + 100 < first["x"] + 256


def test_whole_field_is_the_mean_of_blocks(page: Path) -> None:
    image = told(page)["layers"][0]["images"][0]
    truth = star_field(seed=1)
    ny, nx = SIZE
    blocks = truth[: ny // 4 * 4, : nx // 4 * 4].reshape(ny // 4, 4, nx // 4, 4)[:, :, 8:].mean(axis=(1, 3))
    found = decoded(image)[:, 8:]
    faint = blocks < image["sky"] + 50 * image["sigma"]
    assert np.abs(found - blocks)[faint].max() <= 0.6 * image["sigma"] / STEPS * 1.1


@pytest.mark.parametrize("shape", [(4001, 4103), (2100, 900)])
def test_windows_cover_corners_and_do_not_overlap(shape: tuple[int, int]) -> None:
    whole, *cutouts = windows(np.ones(shape, np.float32), [(5, 5), (450, 900)], full=False)
    assert whole.width >= shape[1]
    assert whole.height >= shape[0]
    assert cutouts[0].left == cutouts[0].bottom == 0
    for i, one in enumerate(cutouts):
        assert 0 <= one.left <= shape[1] - 256
        assert 0 <= one.bottom <= shape[0] - 256
        for other in cutouts[:i]:
            assert abs(one.left - other.left) >= 256 or abs(one.bottom - other.bottom) >= 256


def test_full_embeds_every_pixel() -> None:
    image = np.random.default_rng(1).normal(0, 1, (1700, 1300)).astype(np.float32)
    whole, *tiles = windows(image, [], full=True)
    assert whole.binning == 4
    back = np.zeros_like(image)
    for tile in tiles:
        place = slice(tile.bottom, tile.bottom + tile.height), slice(tile.left, tile.left + tile.width)
        back[place] = cut(image, tile)
    assert (back == image).all()


def test_grid_of_the_page_is_that_of_astropy(page: Path) -> None:
    grid = told(page)["grid"]
    wcs = WCS(wcs_cards(SIZE))
    assert grid["crpix"] == pytest.approx(wcs.wcs.crpix - 1)
    assert grid["cd"] == pytest.approx(wcs.wcs.cd)


def test_same_story_same_bytes(story: Story, tmp_path: Path) -> None:
    sky = str(write_product(tmp_path / "sky_drc.fits", star_field((300, 400))))
    small = replace(story, products=(replace(story.products[0], path=sky),), offsets=story.offsets[:1])
    first, second = (write_page(small, tmp_path / f"{name}.html").read_bytes() for name in "ab")
    assert first == second


def test_names_from_files_are_text_not_markup(page: Path) -> None:
    assert "<b>FIT</b>" not in page.read_text()


def test_links_are_relative_and_nothing_is_fetched(story: Story) -> None:
    one = replace(story, products=story.products[:1], offsets=())
    text = write_page(one, Path(story.products[0].path).with_name("one.html")).read_text()
    assert 'href="F336W_before_drc.fits"' in text
    without_scripts = re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)
    for link in re.findall(r'(?:href|src)="([^"]*)"', without_scripts):
        assert re.match(r"#|data:|[\w.]+\.fits$", link), link


def test_size_of_two_full_filters(tmp_path: Path) -> None:
    image = np.random.default_rng(5).normal(0, 0.002, (4200, 4200)).astype(np.float32)
    path = str(write_product(tmp_path / "a_drc.fits", image))
    one = StoryProduct(path, "F336W", "before", "x")
    page = write_page(Story("big", {"items": []}, products=(one,)), tmp_path / "report.html")
    images = told(page)["layers"][0]["images"]
    pixels = sum(len(image["png"]) for image in images)
    assert len(images) == 25
    # noise has the same size in every layer; figures are a few 100 kB
    assert page.stat().st_size + 3 * pixels + 600_000 <= 15e6


@pytest.mark.parametrize(
    ("layers", "binned", "left"), [(4, 1_340_000, 25), (6, 1_340_000, 13), (20, 340_000, 5)]
)
def test_cutouts_give_way_where_filters_are_many(layers: int, binned: int, left: int) -> None:
    one = [{"png": "x" * size} for size in (binned, *[77_000] * 24)]
    found: list[dict[str, Any]] = [{"images": list(one)} for _ in range(layers)]
    fit_budget(found, beside=1_000_000)
    assert sum(len(image["png"]) for layer in found for image in layer["images"]) <= BUDGET - 1e6
    assert {len(layer["images"]) for layer in found} == {left}


def test_private_page_tells_neither_pixels_nor_positions(story: Story, tmp_path: Path) -> None:
    manifest = {"recipe": {"drizzle": {"ra": 83.84, "dec": -69.26}}, "version": "0.1.0"}
    text = write_page(replace(story, manifest=manifest), tmp_path / "private.html", private=True).read_text()
    assert "mas off F336W" in text
    for secret in (
        "SECRET-TARGET",
        "83.8",
        "-69.2",
        "\N{MINUS SIGN}69.2",
        "image/png",
        "iVBORw0KGgo",
        "crval",
    ):
        assert secret not in text, secret


def test_filters_left_as_they_are() -> None:
    fit = {"east_mas": 0.0, "north_mas": -0.4, "sigma_east_mas": 0.3, "sigma_north_mas": 0.3}
    now = [StoryProduct("", name, "now", "x") for name in ("F336W", "F275W")]
    story = Story("iepw14", {}, products=tuple(now), offsets=(StoryOffset("F336W", "F275W", "now", fit),))
    assert headline(story) == "F275W lies 0.4 ± 0.3 mas off F336W."
    assert [product.label for product in now] == ["F336W", "F275W"]
    assert presets(story) == [{"label": "Filters", "a": 0, "b": 1}]


def test_many_pairs_make_a_short_headline() -> None:
    offsets = []
    for i, (was, now) in enumerate([(3, 0.2), (90, 0.5), (7, 1.6), (4, 0.1)]):
        for when, value in (("before", was), ("after", now)):
            fit = {"east_mas": value, "north_mas": 0.0, "sigma_east_mas": 0.3, "sigma_north_mas": 0.3}
            offsets.append(StoryOffset("F336W", f"F{i}W", when, fit))
    text = headline(Story("iepw14", {}, offsets=tuple(offsets)))
    assert text == "F1W was 90.0 ± 0.3 mas off F336W, now 0.5 ± 0.3 mas. 3 other pairs: at most 1.6 mas now."


def test_three_filters_have_buttons_for_every_pair() -> None:
    products = tuple(
        StoryProduct("", name, when, "")
        for when in ("before", "after")
        for name in ("UVIS A", "IR B", "IR C")
    )
    labels = [preset["label"] for preset in presets(Story("x", {}, products=products))]
    assert labels[:4] == [
        "IR B on UVIS A before",
        "IR C on UVIS A before",
        "IR B on UVIS A after",
        "IR C on UVIS A after",
    ]
    assert len(labels) == 7


UNMEASURED = Fit(n=0, verdict="unmeasurable", why="no stars")


@pytest.mark.parametrize("whens", [(), ("now",), ("before", "after")])
def test_page_without_products_and_numbers(whens: tuple[str, ...], tmp_path: Path) -> None:
    offsets = tuple(StoryOffset("F110W", "F160W", when, asdict(UNMEASURED)) for when in whens)
    story = Story("iexy01", {"items": []}, offsets=offsets)
    text = write_page(story, tmp_path / "report.html").read_text()
    assert ("could not be measured" in text) == bool(whens)
    assert ("not measurable" in text) == bool(whens)
    assert "None" not in re.sub(r"<(style|script).*?</\1>", "", text, flags=re.DOTALL)
    assert "agree to" not in methods(story)


def unmeasurable() -> Story:
    """A visit of two exposures whose stars scatter too much to be believed."""
    solution = {"index": 1, "wcsname": None}
    scattered = asdict(
        replace(UNMEASURED, n=8, east_mas=74.5, north_mas=20.0, corner_mas=78.0, corner_sigma_mas=11.2)
    )
    claims = {"rms_ra_mas": None, "rms_dec_mas": None, "nmatches": None, "offset_max_mas": 0.0}
    item = {"detector": "IR", "instrument": "WFC3", "filter": "F140W", "exptime": 203.0, "date": "2009-10-03"}
    row = {
        **solution,
        **claims,
        "same_as": [],
        "sound": True,
        "faults": [],
        "active": True,
        "origin": "primary",
    }
    names = ("ib6o23rtq", "ib6o23rzq")
    pair = {"a": names[0], "b": names[1]}
    chosen = {"solution": solution, "was_active": True, "reason": "kept without a measurement"}
    return Story(
        "ib6o23",
        {"items": [{"rootname": name, **item, "solutions": [row]} for name in names]},
        measurement={"relative": [{**pair, "a_solution": solution, "b_solution": solution, **scattered}]},
        choice={
            "verdict": "unmeasurable",
            "reason": "nothing can be measured well enough",
            "exposures": [{"rootname": name, **chosen} for name in names],
            "rejected": [],
            "pairs": [{**pair, "before": scattered, "after": scattered}],
        },
        manifest={"version": "0.1.0"},
    )


def test_what_is_unmeasurable_shows_no_number_and_claims_no_alignment(tmp_path: Path) -> None:
    story = unmeasurable()
    assert decision(story) == "Nothing can be measured well enough."
    assert methods(story) == (
        "The exposures of HST visit ib6o23 were examined with trueup 0.1.0. The WCS solutions offered by the"
        " archive could not be compared by the positions of the stars; the unnamed one was kept."
    )
    assert [row["relative"] for table in exposures(story) for row in table["solutions"]] == [
        "not measurable"
    ] * 2
    assert matrix(story)["rows"][0]["cells"][1]["text"] == "unmeasurable"
    text = write_page(story, tmp_path / "report.html").read_text()
    assert "78.0" not in text


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [("change", "Another solution was chosen"), ("derive", "No solution of this visit")],
)
def test_a_choice_without_images_is_told_first(verdict: str, expected: str) -> None:
    assert headline(Story("iepw14", {}, choice={"verdict": verdict})).startswith(expected)


def test_the_paragraph_says_what_was_done() -> None:
    story = unmeasurable()
    new = {"index": 2, "wcsname": "IDC_x-FIT_REL_GAIA"}
    fitted = [{**one, "solution": new, "was_active": False} for one in story.choice["exposures"]]
    derived = replace(story, choice={**story.choice, "verdict": "change", "exposures": fitted})
    assert "were aligned with trueup" in methods(derived)
    assert "; IDC_x-FIT_REL_GAIA was derived from the same stars and adopted." in methods(derived)
    assert "Of the WCS solutions offered by the archive the unnamed one was kept." in methods(
        replace(story, measurement=None)
    )


def test_sentences_start_with_names_as_they_are() -> None:
    story = unmeasurable()
    told = replace(story, choice={**story.choice, "reason": "ib6o23rtq is 70 mas off its two siblings."})
    assert decision(told) == "ib6o23rtq is 70 mas off its two siblings."


def test_labels_of_figures_keep_their_digits() -> None:
    from matplotlib.figure import Figure

    figure = Figure()
    figure.subplots().set_xticks([0.001234, 0.004321], ["0.001234", "0.004321"])
    text = svg(figure)
    assert "0.001234" in text
    assert not re.search(r'd="[^"]*\d\.\d{3}', text)


def test_every_solution_of_a_simulated_visit(tmp_path: Path) -> None:
    truth = make_visit(tmp_path / "visit", seed=1, recipe=Recipe(size=(700, 500), stars=400, galaxies=0))
    assert len(truth.exposures) == 4
    proposal = choose_files([tmp_path / "visit"])
    values = proposal.as_dict()
    story = Story(
        "iepw14",
        listing(proposal.measurement.visit),
        measurement_values(proposal.measurement),
        values,
    )
    tables = exposures(story)
    assert len(tables) == 4
    for table in tables:
        names = [row["wcsname"] for row in table["solutions"]]
        assert len(set(names)) == len(names), "the same solution is told twice"
        assert [row["chosen"] for row in table["solutions"]].count(True) == 1
        assert [row["active"] for row in table["solutions"]].count(True) == 1
        assert all(row["why"] for row in table["solutions"])
    text = write_page(story, tmp_path / "report.html").read_text()
    for exposure in truth.exposures:
        assert exposure.rootname in text


def test_index_of_a_programme(tmp_path: Path) -> None:
    fit = {"sigma_east_mas": 0.3, "sigma_north_mas": 0.4, "north_mas": 0.0, "a": "F336W", "b": "F275W"}
    manifest = {
        "visit": "iepw14",
        "choice": {"verdict": "change"},
        "offsets": [{**fit, "when": "before", "east_mas": 69.5}, {**fit, "when": "after", "east_mas": 0.4}],
        "products": [{"path": "a", "filter": "F336W", "when": "after", "wcsname": "x"}],
        "findings": ["one"],
        "report": "report.html",
    }
    entry = entry_of(manifest, tmp_path / "iepw14_trueup")
    assert entry.before == pytest.approx((69.5, 0.3))
    assert entry.after == pytest.approx((0.4, 0.3))
    failed = entry_of({"visit": "iepw15", "choice": None, "findings": ["<no stars>"]}, tmp_path)
    page = write_index([entry, failed, Entry("iepw16", "keep", "Left.")], tmp_path / "index.html")
    text = page.read_text()
    assert 'href="iepw14_trueup/report.html"' in text
    assert "&lt;no stars&gt;" in text
    assert "69.5 ± 0.3" in text


def test_vendored_viewer_is_the_release() -> None:
    viewer = (ASSETS / "openseadragon-6.1.1.min.js").read_bytes()
    assert hashlib.sha256(viewer).hexdigest() == SHA256_OF_VIEWER
    assert "Redistribution and use" in (ASSETS / "openseadragon.LICENSE.txt").read_text()
    assert SHA256_OF_VIEWER in (ASSETS / "openseadragon.LICENSE.txt").read_text()


def test_offsets_of_the_helper_are_in_mas() -> None:
    found = offset("A", "B", "before", shift=(1.4, -0.7))
    assert np.hypot(found.residuals.east_mas, found.residuals.north_mas) == pytest.approx(62.61, abs=0.05)
