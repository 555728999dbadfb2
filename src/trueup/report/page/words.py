"""The sentences of the page: verdict, numbers with errors, a paragraph for the methods section."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from trueup.report.page.solutions import is_derived
from trueup.report.story import Story, StoryOffset, is_measured

Values = Mapping[str, Any]

# more pairs than these make no headline
_TOLD = 3

# where the images show nothing of it
_CHOSEN = {
    "change": "Another solution was chosen for this visit.",
    "derive": "No solution of this visit will do.",
}
_CITATIONS = (
    ("trueup", "this software, version {version}"),
    ("HST", "NASA/ESA Hubble Space Telescope, Mikulski Archive for Space Telescopes at STScI"),
    ("drizzle", "Fruchter & Hook 2002, PASP 114, 144"),
    ("SIP", "Shupe et al. 2005, ASP Conf. Ser. 347, 491"),
    ("headerlets", "Hack et al. 2013, ASP Conf. Ser. 475, 49"),
    ("astropy", "Astropy Collaboration 2022, ApJ 935, 167"),
    ("numpy", "Harris et al. 2020, Nature 585, 357"),
    ("scipy", "Virtanen et al. 2020, Nature Methods 17, 261"),
)
_GAIA = ("Gaia", "Gaia Collaboration, Vallenari et al. 2023, A&A 674, A1")


def typeset(text: str) -> str:
    """Text of the terminal with the signs that a page can show.

    Examples
    --------
    >>> typeset("0.4 +- 0.1 mas")
    '0.4 ± 0.1 mas'
    """
    return text.replace("+-", "\N{PLUS-MINUS SIGN}")


def separation(fit: Values) -> tuple[float, float] | None:
    """Length of a measured offset and its error, mas; None where nothing was measured.

    Examples
    --------
    >>> fit = {"east_mas": 3.0, "north_mas": 4.0, "sigma_east_mas": 0.5, "sigma_north_mas": 0.5}
    >>> separation(fit)
    (5.0, 0.5)
    """
    if not is_measured(fit):
        return None
    east, north = fit["east_mas"], fit["north_mas"]
    length = math.hypot(east, north)
    errors = fit["sigma_east_mas"], fit["sigma_north_mas"]
    if length == 0:
        return 0.0, max(errors)
    return length, math.hypot(east * errors[0], north * errors[1]) / length


def length_text(fit: Values) -> str:
    """Length of an offset in words.

    Examples
    --------
    >>> length_text({"east_mas": None})
    'not measurable'
    """
    found = separation(fit)
    if found is None:
        return "not measurable"
    digits = 1 if found[1] >= 0.1 else 2
    return f"{found[0]:.{digits}f} \N{PLUS-MINUS SIGN} {max(found[1], 0.5 * 10**-digits):.{digits}f} mas"


def headline(story: Story) -> str:
    """The verdict in a sentence or two.

    Parameters
    ----------
    story : Story

    Returns
    -------
    str

    Examples
    --------
    >>> headline(Story("iepw14", {}, choice={"verdict": "keep"}))
    'This visit was left as it is.'
    """
    sentences = _worst_first(story) if len(story.pairs) > _TOLD else [_change(story, *p) for p in story.pairs]
    verdict = (story.choice or {}).get("verdict")
    if verdict == "keep":
        sentences.append("This visit was left as it is.")
    elif verdict == "unmeasurable":
        sentences.append("The solutions of this visit could not be ranked by measurement.")
    fallback = _CHOSEN.get(verdict or "") or f"This visit was {'drizzled' if story.products else 'listed'}."
    return " ".join(sentences) or fallback


def _worst_first(story: Story) -> list[str]:
    """Of many pairs the one that was worst; the others in one clause."""
    known = {p: separation(first.fit) for p in story.pairs if (first := _first(story, *p)) is not None}
    worst = max(known, key=lambda pair: (known[pair] or (-1.0, 0.0))[0])
    last = [separation(o.fit) for o in story.offsets if o.when != "before" and (o.a, o.b) != worst]
    lengths = [one[0] for one in last if one is not None]
    others = f"{len(known) - 1} other pairs"
    if not lengths:
        return [_change(story, *worst), f"{others} could not be measured."]
    return [_change(story, *worst), f"{others}: at most {max(lengths):.1f} mas now."]


def _first(story: Story, a: str, b: str) -> StoryOffset | None:
    return story.offset(a, b, when="before") or _last(story, a, b)


def _last(story: Story, a: str, b: str) -> StoryOffset | None:
    return story.offset(a, b, when="after") or story.offset(a, b, when="now")


def _change(story: Story, a: str, b: str) -> str:
    before, after = story.offset(a, b, when="before"), _last(story, a, b)
    shown = [offset for offset in (before, after) if offset is not None]
    if all(separation(offset.fit) is None for offset in shown):
        return f"The offset of {b} from {a} could not be measured."
    if before is None:
        return f"{b} lies {length_text(shown[-1].fit)} off {a}."
    text = f"{b} was {length_text(before.fit)} off {a}"
    return f"{text}, now {length_text(after.fit)}." if after is not None else f"{text}."


def decision(story: Story) -> str:
    """What was chosen, for how many exposures, and why.

    Parameters
    ----------
    story : Story

    Returns
    -------
    str
        Blank where nothing was chosen.

    Examples
    --------
    >>> one = {"solution": {"wcsname": "IDC_x-FIT_SVM_GAIAeDR3"}, "was_active": False}
    >>> choice = {"verdict": "change", "reason": "It aligns all pairs.", "exposures": [one], "common": None}
    >>> decision(Story("iepw14", {}, choice=choice))
    'Chosen: IDC_x-FIT_SVM_GAIAeDR3 for 1 exposure. It aligns all pairs.'
    """
    if story.choice is None:
        return ""
    changed = _changed(story)
    reason = _sentence(story.choice["reason"])
    if not changed:
        return reason
    names = dict.fromkeys(one["solution"]["wcsname"] or "(no WCSNAME)" for one in changed)
    count = f"{len(changed)} exposure{'s' if len(changed) > 1 else ''}"
    return f"Chosen: {', '.join(names)} for {count}. {reason}"


def _changed(story: Story) -> list[Values]:
    """The exposures that are given another solution."""
    return [one for one in (story.choice or {"exposures": ()})["exposures"] if not one["was_active"]]


def _sentence(text: str) -> str:
    """A clause as a sentence; names of exposures and solutions keep their case."""
    word = text.partition(" ")[0]
    return (
        f"{word.capitalize() if word.islower() and word.isalpha() else word}{text[len(word) :]}".rstrip(".")
        + "."
    )


def methods(story: Story) -> str:
    """A paragraph that can be pasted into a paper.

    Parameters
    ----------
    story : Story

    Returns
    -------
    str

    Examples
    --------
    >>> text = methods(Story("iepw14", {"items": []}, manifest={"version": "0.1.0"}))
    >>> text.startswith("The exposures of HST visit iepw14 were aligned with trueup 0.1.0")
    True
    """
    version = story.manifest.get("version", "")
    verb = "aligned" if story.choice is None or _changed(story) else "examined"
    sentences = [f"The exposures of HST visit {story.name} were {verb} with trueup {version}."]
    if story.choice is not None:
        sentences.append(_comparison(story, story.choice))
    for offset in story.offsets:
        found = separation(offset.fit)
        if offset.when != "before" and found is not None:
            sentences.append(
                f"The {offset.b} and {offset.a} images agree to {found[0]:.1f} mas (error"
                f" {found[1]:.1f} mas, {offset.fit['n']} stars)."
            )
    catalogs = {row["catalog"] for row in (story.measurement or {}).get("absolute", [])}
    if catalogs:
        sentences.append(f"Absolute positions refer to {_joined(sorted(catalogs))}.")
    if story.products:
        sentences.append("The exposures were combined by drizzling (Fruchter & Hook 2002).")
    return " ".join(sentences)


def _comparison(story: Story, choice: Values) -> str:
    """How the solutions were compared, and what became of the one that was chosen."""
    chosen = choice["exposures"]
    names = tuple(dict.fromkeys(one["solution"]["wcsname"] or "the unnamed one" for one in chosen))
    fate = "adopted" if _changed(story) else "kept"
    if any(is_derived(story, one) for one in chosen):
        fate = f"derived from the same stars and {fate}"
    became = f"{_joined(names)} {'was' if len(names) == 1 else 'were'} {fate}"
    if story.measurement is None:
        return f"Of the WCS solutions offered by the archive {became}."
    how = (
        "could not be compared by the positions of the stars"
        if choice["verdict"] == "unmeasurable"
        else "were compared by the positions of the stars in the calibrated exposures"
    )
    return f"The WCS solutions offered by the archive {how}; {became}."


def citations(story: Story) -> tuple[tuple[str, str], ...]:
    """What to cite: name and reference.

    Parameters
    ----------
    story : Story

    Returns
    -------
    tuple of (str, str)

    Examples
    --------
    >>> citations(Story("iepw14", {}, manifest={"version": "0.1.0"}))[0]
    ('trueup', 'this software, version 0.1.0')
    """
    version = story.manifest.get("version", "")
    names = [row["catalog"] for row in (story.measurement or {}).get("absolute", [])]
    names += [o["solution"]["wcsname"] or "" for o in (story.choice or {}).get("exposures", [])]
    uses_gaia = any("GAIA" in name.upper() for name in names)
    found = [*_CITATIONS, *([_GAIA] if uses_gaia else [])]
    return tuple((name, text.format(version=version)) for name, text in found)


def _joined(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
