"""A visit of two filters and its page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pages import two_filters
from PIL import Image

from trueup.report.page import write_page
from trueup.report.story import Story


@pytest.fixture(scope="session")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder = tmp_path_factory.mktemp("products")
    picture = folder / "stars.png"
    Image.new("RGB", (400, 300), (10, 120, 40)).save(picture)
    return replace(two_filters(folder), pictures=(str(picture),))


@pytest.fixture(scope="session")
def page(story: Story, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_page(story, tmp_path_factory.mktemp("page") / "report.html")
