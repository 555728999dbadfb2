"""A measured offset in words."""

from __future__ import annotations

from trueup.astrometry.pairs.fit import Fit


def offset_text(fit: Fit, labels: tuple[str, str]) -> str:
    """The measured offset in one line, as figures show it.

    Parameters
    ----------
    fit : Fit
    labels : (str, str)
        Names of the first and the second list.

    Returns
    -------
    str

    Examples
    --------
    >>> print(offset_text(Fit(0, why="no common stars"), ("F336W", "F275W")))
    F275W \N{MINUS SIGN} F336W: not measurable
    """
    minus = "\N{MINUS SIGN}"
    pair = f"{labels[1]} {minus} {labels[0]}"
    if fit.verdict == "unmeasurable":
        return f"{pair}: not measurable"
    east = f"{signed(fit.east_mas)} \N{PLUS-MINUS SIGN} {fit.sigma_east_mas:.1f} mas east"
    north = f"{signed(fit.north_mas)} \N{PLUS-MINUS SIGN} {fit.sigma_north_mas:.1f} mas north"
    turn = f"{signed(fit.rotation_deg, digits=4)}\N{DEGREE SIGN}"
    values = f"{east},  {north},  {turn}  ({fit.n} stars)".replace("-", minus)
    return f"{pair}:  {values}"


def describe(fit: Fit, labels: tuple[str, str]) -> str:
    """The measured offset in a few lines of plain text, as commands print it.

    Parameters
    ----------
    fit : Fit
    labels : (str, str)
        Names of the first and the second list.

    Returns
    -------
    str

    Examples
    --------
    >>> print(describe(Fit(0, why="no common stars"), ("F336W", "F275W")))
    F275W minus F336W: UNMEASURABLE, no common stars
    """
    pair = f"{labels[1]} minus {labels[0]}"
    if fit.east_mas is None:
        return f"{pair}: {fit.verdict.upper()}, {fit.why}"
    turn = f"{signed(fit.rotation_deg, digits=4):>9} +- {fit.sigma_rotation_deg:.4f} deg"
    corner = f"{fit.corner_mas:.1f} +- {fit.corner_sigma_mas:.1f} mas = {fit.corner_pix:.2f} pixel"
    spread = f"{fit.n} stars over {100 * (fit.coverage or 0):.0f} % of the field"
    lines = (
        pair,
        f"  east      {signed(fit.east_mas):>9} +- {fit.sigma_east_mas:.1f} mas",
        f"  north     {signed(fit.north_mas):>9} +- {fit.sigma_north_mas:.1f} mas",
        f"  rotation  {turn}, scale {signed(fit.scale_ppm)} ppm",
        f"  {corner} at the worst corner",
        f"  {spread}, chi2 {fit.chi2:.2f}, log10 P(chance) {fit.log10_pfalse:.0f}",
        f"  {fit.verdict.upper()}: {fit.why}",
    )
    return "\n".join(lines)


def signed(value: float | None, digits: int = 1) -> str:
    """A number with its sign; nothing that rounds to zero has one.

    Parameters
    ----------
    value : float or None
    digits : int
        After the point.

    Returns
    -------
    str

    Examples
    --------
    >>> signed(3.14), signed(-0.01), signed(None)
    ('+3.1', '0.0', 'unknown')
    """
    if value is None:
        return "unknown"
    text = f"{value:+.{digits}f}"
    return text if float(text) else text[1:]
