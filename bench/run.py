"""trueup beside its peers: whole processes, alternating, the median of several runs.

usage: run.py [--full] [--repeat N] [--visit DIR]
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HERE = ROOT / "bench"
SCRATCH = ROOT / "build" / "bench"
PYTHON = sys.executable
TRUEUP = str(Path(PYTHON).parent / "trueup")
# one thread is what the peers are fastest with; both sides may keep compiled bytecode, as after an install
ENVIRONMENT = {**os.environ, "MPLBACKEND": "Agg", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
ENVIRONMENT.pop("PYTHONDONTWRITEBYTECODE", None)


@dataclass(frozen=True, slots=True)
class Case:
    """One job, done by trueup and by a peer.

    `measure` turns a finished run (seconds, stdout) into the number of the table; by default its seconds.
    """

    name: str
    ours: list[str]
    peer: list[str] | None
    peer_name: str = ""
    unit: str = "s"
    prepare: Callable[[], None] = lambda: None
    measure: Callable[[float, str], float] = lambda seconds, _: seconds


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--full", action="store_true", help="also AstroDrizzle, whole runs: minutes")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--visit", type=Path, help="a folder of *_flc.fits; by default a simulated visit")
    options = parser.parse_args()
    SCRATCH.mkdir(parents=True, exist_ok=True)
    exposures = sorted((options.visit or simulated_visit()).glob("*_flc.fits"))[:2]
    megabytes = exposures[0].stat().st_size / 1e6
    print(f"two exposures of {megabytes:.0f} MB, {os.cpu_count()} processors, median of {options.repeat}\n")
    print(f"{'':44}{'trueup':>9}{'peer':>9}{'':8}{'ratio':>7}")
    for case in cases(exposures, full=options.full):
        print(row(case, options.repeat), flush=True)


def simulated_visit() -> Path:
    """A full-size UVIS visit, made once."""
    folder = SCRATCH / "visit"
    if not (folder / "truth.ecsv").exists():
        shutil.rmtree(folder, ignore_errors=True)
        script = "import sys; from trueup.simulate import make_visit; make_visit(sys.argv[1])"
        subprocess.run([PYTHON, "-c", script, str(folder)], check=True)
    return folder


def cases(exposures: list[Path], *, full: bool) -> Iterator[Case]:
    first, work = str(exposures[0]), SCRATCH / "work"
    copy = str(work / exposures[0].name)
    files = [str(path) for path in exposures]

    def fresh_copy() -> None:
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        shutil.copy(first, copy)
        os.sync()

    yield Case("trueup --help", [TRUEUP, "--help"], None)
    yield Case(
        "list the solutions of both", [TRUEUP, "ls", *files], peer("list_solutions.py", *files), "stwcs"
    )
    wanted = "distortion-only"
    yield Case(
        "apply one solution",
        [TRUEUP, "apply", copy, "--solution", wanted],
        peer("restore_solution.py", copy),
        "stwcs",
        prepare=fresh_copy,
    )
    for threads in (1, 2):
        yield Case(
            f"square kernel per thread, of {threads}",
            [PYTHON, str(HERE / "square_kernel.py"), *files, "--threads", str(threads)],
            peer("cdriz_kernel.py", *files),
            "cdriz",
            unit="Mpix/s",
            measure=lambda _, output: float(output),
        )
    if full:
        yield from astrodrizzle(exposures)


def peer(script: str, *arguments: str) -> list[str]:
    return [PYTHON, str(HERE / "peers" / script), *arguments]


def astrodrizzle(exposures: list[Path]) -> Iterator[Case]:
    """AstroDrizzle with the tutorial's parameters, and its final step alone."""
    script = Path(os.environ.get("TRUEUP_PEER", ROOT.parent / "shared" / "peer")) / "run_astrodrizzle.py"
    if not script.exists():
        print(f"AstroDrizzle left out: no {script} (set TRUEUP_PEER)")
        return
    visit, product = SCRATCH / "pair", SCRATCH / "bench_drc.fits"
    shutil.rmtree(visit, ignore_errors=True)
    visit.mkdir()
    for path in exposures:
        os.link(path, visit / path.name)
    ours = [TRUEUP, "drizzle", *map(str, exposures), "-o", str(product), "--overwrite"]
    theirs = [PYTHON, str(script), str(visit), "--num-cores", "1", "--work", str(SCRATCH / "astrodrizzle")]
    steps = ["static", "skysub", "driz_separate", "median", "blot", "driz_cr"]
    final_only = [*theirs, "--set", *(f"{step}=False" for step in steps)]
    yield Case("drizzle, no cosmic-ray rejection", ours, final_only, "AstroD.")
    yield Case("the same; peer with all its steps", ours, theirs, "AstroD.")


def row(case: Case, repeat: int) -> str:
    ours, theirs = [], []
    run(case, case.ours)  # unmeasured: fills the caches of bytecode and disk
    for _ in range(repeat):
        ours.append(run(case, case.ours))
        if case.peer:
            theirs.append(run(case, case.peer))
    text = f"{case.name + ', ' + case.unit:44}{statistics.median(ours):9.2f}"
    if not theirs:
        return text
    better = statistics.median(theirs) / statistics.median(ours)
    if case.unit != "s":
        better = 1 / better
    return f"{text}{statistics.median(theirs):9.2f} {case.peer_name:7}{better:6.1f}x"


def run(case: Case, command: list[str]) -> float:
    case.prepare()
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, cwd=SCRATCH)
    seconds = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\nfailed:\n{done.stderr[-2000:]}")
    return case.measure(seconds, done.stdout)


if __name__ == "__main__":
    main()
