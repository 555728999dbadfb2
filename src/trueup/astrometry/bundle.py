"""All exposures of a visit at once: where each is against the others, then the group on the sky.

The measured pairs are one weighted least-squares problem. What is known of pointing holds together what
was not measured: exposures of one guide-star acquisition, the acquisitions of a visit. The group
then moves as a whole to the catalogue, or to the solution that is trusted.

Errors of pairs are partly those of the exposures they share: neither independent, as least squares
has it, nor all common. Covariances are for half of each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from trueup.model.chipwcs import Floats
from trueup.model.displacement import Displacement

# radians and parts of scale become mas at this distance from the centre
_LEVER_MAS = 1e5
_UNITS = np.array([1.0, 1.0, _LEVER_MAS, _LEVER_MAS])
_ARCSEC = np.pi / 648000
_SHARED = 0.5
# chi-square of four numbers that chance reaches once in 10^7
_REJECT = 38.0
_FLOOR_MAS = 0.3
_HOLD_MAS = 1e-3


@dataclass(frozen=True, slots=True)
class Widths:
    """How far exposures with something in common differ from those without: shift, roll, scale.

    Parameters
    ----------
    shift_mas, roll_arcsec, scale : float

    Examples
    --------
    >>> Widths(3.0, 3.0, 2e-5).variance.round(1).tolist()
    [9.0, 9.0, 2.1, 4.0]
    """

    shift_mas: float
    roll_arcsec: float
    scale: float

    @property
    def variance(self) -> Floats:
        """Variance of east, north, roll and scale, mas^2 at the lever."""
        widths = np.array([self.shift_mas, self.shift_mas, self.roll_arcsec * _ARCSEC, self.scale])
        return np.asarray((widths * _UNITS) ** 2)


_WITHIN_ACQUISITION = Widths(3.0, 3.0, 2e-5)
_WITHIN_VISIT = Widths(12.0, 10.0, 0.0)
_BETWEEN_FILTERS = Widths(1.0, 0.0, 1.5e-4)
_BETWEEN_VISITS = Widths(300.0, 36.0, 2e-5)
_ALONE = Widths(500.0, 36.0, 1.5e-4)
_ALL = Widths(1e4, 3600.0, 1e-2)


@dataclass(frozen=True, slots=True)
class Member:
    """An exposure and what it has in common with others.

    Parameters
    ----------
    rootname, filter, acquisition, visit : str
        An acquisition of guide stars is part of a visit.
    pointed : bool
        Whether the solution to start from follows the pointing; one of an image's own fit does not.

    Examples
    --------
    >>> Member("iepw14g4q", "F336W", "iepw14-1", "iepw14").pointed
    True
    """

    rootname: str
    filter: str
    acquisition: str
    visit: str
    pointed: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Tie:
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
    >>> Tie("", "iepw14g4q", np.zeros(4), np.eye(4)).a
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


def adjust(
    members: Sequence[Member], pairs: Sequence[Tie], sky: Sequence[Tie] = (), *, hold: bool = False
) -> Bundle:
    """Find the correction of every exposure that was measured.

    Parameters
    ----------
    members : sequence of Member
    pairs : sequence of Tie
        Between members.
    sky : sequence of Tie
        Of members to the sky; without any the mean of the group stays.
    hold : bool
        Whether the exposures tied to the sky get exactly what those ties say.

    Returns
    -------
    Bundle

    Examples
    --------
    >>> members = [Member(name, "F336W", "iepw14-1", "iepw14") for name in "ab"]
    >>> tie = Tie("a", "b", np.array([10.0, 0.0, 0.0, 0.0]), np.diag([0.01, 0.01, 1e-14, 1e-14]))
    >>> found = adjust(members, [tie])
    >>> [round(correction.by.east_mas, 1) for correction in found.corrections]
    [5.0, -5.0]
    """
    tied = {name for tie in (*pairs, *sky) for name in (tie.a, tie.b)}
    members = [member for member in members if member.rootname in tied]
    if not members:
        return Bundle(())
    place = {member.rootname: k for k, member in enumerate(members)}
    prior = _prior(members)
    kept, rejected = _without_contradictions(prior, [_scaled(tie) for tie in pairs], place)
    mean, least = _solved(prior, kept, place)
    loops, chi2, closure = _closure(mean, kept, place)
    noise = max(1.0, chi2 or 1.0) * _noise(least, kept, place)
    spread = noise + least @ np.linalg.solve(prior, least)
    relative = _about_mean(spread)
    observed = [_scaled(tie) for tie in sky]
    groups = [[tie] for tie in observed] if hold else _groups(observed, kept, place)
    for group in groups:
        mean, spread = _placed(mean, spread, group, place=place, exact=hold)
    if not groups:
        mean, spread = mean - np.tile(mean.reshape(-1, 4).mean(axis=0), len(members)), relative
    corrections = tuple(
        _correction(member.rootname, -mean[at], relative=relative[at, at], absolute=spread[at, at])
        for member in members
        for at in (_rows(place[member.rootname]),)
    )
    return Bundle(corrections, loops, chi2, closure, tuple((tie.a, tie.b) for tie in rejected))


def carry(bundle: Bundle, sources: Mapping[str, str]) -> Bundle:
    """Give exposures that were not measured the correction of another, with a larger error.

    Parameters
    ----------
    bundle : Bundle
    sources : mapping of str to str
        For each rootname, that of the exposure to take it from; one that has none itself is passed over.

    Returns
    -------
    Bundle

    Examples
    --------
    >>> one = Bundle((Correction("a", Displacement(3.0), np.zeros((4, 4)), np.zeros((4, 4))),))
    >>> both = carry(one, {"b": "a"})
    >>> both.corrections[1].by.east_mas, round(both.corrections[1].relative_sigma_mas[0], 1)
    (3.0, 4.2)
    """
    known = {correction.rootname: correction for correction in bundle.corrections}
    extra = np.diag(2 * _WITHIN_ACQUISITION.variance / _UNITS**2)
    carried = [
        replace(
            known[source],
            rootname=rootname,
            relative=known[source].relative + extra,
            absolute=known[source].absolute + extra,
            carried_from=source,
        )
        for rootname, source in sources.items()
        if source in known and rootname not in known
    ]
    return replace(bundle, corrections=(*bundle.corrections, *carried))


def _scaled(tie: Tie) -> Tie:
    """Everything in mas, rotation and scale at the lever."""
    return replace(tie, values=tie.values * _UNITS, covariance=tie.covariance * np.outer(_UNITS, _UNITS))


def _rows(k: int) -> slice:
    return slice(4 * k, 4 * k + 4)


def _prior(members: Sequence[Member]) -> Floats:
    """Covariance of the errors of all exposures before anything is measured."""
    levels = (
        (_ALL, [""] * len(members)),
        (_BETWEEN_VISITS, [m.visit for m in members]),
        (_BETWEEN_FILTERS, [m.filter for m in members]),
        (_WITHIN_VISIT, [f"{m.visit} {m.acquisition}" for m in members]),
        (_WITHIN_ACQUISITION, [m.rootname for m in members]),
        (_ALONE, [m.rootname if not m.pointed else "" for m in members]),
    )
    covariance = np.zeros((4 * len(members), 4 * len(members)))
    for widths, names in levels:
        alike = np.array([[a == b for b in names] for a in names], float)
        if widths is _ALONE:
            alike *= np.array([not m.pointed for m in members])
        covariance += np.kron(alike, np.diag(widths.variance))
    return covariance


def _solved(prior: Floats, ties: Sequence[Tie], place: Mapping[str, int]) -> tuple[Floats, Floats]:
    """Most likely errors of all exposures, and their covariance were the ties independent."""
    precision = np.linalg.inv(prior)
    right = np.zeros(len(prior))
    for tie in ties:
        weight = np.linalg.inv(tie.covariance)
        a, b = _rows(place[tie.a]), _rows(place[tie.b])
        precision[a, a] += weight
        precision[b, b] += weight
        precision[a, b] -= weight
        precision[b, a] -= weight
        right[b] += weight @ tie.values
        right[a] -= weight @ tie.values
    covariance = np.linalg.inv(precision)
    return covariance @ right, covariance


def _without_contradictions(
    prior: Floats, ties: Sequence[Tie], place: Mapping[str, int]
) -> tuple[list[Tie], list[Tie]]:
    """Leave out, one by one, the tie that contradicts the others most.

    Only a tie whose exposures hold together without it is contradicted by measurements; the only one
    between two exposures may well be at odds with their pointing, and is right.
    """
    kept, rejected = list(ties), []
    while True:
        mean, covariance = _solved(prior, kept, place)
        gains = sorted(((_gain(tie, mean, covariance, place), k) for k, tie in enumerate(kept)), reverse=True)
        for gain, k in gains:
            label = _components([*kept[:k], *kept[k + 1 :]], place)
            if gain > _REJECT and label[kept[k].a] == label[kept[k].b]:
                rejected.append(kept.pop(k))
                break
        else:
            return kept, rejected


def _residual(tie: Tie, mean: Floats, place: Mapping[str, int]) -> Floats:
    return np.asarray(tie.values - mean[_rows(place[tie.b])] + mean[_rows(place[tie.a])])


def _gain(tie: Tie, mean: Floats, covariance: Floats, place: Mapping[str, int]) -> float:
    """How much chi-square falls when a tie is left out."""
    a, b = _rows(place[tie.a]), _rows(place[tie.b])
    known = covariance[a, a] + covariance[b, b] - covariance[a, b] - covariance[b, a]
    residual = _residual(tie, mean, place)
    return float(residual @ np.linalg.solve(tie.covariance - known, residual))


def _components(ties: Iterable[Tie], names: Iterable[str]) -> dict[str, str]:
    """A label for each exposure, the same for those that ties connect."""
    labels = {name: name for name in names}
    for tie in ties:
        old, new = labels[tie.a], labels[tie.b]
        labels = {name: new if label == old else label for name, label in labels.items()}
    return labels


def _closure(
    mean: Floats, ties: Sequence[Tie], place: Mapping[str, int]
) -> tuple[int, float | None, float | None]:
    """Number of loops, reduced chi-square and rms residual per axis of the pairs."""
    loops = len(ties) - len(place) + len(set(_components(ties, place).values()))
    if not loops:
        return 0, None, None
    residuals = np.array([_residual(tie, mean, place) for tie in ties])
    squares = [r @ np.linalg.solve(tie.covariance, r) for r, tie in zip(residuals, ties, strict=True)]
    return loops, float(np.sum(squares)) / (4 * loops), float(np.sqrt(np.mean(residuals[:, :2] ** 2)))


def _noise(least: Floats, ties: Sequence[Tie], place: Mapping[str, int]) -> Floats:
    """What the errors of the ties do to the solution, half of each shared with others of its exposures."""
    alone, shared = np.zeros_like(least), np.zeros_like(least)
    for tie in ties:
        a, b = _rows(place[tie.a]), _rows(place[tie.b])
        gain = (least[:, b] - least[:, a]) @ np.linalg.inv(tie.covariance)
        alone += gain @ tie.covariance @ gain.T
        step = gain @ _square_root(tie.covariance) / np.sqrt(2)
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


def _groups(sky: Sequence[Tie], pairs: Sequence[Tie], place: Mapping[str, int]) -> list[list[Tie]]:
    """The ties to the sky of each group of exposures that pairs connect."""
    labels = _components(pairs, place)
    groups: dict[str, list[Tie]] = {}
    for tie in sky:
        groups.setdefault(labels[tie.b], []).append(tie)
    return list(groups.values())


def _placed(
    mean: Floats, spread: Floats, group: Sequence[Tie], *, place: Mapping[str, int], exact: bool
) -> tuple[Floats, Floats]:
    """Move everything so that a group as a whole is where its ties to the sky say.

    One observation, the weighted mean over the group, cannot bend the group.
    """
    weights = [np.linalg.inv(tie.covariance) for tie in group]
    total = np.linalg.inv(np.sum(weights, axis=0))
    shares = [total @ weight for weight in weights]
    pick = np.zeros((4, len(mean)))
    for share, tie in zip(shares, group, strict=True):
        pick[:, _rows(place[tie.b])] += share
    misses = [tie.values - mean[_rows(place[tie.b])] for tie in group]
    miss = np.sum([share @ one for share, one in zip(shares, misses, strict=True)], axis=0)
    error = _HOLD_MAS**2 * np.eye(4) if exact else _group_error(group, shares, misses)
    gain = spread @ pick.T @ np.linalg.inv(pick @ spread @ pick.T + error)
    keep = np.eye(len(mean)) - gain @ pick
    return mean + gain @ miss, keep @ spread @ keep.T + gain @ error @ gain.T


def _group_error(group: Sequence[Tie], shares: Sequence[Floats], misses: Sequence[Floats]) -> Floats:
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
    east, north, turn, scale = values / _UNITS
    by = Displacement(float(east), float(north), float(np.degrees(turn)), float(scale * 1e6))
    units = np.outer(_UNITS, _UNITS)
    return Correction(rootname, by, relative / units, absolute / units)
