"""trueup beside its peers: whole processes, alternating, the median of several runs; then the accuracy.

usage: run.py [--full] [--repeat N] [--visit DIR] [--only speed|accuracy]
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
# the parameters of run_astrodrizzle.py; its match falls back to localmin without a word
TUTORIAL = ["--grid", "own", "--sky", "localmin", "--combine", "minmed", "--no-context"]
TUTORIAL += ["--sep-bits", "336", "--final-bits", "336", "--cr-snr", "3.5", "3.0", "--cr-scale", "1.5", "1.2"]


@dataclass(frozen=True, slots=True)
class Done:
    """A finished process."""

    seconds: float
    peak_mb: float
    output: str


@dataclass(frozen=True, slots=True)
class Case:
    """One job, done by trueup and by a peer.

    `measure` turns a finished process into the number of the table; by default its seconds. `memory`
    adds the peak of both.
    """

    name: str
    ours: list[str]
    peer: list[str] | None
    peer_name: str = ""
    unit: str = "s"
    prepare: Callable[[], None] = lambda: None
    measure: Callable[[Done], float] = lambda done: done.seconds
    memory: bool = False


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    help_full = "also 4 and 8 exposures in AstroDrizzle, and 20 trials of each accuracy case"
    parser.add_argument("--full", action="store_true", help=help_full)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--visit", type=Path, help="a folder of *_flc.fits; by default a simulated visit")
    parser.add_argument("--only", choices=("speed", "accuracy"))
    options = parser.parse_args()
    SCRATCH.mkdir(parents=True, exist_ok=True)
    if options.only != "accuracy":
        print_speed(options)
    if options.only != "speed":
        accuracy(full=options.full)


def print_speed(options: argparse.Namespace) -> None:
    exposures = sorted((options.visit or simulated_visit()).glob("*_flc.fits"))[:2]
    megabytes = exposures[0].stat().st_size / 1e6
    print(f"two exposures of {megabytes:.0f} MB, {os.cpu_count()} processors, median of {options.repeat}\n")
    print(f"{'':44}{'trueup':>9}{'peer':>9}{'':8}{'ratio':>7}")
    for case in cases(exposures, full=options.full):
        print(row(case, options.repeat), flush=True)


def accuracy(*, full: bool) -> None:
    """How well offsets are measured: simulated frames with known truth, beside TweakReg and HAP."""
    seeds, peer_seeds = (20, 3) if full else (5, 1)
    command = [PYTHON, "-m", "bench.astrometry", "--seeds", str(seeds), "--peer-seeds", str(peer_seeds)]
    print(flush=True)
    subprocess.run([*command, "--false", "1000", "--visit", str(simulated_visit())], check=True, cwd=ROOT)


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
            measure=lambda done: float(done.output),
        )
    for count in (2, 4, 8) if full else (2,):
        yield from astrodrizzle(count)


def peer(script: str, *arguments: str) -> list[str]:
    return [PYTHON, str(HERE / "peers" / script), *arguments]


def astrodrizzle(count: int) -> Iterator[Case]:
    """The whole run with the tutorial's parameters, on full-size exposures with real headers."""
    folder = Path(os.environ.get("TRUEUP_PEER", ROOT.parent / "shared" / "peer"))
    if not (folder / "run_astrodrizzle.py").exists():
        print(f"AstroDrizzle left out: no {folder} (set TRUEUP_PEER)")
        return
    visit, product = peer_visit(folder, count), SCRATCH / "bench_drc.fits"
    ours = [TRUEUP, "drizzle", str(visit), *TUTORIAL, "-o", str(product), "--overwrite"]
    theirs = [PYTHON, str(folder / "run_astrodrizzle.py"), str(visit), "--num-cores", "1"]
    theirs += ["--work", str(SCRATCH / "astrodrizzle"), "--set", "skymethod=localmin"]
    for threads in (2, 1) if count == 2 else (2,):
        name = f"drizzle {count} exposures, {threads} thread{'s' if threads > 1 else ''}"
        yield Case(name, [*ours, "--threads", str(threads)], theirs, "AstroD.", memory=True)


def peer_visit(folder: Path, count: int) -> Path:
    """Exposures with real headers, made once; a smaller visit is the beginning of the largest."""
    largest, visit = SCRATCH / "peer8", SCRATCH / f"pair{count}"
    made = sorted(largest.glob("*_flc.fits"))
    if len(made) < count:
        number = str(8 if count > 4 else count)
        script = str(folder / "make_visit.py")
        subprocess.run(
            [PYTHON, script, "-n", number, "-o", str(largest)], check=True, stdout=subprocess.DEVNULL
        )
        made = sorted(largest.glob("*_flc.fits"))
    shutil.rmtree(visit, ignore_errors=True)
    visit.mkdir()
    for path in made[:count]:
        os.link(path, visit / path.name)
    return visit


def row(case: Case, repeat: int) -> str:
    ours, theirs = [], []
    run(case, case.ours)  # unmeasured: fills the caches of bytecode and disk
    for _ in range(repeat):
        ours.append(run(case, case.ours))
        if case.peer:
            theirs.append(run(case, case.peer))
    mine = statistics.median(case.measure(done) for done in ours)
    text = f"{case.name + ', ' + case.unit:44}{mine:9.2f}"
    if not theirs:
        return text
    other = statistics.median(case.measure(done) for done in theirs)
    ratio = other / mine if case.unit == "s" else mine / other
    text = f"{text}{other:9.2f} {case.peer_name:7}{ratio:6.1f}x"
    if case.memory:
        peaks = (statistics.median(done.peak_mb for done in runs) for runs in (ours, theirs))
        text += "   peak memory {:.0f} and {:.0f} MB".format(*peaks)
    return text


def run(case: Case, command: list[str]) -> Done:
    case.prepare()
    with (SCRATCH / "stdout").open("w+b") as out, (SCRATCH / "stderr").open("w+b") as err:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=out, stderr=err, env=ENVIRONMENT, cwd=SCRATCH)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        message = (SCRATCH / "stderr").read_text()[-2000:]
        raise SystemExit(f"{' '.join(command)}\nfailed:\n{message}")
    return Done(seconds, usage.ru_maxrss / 1024, (SCRATCH / "stdout").read_text())


if __name__ == "__main__":
    main()
