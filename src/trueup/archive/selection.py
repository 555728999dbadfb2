"""Which files of an observation are wanted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from trueup.archive.product import Product

# of the files of one exposure, or of one association, the first of these is enough
_ALTERNATIVES = (("FLC", "FLT", "C0M"), ("DRC", "DRZ"))
_ALWAYS = ("ASN", "HLET")
_ADVANCED = "HAP"
_NAME = re.compile(r"(?P<root>.+)_(?P<kind>[a-z0-9]+)\.fits(?:\.gz)?$", re.IGNORECASE)


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


def root_of(filename: str) -> str:
    """The name of a file without its kind, in lower case.

    Parameters
    ----------
    filename : str

    Returns
    -------
    str

    Examples
    --------
    >>> root_of("iepw14g4q_flc.fits")
    'iepw14g4q'
    """
    found = _NAME.match(filename)
    return (found["root"] if found else filename).lower()


def is_advanced(product: Product) -> bool:
    """Whether it is of a pipeline that aligns whole visits, not of the calibration of one exposure.

    Parameters
    ----------
    product : Product

    Returns
    -------
    bool

    Examples
    --------
    >>> is_advanced(Product("iepw14030", "hst_16801_14_hlet.fits", "HLET", "HAP-SVM", "mast:HST/..."))
    True
    """
    return product.project.upper().startswith(_ADVANCED)


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
        found.setdefault(product.filename, product)
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
    # archives list previews under the kind of what they show
    pool = [p for p in without_duplicates(products) if _NAME.match(p.filename) and _is_of(p, names)]
    if kinds:
        wanted = {kind.upper() for kind in kinds}
        return tuple(p for p in pool if p.kind in wanted)
    best = {kinds: _best(pool, kinds) for kinds in _ALTERNATIVES}
    return tuple(
        p
        for p in pool
        if p.kind in _ALWAYS
        or any(p.kind in of and found[root_of(p.filename)] == p.kind for of, found in best.items())
    )


def _is_of(product: Product, projects: set[str]) -> bool:
    if projects:
        return product.project.upper() in projects
    return product.kind == "HLET" or not is_advanced(product)


def _best(products: Sequence[Product], kinds: Sequence[str]) -> dict[str, str]:
    """The best of some kinds that there is of each exposure or association."""
    found: dict[str, str] = {}
    for kind in reversed(kinds):
        found |= {root_of(p.filename): kind for p in products if p.kind == kind}
    return found
