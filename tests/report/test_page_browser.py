"""The pages in a real browser: Chromium of the system, headless, opened from disk."""

from __future__ import annotations

import io
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.wcs import WCS
from numpy.typing import NDArray
from pages import SHIFT_PIX, SIZE, STAR, star_field, wcs_cards
from PIL import Image

from trueup.report.page import ASSETS, write_page
from trueup.report.page.index import Entry, write_index
from trueup.report.story import Story

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        sync_playwright = None
    if CHROMIUM is None or sync_playwright is None:
        missing = "these tests need Chromium and playwright"
        pytest.fail(missing) if os.environ.get("TRUEUP_BROWSER") == "required" else pytest.skip(missing)
    with sync_playwright() as play:
        launched = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def report(page: Path) -> Path:
    return page


class Watched:
    """A page whose messages and requests are kept."""

    def __init__(self, browser: Any, path: Path, **options: Any) -> None:
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 1000}, **options})
        self.page = self.context.new_page()
        self.trouble: list[str] = []
        self.page.on("console", lambda message: self.trouble.append(message.text))
        self.page.on("pageerror", lambda error: self.trouble.append(str(error)))
        self.page.on("request", self._judge)
        self.page.goto(path.as_uri())

    def _judge(self, request: Any) -> None:
        if not request.url.startswith(("file:", "data:", "blob:")):
            self.trouble.append(f"asks for {request.url}")

    def __enter__(self) -> Any:
        if self.page.locator("#sky").count() and self.context.pages:
            self.page.wait_for_selector("body[data-ready=yes]", state="attached")
        return self.page

    def __exit__(self, *exception: object) -> None:
        self.context.close()
        if exception[0] is None:
            assert self.trouble == []


def pixels_of(page: Any, selector: str = "#sky") -> NDArray[np.float64]:
    """What is on screen, as grey."""
    picture = page.locator(selector).screenshot()
    return np.asarray(Image.open(io.BytesIO(picture)).convert("L")).astype(float)


def red_pixels(page: Any) -> int:
    """How much of the screen the residual vectors cover."""
    page.wait_for_timeout(100)
    picture = Image.open(io.BytesIO(page.locator(".stage").screenshot())).convert("RGB")
    red, green, _ = np.moveaxis(np.asarray(picture).astype(int), -1, 0)
    return int((red - green > 80).sum())


def settle(page: Any) -> None:
    """Until the viewer stands still."""
    page.wait_for_timeout(100)
    page.wait_for_function("!viewer.isAnimating()")
    page.wait_for_timeout(150)


def centre_of_star(page: Any) -> NDArray[np.float64]:
    """Of the dark star in view, in screen pixels right and down of the middle."""
    over = "document.querySelectorAll('.tag, .scalebar, .compass')"
    bare = over + ".forEach((one) => (one.style.visibility = '%s'))"
    page.evaluate(bare % "hidden")
    dark = 255 - pixels_of(page)
    page.evaluate(bare % "")
    dark = np.where(dark > 40, dark, 0)
    rows, columns = np.indices(dark.shape)
    ny, nx = dark.shape
    return np.array([(columns * dark).sum(), (rows * dark).sum()]) / dark.sum() - [(nx - 1) / 2, (ny - 1) / 2]


def test_blink_curtain_zoom_and_keys(browser: Any, report: Path) -> None:
    with Watched(browser, report) as page:
        shown = page.locator("body")
        assert page.locator("#loading").is_hidden()
        before = pixels_of(page)
        page.keyboard.press("+")
        settle(page)
        zoomed = page.evaluate("viewer.viewport.getZoom()")
        assert np.abs(pixels_of(page) - before).max() > 50
        page.locator("#sky").hover(position={"x": 400, "y": 300})
        page.mouse.wheel(0, -300)
        settle(page)
        assert page.evaluate("viewer.viewport.getZoom()") > zoomed
        page.keyboard.press("0")
        settle(page)
        handle = page.locator("#curtain")
        box = handle.bounding_box()
        middle = box["x"] + box["width"] / 2, box["y"] + 200
        page.mouse.move(*middle)
        page.mouse.down()
        page.mouse.move(middle[0] - 300, middle[1], steps=4)
        page.mouse.up()
        moved = handle.bounding_box()["x"]
        assert moved == pytest.approx(box["x"] - 300, abs=1)
        handle.focus()
        for key, direction in (("ArrowRight", 1), ("ArrowLeft", -1)):
            was = handle.bounding_box()["x"]
            page.keyboard.press(key)
            assert (handle.bounding_box()["x"] - was) * direction > 5
        assert 0 < int(handle.get_attribute("aria-valuenow")) < 50
        page.keyboard.press("b")
        seen = {shown.get_attribute("data-shown") for _ in range(12) if not page.wait_for_timeout(100)}
        assert seen == {"a", "b"}
        assert handle.is_hidden()
        for key, name in (("c", "curtain"), ("2", "b"), ("1", "a")):
            page.keyboard.press(key)
            assert shown.get_attribute("data-shown") == name
            pressed = page.locator(f'[data-mode="{name}"]').get_attribute("aria-pressed")
            assert pressed == "true"


def test_curtain_shows_one_filter_left_and_the_other_right(browser: Any, report: Path) -> None:
    with Watched(browser, report) as page:
        page.keyboard.press("j")
        settle(page)
        views = {}
        for key in "12c":
            page.keyboard.press(key)
            settle(page)
            views[key] = pixels_of(page)[150:-150]
        half = views["c"].shape[1] // 2
        assert np.abs(views["c"] - views["1"])[:, : half - 30].max() < 3
        assert np.abs(views["c"] - views["2"])[:, half + 30 :].max() < 3
        assert np.abs(views["1"] - views["2"]).max() > 100


def test_sky_and_pixel_under_the_pointer(browser: Any, report: Path) -> None:
    wcs = WCS(wcs_cards(SIZE))
    truth = {"F336W": star_field(seed=1), "F275W": star_field(seed=2, shift=SHIFT_PIX)}
    with Watched(browser, report) as page:
        for x, y, zoom in (
            (STAR[0], STAR[1], 20),
            (700, 820, 30),
            (60, 1450, 1),
            (1500, 20, 1),
            (500, 800, 3),
            (STAR[0] + 1, STAR[1] + 2, 40),
        ):
            page.evaluate(f"void viewer.viewport.zoomTo({zoom}, null, true)")
            page.evaluate(f"void viewer.viewport.panTo(toUnits({x}, {y}), true)")
            settle(page)
            spot = page.evaluate(f"viewer.viewport.viewportToViewerElementCoordinates(toUnits({x}, {y}))")
            at = {"x": round(spot["x"]) + 20, "y": round(spot["y"]) - 7}
            page.locator("#sky").hover(position=at)
            where = page.evaluate(
                "(at) => toPixel(viewer.viewport.viewerElementToViewportCoordinates("
                "new OpenSeadragon.Point(at.x, at.y)))",
                at,
            )
            found = page.locator("#radec")
            page.wait_for_function("document.getElementById('radec').dataset.ra")
            ra, dec = (float(found.get_attribute(f"data-{name}")) for name in ("ra", "dec"))
            expected = wcs.all_pix2world(where["x"], where["y"], 0)
            apart = (ra - expected[0]) * np.cos(np.radians(dec)) * 3.6e6, (dec - expected[1]) * 3.6e6
            assert np.hypot(*apart) < 1.0
            hours, degrees = re.findall(r"[+\u2212]?\d+:\d+:\d+\.\d+", found.inner_text())
            h, m, s = map(float, hours.split(":"))
            assert 15 * (h + m / 60 + s / 3600) == pytest.approx(ra, abs=1e-6)
            assert degrees[0] == "\u2212"
            text = page.locator("#value").inner_text()
            label, number = re.match(r"(\w+) before: (\S+) ELECTRONS/S", text).groups()
            if zoom >= 20:
                pixel = truth[label][round(where["y"]), round(where["x"])]
                assert "mean" not in text
                assert float(number) == pytest.approx(pixel, abs=0.002 / 3, rel=2e-3)


def test_offsets_on_screen_are_those_injected(browser: Any, report: Path) -> None:
    with Watched(browser, report) as page:
        page.keyboard.press("j")
        settle(page)
        scale = page.evaluate("screenPerPixel()")
        assert scale > 10
        centres = {}
        for when, preset in (("before", 0), ("after", 1)):
            page.locator("[data-a]").nth(preset).click()
            for key in "12":
                page.keyboard.press(key)
                settle(page)
                centres[when, key] = centre_of_star(page)
        before = (centres["before", "2"] - centres["before", "1"]) / scale
        after = (centres["after", "2"] - centres["after", "1"]) / scale
        assert before == pytest.approx([SHIFT_PIX[0], -SHIFT_PIX[1]], abs=0.05)
        assert after == pytest.approx([0, 0], abs=0.05)
        # the core is not saturated, and dark enough to be seen
        assert (pixels_of(page)[200:-200] < 3).sum() < 8 * scale**2
        assert pixels_of(page)[200:-200].min() < 40


def test_vectors_compass_and_scale(browser: Any, report: Path) -> None:
    with Watched(browser, report) as page:
        assert red_pixels(page) == 0
        page.locator("#show-vectors").click()
        assert red_pixels(page) > 1000
        assert "200 stars" in page.locator("#scale-of-vectors").inner_text()
        assert page.locator("#show-vectors").get_attribute("aria-pressed") == "true"
        page.keyboard.press("v")
        assert red_pixels(page) == 0
        north = [float(page.locator("#compass-n").get_attribute(name)) for name in ("x2", "y2")]
        east = [float(page.locator("#compass-e").get_attribute(name)) for name in ("x2", "y2")]
        wcs = WCS(wcs_cards(SIZE))
        ra, dec = wcs.all_pix2world(800, 750, 0)
        for arrow, (d_ra, d_dec) in ((north, (0, 1e-4)), (east, (1e-4 / np.cos(np.radians(dec)), 0))):
            x, y = wcs.all_world2pix(ra + d_ra, dec + d_dec, 0)
            step = np.array([x - 800, 750 - y])
            assert np.array(arrow) / 22 == pytest.approx(step / np.hypot(*step), abs=0.01)
        bar, text = page.locator("#bar").bounding_box()["width"], page.locator("#bar-length").inner_text()
        arcsec = float(text.rstrip("\u2033"))
        assert bar / page.evaluate("screenPerPixel()") * 0.04 == pytest.approx(arcsec, rel=0.02)


def test_vectors_of_a_star_that_is_near_are_true_to_scale(browser: Any, report: Path) -> None:
    with Watched(browser, report) as page:
        page.keyboard.press("v")
        assert "px on screen" in page.locator("#scale-of-vectors").inner_text()
        page.keyboard.press("j")
        settle(page)
        assert "true to scale" in page.locator("#scale-of-vectors").inner_text()


def test_readout_follows_what_is_shown_under_a_pointer_at_rest(browser: Any, report: Path) -> None:
    with Watched(browser, report) as page:
        page.locator("#sky").hover(position={"x": 300, "y": 200})
        page.wait_for_function("document.getElementById('radec').dataset.ra")
        assert page.locator("#value").inner_text().startswith("F336W before")
        page.keyboard.press("2")
        assert page.locator("#value").inner_text().startswith("F275W before")
        before = page.locator("#radec").inner_text()
        page.keyboard.press("+")
        settle(page)
        assert page.locator("#radec").inner_text() != before


def test_one_picture_is_not_compared_with_itself(browser: Any, story: Story, tmp_path: Path) -> None:
    alone = replace(story, products=story.products[:1], offsets=())
    with Watched(browser, write_page(alone, tmp_path / "alone.html")) as page:
        assert (
            page.locator("[data-mode]:visible, select:visible, #curtain:visible, #tag-b:visible").count() == 0
        )
        for key in "cb2":
            page.keyboard.press(key)
            assert page.locator("body").get_attribute("data-shown") == "a"
        assert page.locator("#home").is_visible()


def test_contrast_slider_changes_the_picture(browser: Any, report: Path) -> None:
    with Watched(browser, report) as page:
        before = pixels_of(page)[120:-120]
        page.locator("#depth").fill("1.5")
        settle(page)
        assert pixels_of(page)[120:-120].mean() < before.mean() - 5


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_narrow_and_wide_in_either_scheme(browser: Any, report: Path, scheme: str) -> None:
    with Watched(browser, report, viewport={"width": 390, "height": 800}, color_scheme=scheme) as page:
        for width in (390, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            settle(page)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        paper = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", paper)[:3])) > 380) == (scheme == "light")
        inputs = "[...document.querySelectorAll('button, select, input')]"
        unnamed = f"{inputs}.filter((e) => !(e.innerText || e.ariaLabel || e.labels?.length)).length"
        assert page.evaluate(unnamed) == 0


def test_print_has_a_picture_instead_of_the_viewer(browser: Any, report: Path) -> None:
    with Watched(browser, report) as page:
        assert page.locator(".static").is_hidden()
        page.emulate_media(media="print")
        assert page.locator(".static img").is_visible()
        assert page.locator(".viewer").is_hidden()


def test_without_javascript_there_is_a_picture(browser: Any, report: Path) -> None:
    watched = Watched(browser, report, java_script_enabled=False)
    assert watched.page.locator(".static img").is_visible()
    assert watched.page.locator(".viewer").is_hidden()
    watched.context.close()
    assert watched.trouble == []


def test_reduced_motion_blinks_by_hand(browser: Any, report: Path) -> None:
    with Watched(browser, report, reduced_motion="reduce") as page:
        shown = page.locator("body")
        page.keyboard.press("b")
        assert shown.get_attribute("data-shown") == "a"
        page.wait_for_timeout(1600)
        assert shown.get_attribute("data-shown") == "a"
        page.keyboard.press("b")
        assert shown.get_attribute("data-shown") == "b"


def test_index_sorts(browser: Any, tmp_path: Path) -> None:
    entries = [
        Entry(
            "a", "change", "A.", before=(69.5, 0.3), after=(0.4, 0.3), report=str(tmp_path / "a" / "r.html")
        ),
        Entry("b", "failed", "B."),
        Entry("c", "keep", "C.", before=(7.5, 0.3), after=(7.5, 0.3)),
    ]
    page_path = write_index(entries, tmp_path / "index.html")
    for scheme in ("light", "dark"):
        with Watched(browser, page_path, color_scheme=scheme, viewport={"width": 390, "height": 700}) as page:
            names = "[...document.querySelectorAll('#visits tbody tr')].map((row) => row.cells[0].innerText)"
            heading = page.get_by_role("button", name="As found")
            heading.click()
            assert page.evaluate(names) == ["C", "A", "B"]
            heading.click()
            assert page.evaluate(names) == ["A", "C", "B"]
            assert page.locator("th[aria-sort=descending]").inner_text().startswith("As found")
            assert page.evaluate("document.documentElement.scrollWidth") <= 390


def luminance(color: str) -> float:
    channels = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("scheme", [0, 1])
def test_contrast_of_text(scheme: int) -> None:
    block = re.findall(r":root \{(.*?)\}", (ASSETS / "style.css").read_text(), re.DOTALL)[scheme]
    colors = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
    pairs = [(ink, paper) for ink in ("ink", "soft", "blue") for paper in ("paper", "panel", "good-bg")]
    pairs += [(name, f"{name}-bg") for name in ("good", "bad", "warn")] + [
        ("ink", "warn-bg"),
        ("paper", "blue"),
    ]
    for ink, paper in pairs:
        lighter, darker = sorted((luminance(colors[ink]), luminance(colors[paper])), reverse=True)
        assert (lighter + 0.05) / (darker + 0.05) >= 4.5, (ink, paper)
