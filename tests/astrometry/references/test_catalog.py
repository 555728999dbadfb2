"""Catalogues: formats, names and units of columns, and where the stars were at another epoch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import MaskedColumn, QTable, Table
from astropy.time import Time

from trueup.astrometry.references.catalog import Catalog, read_catalog
from trueup.astrometry.references.catalog_name import legal_name
from trueup.astrometry.references.columns import parse_columns
from trueup.errors import DataError, FormatError, UsageError

UNITS = {"ra": "deg", "dec": "deg", "ref_epoch": "yr", "phot_g_mean_mag": "mag"}


def gaia(n: int = 40, seed: int = 1) -> Table:
    """A table as the Gaia archive gives it, every tenth star without a proper motion."""
    rng = np.random.default_rng(seed)
    table = Table(
        {
            "source_id": np.arange(n),
            "ra": 359.99 + rng.uniform(0, 0.005, n),
            "dec": -64.9 + rng.uniform(-0.02, 0.02, n),
            "ra_error": rng.uniform(0.05, 1.0, n),
            "dec_error": rng.uniform(0.05, 1.0, n),
            "pmra": MaskedColumn(rng.normal(-30, 2, n), mask=np.arange(n) % 10 == 3),
            "pmdec": MaskedColumn(rng.normal(12, 2, n), mask=np.arange(n) % 10 == 3),
            "pmra_error": MaskedColumn(rng.uniform(0.05, 1.0, n), mask=np.arange(n) % 10 == 3),
            "pmdec_error": MaskedColumn(rng.uniform(0.05, 1.0, n), mask=np.arange(n) % 10 == 3),
            "ref_epoch": np.full(n, 2016.0),
            "phot_g_mean_mag": np.linspace(14, 20.9, n),
        }
    )
    for name in table.colnames[1:]:
        table[name].unit = UNITS.get(name, "mas/yr" if name.startswith("pm") else "mas")
    return table


def written(table: Table, path: Path) -> Path:
    known = {".fits": "fits", ".xml": "votable", ".csv": "ascii.csv", ".ecsv": "ascii.ecsv"}
    table.write(path, format=known[path.suffix])
    return path


@pytest.mark.parametrize("name", ["gaia.ecsv", "gaia.csv", "gaia.fits", "gaia.xml"])
def test_every_format_gives_the_same_stars(tmp_path: Path, name: str) -> None:
    table = gaia()
    catalog = read_catalog(written(table, tmp_path / name))
    assert np.allclose(catalog.ra, table["ra"], atol=1e-12, rtol=0)
    assert np.allclose(catalog.pmra, table["pmra"].filled(np.nan), equal_nan=True, rtol=1e-12)
    assert np.allclose(catalog.error_mas**2, (table["ra_error"] ** 2 + table["dec_error"] ** 2) / 2)
    assert np.isnan(catalog.pm_error).sum() == 4
    assert (catalog.epoch == 2016.0).all()


def test_motion_is_that_of_astropy(tmp_path: Path) -> None:
    table = gaia()
    table["pmra"][5], table["pmdec"][5] = 8000.0, -7000.0
    stars = read_catalog(written(table, tmp_path / "gaia.ecsv")).at(1994.3)
    known = ~table["pmra"].mask
    there = SkyCoord(
        np.asarray(table["ra"])[known] * u.deg,
        np.asarray(table["dec"])[known] * u.deg,
        pm_ra_cosdec=np.asarray(table["pmra"])[known] * u.mas / u.yr,
        pm_dec=np.asarray(table["pmdec"])[known] * u.mas / u.yr,
        # near enough for no star to be faster than light
        distance=50 * u.pc,
        obstime=Time(2016.0, format="jyear"),
    ).apply_space_motion(Time(1994.3, format="jyear"))
    found = SkyCoord(stars.ra[known], stars.dec[known], unit="deg")
    assert found.separation(there).to_value(u.mas).max() < 0.01


def test_parallax_is_that_of_erfa(tmp_path: Path) -> None:
    import erfa  # type: ignore[import-untyped]

    table = gaia()
    table["parallax"], table["parallax_error"] = 40.0, 0.1
    table["parallax_error"][::2] = 20.0
    moved = read_catalog(written(table, tmp_path / "near.csv")).at(2020.8)
    table["parallax"] = 0.0
    still = read_catalog(written(table, tmp_path / "far.csv")).at(2020.8)
    moment = Time(2020.8, format="jyear", scale="tdb")
    earth = erfa.epv00(moment.jd1, moment.jd2)[1]["p"]
    ra, dec = np.radians(still.ra), np.radians(still.dec)
    p = erfa.pmpx(ra, dec, 0, 0, np.where(np.arange(40) % 2, 0.04, 0.0), 0, 0, earth)
    there = SkyCoord(*erfa.c2s(p), unit="rad")
    found = SkyCoord(moved.ra, moved.dec, unit="deg")
    assert found.separation(there).to_value(u.mas).max() < 1e-3
    assert found.separation(SkyCoord(still.ra, still.dec, unit="deg"))[1].to_value(u.mas) > 10


def test_a_star_without_proper_motion_moves_with_the_field_and_is_widened(tmp_path: Path) -> None:
    table = gaia()
    stars = read_catalog(written(table, tmp_path / "gaia.ecsv")).at(2020.9)
    unknown = table["pmra"].mask
    assert (stars.dec[unknown] - table["dec"][unknown]) * 3.6e6 == pytest.approx(12 * 4.9, abs=6)
    assert ((stars.sigma_mas[unknown] > 1.0 * 4.9) & (stars.sigma_mas[unknown] < 4.0 * 4.9)).all()
    assert (stars.sigma_mas[~unknown] < 1.5 * 4.9).all()
    assert stars.common_mas == 0
    assert "4 of 40 stars without a proper motion" in stars.notes[0]


def test_errors_of_motions_grow_with_the_years(tmp_path: Path) -> None:
    table = gaia()
    catalog = read_catalog(written(table, tmp_path / "gaia.ecsv"))
    known = ~table["pmra"].mask
    variance = (table["pmra_error"] ** 2 + table["pmdec_error"] ** 2)[known] / 2
    grown = np.sqrt(catalog.error_mas[known] ** 2 + variance * 7**2)
    assert catalog.at(2009.0).sigma_mas[known] == pytest.approx(np.asarray(grown))
    assert catalog.at(2016.0).sigma_mas[known] == pytest.approx(catalog.error_mas[known])


def test_without_any_proper_motion(tmp_path: Path) -> None:
    table = gaia()
    table.remove_columns(["pmra", "pmdec", "pmra_error", "pmdec_error"])
    path = written(table, tmp_path / "mine.csv")
    with pytest.raises(DataError, match=r"mine\.csv: no proper motions, .* 4\.9 years .* pm_dispersion=5"):
        read_catalog(path).at(2020.9)
    near = read_catalog(path).at(2016.25)
    assert near.sigma_mas.min() > 1.2
    assert "without a proper motion" in near.notes[0]
    wide = read_catalog(path, columns={"pm_dispersion": "3"}).at(2020.9)
    assert wide.sigma_mas.min() > 3 * 4.9
    assert wide.common_mas == pytest.approx(3 * 4.9)


def test_without_an_epoch(tmp_path: Path) -> None:
    table = gaia()
    table.remove_column("ref_epoch")
    mine = written(table, tmp_path / "mine.csv")
    with pytest.raises(DataError, match=r"mine\.csv: no epoch; state it, such as epoch=2016\.0"):
        read_catalog(mine).at(2020.9)
    stated = read_catalog(mine, columns={"ref_epoch": "2016.0"}).at(2020.9)
    known = read_catalog(written(table, tmp_path / "gaiadr3_field.csv"))
    assert known.name == "GAIADR3"
    assert (known.at(2020.9).dec == stated.dec).all()


def test_columns_of_vizier(tmp_path: Path) -> None:
    """VizieR's RAJ2000 of Gaia is reckoned back to 2000; the epoch stands in the description."""
    ours = gaia(3)
    table = Table(
        {
            "RAJ2000": ours["ra"] + 1e-4,
            "DEJ2000": ours["dec"],
            "RA_ICRS": ours["ra"],
            "DE_ICRS": ours["dec"],
            "e_RA_ICRS": ours["ra_error"],
            "e_DE_ICRS": ours["dec_error"],
            "pmRA": ours["pmra"],
            "pmDE": ours["pmdec"],
            "Gmag": ours["phot_g_mean_mag"],
        }
    )
    table["RA_ICRS"].description = "Right ascension (ICRS) at Ep=2015.5 (ra)"
    catalog = read_catalog(written(table, tmp_path / "field.ecsv"))
    assert (catalog.ra == ours["ra"]).all()
    assert (catalog.epoch == 2015.5).all()
    assert np.isfinite(catalog.pmra).all()
    assert np.isfinite(catalog.error_mas + catalog.mag).all()


def test_units_are_honoured(tmp_path: Path) -> None:
    table = gaia()
    for name, unit in {"ra": "rad", "dec": "arcmin", "pmra": "arcsec/yr", "ra_error": "deg"}.items():
        table[name] = table[name].to(unit) if name != "pmra" else table[name] / 1000
        table[name].unit = unit
    for suffix in ("ecsv", "fits", "xml"):
        catalog = read_catalog(written(table, tmp_path / f"odd.{suffix}"))
        same = read_catalog(written(gaia(), tmp_path / f"plain.{suffix}"))
        for name in ("ra", "dec", "pmra", "error_mas"):
            assert np.allclose(getattr(catalog, name), getattr(same, name), rtol=1e-9, equal_nan=True), name


def test_sexagesimal_text_and_mapping(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("alpha,delta,when\n10:00:00.5,-64:30:00,2016\n,,2016\n10:00:01,-64:30:01,2016\n")
    catalog = read_catalog(path, columns=parse_columns("ra=alpha, dec=delta, epoch=when, pmra=0, pmdec=0"))
    assert catalog.ra.tolist() == pytest.approx([150 + 0.5 / 240, 150 + 1 / 240])
    assert catalog.dec[0] == -64.5
    stars = catalog.at(2026.0)
    assert stars.ra == pytest.approx(catalog.ra, abs=1e-12)


def test_column_of_sky_coordinates(tmp_path: Path) -> None:
    place = SkyCoord(
        [150.0, 150.1] * u.deg,
        [2.0, 2.1] * u.deg,
        pm_ra_cosdec=[3.0, 4.0] * u.mas / u.yr,
        pm_dec=[-1.0, 2.0] * u.mas / u.yr,
        obstime=Time(2015.5, format="jyear"),
    )
    path = tmp_path / "coords.ecsv"
    QTable({"id": [1, 2], "place": place}).write(path)
    catalog = read_catalog(path)
    assert catalog.dec.tolist() == [2.0, 2.1]
    assert catalog.pmra.tolist() == pytest.approx([3.0, 4.0])
    assert catalog.epoch == pytest.approx(2015.5)


def test_limits_of_magnitude(tmp_path: Path) -> None:
    path = written(gaia(), tmp_path / "gaia.ecsv")
    kept = read_catalog(path, faintest=18, brightest=15).mag
    assert 15 <= kept.min() < kept.max() <= 18
    with pytest.raises(UsageError, match="no star with a position is within the limits"):
        read_catalog(path, faintest=10)
    plain = tmp_path / "plain.csv"
    plain.write_text("ra,dec\n1,2\n")
    with pytest.raises(UsageError, match="no magnitudes to limit; name the column: mag=COLUMN"):
        read_catalog(plain, faintest=20)


@pytest.mark.parametrize(
    ("text", "columns", "message"),
    [
        ("a,b\n1,2\n", {}, "no positions among a, b; name them: ra=COLUMN,dec=COLUMN"),
        ("ra,dec\n10,200\n", {}, "dec = 200; state the unit"),
        ("ra,dec\nx,y\n", {}, "column ra"),
        ("ra,dec,epoch\n1,2,57389\n", {}, "epoch = 57389; give Julian years"),
        ("ra,dec\n1,2\n", {"pm_dispersion": "-5"}, "pm_dispersion = -5; give mas/yr"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, columns: dict[str, str], message: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(FormatError, match=r"bad\.csv") as caught:
        read_catalog(path, columns=columns)
    assert message in str(caught.value)


@pytest.mark.parametrize("text", ["ra,dec,mag\n", "ra,dec,mag\nnan,nan,18\n,,18\n"])
def test_a_catalogue_without_stars_is_not_blamed_on_limits(tmp_path: Path, text: str) -> None:
    path = tmp_path / "none.csv"
    path.write_text(text)
    for limits in ({}, {"faintest": 20.0}):
        with pytest.raises(
            DataError, match=r"none\.csv: no star with a position; give a catalogue of this field"
        ):
            read_catalog(path, **limits)


def test_wrong_mappings_are_refused(tmp_path: Path) -> None:
    path = written(gaia(), tmp_path / "gaia.ecsv")
    with pytest.raises(UsageError, match="no column ALPHA for ra; it has source_id, ra, dec"):
        read_catalog(path, columns={"ra": "ALPHA", "dec": "dec"})
    with pytest.raises(UsageError, match="no such quantity: colour"):
        parse_columns("colour=B")
    with pytest.raises(UsageError, match="no column mapping: 'ra'"):
        parse_columns("ra")


@pytest.mark.parametrize(
    ("stem", "meta", "name"),
    [
        ("gaia_edr3", {}, "GAIAeDR3"),
        ("m16", {"description": "SELECT * FROM gaiadr2.gaia_source"}, "GAIADR2"),
        ("m16", {"name": "I/355/gaiadr3"}, "GAIADR3"),
        ("my-stars_2", {}, "MYSTARS2"),
    ],
)
def test_name_of_the_catalogue(tmp_path: Path, stem: str, meta: dict[str, str], name: str) -> None:
    table = gaia(5)
    table.meta.update(meta)
    assert read_catalog(written(table, tmp_path / f"{stem}.ecsv")).name == name
    assert legal_name(name) == name.upper()


def test_stars_without_an_epoch_of_their_own_are_left_out() -> None:
    one = np.ones(3)
    catalog = Catalog(
        "MINE", "m.csv", one, one, one, one, one, one, np.array([2016, np.nan, 2016]), one, 0 * one
    )
    stars = catalog.at(2020.0)
    assert len(stars) == 2
    assert stars.notes == ("1 of 3 stars without an epoch are left out",)
