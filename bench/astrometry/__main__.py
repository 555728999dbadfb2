"""Accuracy of measuring alignment on simulated UVIS frames, beside the peers.

usage: python -m bench.astrometry [--seeds N] [--peer-seeds N] [--cases NAME ...] [--series G R]
"""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

# before numpy: a trial is one thread
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")

from bench.astrometry import duel, table  # noqa: E402
from bench.astrometry.cases import CASES, FIRST_SEED, SERIES, Case  # noqa: E402
from bench.astrometry.false_matches import (  # noqa: E402
    fixed_alone,
    fixed_among_stars,
    no_common_star,
    set_stage,
    tally,
)
from bench.astrometry.frames import Trial, make_frames  # noqa: E402
from bench.astrometry.speed import RANKING_S, SOURCES_S, ranking_seconds, sources_seconds  # noqa: E402
from bench.astrometry.trial import Outcome, run  # noqa: E402

BUILD = Path(__file__).resolve().parents[2] / "build" / "bench"
Result = TypeVar("Result")
Chosen = Sequence[tuple[str, Case]]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=5, help="trials per case")
    parser.add_argument("--first", type=int, default=FIRST_SEED, help="the first seed")
    parser.add_argument("--peer-seeds", type=int, default=0, help="trials per case with the peers")
    parser.add_argument("--false", type=int, default=0, help="trials of lists that must not match")
    parser.add_argument("--visit", type=Path, help="a visit of four exposures, for the speed")
    parser.add_argument("--series", nargs="+", choices=SERIES, default=SERIES)
    parser.add_argument(
        "--cases", nargs="+", choices=[c.name for c in CASES], default=[c.name for c in CASES]
    )
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--details", action="store_true", help="also a line per trial")
    parser.add_argument("--scratch", type=Path, default=BUILD / "astrometry")
    options = parser.parse_args()
    chosen = [(s, case) for s in options.series for case in CASES if case.name in options.cases]
    with ProcessPoolExecutor(options.processes) as pool:
        outcomes = print_accuracy(pool, chosen, options)
        if options.peer_seeds:
            print_duels(pool, chosen, options)
    if options.false:
        print_false_matches(options)
    if options.visit:
        print_speed(options)
    if options.details:
        print("", *(table.details(trial, outcome) for trial, outcome in outcomes), sep="\n")


def trials(chosen: Chosen, first: int, seeds: int) -> list[Trial]:
    return [Trial(series, case, first + k) for series, case in chosen for k in range(seeds)]


def print_accuracy(
    pool: ProcessPoolExecutor, chosen: Chosen, options: argparse.Namespace
) -> list[tuple[Trial, Outcome]]:
    print(table.HEADER)
    work = trials(chosen, options.first, options.seeds)
    results = pool.map(partial(measured, scratch=options.scratch), work)
    done: list[Outcome] = []
    for series, case in chosen:
        part = list(islice(results, options.seeds))
        done += part
        print(table.row(table.summarise(series, case, part)), flush=True)
    return list(zip(work, done, strict=True))


def print_duels(pool: ProcessPoolExecutor, chosen: Chosen, options: argparse.Namespace) -> None:
    print(f"\nBeside the peers, {options.peer_seeds} of the seeds\n{duel.HEADER}")
    work = trials(chosen, options.first, options.peer_seeds)
    results = pool.map(partial(fought, scratch=options.scratch), work)
    done: list[duel.Duel] = []
    for series, case in chosen:
        part = list(islice(results, options.peer_seeds))
        done += part
        print(duel.row(series, case, part), flush=True)
    print(*duel.summary(list(zip(work, done, strict=True))), sep="\n")


def measured(trial: Trial, scratch: Path) -> Outcome:
    return in_folder(scratch / trial.name, lambda folder: run(make_frames(trial, folder)))


def fought(trial: Trial, scratch: Path) -> duel.Duel:
    return in_folder(scratch / f"duel-{trial.name}", lambda folder: duel.fight(trial, folder))


def in_folder(folder: Path, job: Callable[[Path], Result]) -> Result:
    """Do a job in a folder that is gone afterwards: frames are large."""
    try:
        return job(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def print_false_matches(options: argparse.Namespace) -> None:
    def job(folder: Path) -> Iterator[str]:
        stage = set_stage(folder, options.first)
        kinds = {
            "no common star": no_common_star,
            "20 fixed to the detector among 57 stars": fixed_among_stars,
            "20 fixed to the detector, no common star": fixed_alone,
        }
        for name, draw in kinds.items():
            found = tally(stage, options.false, draw)
            yield f"{name:44}{found.trials:7}{found.measured:10}{found.wrong:7}"

    print(f"\n{'Lists that must not match':44}{'trials':>7}{'measured':>10}{'wrong':>7}")
    in_folder(options.scratch / "false", lambda folder: print(*job(folder), sep="\n"))


def print_speed(options: argparse.Namespace) -> None:
    crowded = Trial("R", CASES[0], options.first)
    seconds = in_folder(
        options.scratch / "speed", lambda folder: sources_seconds(make_frames(crowded, folder).paths[0])
    )
    print(f"\nstars in 8.4 Mpixel of {crowded.name}, one core: {seconds:.2f} s (bar {SOURCES_S})")
    seconds, rows = ranking_seconds(options.visit)
    print(f"{rows} pairs of solutions of four exposures ranked: {seconds:.2f} s (bar {RANKING_S})")


if __name__ == "__main__":
    main()
