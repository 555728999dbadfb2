"""``trueup drizzle`` as typed."""

from __future__ import annotations

from pathlib import Path

import pytest
from astropy.io import fits

from trueup.cli import run
from trueup.simulate import Recipe, Truth, make_visit


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    return make_visit(tmp_path_factory.mktemp("visit"), recipe=Recipe(size=(160, 90), stars=15))


def test_products_are_named_on_stdout(
    truth: Truth, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(truth.exposures[0].path.parent)
    code = run(
        [
            "drizzle",
            folder,
            "--solution",
            "rel",
            "-o",
            f"{tmp_path}/",
            "--pixfrac",
            "0.8",
            "--shape",
            "300",
            "200",
        ]
    )
    out = capsys.readouterr().out.splitlines()
    assert code == 0
    assert [line.split()[0] for line in out] == [
        f"{tmp_path}/iepw140{n}_trueup_drc.fits" for n in ("30", "40")
    ]
    assert fits.getdata(out[0].split()[0], "SCI").shape == (200, 300)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--kernel", "cubic"], 2, "kernel"),
        (["--pixfrac", "2"], 2, "pixfrac is 2.0"),
        (["--final-bits", "3,5"], 2, "single bit"),
        ([], 3, "--allow-mixed"),
        (["--solution", "nonsense"], 2, "no solution matches"),
        (["--grid", "nowhere.fits", "--solution", "rel"], 3, "nowhere.fits"),
    ],
)
def test_errors_are_one_line(
    arguments: list[str], code: int, message: str, truth: Truth, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [str(e.path) for e in truth.exposures]
    assert run(["drizzle", *files, *arguments]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert captured.err.count("\n") == 1
