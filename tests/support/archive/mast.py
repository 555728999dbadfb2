"""MAST: the portal's searches and product lists, in the shapes the real one answers in."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from archive.files import Files
from archive.server import Answer, Request, Server

Row = dict[str, Any]

_FLOATS = {"s_ra", "s_dec", "t_min", "t_max", "t_exptime", "t_obs_release", "distance"}
_INTEGERS = {"calib_level", "size"}
_LISTS = {"filters", "obs_collection", "project"}
_OBSERVATION = (
    "dataproduct_type", "calib_level", "obs_collection", "obs_id", "target_name", "s_ra", "s_dec", "t_min",
    "t_max", "t_exptime", "filters", "instrument_name", "project", "proposal_id", "proposal_pi", "dataRights",
    "intentType", "t_obs_release", "obsid", "distance",
)  # fmt: skip
_PRODUCT = (
    "obsID", "obs_collection", "dataproduct_type", "obs_id", "description", "type", "dataURI", "productType",
    "productGroupDescription", "productSubGroupDescription", "project", "prvversion", "productFilename",
    "size", "parent_obsid", "dataRights", "calib_level",
)  # fmt: skip


@dataclass
class Mast:
    """The portal.

    Attributes
    ----------
    observations : list of Row
        With the words of CAOM.
    products : mapping of str to list of Row
        By the number of the observation.
    executing : int
        How many times the next query is answered with EXECUTING.
    places : mapping of str to (float, float)
        Names that can be resolved.
    """

    observations: list[Row]
    products: Mapping[str, list[Row]]
    executing: int = 0
    places: dict[str, tuple[float, float]] = field(default_factory=dict)

    def mount(self, server: Server, files: Files) -> None:
        server.mount("/portal/Mashup/Mashup.asmx/columnsconfig", self.columns)
        server.mount("/api/v0/invoke", self.invoke)
        server.mount("/api/v0.1/Download/file", files)

    def columns(self, request: Request) -> Answer:
        name = request.form.get("colConfigId", "")
        words = {"Mast.Caom.Cone": _OBSERVATION, "Mast.Caom.Products": _PRODUCT}.get(name, ())
        return _json({word: _column(word) for word in words})

    def invoke(self, request: Request) -> Answer:
        asked = json.loads(parse_qs(request.body.decode())["request"][0])
        if self.executing > 0:
            self.executing -= 1
            return _json({"status": "EXECUTING", "msg": "", "data": [], "fields": [], "paging": None})
        service, params = asked["service"], asked["params"]
        if service == "Mast.Name.Lookup":
            return _json({"resolvedCoordinate": self._resolved(params["input"]), "status": ""})
        if service == "Mast.Caom.Products":
            numbers = params["obsid"].split(",")
            rows = [row for number in numbers for row in self.products.get(number, [])]
            return _page(rows, _PRODUCT, asked)
        if service in {"Mast.Caom.Filtered", "Mast.Caom.Filtered.Position"}:
            near = self._near(params.get("position", ""))
            return _page([row for row in near if _fits(row, params["filters"])], _OBSERVATION, asked)
        return _json({"status": "ERROR", "msg": f"no service {service}", "data": [], "fields": []})

    def _resolved(self, name: str) -> list[Row]:
        place = self.places.get(name.lower())
        return [{"ra": place[0], "decl": place[1], "canonicalName": name}] if place else []

    def _near(self, position: str) -> list[Row]:
        if not position:
            return [row | {"distance": None} for row in self.observations]
        ra, dec, radius = (float(word) for word in position.split(","))
        rows = [row | {"distance": _separation(ra, dec, row) * 3600} for row in self.observations]
        return [row for row in rows if row["distance"] <= radius * 3600]


def _column(word: str) -> Row:
    kind = "double" if word in _FLOATS else "int" if word in _INTEGERS else "char"
    split = {"separator": ";", "separatorType": "split"} if word in _LISTS else {}
    return {"text": word, "vot.datatype": kind, **split}


def _fits(row: Row, filters: Iterable[Row]) -> bool:
    return all(_fits_one(row.get(entry["paramName"]), entry) for entry in filters)


def _fits_one(value: Any, entry: Row) -> bool:
    if "freeText" in entry:
        pattern = re.escape(entry["freeText"]).replace("%", ".*")
        return re.fullmatch(pattern, str(value), re.IGNORECASE) is not None
    wanted = entry["values"]
    if isinstance(wanted[0], dict):
        return any(w["min"] <= value <= w["max"] for w in wanted)
    words = str(value).split(entry["separator"]) if "separator" in entry else [str(value)]
    return bool({w.lower() for w in words} & {w.lower() for w in wanted})


def _page(rows: list[Row], words: Iterable[str], asked: Row) -> Answer:
    size, page = int(asked["pagesize"]), int(asked["page"])
    pages = max(1, -(-len(rows) // size))
    part = rows[(page - 1) * size : page * size]
    kinds = {w: "float" if w in _FLOATS else "int" if w in _INTEGERS else "string" for w in words}
    paging = {
        "page": page, "pageSize": size, "pagesFiltered": pages, "rows": len(part), "rowsFiltered": len(rows),
        "rowsTotal": len(rows),
    }  # fmt: skip
    fields = [{"name": word, "type": kind} for word, kind in kinds.items()]
    data = [{word: row.get(word) for word in words} for row in part]
    return _json({"status": "COMPLETE", "msg": "", "data": data, "fields": fields, "paging": paging})


def _json(value: object) -> Answer:
    return Answer(json.dumps(value).encode(), headers={"Content-Type": "application/json"})


def _separation(ra: float, dec: float, row: Row) -> float:
    a, b, d = math.radians(dec), math.radians(row["s_dec"]), math.radians(ra - row["s_ra"])
    h = math.sin((a - b) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(d / 2) ** 2
    return math.degrees(2 * math.asin(math.sqrt(h)))


_SUPPORT = ("trl.fits", "spt.fits", "jif.fits", "jit.fits")
_ASSOCIATION = ("asn.fits", "drc.fits", "drz.fits", *_SUPPORT, "tra.fits", "drc.jpg", "drz.jpg")
_EXPOSURE = ("raw.fits", "flt.fits", "flc.fits", *_SUPPORT, "epc.fits", "raw.jpg", "flt.jpg", "flc.jpg")
_SVM_FILTER = ("drc.fits", "drc.jpg", "point-cat.ecsv", "segment-cat.ecsv", "trl.txt")
_SVM_EXPOSURE = ("flc.fits", "hlet.fits", "drc.fits", "drc.jpg")
_SVM_TOTAL = ("drc.fits", "drc.jpg", "point-cat.ecsv", "segment-cat.ecsv", "trl.txt", "manifest.txt")
_FILTERS = {"iepw14030": "f336w", "iepw14040": "f275w"}
_MEMBERS = {"iepw14030": ("iepw14g4q", "iepw14g6q"), "iepw14040": ("iepw14gaq", "iepw14geq")}
_NUMBERS = {"iepw14030": "90000030", "iepw14040": "90000040"}


def tutorial(sizes: Mapping[str, int]) -> Mast:
    """Programme 16801 visit 14: two associations with 102 rows of products, 6 of them twice.

    Another programme and the advanced products of the visit are there, too.
    """
    products = {number: _files_of(asn, number, sizes) for asn, number in _NUMBERS.items()}
    observations = [
        _observation(asn, number, filters=_FILTERS[asn].upper(), t_min=59960.5 + i)
        for i, (asn, number) in enumerate(_NUMBERS.items())
    ]
    visit = {"project": "HAP", "calib_level": 3}
    observations.append(_observation("hst_16801_14_wfc3_uvis_total_iepw14", "90000099") | visit)
    elsewhere = {"proposal_id": "11359", "s_ra": 53.1, "s_dec": -27.8, "instrument_name": "WFC3/IR"}
    observations.append(_observation("ib6o23010", "90000001", filters="G141", t_min=55401.2) | elsewhere)
    return Mast(observations, products, places={"westerlund 2": (155.992, -57.764)})


def contents_of(folder: Path) -> dict[str, bytes]:
    """The files of a simulated visit under their names in the archive, with drizzled products."""
    contents = {path.name: path.read_bytes() for path in sorted(folder.glob("*.fits"))}
    for asn in _NUMBERS:
        # any FITS file will do for a product that nobody opens
        contents[f"{asn}_drc.fits"] = contents[f"{asn}_asn.fits"]
    return contents


def _observation(obs_id: str, number: str, *, filters: str = "F275W;F336W", t_min: float = 59960.5) -> Row:
    return {
        "dataproduct_type": "image", "calib_level": 2, "obs_collection": "HST", "obs_id": obs_id,
        "target_name": "WESTERLUND-2", "s_ra": 155.99, "s_dec": -57.76, "t_min": t_min, "t_max": t_min + 0.1,
        "t_exptime": 878.0, "filters": filters, "instrument_name": "WFC3/UVIS", "project": "HST",
        "proposal_id": "16801", "proposal_pi": "Sabbi, Elena", "dataRights": "PUBLIC",
        "intentType": "science", "t_obs_release": 60142.0, "obsid": number,
    }  # fmt: skip


def _files_of(asn: str, number: str, sizes: Mapping[str, int]) -> list[Row]:
    svm = "hst_16801_14_wfc3_uvis"
    names = [(asn, f"{asn}_{end}", "CALWF3") for end in _ASSOCIATION]
    for member in _MEMBERS[asn]:
        names += [(member, f"{member}_{end}", "CALWF3") for end in _EXPOSURE]
        root = f"{svm}_{_FILTERS[asn]}_{member[:8]}"
        names += [(root, f"{root}_{end}", "HAP-SVM") for end in _SVM_EXPOSURE]
    for root, ends in ((f"{svm}_{_FILTERS[asn]}_iepw14", _SVM_FILTER), (f"{svm}_total_iepw14", _SVM_TOTAL)):
        names += [(root, f"{root}_{end}", "HAP-SVM") for end in ends]
    return [
        _product(obs_id, name, project=project, number=number, size=sizes.get(name, 4321))
        for obs_id, name, project in names
    ]


def _product(obs_id: str, name: str, *, project: str, number: str, size: int) -> Row:
    return {
        "obsID": number, "obs_collection": "HST", "dataproduct_type": "image", "obs_id": obs_id,
        "description": "DADS file", "type": "D", "dataURI": f"mast:HST/product/{name}",
        "productType": "SCIENCE", "productGroupDescription": None,
        "productSubGroupDescription": name.rpartition("_")[2].partition(".")[0].upper(),
        "project": project, "prvversion": None, "productFilename": name, "size": size, "parent_obsid": number,
        "dataRights": "PUBLIC", "calib_level": 2,
    }  # fmt: skip
