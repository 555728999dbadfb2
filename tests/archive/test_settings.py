"""Every service is where the settings say: by file, by environment and by argument."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from archive.observatory import MDRIZTAB, Observatory, in_bucket, observatory

from trueup.cli import run
from trueup.simulate import Recipe, Truth, make_visit

EVERY = {"api", "portal", "crds", "tap", "astrometryDB"}


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    recipe = Recipe(size=(300, 200), stars=60, galaxies=0)
    return make_visit(tmp_path_factory.mktemp("visit"), recipe=recipe)


def test_everything_is_asked_where_the_settings_say(
    truth: Truth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with observatory(truth) as first, observatory(truth) as second:
        settings = tmp_path / "trueup.toml"
        settings.write_text(_toml(first.settings))
        monkeypatch.setenv("TRUEUP_CONFIG", str(settings))
        _run_everything(truth, tmp_path / "by_file")
        assert first.asked() == EVERY
        assert not second.asked()

        before = len(first.server.log)
        for name, value in second.settings.items():
            monkeypatch.setenv(f"TRUEUP_{name.replace('.', '_').upper()}", value)
        _run_everything(truth, tmp_path / "by_environment")
        assert second.asked() == EVERY
        assert len(first.server.log) == before

        first.server.log.clear()
        before = len(second.server.log)
        _run_everything(truth, tmp_path / "by_argument", *_arguments(first))
        assert first.asked() == EVERY
        assert len(second.server.log) == before


def _toml(settings: Mapping[str, str]) -> str:
    return "\n".join(f'{name} = "{value}"' for name, value in settings.items())


def _arguments(where: Observatory) -> list[str]:
    return [f"--set={name}={value}" for name, value in where.settings.items()]


def _run_everything(truth: Truth, folder: Path, *settings: str) -> None:
    """Searches, fetches from all sources, remote listings, a drizzle and a measurement."""
    _fetch(folder, *settings)
    settings += tuple(f"--set={name}.cache={folder / name}" for name in ("crds", "gaia"))
    exposures = [str(path) for path in sorted(folder.glob("iepw14g[46]q_flc.fits"))]
    assert run(["drizzle", *exposures, "-o", f"{folder}/", *settings]) == 0
    assert (folder / "crds" / "references" / "hst" / "wfc3" / MDRIZTAB).exists()
    assert run(["measure", exposures[0], "--catalog", "gaia", *settings]) == 0
    assert len(list((folder / "gaia").glob("*.ecsv"))) == 1
    assert len(exposures) == len([e for e in truth.exposures if e.filter == "F336W"])


def _fetch(folder: Path, *settings: str) -> None:
    to = ["--dest", str(folder), *settings]
    assert run(["search", "IEPW14*", *settings]) == 0
    assert run(["fetch", "IEPW14030", *to]) == 0
    assert run(["fetch", "IEPW14040", "--source", "s3", *to]) == 0
    assert run(["fetch", "iepw14gaq", "--source", "astrometry", *to]) == 0
    assert run(["ls", in_bucket("iepw14g4q_flc.fits"), "--obs-id", "IEPW14040", *settings]) == 0
    assert len(list(folder.glob("*_flc.fits"))) == 4
    assert (folder / "iepw14gaq_SVM_hlet.fits").exists()
