"""Exposures against catalogues whose truth is known: star lists that are drawn, and simulated frames."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scenes import SHAPE, chip_wcs, distortion_only, exposure, fit, moved, solution

from trueup.astrometry.measuring.absolute import measure_absolute
from trueup.astrometry.measuring.measure import measure
from trueup.astrometry.measuring.measurement import Absolute, Candidate
from trueup.astrometry.pairs.seen import see
from trueup.astrometry.references.catalog import Catalog, read_catalog
from trueup.astrometry.references.target import profile_error_pix
from trueup.astrometry.stars.sources import Sources
from trueup.astrometry.stars.starlist import StarList, find_stars
from trueup.errors import DataError
from trueup.fits.exposure import read_exposure
from trueup.model.chipwcs import ChipWcs
from trueup.model.exposure import Exposure
from trueup.model.offset import offset
from trueup.model.visit import Visit
from trueup.simulate import Recipe, make_visit

Floats = NDArray[np.float64]

EPOCH, YEARS = 2020.9, 4.9
TRUTH = tuple(moved(chip_wcs(n), 300.0, 200.0) for n in (1, 2))


@dataclass(frozen=True)
class Sky:
    """Stars of an exposure and the part of them that a catalogue lists."""

    stars: StarList
    catalog: Catalog


def exposed(*more: tuple[float, float], **words: object) -> Exposure:
    """An exposure whose active solution is the truth, and others that are off by (east, north) mas."""
    named = solution("IDC_2731450pi-FIT_REL_GAIAeDR3", TRUTH)
    others = [
        solution(f"TWEAK{k}", tuple(moved(wcs, *shift, 0.004) for wcs in TRUTH))
        for k, shift in enumerate(more)
    ]
    start = 51544.5 + (EPOCH - 2000) * 365.25
    return exposure(named, *others, EXPSTART=start, EXPEND=start, **words)  # type: ignore[arg-type]


def draw(seed: int, *, listed: int = 46, outliers: float = 0.08, still: float = 0.1) -> Sky:
    """Draw stars, their centroids and what Gaia says of them.

    The brightest are listed; some of them are not where they should be (companions, blends), some have no
    proper motion. Cosmic rays outnumber them all.
    """
    rng = np.random.default_rng([seed, 77])
    faint, rays = 150, 600
    n = listed + faint
    chip = rng.integers(0, 2, n + rays)
    x, y = rng.uniform(10, SHAPE[1] - 10, n + rays), rng.uniform(10, SHAPE[0] - 10, n + rays)
    mag = np.concatenate([np.sort(rng.uniform(15.5, 20.8, listed)), rng.uniform(21, 24, faint + rays)])
    sigma = np.hypot(0.006, 0.02 * 10 ** (0.2 * (mag - 20.5)))
    sky = [TRUTH[k].pixel_to_sky(a, b) for k, a, b in zip(chip[:listed], x[:listed], y[:listed], strict=True)]
    catalog = gaia_like(rng, np.array(sky).reshape(-1, 2), mag[:listed], still=still)
    wrong = rng.uniform(0, 1, n + rays) < outliers
    x, y = (v + rng.normal(0, sigma) + wrong * rng.normal(0, 3.0, n + rays) for v in (x, y))
    tier = np.where(mag < 21, 0, np.where(np.arange(n + rays) < n, 1, 2)).astype(np.int8)
    columns = (x, y, 10 ** (0.4 * (30 - mag)), 1 / sigma, sigma, np.zeros(n + rays), tier)
    parts = tuple(
        (part.chip, Sources(*(column[chip == k] for column in columns)))
        for k, part in enumerate(distortion_only().chips)
    )
    return Sky(StarList("iepw14g4q", parts, 1.8, 0.0), catalog)


def gaia_like(rng: np.random.Generator, sky: Floats, mag: Floats, *, still: float) -> Catalog:
    """Positions at 2016.0 of stars that are at `sky` at the epoch of the exposure, with Gaia's errors."""
    n = len(sky)
    motion = rng.normal([-3.0, 5.0], 2.0, (n, 2))
    error = np.interp(mag, [13, 17, 20, 21], [0.02, 0.07, 0.5, 1.2])
    pm_error = error * 1.1
    cos = np.cos(np.radians(sky[:, 1]))
    noise = rng.normal(0, 1, (4, n))
    unknown = rng.uniform(0, 1, n) < still
    return Catalog(
        name="GAIADR3",
        file="gaia.ecsv",
        ra=sky[:, 0] + (noise[0] * error - motion[:, 0] * YEARS) / 3.6e6 / cos,
        dec=sky[:, 1] + (noise[1] * error - motion[:, 1] * YEARS) / 3.6e6,
        error_mas=error,
        pmra=np.where(unknown, np.nan, motion[:, 0] + noise[2] * pm_error),
        pmdec=np.where(unknown, np.nan, motion[:, 1] + noise[3] * pm_error),
        pm_error=np.where(unknown, np.nan, pm_error),
        epoch=np.full(n, 2016.0),
        mag=mag,
        parallax=np.zeros(n),
    )


def rows(sky: Sky, on: Exposure, catalog: Catalog | None = None) -> tuple[Absolute, ...]:
    every = [Candidate(on.rootname, k) for k in range(len(on.solutions))]
    return measure_absolute(see(on, sky.stars), catalog or sky.catalog, candidates=every)[1]


@pytest.mark.parametrize(("listed", "limit", "least"), [(46, 0.4, 40), (10, 1.5, 32)])
def test_errors_are_small_and_honest(listed: int, limit: float, least: int) -> None:
    """46 stars, 8 % outliers, 10 % without proper motion, 4.9 years: 0.4 mas; ten stars: an honest sigma."""
    fits = [rows(draw(seed, listed=listed), exposed())[0].fit for seed in range(40)]
    fits = [fit for fit in fits if fit.verdict != "unmeasurable"]
    assert len(fits) >= least
    for axis in ("east", "north"):
        miss = np.array([getattr(fit, f"{axis}_mas") for fit in fits])
        pull = miss / [getattr(fit, f"sigma_{axis}_mas") for fit in fits]
        assert np.sqrt(np.mean(miss**2)) < limit
        assert 0.7 < np.sqrt(np.mean(pull**2)) < 1.4
    corner = np.array([[fit.corner_mas, fit.corner_sigma_mas] for fit in fits])
    # the length of a displacement has two axes
    assert 0.7 < np.sqrt(np.mean((corner[:, 0] / corner[:, 1]) ** 2) / 2) < 1.4


def test_every_solution_is_measured_on_the_same_stars() -> None:
    on = exposed((60.0, -35.0), (-400.0, 120.0))
    sky = draw(1)
    found = rows(sky, on)
    assert len({row.fit.n for row in found}) == 1
    for row in found:
        there = offset(on.solutions[row.candidate.index], on.solutions[0])
        assert there is not None
        assert row.fit.east_mas == pytest.approx(there.east_mas, abs=4 * (row.fit.sigma_east_mas or 0))
        assert row.fit.north_mas == pytest.approx(there.north_mas, abs=4 * (row.fit.sigma_north_mas or 0))
    assert [row.fit.verdict for row in found] == ["pass", "fail", "fail"]
    alone = measure_absolute(see(on, sky.stars), sky.catalog, candidates=[Candidate("iepw14g4q", 1)])[1][0]
    assert alone.fit.east_mas == pytest.approx(found[1].fit.east_mas, abs=0.1)
    assert alone.fit.sigma_east_mas == pytest.approx(found[1].fit.sigma_east_mas, rel=0.1)


def test_unpropagated_motions_would_be_seen() -> None:
    """The catalogue as it was published is 15 and 24 mas off: 4.9 years of the motion of the field."""
    sky = draw(2)
    frozen = replace(sky.catalog, epoch=np.full(len(sky.catalog), EPOCH))
    moved_on, stuck = rows(sky, exposed())[0].fit, rows(sky, exposed(), frozen)[0].fit
    assert np.hypot(moved_on.east_mas or 9, moved_on.north_mas or 9) < 1.5
    assert stuck.north_mas == pytest.approx(5.0 * YEARS, abs=4)


def test_a_catalogue_without_motions_is_refused_or_says_little() -> None:
    sky = draw(3)
    unknown = np.full(len(sky.catalog), np.nan)
    bare = replace(sky.catalog, pmra=unknown, pmdec=unknown, pm_error=unknown)
    with pytest.raises(DataError, match=r"gaia\.ecsv: no proper motions"):
        rows(sky, exposed(), bare)
    wide = rows(sky, exposed(), replace(bare, pm_dispersion=4.0))[0].fit
    assert wide.sigma_north_mas == pytest.approx(4 * YEARS, rel=0.1)
    assert wide.verdict == "undecided"
    undated = replace(sky.catalog, epoch=unknown)
    with pytest.raises(DataError, match=r"gaia\.ecsv: no epoch; state it"):
        rows(sky, exposed(), undated)


def test_a_catalogue_is_refused_before_pixels_are_read() -> None:
    undated = replace(draw(3).catalog, epoch=np.full(46, np.nan))
    # the exposure has no file
    with pytest.raises(DataError, match=r"gaia\.ecsv: no epoch"):
        measure(Visit((exposed(),)), catalog=undated)


@pytest.mark.parametrize("shift", [(0.2, 0.0), (180.0, 0.0), (0.0, 60.0)])
def test_a_catalogue_of_another_field(shift: tuple[float, float]) -> None:
    sky = draw(4)
    other = replace(sky.catalog, ra=sky.catalog.ra + shift[0], dec=sky.catalog.dec + shift[1])
    for row in rows(sky, exposed((60.0, -35.0)), other):
        assert row.fit.verdict == "unmeasurable"
        assert row.fit.why == ("no star of GAIADR3 within the footprint: is it the catalogue of this field?")


def test_a_profile_that_does_not_fit_widens_the_errors() -> None:
    """A lopsided profile moves all stars of a part of the field alike: that does not average down."""
    sky, on = draw(1), exposed()
    tight = replace(sky, stars=with_mismatch(sky.stars, 0.05))
    loose = replace(sky, stars=with_mismatch(sky.stars, 0.4))
    sharp, blunt = rows(tight, on)[0].fit, rows(loose, on)[0].fit
    assert profile_error_pix(see(on, tight.stars)) == 0
    assert profile_error_pix(see(on, loose.stars)) == pytest.approx(0.04, abs=0.01)
    assert blunt.east_mas == pytest.approx(sharp.east_mas, abs=0.02)
    assert blunt.corner_sigma_mas > 1.2 > 1.2 * sharp.corner_sigma_mas
    assert blunt.sigma_east_mas > 1.2 * sharp.sigma_east_mas


def with_mismatch(stars: StarList, value: float) -> StarList:
    parts = ((chip, replace(s, mismatch=np.full(len(s), value))) for chip, s in stars.chips)
    return replace(stars, chips=tuple(parts))


def test_chance_is_no_match() -> None:
    """A catalogue of other stars at the same place never counts."""
    for seed in range(20):
        row = rows(draw(seed), exposed(), draw(seed + 100, listed=60).catalog)[0]
        assert row.fit.verdict == "unmeasurable"
        assert "may be chance" in row.fit.why


def test_what_cannot_be_compared_says_why() -> None:
    sky = draw(5)
    moving = exposed(MTFLAG=True, TARGNAME="MARS")
    assert rows(sky, moving)[0].fit.why == "a moving exposure: moving target MARS"
    undated = exposure(fit(0.0, 0.0))
    assert rows(sky, undated)[0].fit.why == "no epoch: EXPSTART is not in the header"
    empty = replace(sky, stars=StarList("iepw14g4q", (), 1.8, 0.0))
    assert rows(empty, exposed())[0].fit.verdict == "unmeasurable"
    few = draw(6, listed=3)
    assert rows(few, exposed())[0].fit.verdict == "unmeasurable"


def test_across_the_pole_and_the_first_meridian() -> None:
    """A footprint at right ascension 0, and a catalogue that counts from -180 to 180."""
    sky = draw(7)
    start = sky.catalog.ra.mean()

    def turned(wcs: ChipWcs) -> ChipWcs:
        return replace(wcs, crval=((wcs.crval[0] - start) % 360.0, wcs.crval[1]))

    on = exposed()
    chips = tuple(replace(part, wcs=turned(part.wcs)) for part in on.solution.chips)
    there = replace(on.solution, chips=chips)
    on = replace(on, solutions=(there,), solution=there)
    catalog = replace(sky.catalog, ra=sky.catalog.ra - start)
    assert catalog.ra.min() < 0
    assert rows(sky, on, catalog)[0].fit.verdict == "pass"


def test_simulated_frames(tmp_path: Path) -> None:
    """Pixels of a visit, its catalogue as Gaia would list it, and what its solutions truly are."""
    recipe = Recipe(size=(2048, 1024), filters=("F336W", "F275W"), exposures=1, stars=500)
    truth = make_visit(tmp_path, seed=5, recipe=recipe)
    catalog = read_catalog(truth.catalog)
    for path in truth.files:
        on = read_exposure(path)
        known = truth.exposure(on.rootname).errors
        every = [Candidate(on.rootname, k) for k, found in enumerate(on.solutions) if found.wcsname in known]
        stars = find_stars(on)
        _, measured = measure_absolute(see(on, stars), catalog, candidates=every, center=truth.centre)
        assert len(measured) >= 3
        for row in measured:
            there = known[on.solutions[row.candidate.index].wcsname]
            assert row.fit.east_mas == pytest.approx(there.east_mas, abs=4 * (row.fit.sigma_east_mas or 0))
            assert row.fit.north_mas == pytest.approx(there.north_mas, abs=4 * (row.fit.sigma_north_mas or 0))
            assert row.fit.rotation_deg == pytest.approx(there.rotation_deg, abs=2e-3)
            assert (row.fit.sigma_east_mas or 9) < 1.5
