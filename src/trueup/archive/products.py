"""Products: the files an archive has of an observation, and which of them are wanted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

PUBLIC = "PUBLIC"
# of the files of one exposure, or of one association, the first of these is enough
_ALTERNATIVES = (("FLC", "FLT", "C0M"), ("DRC", "DRZ"))
_ALWAYS = ("ASN", "HLET")
_ADVANCED = "HAP"
_NAME = re.compile(r"(?P<root>.+)_(?P<kind>[a-z0-9]+)\.fits(?:\.gz)?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Product:
    """One file of an archive.

    Attributes
    ----------
    obs_id : str
        The exposure, association or advanced product that the file is of, in lower case.
    filename : str
    kind : str
        FLC, FLT, ASN, DRC, DRZ, HLET, ... in capitals.
    project : str
        Which pipeline made it: CALWF3, CALACS, HAP-SVM, ...
    uri : str
        How the archive addresses it.
    size : int or None
        Bytes, as listed.
    rights : str
        PUBLIC, or why it is not.
    released : str or None
        Date on which it becomes public, where known.
    obsid : str
        The archive's number of the observation it was found under.

    Examples
    --------
    >>> Product("iepw14g4q", "iepw14g4q_flc.fits", "FLC", "CALWF3", "iepw14g4q_flc.fits").root
    'iepw14g4q'
    """

    obs_id: str
    filename: str
    kind: str
    project: str
    uri: str
    size: int | None = None
    rights: str = PUBLIC
    released: str | None = None
    obsid: str = ""

    @property
    def root(self) -> str:
        """The name of the file without its kind, in lower case."""
        found = _NAME.match(self.filename)
        return (found["root"] if found else self.filename).lower()

    @property
    def is_advanced(self) -> bool:
        """Whether it is of the pipeline that aligns whole visits, not of the calibration of one exposure."""
        return self.project.upper().startswith(_ADVANCED)


def kind_of(filename: str) -> str:
    """The kind of a file, from its name.

    Parameters
    ----------
    filename : str

    Returns
    -------
    str
        In capitals; empty where the name does not say.

    Examples
    --------
    >>> kind_of("iepw14g4q_flc.fits"), kind_of("hst_16801_14_wfc3_uvis_f336w_iepw14g4_hlet.fits")
    ('FLC', 'HLET')
    """
    found = _NAME.match(filename)
    return found["kind"].upper() if found else ""


def without_duplicates(products: Iterable[Product]) -> tuple[Product, ...]:
    """Each file once, where it was listed first.

    Parameters
    ----------
    products : iterable of Product

    Returns
    -------
    tuple of Product

    Examples
    --------
    >>> asn = Product("iepw14030", "iepw14030_asn.fits", "ASN", "CALWF3", "mast:iepw14030_asn.fits")
    >>> len(without_duplicates([asn, asn]))
    1
    """
    found: dict[str, Product] = {}
    for product in products:
        found.setdefault(product.uri, product)
    return tuple(found.values())


def select(
    products: Iterable[Product], *, kinds: Sequence[str] = (), projects: Sequence[str] = ()
) -> tuple[Product, ...]:
    """The files that are wanted, each once.

    By default: every exposure in its best calibration (FLC, else FLT), the associations, their
    drizzled products (DRC, else DRZ), and the headerlets of the whole visit. Copies that advanced
    pipelines made of exposures and products count only where `projects` names one.

    Parameters
    ----------
    products : iterable of Product
    kinds : sequence of str
        FLC, FLT, ASN, DRC, DRZ, HLET, ..., in any case.
    projects : sequence of str
        CALWF3, CALACS, HAP-SVM, ..., in any case.

    Returns
    -------
    tuple of Product

    Examples
    --------
    >>> names = "a_raw.fits", "a_flt.fits", "a_flc.fits", "b_flt.fits"
    >>> files = [Product(n[0], n, kind_of(n), "CALWF3", n) for n in names]
    >>> [file.filename for file in select(files)], [file.filename for file in select(files, kinds=["raw"])]
    (['a_flc.fits', 'b_flt.fits'], ['a_raw.fits'])
    """
    names = {project.upper() for project in projects}
    pool = [p for p in without_duplicates(products) if _is_of(p, names)]
    if kinds:
        wanted = {kind.upper() for kind in kinds}
        return tuple(p for p in pool if p.kind in wanted)
    best = {kinds: _best(pool, kinds) for kinds in _ALTERNATIVES}
    return tuple(
        p
        for p in pool
        if p.kind in _ALWAYS or any(p.kind in of and found[p.root] == p.kind for of, found in best.items())
    )


def _is_of(product: Product, projects: set[str]) -> bool:
    if projects:
        return product.project.upper() in projects
    return product.kind == "HLET" or not product.is_advanced


def _best(products: Sequence[Product], kinds: Sequence[str]) -> dict[str, str]:
    """The best of some kinds that there is of each exposure or association."""
    found: dict[str, str] = {}
    for kind in reversed(kinds):
        found |= {p.root: kind for p in products if p.kind == kind}
    return found
