"""All exposures of a visit at once: where each is against the others, then the group on the sky.

The measured pairs are one weighted least-squares problem. What is known of the pointing holds together
what was not measured: exposures of one guide-star acquisition, the acquisitions of a visit. The group
then moves as a whole to the catalogue, or to the solution that is trusted.

Errors of pairs are partly those of the exposures they share: neither independent, as least squares
has it, nor all common. Covariances are for half of each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from trueup.astrometry.deriving.pointing import UNITS, Member, prior_covariance, rigidity
from trueup.model.chipwcs import Floats
from trueup.model.displacement import Displacement

_SHARED = 0.5
# chi-square of four numbers that chance reaches once in 10^7
_REJECT = 38.0
_FLOOR_MAS = 0.3
_HOLD_MAS = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Link:
    """The measured offset of one exposure from another, or from the sky.

    Parameters
    ----------
    a, b : str
        Rootnames; blank `a` for the sky.
    values : (4,) float64 array
        `b` minus `a`: east and north (mas), rotation (radians), scale, at the common centre.
    covariance : (4, 4) float64 array

    Examples
    --------
    >>> Link("", "iepw14g4q", np.zeros(4), np.eye(4)).a
    ''
    """

    a: str
    b: str
    values: Floats
    covariance: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Correction:
    """How to move the solution of one exposure.

    Parameters
    ----------
    rootname : str
    by : Displacement
        About the common centre.
    relative, absolute : (4, 4) float64 array
        Covariance against the mean of the group, and against the sky (or the frame that was held): mas,
        radians, scale.
    carried_from : str
        Rootname of the exposure whose correction this is; blank where it was measured.

    Examples
    --------
    >>> Correction("a", Displacement(3.0), 0.25 * np.eye(4), np.eye(4)).relative_sigma_mas
    (0.5, 0.5)
    """

    rootname: str
    by: Displacement
    relative: Floats
    absolute: Floats
    carried_from: str = ""

    @property
    def relative_sigma_mas(self) -> tuple[float, float]:
        """Error east and north against the rest of the group."""
        return float(np.sqrt(self.relative[0, 0])), float(np.sqrt(self.relative[1, 1]))

    @property
    def absolute_sigma_mas(self) -> tuple[float, float]:
        """Error east and north against the sky."""
        return float(np.sqrt(self.absolute[0, 0])), float(np.sqrt(self.absolute[1, 1]))


@dataclass(frozen=True, slots=True)
class Bundle:
    """The corrections of a visit and how well its pairs close.

    Parameters
    ----------
    corrections : tuple of Correction
        Of the exposures that were tied to another or to the sky.
    loops : int
        Pairs beyond those that hold the exposures together.
    chi2 : float or None
        Of the pairs, reduced; None without a loop.
    closure_mas : float or None
        Root mean square of what the pairs are off the solution, per axis.
    rejected : tuple of (str, str)
        Pairs that contradict the others.

    Examples
    --------
    >>> Bundle(()).loops
    0
    """

    corrections: tuple[Correction, ...]
    loops: int = 0
    chi2: float | None = None
    closure_mas: float | None = None
    rejected: tuple[tuple[str, str], ...] = ()


def without_contradictions(
    members: Sequence[Member], pairs: Sequence[Link]
) -> tuple[tuple[Link, ...], tuple[Link, ...]]:
    """Leave out, one by one, the pair that contradicts the others and the pointing most.

    Parameters
    ----------
    members : sequence of Member
    pairs : sequence of Link
        Between members.

    Returns
    -------
    kept, rejected : tuple of Link

    Examples
    --------
    >>> members = [Member(name, "F336W", "iepw14-1", "iepw14") for name in "ab"]
    >>> link = Link("a", "b", np.array([60.0, 0.0, 0.0, 0.0]), np.diag([0.01, 0.01, 1e-14, 1e-14]))
    >>> [len(links) for links in without_contradictions(members, [link])]
    [0, 1]
    """
    place = {member.rootname: k for k, member in enumerate(members)}
    prior = prior_covariance(members)
    kept, rejected = [(_scaled(link), link) for link in pairs], []
    while True:
        links = [scaled for scaled, _ in kept]
        mean, covariance = _solved(prior, links, place)
        rough = sorted(((_rough_gain(one, mean, covariance, place=place), k) for k, one in enumerate(links)))
        for gain, k in reversed(rough):
            others = links[:k] + links[k + 1 :]
            suspect = not 0 <= gain < _REJECT
            if suspect and _exact_gain(links[k], others, prior, place=place) > _REJECT:
                rejected.append(kept.pop(k)[1])
                break
        else:
            return tuple(link for _, link in kept), tuple(rejected)


def adjust(
    members: Sequence[Member], pairs: Sequence[Link], sky: Sequence[Link] = (), *, hold: bool = False
) -> Bundle:
    """Find the correction of every exposure that was measured.

    Parameters
    ----------
    members : sequence of Member
    pairs : sequence of Link
        Between members, :func:`without_contradictions`.
    sky : sequence of Link
        Of members to the sky; without any the mean of the group stays.
    hold : bool
        Whether the exposures tied to the sky get exactly what those links say.

    Returns
    -------
    Bundle

    Examples
    --------
    >>> members = [Member(name, "F336W", "iepw14-1", "iepw14") for name in "ab"]
    >>> link = Link("a", "b", np.array([10.0, 0.0, 0.0, 0.0]), np.diag([0.01, 0.01, 1e-14, 1e-14]))
    >>> found = adjust(members, [link])
    >>> [round(correction.by.east_mas, 1) for correction in found.corrections]
    [5.0, -5.0]
    """
    tied = {name for link in (*pairs, *sky) for name in (link.a, link.b)}
    members = [member for member in members if member.rootname in tied]
    if not members:
        return Bundle(())
    place = {member.rootname: k for k, member in enumerate(members)}
    prior = prior_covariance(members)
    kept = [_scaled(link) for link in pairs]
    mean, least = _solved(prior, kept, place)
    loops, chi2, closure = _closure(mean, kept, place)
    noise = max(1.0, chi2 or 1.0) * _noise(least, kept, place)
    spread = noise + least @ np.linalg.solve(prior, least)
    relative = _about_mean(spread)
    observed = [_scaled(link) for link in sky]
    groups = [[link] for link in observed] if hold else _groups(observed, kept, place)
    for group in groups:
        mean, spread = _placed(mean, spread, group, place=place, exact=hold)
    if not groups:
        mean, spread = mean - np.tile(mean.reshape(-1, 4).mean(axis=0), len(members)), relative
    corrections = tuple(
        _correction(member.rootname, -mean[at], relative=relative[at, at], absolute=spread[at, at])
        for member in members
        for at in (_rows(place[member.rootname]),)
    )
    return Bundle(corrections, loops, chi2, closure)


def carry(bundle: Bundle, sources: Mapping[str, str], members: Iterable[Member]) -> Bundle:
    """Give exposures that were not measured the correction of another, with a larger error.

    Parameters
    ----------
    bundle : Bundle
    sources : mapping of str to str
        For each rootname, that of the exposure to take it from; one that has none itself is passed over.
    members : iterable of Member
        What the exposures have in common.

    Returns
    -------
    Bundle

    Examples
    --------
    >>> one = Bundle((Correction("a", Displacement(3.0), np.zeros((4, 4)), np.zeros((4, 4))),))
    >>> members = [Member(name, "F336W", "iepw14-1", "iepw14") for name in "ab"]
    >>> both = carry(one, {"b": "a"}, members)
    >>> both.corrections[1].by.east_mas, round(both.corrections[1].relative_sigma_mas[0], 1)
    (3.0, 4.2)
    """
    known = {correction.rootname: correction for correction in bundle.corrections}
    member = {one.rootname: one for one in members}
    carried = []
    for rootname, source in sources.items():
        if source in known and rootname not in known:
            given = known[source]
            extra = rigidity(member[source], member[rootname]) / np.outer(UNITS, UNITS)
            relative, absolute = given.relative + extra, given.absolute + extra
            carried.append(Correction(rootname, given.by, relative, absolute, carried_from=source))
    return replace(bundle, corrections=(*bundle.corrections, *carried))


def _scaled(link: Link) -> Link:
    """Everything in mas, rotation and scale at the lever."""
    return replace(link, values=link.values * UNITS, covariance=link.covariance * np.outer(UNITS, UNITS))


def _rows(k: int) -> slice:
    return slice(4 * k, 4 * k + 4)


def _solved(prior: Floats, links: Sequence[Link], place: Mapping[str, int]) -> tuple[Floats, Floats]:
    """Most likely errors of all exposures, and their covariance were the links independent."""
    precision = np.linalg.inv(prior)
    right = np.zeros(len(prior))
    for link in links:
        weight = np.linalg.inv(link.covariance)
        a, b = _rows(place[link.a]), _rows(place[link.b])
        precision[a, a] += weight
        precision[b, b] += weight
        precision[a, b] -= weight
        precision[b, a] -= weight
        right[b] += weight @ link.values
        right[a] -= weight @ link.values
    covariance = np.linalg.inv(precision)
    return covariance @ right, covariance


def _residual(link: Link, mean: Floats, place: Mapping[str, int]) -> Floats:
    return np.asarray(link.values - mean[_rows(place[link.b])] + mean[_rows(place[link.a])])


def _rough_gain(link: Link, mean: Floats, covariance: Floats, *, place: Mapping[str, int]) -> float:
    """How much chi-square falls when a link is left out; numerically poor for the only one of an exposure."""
    residual = _residual(link, mean, place)
    left = link.covariance - _known(link, covariance, place)
    return float(residual @ np.linalg.solve(left, residual))


def _exact_gain(link: Link, others: Sequence[Link], prior: Floats, *, place: Mapping[str, int]) -> float:
    """The same from what the other links and the pointing say."""
    mean, covariance = _solved(prior, others, place)
    residual = _residual(link, mean, place)
    return float(residual @ np.linalg.solve(link.covariance + _known(link, covariance, place), residual))


def _known(link: Link, covariance: Floats, place: Mapping[str, int]) -> Floats:
    """Covariance of the difference of two exposures."""
    a, b = _rows(place[link.a]), _rows(place[link.b])
    return np.asarray(covariance[a, a] + covariance[b, b] - covariance[a, b] - covariance[b, a])


def _components(links: Iterable[Link], names: Iterable[str]) -> dict[str, str]:
    """A label for each exposure, the same for those that links connect."""
    labels = {name: name for name in names}
    for link in links:
        old, new = labels[link.a], labels[link.b]
        labels = {name: new if label == old else label for name, label in labels.items()}
    return labels


def _closure(
    mean: Floats, links: Sequence[Link], place: Mapping[str, int]
) -> tuple[int, float | None, float | None]:
    """Number of loops, reduced chi-square and rms residual per axis of the pairs."""
    loops = len(links) - len(place) + len(set(_components(links, place).values()))
    if not loops:
        return 0, None, None
    residuals = np.array([_residual(link, mean, place) for link in links])
    squares = [r @ np.linalg.solve(link.covariance, r) for r, link in zip(residuals, links, strict=True)]
    return loops, float(np.sum(squares)) / (4 * loops), float(np.sqrt(np.mean(residuals[:, :2] ** 2)))


def _noise(least: Floats, links: Sequence[Link], place: Mapping[str, int]) -> Floats:
    """What the errors of the links do to the solution, half of each shared with others of its exposures."""
    alone, shared = np.zeros_like(least), np.zeros_like(least)
    for link in links:
        a, b = _rows(place[link.a]), _rows(place[link.b])
        gain = (least[:, b] - least[:, a]) @ np.linalg.inv(link.covariance)
        alone += gain @ link.covariance @ gain.T
        step = gain @ _square_root(link.covariance) / np.sqrt(2)
        shared[:, b] += step
        shared[:, a] -= step
    return np.asarray((1 - _SHARED) * alone + _SHARED * shared @ shared.T)


def _square_root(covariance: Floats) -> Floats:
    """The symmetric square root."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.clip(values, 0, None)) @ vectors.T)


def _about_mean(covariance: Floats) -> Floats:
    """Covariance against the mean of all exposures, with the floor that numbers do not lower."""
    count = len(covariance) // 4
    project = np.kron(np.eye(count) - 1 / count, np.eye(4))
    return _floored(project @ covariance @ project.T)


def _floored(covariance: Floats) -> Floats:
    lift = np.zeros(len(covariance))
    for axis in (0, 1):
        lift[axis::4] = np.clip(_FLOOR_MAS**2 - np.diag(covariance)[axis::4], 0, None)
    return np.asarray(covariance + np.diag(lift))


def _groups(sky: Sequence[Link], pairs: Sequence[Link], place: Mapping[str, int]) -> list[list[Link]]:
    """The links to the sky of each group of exposures that pairs connect."""
    labels = _components(pairs, place)
    groups: dict[str, list[Link]] = {}
    for link in sky:
        groups.setdefault(labels[link.b], []).append(link)
    return list(groups.values())


def _placed(
    mean: Floats, spread: Floats, group: Sequence[Link], *, place: Mapping[str, int], exact: bool
) -> tuple[Floats, Floats]:
    """Move everything so that a group as a whole is where its links to the sky say.

    One observation, the weighted mean over the group, cannot bend the group.
    """
    weights = [np.linalg.inv(link.covariance) for link in group]
    total = np.linalg.inv(np.sum(weights, axis=0))
    shares = [total @ weight for weight in weights]
    pick = np.zeros((4, len(mean)))
    for share, link in zip(shares, group, strict=True):
        pick[:, _rows(place[link.b])] += share
    misses = [link.values - mean[_rows(place[link.b])] for link in group]
    miss = np.sum([share @ one for share, one in zip(shares, misses, strict=True)], axis=0)
    error = _HOLD_MAS**2 * np.eye(4) if exact else _group_error(group, shares, misses)
    gain = spread @ pick.T @ np.linalg.inv(pick @ spread @ pick.T + error)
    keep = np.eye(len(mean)) - gain @ pick
    return mean + gain @ miss, keep @ spread @ keep.T + gain @ error @ gain.T


def _group_error(group: Sequence[Link], shares: Sequence[Floats], misses: Sequence[Floats]) -> Floats:
    """Covariance of a weighted mean whose members see, in part, the same stars of the catalogue."""
    together = np.sum([s @ _square_root(t.covariance) for s, t in zip(shares, group, strict=True)], axis=0)
    alone = np.sum([s @ t.covariance @ s.T for s, t in zip(shares, group, strict=True)], axis=0)
    middle = np.sum([s @ m for s, m in zip(shares, misses, strict=True)], axis=0)
    squares = [
        (m - middle) @ np.linalg.solve(t.covariance, m - middle) for m, t in zip(misses, group, strict=True)
    ]
    scatter = float(np.sum(squares)) / max(4 * (len(group) - 1), 1)
    return np.asarray(max(1.0, scatter) * ((1 - _SHARED) * alone + _SHARED * together @ together.T))


def _correction(rootname: str, values: Floats, *, relative: Floats, absolute: Floats) -> Correction:
    east, north, turn, scale = values / UNITS
    by = Displacement(float(east), float(north), float(np.degrees(turn)), float(scale * 1e6))
    units = np.outer(UNITS, UNITS)
    return Correction(rootname, by, relative / units, absolute / units)
