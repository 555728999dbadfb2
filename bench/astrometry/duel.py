"""trueup and its peers on the same frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from bench.astrometry.cases import Case
from bench.astrometry.frames import Trial, make_frames
from bench.astrometry.peers import PEERS, Attempt, Spent, time_trueup
from bench.astrometry.trial import Outcome, run

_FAILED_MAS = 10.0
_RATIO = 10.0
HEADER = (
    f"{'':14}{'rms error per axis, mas':^41}{'processor seconds, whole processes':^40}\n"
    f"{'':14}{'trueup':>9}"
    + "".join(f"{name:>16}" for name in PEERS)
    + f"{'trueup':>9}"
    + "".join(f"{name:>12}{'ratio':>8}" for name in PEERS)
)


@dataclass(frozen=True, slots=True)
class Duel:
    """One trial by everybody.

    Parameters
    ----------
    outcome : Outcome
        Of trueup.
    spent : Spent
        By ``trueup measure`` as a process.
    attempts : dict of str to Attempt
        By peer.
    """

    outcome: Outcome
    spent: Spent
    attempts: dict[str, Attempt]


def fight(trial: Trial, folder: Path) -> Duel:
    """Let trueup and the peers align the same frames."""
    frames = make_frames(trial, folder / "frames")
    outcome, spent = run(frames), time_trueup(frames)
    return Duel(outcome, spent, {name: align(frames, folder / name) for name, align in PEERS.items()})


def row(series: str, case: Case, duels: Sequence[Duel]) -> str:
    """One line of the table; a peer that gave up or is off by more than 10 mas failed."""
    mine = [_mine(d.outcome) for d in duels if d.outcome.measured]
    text = f"{series} {case.name:12}" + (f"{_rms(mine):9.3f}" if mine else f"{'refused':>9}")
    seconds = median(d.spent.processor for d in duels)
    times = f"{seconds:9.1f}"
    for name in PEERS:
        attempts = [d.attempts[name] for d in duels]
        text += f"{_verdict(attempts):>16}"
        theirs = median(a.spent.processor for a in attempts)
        times += f"{theirs:12.1f}{theirs / seconds:7.1f}x"
    return text + times


def summary(duels: Sequence[tuple[Trial, Duel]]) -> list[str]:
    """The cases in which each peer fails, where it is the better one, and how long it takes."""
    lines = []
    for name in PEERS:
        failed = [t.name for t, d in duels if _failed(d.attempts[name])]
        better = [t.name for t, d in duels if _is_better(d.attempts[name], d.outcome)]
        lines.append(f"{name}: fails in {len(failed)} of {len(duels)}: {', '.join(failed) or 'none'}")
        lines.append(f"{name}: more accurate than trueup in {len(better)}: {', '.join(better) or 'none'}")
        for kind in ("elapsed", "processor"):
            ratios = [getattr(d.attempts[name].spent, kind) / getattr(d.spent, kind) for _, d in duels]
            spread = f"{min(ratios):.1f} to {max(ratios):.1f}, wanted {_RATIO:.0f}"
            lines.append(f"{name}: {median(ratios):.1f} times our {kind} seconds ({spread})")
    return lines


def _axis_error(east: float, north: float) -> float:
    return float(np.hypot(east, north) / np.sqrt(2))


def _mine(outcome: Outcome) -> float:
    return _axis_error(outcome.errors["east"], outcome.errors["north"])


def _left(attempt: Attempt) -> float:
    assert attempt.left is not None
    return _axis_error(attempt.left.east_mas, attempt.left.north_mas)


def _failed(attempt: Attempt) -> bool:
    return attempt.left is None or _left(attempt) > _FAILED_MAS


def _is_better(attempt: Attempt, mine: Outcome) -> bool:
    if _failed(attempt):
        return False
    return not mine.measured or _left(attempt) < _mine(mine)


def _verdict(attempts: Sequence[Attempt]) -> str:
    """Rms error of those that did something, and how many of them failed."""
    changed = [_left(attempt) for attempt in attempts if attempt.left is not None]
    failed = sum(_failed(attempt) for attempt in attempts)
    text = f"{_rms(changed):.2f}" if changed else "gave up"
    return f"{text} FAILED" if failed == len(attempts) else f"{text} ({failed} f.)" if failed else text


def _rms(values: Sequence[float]) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
