"""Sky values: what must hold whatever the pixels are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from trueup.drizzle.sky import Sky, SkySettings, sky_values
from trueup.drizzle.sky_file import given_sky, read_sky_values
from trueup.drizzle.skymatch import match_levels
from trueup.drizzle.static import static_mask
from trueup.drizzle.statistics import Clipping
from trueup.errors import DataError, FileAccessError, UsageError
from trueup.fits.exposure import read_exposure
from trueup.model.exposure import Exposure
from trueup.simulate import Recipe, make_visit

EVERY_FLAG = SkySettings(bad_bits=0xFFFFFFFF)


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    recipe = Recipe(size=(300, 240), exposures=3, filters=("F336W",), stars=30, galaxies=0)
    truth = make_visit(tmp_path_factory.mktemp("visit"), seed=7, recipe=recipe)
    return [exposure.path for exposure in truth.exposures]


@pytest.fixture(scope="module")
def exposures(visit: list[Path]) -> list[Exposure]:
    return [read_exposure(path) for path in visit]


def edited(path: Path, folder: Path, change: Callable[[fits.HDUList], None]) -> Exposure:
    copy = folder / path.name
    copy.write_bytes(path.read_bytes())
    with fits.open(copy, mode="update") as hdus:
        change(hdus)
    return read_exposure(copy)


def moved(exposure: Exposure, degrees: float) -> Exposure:
    parts = tuple(
        replace(part, wcs=replace(part.wcs, crval=(part.wcs.crval[0], part.wcs.crval[1] + degrees)))
        for part in exposure.solution.chips
    )
    return replace(exposure, solution=replace(exposure.solution, chips=parts))


def first_chip(sky: Sky, exposures: list[Exposure]) -> np.ndarray:
    return np.array([sky.of(exposure, exposure.chips[0]) for exposure in exposures])


def test_identities_between_the_methods(exposures: list[Exposure]) -> None:
    sky = {m: sky_values(exposures, m) for m in ("localmin", "globalmin", "match", "globalmin+match")}
    brightness = {m: np.array(list(found.brightness.values())) for m, found in sky.items()}
    assert (brightness["globalmin"] == brightness["localmin"].min()).all()
    assert brightness["match"].min() == 0
    added = brightness["globalmin+match"] - brightness["match"]
    assert np.ptp(added) < 1e-12
    assert added[0] == pytest.approx((brightness["localmin"] - brightness["match"]).min(), rel=1e-12)


def test_counts_are_compared_per_second_and_area(exposures: list[Exposure]) -> None:
    sky = sky_values(exposures, "globalmin")
    exptimes = np.array([exposure.exptime for exposure in exposures])
    values = first_chip(sky, exposures)
    assert len(set(exptimes)) > 1
    assert values / exptimes == pytest.approx(np.full(3, values[0] / exptimes[0]), rel=1e-12)
    assert next(iter(sky.brightness.values())) == pytest.approx(values[0] / exptimes[0] / 0.0396**2, rel=2e-3)


@pytest.mark.parametrize("method", ["localmin", "match", "globalmin+match"])
def test_a_pedestal_is_found(
    visit: list[Path], exposures: list[Exposure], tmp_path: Path, method: str
) -> None:
    def add(hdus: fits.HDUList) -> None:
        for extver in (1, 2):
            hdus["SCI", extver].data += 64.0

    changed = [exposures[0], edited(visit[1], tmp_path, add), exposures[2]]
    exptimes = [exposure.exptime for exposure in exposures]
    before = first_chip(sky_values(exposures, method), exposures) / exptimes
    after = first_chip(sky_values(changed, method), changed) / exptimes
    assert np.diff(after - before) * exptimes[1] == pytest.approx([64.0, -64.0], abs=1e-3)


def test_the_darker_chip_counts(visit: list[Path], tmp_path: Path) -> None:
    def add(hdus: fits.HDUList) -> None:
        hdus["SCI", 2].data += 50.0

    plain = edited(visit[0], tmp_path, lambda _: None)
    before = first_chip(sky_values([plain]), [plain])
    after = edited(visit[0], tmp_path, add)
    assert first_chip(sky_values([after]), [after]) == pytest.approx(before, rel=0.05)
    sky = sky_values([after])
    assert sky.of(after, after.chips[0]) == sky.of(after, after.chips[1])


@pytest.mark.parametrize("method", ["match", "globalmin+match"])
def test_an_exposure_without_overlap_is_named(exposures: list[Exposure], method: str) -> None:
    apart = [*exposures[:2], moved(exposures[2], 1.0)]
    sky, pair = sky_values(apart, method), sky_values(exposures[:2], method)
    assert len(sky.warnings) == 1
    assert apart[2].path in sky.warnings[0]
    if method == "match":
        assert sky.brightness[apart[2].path] is None
        assert sky.of(apart[2], apart[2].chips[0]) == 0
        assert first_chip(sky, apart[:2]).tolist() == first_chip(pair, apart[:2]).tolist()
    else:
        assert sky.brightness[apart[2].path] == min(sky.brightness.values())


def test_a_single_exposure_cannot_be_matched(exposures: list[Exposure]) -> None:
    sky = sky_values(exposures[:1], "match")
    assert list(sky.brightness.values()) == [None]
    assert "in common" in sky.warnings[0]


def test_groups_that_do_not_meet_are_matched_within() -> None:
    levels = {(0, 2): (5.0, 10), (2, 0): (6.0, 10), (1, 3): (9.0, 10), (3, 1): (4.0, 10)}
    deltas, groups = match_levels(levels, 5)
    assert groups == [[0, 2], [1, 3]]
    assert deltas[:4] == pytest.approx([0, 5, 1, 0])
    assert deltas[4] is None


def test_a_chain_of_overlaps_is_solved_as_a_whole() -> None:
    true = np.array([3.0, 7.5, 1.0, 4.0])
    levels = {}
    for i in range(3):
        levels[i, i + 1], levels[i + 1, i] = (10 + true[i], 50 + i), (10 + true[i + 1], 70)
    deltas, groups = match_levels(levels, 4)
    assert groups == [[0, 1, 2, 3]]
    assert deltas == pytest.approx(true - 1.0)


def test_pairs_that_disagree_are_weighed_by_their_pixels() -> None:
    levels = {(0, 1): (0.0, 100), (1, 0): (1.0, 100), (0, 2): (0.0, 100), (2, 0): (1.0, 100)}
    levels |= {(1, 2): (0.0, 1), (2, 1): (3.0, 1)}
    deltas, _ = match_levels(levels, 3)
    assert deltas == pytest.approx([0, 1, 1], abs=1e-3)
    assert deltas[2] > deltas[1]


def test_pixels_that_are_flagged_or_static_do_not_count(
    visit: list[Path], exposures: list[Exposure], tmp_path: Path
) -> None:
    def spoil(hdus: fits.HDUList) -> None:
        for extver in (1, 2):
            hdus["SCI", extver].data[:, :200] += 500
            hdus["DQ", extver].data[:, :200] |= 64

    spoilt = edited(visit[0], tmp_path, spoil)
    plain = first_chip(sky_values(exposures[:1]), exposures[:1])
    assert first_chip(sky_values([spoilt]), [spoilt]) == pytest.approx(plain, abs=0.3)
    ignoring = SkySettings(bad_bits=0xFFFFFFFF & ~64)
    assert first_chip(sky_values([spoilt], settings=ignoring), [spoilt])[0] > plain[0] + 300
    mask = static_mask([spoilt])
    for plane in mask.planes.values():
        plane[:, :200] = False
    assert first_chip(sky_values([spoilt], settings=ignoring, static=mask), [spoilt]) == pytest.approx(
        plain, abs=0.3
    )


def test_old_cosmic_ray_flags_are_reset(visit: list[Path], tmp_path: Path) -> None:
    def flag(hdus: fits.HDUList) -> None:
        for extver in (1, 2):
            hdus["DQ", extver].data[:] |= 4096

    flagged = edited(visit[0], tmp_path, flag)
    assert sky_values([flagged]).warnings == ()
    assert "no good pixel" in sky_values([flagged], settings=EVERY_FLAG).warnings[0]


@pytest.mark.parametrize("method", ["localmin", "globalmin", "match", "globalmin+match"])
def test_an_exposure_without_good_pixels_is_named(
    visit: list[Path], exposures: list[Exposure], tmp_path: Path, method: str
) -> None:
    def spoil(hdus: fits.HDUList) -> None:
        for extver in (1, 2):
            hdus["SCI", extver].data[:] = np.nan

    blank = edited(visit[0], tmp_path, spoil)
    sky = sky_values([blank, *exposures[1:]], method)
    assert any(blank.path in warning for warning in sky.warnings)
    rest = sky_values(exposures[1:], method)
    assert first_chip(sky, exposures[1:]).tolist() == first_chip(rest, exposures[1:]).tolist()


@pytest.mark.parametrize("method", ["localmin", "match"])
def test_threads_change_nothing(exposures: list[Exposure], method: str) -> None:
    one, four = (sky_values(exposures, method, settings=SkySettings(threads=n)) for n in (1, 4))
    assert one.native == four.native


def test_limits_and_statistic(visit: list[Path], tmp_path: Path) -> None:
    def fill(hdus: fits.HDUList) -> None:
        for extver in (1, 2):
            hdus["DQ", extver].data[:] = 0
            hdus["SCI", extver].data[:] = np.where(
                np.arange(300) < 100, 0, np.where(np.arange(300) < 250, 5, 8)
            )

    exposure = edited(visit[0], tmp_path, fill)

    def value(**options: float) -> float:
        settings = SkySettings(statistic="mean", clipping=Clipping(**options))
        return sky_values([exposure], settings=settings).of(exposure, exposure.chips[0])

    assert value() == pytest.approx(4.0 - 1 / 6)
    assert value(lower=1.0) == pytest.approx(5.75)
    assert value(lower=1.0, upper=7.0) == 5.0


def test_no_sky(exposures: list[Exposure]) -> None:
    assert set(sky_values(exposures, "none").native.values()) == {0.0}


def test_unknown_units_are_refused(visit: list[Path], tmp_path: Path) -> None:
    def rename(hdus: fits.HDUList) -> None:
        hdus["SCI", 1].header["BUNIT"] = "JY"

    with pytest.raises(DataError, match="BUNIT"):
        sky_values([edited(visit[0], tmp_path, rename)])


def test_unknown_statistic_and_method(exposures: list[Exposure]) -> None:
    with pytest.raises(UsageError, match="midpt"):
        SkySettings(statistic="midpt")
    with pytest.raises(UsageError, match="darkest"):
        sky_values(exposures, "darkest")


def write(folder: Path, text: str) -> str:
    path = folder / "sky.txt"
    path.write_text(text)
    return str(path)


def test_values_from_a_file(exposures: list[Exposure], tmp_path: Path) -> None:
    names = [Path(exposures[0].path).name, exposures[1].rootname, exposures[2].path]
    lines = ["# file  value", f"{names[0]} 1.5", "", f"{names[1]}  2 3  # per chip", f"{names[2]} -0.25"]
    sky = given_sky(exposures, read_sky_values(write(tmp_path, "\n".join(lines))))
    found = [[sky.of(exposure, chip) for chip in exposure.chips] for exposure in exposures]
    assert found == [[1.5, 1.5], [2.0, 3.0], [-0.25, -0.25]]
    assert given_sky(exposures[:1], {exposures[0].rootname: 4}).native == {
        (exposures[0].path, extver): 4.0 for extver in (1, 2)
    }


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("a_flc.fits x", "line 1"),
        ("a_flc.fits", "line 1"),
        ("# fine\na_flc.fits nan", "line 2"),
        ("a 1\na 2", "again in line 2"),
        ("# sky applied: yes\na 1", "subtracted already"),
    ],
)
def test_files_that_are_not_understood(tmp_path: Path, text: str, match: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(DataError, match=match) as caught:
        read_sky_values(path)
    assert caught.value.file == path


def test_a_file_without_some_exposure(exposures: list[Exposure]) -> None:
    with pytest.raises(DataError, match="no sky value"):
        given_sky(exposures, {exposures[0].rootname: 1.0})
    with pytest.raises(DataError, match="3 sky values are given for 2 chips"):
        given_sky(exposures[:1], {exposures[0].rootname: [1, 2, 3]})


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(FileAccessError):
        read_sky_values(str(tmp_path))
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="text"):
        read_sky_values(str(tmp_path / "binary"))
