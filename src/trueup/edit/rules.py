"""What is refused, and what is only warned of, before a solution is put in force."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from trueup.errors import SolutionError, UsageError
from trueup.model.exposure import Exposure
from trueup.model.flags import Verdict
from trueup.model.solution import Solution
from trueup.model.soundness import judge, same_distortion

ALLOWANCES = ("unsound", "distortion")
_NEVER = ("wrong-destim", "missing-chip", "broken")


def check(
    exposure: Exposure, target: Solution, *, allow: Collection[str] = (), archive: bool = True
) -> tuple[str, ...]:
    """Refuse a solution that must not be put in force.

    Parameters
    ----------
    exposure : Exposure
    target : Solution
    allow : collection of str
        ``unsound``, ``distortion``.
    archive : bool
        Whether the replaced solution will be kept.

    Returns
    -------
    tuple of str
        Warnings.

    Raises
    ------
    SolutionError
        For a headerlet of another exposure, a missing chip, an unsound solution or another distortion
        model that is not allowed, and for an only copy that would be lost.
    UsageError
        For an unknown word in `allow`.

    Examples
    --------
    >>> from trueup.model.cards import Cards
    >>> from trueup.model.names import WcsName
    >>> from trueup.model.solution import Origin
    >>> opus = Solution(WcsName.parse("OPUS"), Origin("primary"))
    >>> check(Exposure("a_flc.fits", Cards(), (), (opus,), opus), opus)
    ()
    """
    unknown = sorted(set(allow) - set(ALLOWANCES))
    if unknown:
        raise UsageError(f"nothing to allow is called {unknown[0]!r}", todo=f"known: {', '.join(ALLOWANCES)}")
    if target is exposure.active:
        return ()
    verdict = verdict_of(exposure, target)
    _refuse_unsound(exposure, target, verdict=verdict, allowed="unsound" in allow)
    exposure.under(target)
    if not archive:
        _refuse_loss(exposure)
    return _check_distortion(exposure, target, "distortion" in allow)


def verdict_of(exposure: Exposure, solution: Solution) -> Verdict:
    """What is known about a solution, also one that is not the exposure's own.

    Examples
    --------
    >>> from trueup.model.cards import Cards
    >>> from trueup.model.names import WcsName
    >>> from trueup.model.solution import Origin
    >>> opus = Solution(WcsName.parse("OPUS"), Origin("primary"))
    >>> verdict_of(Exposure("a_flc.fits", Cards(), (), (opus,), opus), opus).faults
    ()
    """
    for known, verdict in zip(exposure.solutions, judge(exposure), strict=True):
        if known is solution:
            return verdict
    return judge(replace(exposure, solutions=(*exposure.solutions, solution)))[-1]


def _refuse_unsound(exposure: Exposure, target: Solution, *, verdict: Verdict, allowed: bool) -> None:
    for fault in verdict.faults:
        if allowed and fault.code not in _NEVER:
            continue
        todo = "choose a sound one: `trueup ls` lists them"
        if fault.code not in _NEVER:
            todo += "; `--allow unsound` applies it all the same"
        raise SolutionError(
            f"the solution is unsound ({fault.code}): {fault.text}",
            file=exposure.path,
            chip=fault.chip,
            solution=target.name,
            todo=todo,
        )


def _refuse_loss(exposure: Exposure) -> None:
    flags = judge(exposure)[0].flags
    if any(flag.code == "only-copy" for flag in flags):
        raise SolutionError(
            "the active solution is kept nowhere else and would be lost",
            file=exposure.path,
            solution=exposure.active.name,
            todo="leave out --no-archive, or extract it with `trueup headerlet extract` first",
        )


def _check_distortion(exposure: Exposure, target: Solution, allowed: bool) -> tuple[str, ...]:
    active = exposure.active
    if same_distortion(target, active):
        return ()
    text = f"{exposure.path}: {target.name} has another distortion model than {active.name}"
    if allowed or _brings_all(target, active):
        return (text,)
    if not target.has_sip:
        found = "the solution is linear: without a distortion model corners are off by 1-2 arcsec"
    else:
        found = f"the solution has another distortion model than {active.name}, and not all of it"
    raise SolutionError(
        found,
        file=exposure.path,
        solution=target.name,
        todo="choose another one, or use `--allow distortion`",
    )


def _brings_all(target: Solution, active: Solution) -> bool:
    """A headerlet with SIP, and with every kind of table that it names or the active solution has."""
    if target.origin.kind not in {"hdrlet", "file"} or not target.has_sip:
        return False
    for part in target.chips:
        mine = part.wcs
        theirs = next((p.wcs for p in active.chips if p.chip.extver == part.chip.extver), None)
        npol = bool(target.npolfile) or (theirs is not None and any(theirs.npol))
        d2im = bool(target.d2imfile) or (theirs is not None and any(theirs.d2im))
        if part.missing or (npol and not any(mine.npol)) or (d2im and not any(mine.d2im)):
            return False
    return True
