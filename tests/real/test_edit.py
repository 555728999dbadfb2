"""Applying every sound solution of every real header, judged by astropy and stwcs."""

import hashlib
import io
import json
import random
import re
import shutil
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from mortal import Mortal, folder_in_memory

from trueup.edit.apply import apply
from trueup.edit.commit import exclusive
from trueup.edit.plan import plan
from trueup.edit.record import steps
from trueup.edit.undo import undo
from trueup.fits.exposure import read_exposure
from trueup.fits.visit import open_visit
from trueup.model.exposure import Exposure
from trueup.model.solution import Solution
from trueup.model.soundness import judge

FILES = ("ib4606c5q_flc.fits", "ib4606cpq_flt.fits", "j94f05bgq_flt.fits")
UVIS, IR = FILES[:2]
PLANES = ("SCI", "ERR", "DQ", "SAMP", "TIME")
LINEAR = ("CRPIX1", "CRPIX2", "CRVAL1", "CRVAL2", "CD1_1", "CD1_2", "CD2_1", "CD2_2")
STORY = (
    "RMS_RA", "RMS_DEC", "NMATCHES", "NMATCH", "CATALOG", "FITGEOM", "CRDER1", "CRDER2", "HDRNAME", "RELGEOM",
    "RELMATCH", "RELRMS_R", "RELRMS_D", "RELREFIM", "LONPOLE", "LATPOLE", "CDELT1", "CDELT2",
)  # fmt: skip
HANDS_OFF = ("VAFACTOR", "PA_APER", "RA_APER", "DEC_APER", "MDRIZSKY", "LTV1", "LTV2", "LTM1_1", "LTM2_2")

STWCS = """
import json, sys, warnings
warnings.simplefilter("ignore")
import numpy as np
from astropy.io import fits
from stwcs.wcsutil import HSTWCS, headerlet
jobs = json.load(open(sys.argv[1]))
for job in jobs:
    with fits.open(job["file"]) as hdus:
        hdus.verify("exception")
        for extver, sky in job["sky"].items():
            wcs = HSTWCS(hdus, ("SCI", int(extver)))
            to_sky = wcs.all_pix2world if wcs.sip is not None else wcs.wcs_pix2world
            ra, dec = to_sky(np.array(sky["x"]), np.array(sky["y"]), 0)
            sky["ra"], sky["dec"] = ra.tolist(), dec.tolist()
        job["hdrnames"] = headerlet.get_headerlet_kw_names(hdus, "HDRNAME")
        for hdu in hdus:
            if hdu.name == "HDRLET":
                hlet = headerlet.Headerlet(hdu.hdulist)
                hlet.init_attrs()
                hlet.hverify()
    if job["restore"]:
        headerlet.restore_from_headerlet(job["file"], hdrname=job["restore"], archive=True, force=True)
        headerlet.delete_headerlet([job["file"]], hdrname=job["hdrnames"][0])
        with fits.open(job["file"]) as hdus:
            (index,) = headerlet.find_headerlet_HDUs(hdus, hdrname=job["restore"], strict=False)
        headerlet.extract_headerlet(job["file"], job["file"] + "_hlet.fits", extnum=index)
        with fits.open(job["file"]) as hdus:
            job["restored"] = hdus["SCI", 1].header["WCSNAME"]
json.dump(jobs, open(sys.argv[1], "w"))
"""


def copy(source: Path, folder: Path) -> Path:
    """A writable copy in its own folder."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / source.name
    shutil.copyfile(source, path)
    return path


def embedded(hdu: Any) -> fits.HDUList:
    """The FITS file inside a HDRLET extension."""
    return fits.open(io.BytesIO(hdu.data.tobytes()))


def undated(path: Path) -> bytes:
    """The bytes of a file, without the time at which a headerlet was written."""
    return re.sub(rb"DATE    = '\d{4}-\d\d-\d\dT[\d:]{8}'", b"", path.read_bytes())


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def planes(path: Path) -> dict[tuple[str, int], bytes]:
    """The data bytes of all image planes."""
    content, found = path.read_bytes(), {}
    with fits.open(path) as hdus:
        for hdu in hdus:
            if hdu.name in PLANES:
                at = hdu.fileinfo()
                found[hdu.name, hdu.ver] = content[at["datLoc"] : at["datLoc"] + at["datSpan"]]
    return found


def sky(exposure: Exposure, solution: Solution) -> Any:
    """Sky positions of random pixels, by chip."""
    out = {}
    for chip in exposure.chips:
        rng = np.random.default_rng(chip.id.extver)
        x, y = rng.uniform(0, chip.shape[1], 50), rng.uniform(0, chip.shape[0], 50)
        ra, dec = solution.wcs(chip.id).pixel_to_sky(x, y)
        out[str(chip.id.extver)] = {"x": list(x), "y": list(y), "truth": [list(ra), list(dec)]}
    return out


@pytest.fixture(scope="module")
def applied(real_data: Path, tmp_path_factory: pytest.TempPathFactory, peer_python: str) -> Any:
    """Every sound solution put in force in its own copy, and what stwcs sees there."""
    work = tmp_path_factory.mktemp("applied")
    jobs = []
    for name in FILES:
        exposure = read_exposure(real_data / "headers" / name)
        for number, verdict in enumerate(judge(exposure), start=1):
            if verdict.sound is False or number == 1:
                continue
            path = copy(real_data / "headers" / name, work / f"{name[:9]}-{number}")
            apply([path], f"#{number}", allow=["distortion"])
            job = {"file": str(path), "source": name, "number": number}
            job |= {"sky": sky(exposure, exposure.solutions[number - 1]), "restore": ""}
            jobs.append(job)
    job = dict(jobs[8])
    job |= {"file": str(copy(Path(job["file"]), work / "restored")), "sky": {}}
    job["restore"] = "ib4606c5q_flc_IDC_2731450pi-FIT_REL_GAIADR2-hlet.fits"
    listing = work / "jobs.json"
    listing.write_text(json.dumps([*jobs, job]))
    done = subprocess.run([peer_python, "-c", STWCS, listing], capture_output=True, text=True, cwd=work)
    assert done.returncode == 0, done.stderr
    return json.loads(listing.read_text())


def test_stwcs_sees_the_same_sky(applied: Any) -> None:
    cases = [job for job in applied if job["sky"]]
    assert len(cases) >= 22
    for job in cases:
        for seen in job["sky"].values():
            ra, dec = np.array(seen["truth"])
            east = (np.array(seen["ra"]) - ra) * np.cos(np.radians(dec))
            apart = np.hypot(east, np.array(seen["dec"]) - dec) * 3.6e6
            assert apart.max() < 0.001, (job["source"], job["number"])


def test_stwcs_works_on_what_trueup_wrote(applied: Any) -> None:
    restored = [job["restored"] for job in applied if job["restore"]]
    assert restored == ["IDC_2731450pi-FIT_REL_GAIADR2"]


def test_companions_have_the_linear_part(applied: Any) -> None:
    for job in applied:
        with fits.open(job["file"]) as hdus:
            for hdu in hdus if not job["restore"] else ():
                if hdu.name in PLANES[1:]:
                    science = hdus["SCI", hdu.ver].header
                    assert hdu.header["CTYPE1"] == "RA---TAN"
                    assert hdu.header["CTYPE2"] == "DEC--TAN"
                    assert hdu.header["WCSNAME"] == science["WCSNAME"]
                    for word in LINEAR:
                        assert hdu.header[word] == science[word]


def own_values(exposure: Exposure, solution: Solution, extver: int) -> Any:
    """What a solution says of itself, read with astropy from where it is stored."""
    with fits.open(exposure.path) as hdus:
        if solution.origin.kind == "alternate":
            header, key = hdus["SCI", extver].header, solution.origin.key
            return {word: header[word + key] for word in STORY if word + key in header}
        inner = embedded(hdus[solution.origin.hdu])
        primary, chip = inner[0].header, inner["SIPWCS", extver].header
        values = {word: chip[word] for word in STORY if word in chip}
        values |= {
            word: primary[word] for word in ("RMS_RA", "RMS_DEC", "FITGEOM", "HDRNAME") if word in primary
        }
        values["NMATCHES"] = primary["NMATCH"]
        return values


def test_no_stale_keyword_is_left(applied: Any, real_data: Path) -> None:
    for job in applied:
        if job["restore"]:
            continue
        exposure = read_exposure(real_data / "headers" / job["source"])
        solution = exposure.solutions[job["number"] - 1]
        with fits.open(job["file"]) as hdus, fits.open(exposure.path) as old:
            for chip in exposure.chips:
                header = hdus["SCI", chip.id.extver].header
                own = own_values(exposure, solution, chip.id.extver)
                for word in STORY:
                    if word in header:
                        assert header[word] == own[word], (job["source"], job["number"], word)
                assert header["ORIENTAT"] == pytest.approx(
                    np.degrees(np.arctan2(header["CD1_2"], header["CD2_2"])), abs=1e-10
                )
                for word in HANDS_OFF:
                    assert header.get(word) == old["SCI", chip.id.extver].header.get(word)
                assert solution.wcsname == header["WCSNAME"]
            assert hdus[0].header.get("NEXTEND", len(hdus) - 1) == len(hdus) - 1


def test_wcstype_and_region(applied: Any) -> None:
    types = {}
    for job in applied:
        if not job["restore"]:
            header = fits.getheader(job["file"], ("SCI", 1))
            types[header["WCSNAME"]] = header["WCSTYPE"]
            if "S_REGION" in header:
                corners = np.array(header["S_REGION"].split()[2:], float).reshape(5, 2)
                wcs = read_exposure(job["file"]).active.wcs(1)
                assert np.allclose(corners[0], np.array(wcs.pixel_to_sky(0, 0)), atol=1e-10)
                assert np.allclose(corners[2], [float(v[0]) for v in opposite(wcs)], atol=1e-10)
                assert np.array_equal(corners[0], corners[4])
    assert types["OPUS"] == "pipeline default not aligned"
    assert types["IDC_2731450pi"] == "undistorted not aligned"
    assert types["IDC_2731450pi-HSC30"] == "undistorted a priori solution based on HSC30"
    assert types["IDC_w3m18525i-FIT_REL_GAIAeDR3"] == (
        "undistorted a posteriori solution relatively aligned to GAIAEDR3"
    )


def opposite(wcs: Any) -> Any:
    ny, nx = wcs.shape
    return wcs.pixel_to_sky([nx - 1], [ny - 1])


def test_structure(applied: Any, real_data: Path) -> None:
    for job in applied:
        if job["restore"]:
            continue
        source = real_data / "headers" / job["source"]
        assert planes(Path(job["file"])) == planes(source)
        with fits.open(job["file"]) as hdus, fits.open(source) as old:
            count = sum(hdu.name in PLANES for hdu in old)
            assert [(h.name, h.ver) for h in hdus[: count + 1]] == [(h.name, h.ver) for h in old[: count + 1]]
            numbers = [hdu.header["EXTVER"] for hdu in hdus if hdu.name == "HDRLET"]
            assert numbers == list(range(1, len(numbers) + 1))
            for name in ("WCSCORR",):
                if name in old:
                    a, b = old[name], hdus[name]
                    assert a.header.tostring() == b.header.tostring()
                    assert a.data.tobytes() == b.data.tobytes()


def test_cut_tables_give_way_to_those_of_the_headerlet(real_data: Path, tmp_path: Path) -> None:
    path = copy(real_data / "headers" / UVIS, tmp_path)
    apply([path], "*GSC240*")
    with fits.open(path) as hdus:
        inner = embedded(hdus["HDRLET", 3])
        assert hdus["SCI", 1].header["WCSNAME"] == inner[0].header["WCSNAME"]
        for name in ("WCSDVARR", "D2IMARR"):
            for extver in (1, 2, 3, 4):
                assert np.array_equal(hdus[name, extver].data, inner[name, extver].data)
    assert {flag.code for flag in judge(read_exposure(path))[0].flags} == set()


def test_replaced_solution_is_kept_whole(real_data: Path, tmp_path: Path) -> None:
    """The stored copy of the active solution is unsound, so a sound one is added."""
    path = copy(real_data / "headers" / UVIS, tmp_path)
    before = read_exposure(path)
    apply([path], "*GSC240*")
    with fits.open(path) as hdus, fits.open(real_data / "headers" / UVIS) as old:
        inner = embedded(hdus["HDRLET", 9])
        for extver in (1, 2):
            science, kept = old["SCI", extver].header, inner["SIPWCS", extver].header
            for word in ("FITGEOM", "WCSTYPE", "CRDER1", "CRDER2", "RMS_RA", "RMS_DEC", "NMATCHES", "CRVAL1"):
                assert kept[word] == science[word]
        assert inner[0].header["NMATCH"] == 573
        assert inner[0].header["HDRNAME"] not in [h.header["HDRNAME"] for h in old if h.name == "HDRLET"]
    assert judge(read_exposure(path))[12].sound
    apply([path], "#13")
    after = read_exposure(path)
    for chip in (1, 2):
        x, y = [0, 3000, 4095], [2050, 100, 0]
        one = before.active.wcs(chip).pixel_to_sky(x, y)
        assert np.array_equal(one, after.active.wcs(chip).pixel_to_sky(x, y))


def test_alternates_leave_with_their_distortion(real_data: Path, tmp_path: Path) -> None:
    path = copy(real_data / "headers" / UVIS, tmp_path)
    apply([path], "#5", allow=["distortion"])
    after = read_exposure(path)
    assert [s.origin.key for s in after.solutions if s.origin.kind == "alternate"] == ["O"]
    with fits.open(path) as hdus:
        assert not [hdu.name for hdu in hdus if hdu.name in {"WCSDVARR", "D2IMARR"}]
        assert not [word for word in hdus["SCI", 1].header if word.startswith(("A_", "CPDIS", "D2IMDIS"))]
        assert hdus["SCI", 1].header["IDCSCALE"] == pytest.approx(0.03962, abs=1e-6)


@pytest.mark.parametrize("name", [UVIS, IR])
def test_fixed_point_and_undo(name: str, real_data: Path, tmp_path: Path) -> None:
    """After the first A, B, A nothing changes any more; every step can be taken back."""
    path = copy(real_data / "headers" / name, tmp_path)
    states = [digest(path)]
    one, two = ("*GSC240*", "*FIT_SVM*")
    for turn in range(9):
        apply([path], (one, two)[turn % 2])
        states.append(digest(path))
        assert max(step.path.stat().st_size for step in steps(path)) < 5_000_000
    assert len(set(states[3:])) == 2
    for _, before in pairwise(reversed(states)):
        undo([path])
        assert digest(path) == before
    assert not steps(path)


def test_header_code_is_never_run(real_data: Path, tmp_path: Path) -> None:
    """A headerlet whose SCIEXT is Python does nothing but what a headerlet does."""
    path = copy(real_data / "headers" / IR, tmp_path)
    trap = tmp_path / "trap"
    with fits.open(path) as hdus:
        inner = embedded(hdus["HDRLET", 3])
        inner[1].header["SCIEXT"] = f"open({str(trap)!r}, 'w').close()"
        inner.writeto(tmp_path / "evil_hlet.fits")
    apply([path], headerlets=[tmp_path / "evil_hlet.fits"])
    undo([path])
    apply([path], headerlets=[tmp_path / "evil_hlet.fits"], archive=False)
    assert not trap.exists()
    assert "SCIEXT" not in fits.getheader(path, ("SCI", 1))
    assert fits.getval(path, "WCSNAME", ("SCI", 1)) == "IDC_w3m18525i-GSC240"


@pytest.fixture
def memory() -> Iterator[Path]:
    with folder_in_memory() as path:
        yield path


@pytest.fixture(params=["file", "visit"])
def doomed(request: pytest.FixtureRequest, real_data: Path, memory: Path) -> Any:
    """Files, an action on them that will be killed, and their bytes before and after it."""
    paths = [memory / IR]
    with fits.open(real_data / "headers" / IR) as hdus:
        # fewer headerlets make the same step faster
        fits.HDUList([*hdus[:6], hdus["HDRLET", 3], hdus["HDRLET", 9]]).writeto(paths[0])
    if request.param == "visit":
        paths.append(memory / IR.replace("cpq", "cqq"))
        paths[1].write_bytes(paths[0].read_bytes().replace(b"ib4606cpq", b"ib4606cqq"))
    old = [path.read_bytes() for path in paths]

    def action() -> None:
        apply(paths, "*GSC240*")

    planned = [plan(open_visit(paths), "*GSC240*")]

    def commit() -> None:
        planned[0].commit()

    def settle() -> bool:
        """What the next command does first; True when the step was finished, False when nothing is left."""
        state = [undated(path) for path in paths]
        assert all(found in {before, after} for found, before, after in zip(state, bare, new, strict=True))
        with exclusive(paths):
            state = [undated(path) for path in paths]
        assert state in (bare, new)
        assert not list(memory.glob(".*trueup-new"))
        assert not list((memory / ".trueup").glob("journal*"))
        assert [len(steps(path)) for path in paths] == [int(state == new)] * len(paths)
        if state == new:
            undo(paths)
            planned[0] = plan(open_visit(paths), "*GSC240*")
        assert [path.read_bytes() for path in paths] == old
        return state == new

    bare = [undated(path) for path in paths]
    action()
    new = [undated(path) for path in paths]
    assert settle()
    return action, commit, settle


def test_killed_at_any_moment(doomed: Any) -> None:
    """Kills at 200 moments spread over apply: each file is old or new to the byte."""
    action, _, settle = doomed
    mortal, choose = Mortal(), random.Random(1)
    finished = []
    for moment in range(200):
        if moment % 10 == 0:
            # the load of the machine changes: what counts is the part of the work that is done
            duration = mortal.measure(action)
            assert settle()
        part = (37 * moment % 200 + choose.random()) / 200
        mortal.run(action, seconds=1.2 * duration * part)
        finished.append(settle())
    assert set(finished) == {True, False}


def test_killed_after_each_call(doomed: Any) -> None:
    """Every call that changes anything is made by the commit of a plan."""
    _, commit, settle = doomed
    finished: list[bool] = []
    lived = False
    while not lived:
        lived = Mortal().run(commit, calls=len(finished) + 1)
        finished.append(settle())
    assert len(finished) > 30
    assert finished == sorted(finished)
