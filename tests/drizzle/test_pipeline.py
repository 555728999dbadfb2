"""Exposures to mosaic: units, masks, solutions, refusals."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from trueup.drizzle.inputs import chip_inputs
from trueup.drizzle.params import DrizzleParams
from trueup.drizzle.pipeline import drizzle
from trueup.errors import DataError, SolutionError
from trueup.fits.exposure import read_exposure
from trueup.fits.visit import open_visit
from trueup.model.cards import Value, make_card
from trueup.model.exposure import Exposure
from trueup.model.select import select
from trueup.model.visit import Visit
from trueup.simulate import Recipe, Truth, make_visit


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    return make_visit(tmp_path_factory.mktemp("visit"), recipe=Recipe(size=(256, 128), stars=30))


@pytest.fixture(scope="module")
def visit(truth: Truth) -> Visit:
    return open_visit([truth.exposures[0].path.parent])


@pytest.fixture(scope="module")
def f336w(visit: Visit) -> tuple[Exposure, ...]:
    return tuple(e for e in visit.exposures if e.filter == "F336W")


def with_primary(exposure: Exposure, keyword: str, value: Value) -> Exposure:
    card = make_card(keyword, value)
    return replace(exposure, header=exposure.header.replace(keyword, card))


def test_a_mosaic_of_one_filter(f336w: tuple[Exposure, ...]) -> None:
    mosaic = drizzle(f336w, params=DrizzleParams(final_bits="none"))
    assert mosaic.sci.dtype == mosaic.wht.dtype == np.float32
    assert mosaic.sci.shape == mosaic.wht.shape == mosaic.wcs.shape
    assert mosaic.wcsname == "IDC_2731450pi-FIT_REL_GAIAeDR3"
    assert mosaic.unit == "ELECTRONS/S"
    assert mosaic.context is not None
    assert mosaic.context.shape == (1, *mosaic.wcs.shape)
    assert np.bitwise_or.reduce(mosaic.context, axis=None) == 0b1111
    assert np.array_equal(mosaic.context[0] != 0, mosaic.wht > 0)
    total = sum(e.exptime for e in f336w)
    both = mosaic.context[0] == 0b0101
    assert np.median(mosaic.wht[both]) == pytest.approx(total, rel=0.05)


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_inputs_are_not_touched(truth: Truth, tmp_path: Path) -> None:
    folder = truth.exposures[0].path.parent
    before = {
        p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir()) if p.is_file()
    }
    files = [e.path for e in truth.exposures]
    drizzle(open_visit(files), solution="distortion-only", output=str(tmp_path / "a_trueup_drc.fits"))
    after = {
        p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir()) if p.is_file()
    }
    assert after == before


def test_any_solution_by_name_mapping_or_function(f336w: tuple[Exposure, ...]) -> None:
    chosen = {e.rootname: select(e, "*GSC240") for e in f336w}
    by_name = drizzle(f336w, solution="*gsc240")
    by_mapping = drizzle(f336w, solution=chosen)
    by_function = drizzle(f336w, solution=lambda e: chosen[e.rootname])
    active = drizzle(f336w)
    assert by_name.wcsname == "IDC_2731450pi-GSC240"
    for other in (by_mapping, by_function):
        assert np.array_equal(by_name.sci, other.sci, equal_nan=True)
        assert other.wcs.crval == by_name.wcs.crval
    assert active.wcs.crval != by_name.wcs.crval


def test_mixed_solutions_are_refused_by_name(visit: Visit) -> None:
    with pytest.raises(SolutionError) as error:
        drizzle(visit)
    for exposure in visit.exposures:
        assert exposure.path in str(error.value)
    assert "GSC240" in str(error.value)
    assert "--allow-mixed" in str(error.value)
    mixed = drizzle(visit, params=DrizzleParams(allow_mixed=True))
    assert mixed.wcsname == "MIXED"
    assert drizzle(visit, solution="rel").wcsname == "IDC_2731450pi-FIT_REL_GAIAeDR3"


@pytest.mark.parametrize(
    ("keyword", "value", "reason"),
    [
        ("FILTER", "G280", "spectroscopic"),
        ("MTFLAG", True, "moving"),
        ("EXPTIME", 0.0, "no exposure time"),
        ("SCAN_TYP", "C", "scan"),
    ],
)
def test_what_is_no_image_is_refused(
    keyword: str, value: Value, reason: str, f336w: tuple[Exposure, ...]
) -> None:
    with pytest.raises(DataError, match=reason) as error:
        drizzle((f336w[0], with_primary(f336w[1], keyword, value)))
    assert f336w[1].path in str(error.value)
    assert f336w[0].path not in str(error.value)


def with_unit(exposure: Exposure, unit: str) -> Exposure:
    chips = (replace(c, header=c.header.replace("BUNIT", make_card("BUNIT", unit))) for c in exposure.chips)
    return replace(exposure, chips=tuple(chips))


@pytest.mark.parametrize(
    ("unit", "is_rate", "out"),
    [
        ("ELECTRONS", False, "ELECTRONS/S"),
        ("ELECTRONS/S", True, "ELECTRONS/S"),
        ("COUNTS", False, "COUNTS/S"),
        ("COUNTS/S", True, "COUNTS/S"),
    ],
)
def test_units_of_the_input(unit: str, is_rate: bool, out: str, f336w: tuple[Exposure, ...]) -> None:
    exposure = with_unit(f336w[0], unit)
    stored = fits.getdata(exposure.path, ("SCI", 1))
    expected = stored if is_rate else stored / exposure.exptime
    first = chip_inputs((exposure,))[0]
    np.testing.assert_allclose(first.rate(sky=0.0, ratio=1.0), expected, rtol=1e-6)
    np.testing.assert_allclose(
        first.rate(sky=2.0, ratio=1.0), (stored - 2) * (expected / stored), rtol=1e-4, atol=1e-4
    )
    assert drizzle([exposure]).unit == out
    counts = drizzle([exposure], params=DrizzleParams(units="counts"))
    assert counts.unit == out.removesuffix("/S")


def test_an_unknown_unit_is_an_error(f336w: tuple[Exposure, ...]) -> None:
    with pytest.raises(DataError, match="BUNIT is 'JY'"):
        drizzle([with_unit(f336w[0], "Jy")])


def test_weights_follow_the_bits(f336w: tuple[Exposure, ...]) -> None:
    exposure = f336w[0]
    for one in chip_inputs((exposure,)):
        flags = fits.getdata(exposure.path, ("DQ", one.chip.id.extver)).astype(int)
        assert (flags & 4096).any()
        for params, bad in (
            (DrizzleParams(final_bits="336"), flags & ~(336 | 4096)),
            (DrizzleParams(final_bits="336", reset_bits="none"), flags & ~336),
            (DrizzleParams(final_bits="~4096,64", reset_bits=0), flags & 4160),
            (DrizzleParams(final_bits="none"), 0 * flags),
            (DrizzleParams(final_bits=0, reset_bits=0), flags),
        ):
            good = one.good(params.bad_bits("final"))
            weight = one.weight("EXP", good, sky=0.0, ratio=1.0)
            assert np.array_equal(weight, np.where(bad, 0, np.float32(exposure.exptime)))


def test_signed_flags_keep_their_highest_bit(truth: Truth, tmp_path: Path) -> None:
    path = tmp_path / truth.exposures[0].path.name
    with fits.open(truth.exposures[0].path) as hdus:
        hdus["DQ", 1].data[5, 7] = -(2**15)
        hdus["DQ", 1].data[6, 7] = 0
        hdus.writeto(path)
    exposure = read_exposure(path)
    first = chip_inputs((exposure,))[0]
    good = first.good(DrizzleParams(final_bits="336").bad_bits("final"))
    assert not good[5, 7]
    assert good[6, 7]
    assert first.good(DrizzleParams(final_bits="~64").bad_bits("final"))[5, 7]


def test_fill_value_and_nothing_on_the_grid(f336w: tuple[Exposure, ...]) -> None:
    mosaic = drizzle(f336w, params=DrizzleParams(fill=-99.0, context=False))
    assert mosaic.context is None
    assert np.array_equal(mosaic.sci == -99, mosaic.wht == 0)
    ra, dec = mosaic.wcs.crval
    with pytest.raises(DataError, match="no chip falls"):
        drizzle(f336w, params=DrizzleParams(center=(ra + 0.5, dec), shape=(50, 50)))


def test_surface_brightness_is_kept_from_file_to_mosaic(tmp_path: Path) -> None:
    recipe = Recipe(size=(300, 200), constant=2.0, noise=False)
    truth = make_visit(tmp_path, recipe=recipe)
    exposures = open_visit([e.path for e in truth.exposures if e.filter == "F336W"])
    mosaic = drizzle(exposures, params=DrizzleParams(scale=0.05, sky="none", cr=False))
    ratio = (mosaic.wcs.scale_arcsec() / 0.0396) ** 2
    good = mosaic.wht > 0
    assert good.any()
    assert np.abs(mosaic.sci[good] / (2.0 * ratio) - 1).max() < 2e-3
    assert np.ptp(mosaic.sci[good]) / np.median(mosaic.sci[good]) < 1e-5
