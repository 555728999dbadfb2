"""The same frames aligned by TweakReg and by the archive's pipeline, in processes of their own.

A peer edits its copies of the files. Its error is what is left between the WCS that it wrote and the truth.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.astrometry.frames import Frames
from bench.astrometry.sky import YEARS
from trueup.fits.exposure import read_exposure
from trueup.model.displacement import Displacement, displacement
from trueup.model.offset import MAS_PER_DEG

TWEAKREG, HAP = "TweakReg", "HAP"
_SCRIPTS = Path(__file__).resolve().parents[1] / "peers"
_TRUEUP = str(Path(sys.executable).parent / "trueup")
_MEMORY_BYTES = 10 * 2**30
_PATIENCE_S = 600
_UNTOUCHED_MAS = 1e-3


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds of a whole process.

    Parameters
    ----------
    elapsed : float
        By the clock.
    processor : float
        Of all cores together, which a busy machine does not change.
    """

    elapsed: float
    processor: float


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a process made of the frames.

    Parameters
    ----------
    spent : Spent
    left : Displacement or None
        Of the second exposure against the first, or of the one against the sky; None where it gave up or
        changed nothing.
    why : str
        The last line that it printed, where it gave up.
    """

    spent: Spent
    left: Displacement | None
    why: str = ""


def time_trueup(frames: Frames) -> Spent:
    """What ``trueup measure`` takes in a fresh process."""
    command = [_TRUEUP, "measure", *(str(path) for path in frames.paths)]
    if frames.catalog:
        command += ["--catalog", str(frames.catalog)]
    spent, code, last = _run(command, frames.paths[0].parent)
    if code not in (0, 1):  # 1 says that the exposures are not aligned, which is true
        raise SystemExit(f"{' '.join(command)}\n{last}")
    return spent


def tweakreg(frames: Frames, folder: Path) -> Attempt:
    """Align with TweakReg."""
    files = _copies(frames, folder)
    command = [sys.executable, str(_SCRIPTS / "tweakreg.py"), *(path.name for path in files)]
    if frames.catalog:
        ra, dec, _ = _known(frames)
        np.savetxt(folder / "stars.txt", np.column_stack([ra, dec]), fmt="%.10f")
        command += ["--catalog", "stars.txt"]
    return _attempt(frames, files, command)


def hap(frames: Frames, folder: Path) -> Attempt:
    """Align with the archive's pipeline; two exposures get the true stars as their catalogue."""
    from astropy.table import Table

    files = _copies(frames, folder)
    Table(_known(frames), names=["RA", "DEC", "mag"]).write(folder / "stars.ecsv")
    script = str(_SCRIPTS / "hap_align.py")
    return _attempt(frames, files, [sys.executable, script, "stars.ecsv", *(path.name for path in files)])


PEERS: dict[str, Callable[[Frames, Path], Attempt]] = {TWEAKREG: tweakreg, HAP: hap}


def _copies(frames: Frames, folder: Path) -> list[Path]:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return [Path(shutil.copy(path, folder)) for path in frames.paths]


def _known(frames: Frames) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Stars of the catalogue, moved to the epoch of the exposure: right ascension, declination, magnitude."""
    from astropy.table import Table

    if frames.catalog is None:
        return frames.sky.ra, frames.sky.dec, 30 - 2.5 * np.log10(frames.sky.electrons[0])
    gaia = Table.read(frames.catalog)
    ra, dec, magnitude = (np.asarray(gaia[name]) for name in ("ra", "dec", "phot_g_mean_mag"))
    pmra, pmdec = (np.asarray(gaia[name].filled(0.0)) for name in ("pmra", "pmdec"))
    stretch = np.cos(np.radians(dec)) * MAS_PER_DEG
    return ra + pmra * YEARS / stretch, dec + pmdec * YEARS / MAS_PER_DEG, magnitude


def _attempt(frames: Frames, files: list[Path], command: list[str]) -> Attempt:
    before = _left(frames, list(frames.paths))
    spent, _, last = _run(command, files[0].parent)
    left = _left(frames, files)
    change = left - before
    if np.hypot(change.east_mas, change.north_mas) < _UNTOUCHED_MAS:
        return Attempt(spent, None, last)
    return Attempt(spent, left)


def _left(frames: Frames, files: list[Path]) -> Displacement:
    """The error that is left in the active solutions of the files."""
    errors = []
    for path, truth in zip(files, frames.truth, strict=True):
        exposure = read_exposure(path)
        chips = [exposure.wcs(chip.id) for chip in exposure.chips]
        errors.append(displacement(chips, truth, centre=frames.centre))
    return errors[-1] - errors[0] if len(errors) > 1 else errors[0]


def _run(command: list[str], folder: Path) -> tuple[Spent, int, str]:
    """Seconds, exit code and last line of a process."""
    environment = {**os.environ, "MPLBACKEND": "Agg", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    log = folder / "log.txt"
    start = time.perf_counter()
    with log.open("w") as out:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=out, stderr=subprocess.STDOUT, preexec_fn=_limit
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    spent = Spent(time.perf_counter() - start, usage.ru_utime + usage.ru_stime)
    lines = log.read_text(errors="replace").strip().splitlines()
    return spent, process.returncode, lines[-1] if lines else ""


def _limit() -> None:
    """A process may take neither all memory nor for ever."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (_PATIENCE_S, _PATIENCE_S))
