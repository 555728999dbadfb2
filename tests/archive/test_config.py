"""Argument > environment > file, and nothing unknown."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from trueup.cli import run
from trueup.config import Config, read_config
from trueup.errors import FileAccessError, UsageError
from trueup.simulate import Recipe, make_visit
from trueup.workflow.drizzle_settings import layered


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    path = tmp_path / "trueup.toml"
    path.write_text(
        """
[mast]
url = "http://file"
[gaia]
urls = ["http://one", "http://two"]
[http]
read_s = 7
parallel = 2
[run]
in_place = "never"
"""
    )
    return path


def test_argument_environment_file_default(settings: Path) -> None:
    environ = {"TRUEUP_CONFIG": str(settings)}
    assert read_config(environ=environ).mast.url == "http://file"
    environ["TRUEUP_MAST_URL"] = "http://environment"
    config = read_config(environ=environ)
    assert config.mast.url == "http://environment"
    assert config.gaia.urls == ("http://one", "http://two")
    assert (config.http.read_s, config.http.parallel, config.http.retries) == (7.0, 2, Config().http.retries)
    assert config.run.in_place == "never"
    assert read_config({"mast.url": "http://argument"}, environ=environ).mast.url == "http://argument"
    assert read_config({"mast.url": None}, environ=environ).mast.url == "http://environment"


def test_what_pasting_leaves_is_taken_off() -> None:
    environ = {
        "TRUEUP_CONFIG": "",
        "TRUEUP_MAST_TOKEN": "abc\n",
        "TRUEUP_GAIA_URLS": "http://a/, http://b/tap/",
    }
    config = read_config({"mast.url": "http://there/ "}, environ=environ)
    assert (config.mast.token, config.mast.url) == ("abc", "http://there")
    assert config.gaia.urls == ("http://a", "http://b/tap")


def test_the_usual_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert read_config(environ={}) == Config()
    (tmp_path / ".config").mkdir()
    settings.rename(tmp_path / ".config" / "trueup.toml")
    assert read_config(environ={}).mast.url == "http://file"
    assert read_config(environ={"TRUEUP_CONFIG": ""}) == Config()


def test_every_setting_has_a_variable() -> None:
    """Each is set, as text, to another value of its type."""
    values = {bool: "yes", int: "41", float: "0.25", str: "http://text", tuple: "http://a,http://b"}
    environ = {"TRUEUP_CONFIG": ""}
    for section in dataclasses.fields(Config):
        for key in dataclasses.fields(section.default):
            name = f"TRUEUP_{section.name}_{key.name}".upper()
            environ[name] = "never" if key.name == "in_place" else values[type(key.default)]
    config = read_config(environ=environ)
    for section in dataclasses.fields(Config):
        for key in dataclasses.fields(section.default):
            value = getattr(getattr(config, section.name), key.name)
            assert value != key.default
            assert type(value) is type(key.default)


def test_variables_of_other_programs() -> None:
    environ = {
        "TRUEUP_CONFIG": "",
        "CRDS_PATH": "/grp/crds",
        "CRDS_SERVER_URL": "http://crds",
        "MAST_API_TOKEN": "t",
    }
    config = read_config(environ=environ)
    assert (config.crds.cache, config.crds.url, config.mast.token) == ("/grp/crds", "http://crds", "t")
    assert read_config(environ={**environ, "TRUEUP_CRDS_CACHE": "/mine"}).crds.cache == "/mine"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[mast]\nurll = 'x'", "unknown setting mast.urll; known there: url, token"),
        ("[most]\nurl = 'x'", "unknown setting most.url; known there: mast, crds"),
        ("url = 'x'", "unknown setting url; settings are in sections"),
        ("[mast", "not TOML"),
        ("[http]\nparallel = 'many'", "http.parallel is not a whole number"),
        ("[http]\nparallel = 2.5", "http.parallel is not a whole number"),
        ("[http]\nretries = true", "http.retries is not a whole number"),
        ("[http]\noffline = 'perhaps'", "http.offline is not true or false"),
        ("[http]\ntotal_s = inf\nread_s = 'x'", "http.read_s is not a number"),
        ("[mast]\ntoken = 5", "mast.token is not text"),
        ("[gaia]\nurls = [1]", "gaia.urls is not a list of texts"),
    ],
)
def test_what_is_wrong_names_the_file(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "trueup.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=words) as caught:
        read_config(environ={"TRUEUP_CONFIG": str(path)})
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("http.parallel", 0, "http.parallel must be positive"),
        ("http.retries", -1, "cannot be negative"),
        ("run.in_place", "perhaps", "'always' or 'never'"),
        ("http.read_s", "nan", "http.read_s is not a number"),
        ("http.read_s", "inf", "http.read_s must be finite"),
        ("mast.url", "mast.stsci.edu", "mast.url is no address of a service: mast.stsci.edu; write it as"),
        ("mast.url", "ftp://127.0.0.1", "is no address"),
        ("crds.url", "http://[::1", "is no address"),
        ("gaia.urls", "http://127.0.0.1/tap,elsewhere", "is no address of a service: elsewhere"),
        ("s3.endpoint", "http://:8000", "is no address"),
        ("http.nothing", 1, "argument: unknown setting http.nothing"),
    ],
)
def test_what_is_wrong_in_an_argument(name: str, value: object, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        read_config({name: value}, environ={"TRUEUP_CONFIG": ""})


def test_what_is_wrong_in_the_environment() -> None:
    with pytest.raises(UsageError, match="TRUEUP_HTTP_RETRYS: unknown setting"):
        read_config(environ={"TRUEUP_CONFIG": "", "TRUEUP_HTTP_RETRYS": "1"})
    with pytest.raises(UsageError) as caught:
        read_config(environ={"TRUEUP_CONFIG": "", "TRUEUP_HTTP_PARALLEL": "secret"})
    assert "secret" not in str(caught.value)


def test_a_named_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileAccessError, match="No such file"):
        read_config(environ={"TRUEUP_CONFIG": str(tmp_path / "none.toml")})


def test_files_are_not_edited_where_that_is_forbidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_visit(tmp_path, recipe=Recipe(size=(96, 64), stars=20))
    flc = tmp_path / "iepw14g4q_flc.fits"
    (hlet,) = tmp_path.glob("*g4_hlet.fits")
    assert run(["apply", str(flc), "--hlet", str(hlet)]) == 0
    edited = flc.read_bytes()
    monkeypatch.setenv("TRUEUP_RUN_IN_PLACE", "never")
    for command in (
        ["apply", str(flc), "--solution", "distortion-only"],
        ["headerlet", "delete", str(flc), "--solution", "*GSC240"],
    ):
        assert run(command) == 2
        assert f"{flc}: is not edited" in capsys.readouterr().err
        assert flc.read_bytes() == edited
    assert run(["apply", str(flc), "--solution", "distortion-only", "--dry-run"]) == 0
    assert run(["apply", str(flc), "--solution", "distortion-only", "--out", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / flc.name).read_bytes() != edited == flc.read_bytes()
    assert run(["undo", str(flc)]) == 0
    assert flc.read_bytes() != edited


def test_the_number_of_threads_is_used_where_nothing_else_says_it() -> None:
    assert layered({}, threads=3)([]).threads == 3
    assert layered({}, stored='{"threads": 2}', threads=3)([]).threads == 2
    assert layered({"threads": 1}, stored='{"threads": 2}', threads=3)([]).threads == 1
