"""Clipped statistics against ImageStats and against numpy."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from trueup._kernels import Statistics, clipped_statistics
from trueup.drizzle.statistics import Clipping, image_statistics
from trueup.errors import UsageError

PEER = """
import contextlib, io, json, sys
import numpy as np
from stsci.imagestats import ImageStats

images, settings = np.load(sys.argv[1]), json.loads(sys.argv[2])
fields = "npix,mean,stddev,min,max,median,mode"
answer = {}
for name, options in settings:
    with contextlib.redirect_stdout(io.StringIO()):
        found = ImageStats(images[name], fields, **options)
    answer[name] = {word: float(getattr(found, word)) for word in fields.split(",")}
    answer[name]["bins"] = len(found.histogram)
print(json.dumps(answer))
"""


def images() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(12)
    frame = rng.normal(30, 6, (500, 700))
    hit = frame.copy()
    hit[rng.random(frame.shape) < 0.05] += 800
    rows, columns = np.indices(frame.shape)
    # a sample in strides sees one of the two only
    diagonal = (columns - rows) % 5 == 0
    many = {
        "narrow-sample": np.where(diagonal, frame / 6, 4 * frame),
        "wide-sample": np.where(diagonal, 4 * frame, frame / 6),
        "noise": frame,
        "cosmic": np.where(rng.random(frame.shape) < 0.03, frame + rng.exponential(900, frame.shape), frame),
        "hit": hit,
        "first-pixel-high": np.where(np.arange(frame.size).reshape(frame.shape) == 0, 1e5, frame),
        "first-pixel-low": np.where(np.arange(frame.size).reshape(frame.shape) == 0, -1e3, frame),
        "negative": -1000 + frame,
        "narrow": 600 + frame / 300,
        "rates": frame / 5000,
        "ramp": frame + np.linspace(0, 50, 700),
        "integers": np.round(frame),
        "halves": np.where(np.arange(500)[:, None] < 250, frame, frame + 200),
        "small": frame[:9, :7],
        "two": frame[:1, :2],
    }
    return {name: image.astype(np.float32) for name, image in many.items()}


SETTINGS = {
    "sky": Clipping(),
    "static": Clipping(3, 3.0, 3.0),
    "lopsided": Clipping(4, 2.0, 1.5, bin_sigma=0.3),
    "limits": Clipping(2, 3.0, 3.0, lower=20.0, upper=900.0),
}


def test_equal_to_imagestats(peer_python: str, tmp_path: Path) -> None:
    cases = {
        f"{name}/{label}": (image, clipping)
        for name, image in images().items()
        for label, clipping in SETTINGS.items()
        if label != "limits" or name in {"noise", "cosmic", "hit"}
    }
    np.savez(tmp_path / "images.npz", **{case: image for case, (image, _) in cases.items()})
    options = [
        (
            case,
            {"nclip": c.iterations, "lsig": c.low_sigma, "usig": c.high_sigma, "binwidth": c.bin_sigma}
            | {"lower": c.lower, "upper": c.upper},
        )
        for case, (_, c) in cases.items()
    ]
    command = [peer_python, "-c", PEER, str(tmp_path / "images.npz"), json.dumps(options)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    peer = json.loads(done.stdout)
    for case, (image, clipping) in cases.items():
        found, wanted = image_statistics(image, clipping), peer[case]
        assert (found.npix, found.bins) == (wanted["npix"], wanted["bins"]), case
        for word in ("mean", "stddev", "min", "max", "median", "mode"):
            # ImageStats rounds every squared deviation to single precision
            close = pytest.approx(wanted[word], rel=2e-7, abs=5e-6 * wanted["stddev"])
            assert getattr(found, word) == close, (case, word)
        assert found.median == wanted["median"], case


def reference(values: np.ndarray, clipping: Clipping) -> tuple[int, float, float, float]:
    """Plain double precision; the limits as ImageStats has them, in single precision."""
    kept = values = values[np.isfinite(values)].astype(float)
    for _ in range(clipping.iterations):
        mean, spread = np.float32(kept.mean()), np.float32(kept.std(ddof=1))
        low = np.float32(mean - np.float64(clipping.low_sigma) * spread)
        high = np.float32(mean + np.float64(clipping.high_sigma) * spread)
        kept = values[(values >= low) & (values <= high)]
    return kept.size, kept.mean(), kept.std(ddof=1), np.median(kept)


def check(found: Statistics, values: np.ndarray, clipping: Clipping) -> None:
    npix, mean, spread, median = reference(values, clipping)
    assert found.npix == npix
    assert found.mean == pytest.approx(mean, rel=2e-7)
    assert found.stddev == pytest.approx(spread, rel=2e-6)
    assert found.median == pytest.approx(median, rel=2e-7)


@pytest.mark.parametrize("name", list(images()))
@pytest.mark.parametrize("label", ["sky", "static", "lopsided"])
def test_equal_to_a_plain_computation(name: str, label: str) -> None:
    image = images()[name]
    check(image_statistics(image, SETTINGS[label]), image.ravel(), SETTINGS[label])


def test_mask_spans_and_pixels_that_are_not_finite_are_left_out() -> None:
    rng = np.random.default_rng(3)
    image = images()["cosmic"].copy()
    image[rng.random(image.shape) < 0.01] = np.nan
    image[rng.random(image.shape) < 0.001] = np.inf
    mask = rng.random(image.shape) < 0.9
    spans = np.sort(rng.integers(0, 701, (500, 2)), axis=1).astype(np.int32)
    columns = np.arange(700)
    within = (columns >= spans[:, :1]) & (columns < spans[:, 1:])
    settings = SETTINGS["sky"]
    check(image_statistics(image, settings), image.ravel(), settings)
    check(image_statistics(image, settings, mask=mask), image[mask], settings)
    check(image_statistics(image, settings, spans=spans), image[within], settings)
    both = image_statistics(image, settings, mask=mask, spans=spans)
    check(both, image[within & mask], settings)
    masked = np.where(mask, image, np.float32(np.nan))
    assert image_statistics(masked, settings, spans=spans).mode == both.mode


def test_without_a_pixel_nothing_is_known() -> None:
    for image in (np.full((3, 4), np.nan, np.float32), np.zeros((0, 4), np.float32)):
        found = image_statistics(image, Clipping())
        assert found.npix == 0
        assert np.isnan([found.mean, found.stddev, found.median, found.mode, found.min, found.max]).all()


def test_one_value_and_one_pixel() -> None:
    found = image_statistics(np.full((300, 600), 7, np.float32), Clipping())
    assert (found.npix, found.mean, found.stddev, found.median) == (180000, 7.0, 0.0, 7.0)
    assert (found.bins, found.mode) == (1, 7.0)
    alone = image_statistics(np.full((1, 1), 7, np.float32), Clipping())
    assert (alone.npix, alone.median) == (1, 7.0)


def test_limits_hold_without_clipping() -> None:
    image = np.arange(10, dtype=np.float32).reshape(2, 5)
    found = image_statistics(image, Clipping(0, lower=3, upper=6))
    assert (found.npix, found.median, found.min, found.max) == (4, 4.5, 3.0, 6.0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"iterations": -1},
        {"low_sigma": 0.0},
        {"high_sigma": -3.0},
        {"bin_sigma": float("nan")},
        {"lower": 5.0, "upper": 5.0},
    ],
)
def test_clipping_that_makes_no_sense(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        Clipping(**wrong)


@pytest.mark.parametrize(
    ("mask", "spans"),
    [
        (np.ones((4, 4), np.bool_), None),
        (None, np.zeros((3, 2), np.int32)),
        (None, np.array([[0, 6]] * 4, np.int32)),
        (None, np.array([[-1, 2]] * 4, np.int32)),
    ],
)
def test_the_kernel_refuses_what_does_not_fit(mask: np.ndarray | None, spans: np.ndarray | None) -> None:
    image = np.zeros((4, 5), np.float32)
    with pytest.raises(ValueError, match=r"mask|spans"):
        image_statistics(image, Clipping(), mask=mask, spans=spans)
    with pytest.raises(ValueError, match="negative"):
        clipped_statistics(
            image,
            mask=None,
            spans=None,
            iterations=-1,
            sigmas=(4, 4),
            limits=(0, 1),
            median=True,
            bin_sigma=0.1,
        )
