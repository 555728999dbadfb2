"""One self-contained HTML page per visit, and an index of many."""

from __future__ import annotations

import base64
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from trueup.fits.product_read import read_frame
from trueup.report.files import write_text
from trueup.report.page import rows, words
from trueup.report.page.charts import field_chart, histogram_chart, trend_chart
from trueup.report.page.layers import layers
from trueup.report.page.overview import catalog_chart, statistics_chart
from trueup.report.page.solutions import exposures
from trueup.report.story import Story, StoryOffset, is_measured

ASSETS = Path(__file__).parent / "assets"
_VIEWER = "openseadragon-6.1.1.min.js"
_SCRIPTS = ("sky.js", "pixels.js", "overlay.js", "viewer.js")
# bytes of scripts, vectors and tables, rounded up
_REST = 1_000_000


def write_page(
    story: Story,
    path: str | os.PathLike[str],
    *,
    place: str | os.PathLike[str] | None = None,
    full: bool = False,
    private: bool = False,
) -> Path:
    """Write the page of a visit.

    Parameters
    ----------
    story : Story
        With products on one pixel grid.
    path : path
        The HTML file; replaced if it is there.
    place : path, optional
        Where the page will be read, as its links need to know; by default where it is written.
    full : bool
        Embed the products at full resolution.
    private : bool
        Leave out target, coordinates and pixels.

    Returns
    -------
    Path

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     page = write_page(Story("iepw14", {"items": []}), f"{folder}/report.html")
    ...     "alignment report" in page.read_text()
    True
    """
    if private:
        story = _without_sky(story)
    facts = _facts(story, Path(path if place is None else place), full=full)
    return write_text(Path(path), environment().get_template("page.html.j2").render(**facts))


def _without_sky(story: Story) -> Story:
    """The story without pixels and positions."""
    offsets = tuple(replace(offset, residuals=None, star=None) for offset in story.offsets)
    # options may hold the centre of a grid
    manifest = {name: value for name, value in story.manifest.items() if name != "recipe"}
    return replace(story, products=(), offsets=offsets, manifest=manifest, pictures=())


def environment() -> Any:
    """Where the templates are, and how they are filled: what is not known is an error, text is escaped.

    Returns
    -------
    jinja2.Environment

    Examples
    --------
    >>> environment().from_string("{{ 1 + 1 }}").render()
    '2'
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(ASSETS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _facts(story: Story, page: Path, *, full: bool) -> dict[str, Any]:
    charts = _charts(story)
    pictures = [base64.b64encode(Path(one).read_bytes()).decode() for one in story.pictures]
    beside = sum(len(chart["svg"]) for chart in charts) + sum(map(len, pictures)) + _REST
    data = layers(story, full=full, beside=beside)
    presets = rows.presets(story)
    images = data["layers"][0]["images"] if data["layers"] else []
    data["presets"] = [[preset["a"], preset["b"]] for preset in presets]
    data["vectors"] = _vectors(story)
    data["star"] = next((offset.star for offset in story.offsets if offset.star is not None), None)
    matrix = rows.matrix(story)
    recipe = story.manifest.get("recipe")
    return {
        "story": story,
        "subtitle": _subtitle(story),
        "headline": words.headline(story),
        "decision": words.typeset(words.decision(story)),
        "data": data,
        "presets": presets,
        "binned": images[0]["binning"] if images and images[0]["binning"] > 1 else None,
        "cutouts": len(images) - 1,
        "images_title": "Images" if all(p.when == "now" for p in story.products) else "Before and after",
        "pictures": pictures,
        "matrix": matrix if matrix["rows"] or story.offsets else None,
        "exposures": exposures(story),
        "charts": charts,
        "statistics": rows.statistics(story),
        "statistics_chart": statistics_chart(story),
        "inputs": rows.inputs(story),
        "products": rows.products(story, page),
        "recipe": json.dumps(rows.seen_from(recipe, page), indent=2, sort_keys=True) if recipe else "",
        "made_by": _made_by(story),
        "methods": words.methods(story),
        "citations": words.citations(story),
        "pm": rows.plus_minus,
        "is_measured": is_measured,
        "typeset": words.typeset,
        "badge": rows.badge,
        "style": asset("style.css"),
        "scripts": [asset(name) for name in _SCRIPTS],
        "openseadragon": asset(_VIEWER),
    }


def asset(name: str) -> str:
    """A file that pages hold, as text.

    Examples
    --------
    >>> asset("style.css")[:5]
    ':root'
    """
    # what stands between script tags must not end them
    return (ASSETS / name).read_text(encoding="utf-8").replace("</script", "<\\/script")


def _subtitle(story: Story) -> str:
    items = story.listing.get("items", [])
    instruments = dict.fromkeys(f"{i['instrument']}/{i['detector']}" for i in items)
    dates = sorted(i["date"][:10] for i in items if i["date"])
    filters = dict.fromkeys(i["filter"] for i in items if i["filter"])
    count = f"{len(items)} exposures" if len(items) != 1 else "1 exposure"
    parts = [f"Visit {story.name.upper()}", ", ".join(instruments), ", ".join(filters), count]
    return " \N{MIDDLE DOT} ".join(part for part in (*parts, dates[0] if dates else "") if part)


def _made_by(story: Story) -> str:
    manifest = story.manifest
    known = [f"{name} {manifest[name]}" for name in ("python", "platform") if manifest.get(name)]
    return ", ".join([f"Made by trueup {manifest.get('version', '')}".strip(), *known])


def _vectors(story: Story) -> list[dict[str, Any]]:
    """Residual vectors in pixels of the grid, for the viewer."""
    if not story.products:
        return []
    wcs = read_frame(story.products[0].path)
    found = []
    for offset in story.offsets:
        stars = offset.residuals
        if stars is None:
            continue
        x, y = wcs.sky_to_pixel(stars.ra_deg, stars.dec_deg)
        lists = (x.round(2), y.round(2), stars.east_mas.round(2), stars.north_mas.round(2))
        found.append(
            {
                "a": offset.a,
                "b": offset.b,
                "when": offset.when,
                "title": f"{offset.b} minus {offset.a}{_comma(offset.when)}",
                "star": offset.star,
                "stars": [list(map(float, star)) for star in zip(*lists, strict=True)],
            }
        )
    return found


def _comma(when: str) -> str:
    return "" if when == "now" else f", {when}"


def _charts(story: Story) -> list[dict[str, str]]:
    found = [
        {
            "svg": catalog_chart(story),
            "alt": "Offset of each solution from the catalogue",
            "caption": "Each exposure under each solution, against the reference stars.",
        }
    ]
    for a, b in story.pairs:
        found += _charts_of([o for o in story.offsets if (o.a, o.b) == (a, b)], f"{b} minus {a}")
    return [chart for chart in found if chart["svg"]]


def _charts_of(both: list[StoryOffset], name: str) -> list[dict[str, str]]:
    last = both[-1]
    return [
        {
            "svg": field_chart(both),
            "alt": f"Map of residual vectors, {name}",
            "caption": f"{name}: how far each star lies off, over the field. Each map has its own scale of"
            " arrows; the arrow above it says how long.",
        },
        {
            "svg": histogram_chart(both),
            "alt": f"Histograms of residuals, {name}",
            "caption": f"{name}: the same, star by star.",
        },
        {
            "svg": trend_chart(last),
            "alt": f"Residuals against position and magnitude, {name}{_comma(last.when)}",
            "caption": f"{name}{_comma(last.when)}: what is left once the median is taken off. A slope"
            " here is a distortion or a loss of charge that no shift can mend.",
        },
    ]
