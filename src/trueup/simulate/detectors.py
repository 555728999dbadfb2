"""Figures of the simulated detectors: geometry, distortion and noise.

The numbers of a chip are those of real headers, brought into the telescope's own (V2, V3) frame, so
that a chip can be pointed anywhere by one rotation of the sphere.

Source: headers of ib4606c5q (WFC3/UVIS), ib4606cpq (WFC3/IR) and j94f05bgq (ACS/WFC).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from trueup.errors import UsageError

SIP_ORDER = 4
SIP_TERMS = tuple(
    (p, q)
    for p in range(SIP_ORDER + 1)
    for q in range(SIP_ORDER + 1 - p)
    if p + q >= 2  # the linear part is in CD
)


@dataclass(frozen=True, slots=True)
class ChipFigures:
    """Geometry of one chip.

    Parameters
    ----------
    ccdchip : int
        CCDCHIP.
    crpix : (float, float)
        Reference pixel, 1-based as in the header.
    v2v3_arcsec : (float, float)
        Where the reference pixel is in the focal plane.
    cd : tuple of 4 float
        CD1_1, CD1_2, CD2_1, CD2_2 against the V2 and V3 axes, degrees per pixel.
    sip_a, sip_b : tuple of 12 float
        SIP coefficients in the order of `SIP_TERMS`.
    idc_v2v3 : (float, float)
        IDCV2REF, IDCV3REF.
    idc_linear : tuple of 4 float
        OCX10, OCX11, OCY10, OCY11.
    """

    ccdchip: int
    crpix: tuple[float, float]
    v2v3_arcsec: tuple[float, float]
    cd: tuple[float, float, float, float]
    sip_a: tuple[float, ...]
    sip_b: tuple[float, ...]
    idc_v2v3: tuple[float, float]
    idc_linear: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Detector:
    """What the simulation needs to know about a detector; angles in the units of the header.

    Parameters
    ----------
    instrument, detector : str
        INSTRUME and DETECTOR.
    shape : (int, int)
        Rows and columns of one chip.
    chips : tuple of ChipFigures
        In the order of their EXTVER.
    filters, exptimes : tuples
        The default filters and, per filter, exposure times in seconds.
    sky_rates : tuple of float
        Sky brightness per filter, electrons/s/pixel.
    psf_sigma_pix : tuple of float
        Width of the PSF's core per filter.
    flux_ratios : tuple of (float, float)
        Mean flux of a star relative to the first filter, and its scatter in dex.
    background : float
        Electrons per pixel that leave only their noise (post-flash, dark).
    """

    instrument: str
    detector: str
    prefix: str
    suffix: str
    shape: tuple[int, int]
    chips: tuple[ChipFigures, ...]
    idcscale: float
    idctheta: float
    vafactor: float
    references: dict[str, str] = field(hash=False)
    filters: tuple[str, ...]
    exptimes: tuple[tuple[float, ...], ...]
    sky_rates: tuple[float, ...]
    psf_sigma_pix: tuple[float, ...]
    flux_ratios: tuple[tuple[float, float], ...]
    gain: float
    read_noise: tuple[float, float, float, float]
    background: float
    full_well: float
    has_tables: bool = True
    counts_per_second: bool = False

    @property
    def reference_root(self) -> str:
        """Root of the IDCTAB, as it appears in WCSNAME."""
        return root(self.references["IDCTAB"])

    @property
    def is_ir(self) -> bool:
        """Whether this is a non-destructively read infrared array (SAMP and TIME planes)."""
        return self.detector == "IR"


def root(reference: str) -> str:
    """The root of a reference file: 'iref$2731450pi_idc.fits' gives '2731450pi'."""
    return reference.rpartition("$")[2].partition("_")[0]


UVIS = Detector(
    instrument="WFC3",
    detector="UVIS",
    prefix="i",
    suffix="flc",
    shape=(2051, 4096),
    chips=(
        ChipFigures(
            ccdchip=2,
            crpix=(2048.0, 1026.0),
            v2v3_arcsec=(-27.4596, -33.2604),
            cd=(-7.3543233561383e-06, 7.7913719515689e-06, 8.2724045883107e-06, 7.8601464205464e-06),
            sip_a=(
                9.68752216541829e-08,
                1.83977137395279e-11,
                -1.5724178902718e-14,
                -3.0073309899834e-06,
                1.52171396326211e-11,
                1.06776659403511e-14,
                2.93081163466262e-06,
                -1.2617092273945e-11,
                -1.725583405793e-14,
                3.05584134653132e-11,
                6.65929786678309e-15,
                -7.458238590171e-15,
            ),
            sip_b=(
                -3.1182425747255e-06,
                1.49270537925503e-11,
                1.7312015536267e-14,
                2.81470255140448e-06,
                -5.0794595846563e-12,
                8.68079140232788e-15,
                -5.8319285504418e-08,
                1.02902087236718e-11,
                1.89739365693031e-14,
                1.80116277193471e-13,
                -6.694073536343e-16,
                2.81833598801922e-15,
            ),
            idc_v2v3=(-27.4596, -33.2604),
            idc_linear=(0.000175079636392183, 0.03977800905704498, 0.03984111174941063, 0.002336987992748618),
        ),
        ChipFigures(
            ccdchip=1,
            crpix=(2048.0, 1026.0),
            v2v3_arcsec=(30.644469896276, 25.243679581764),
            cd=(-7.2600089382477e-06, 7.7079679771411e-06, 8.273725682572e-06, 7.758453504632e-06),
            sip_a=(
                -1.630053740409e-08,
                -1.0712402125648e-13,
                6.3349781445814e-15,
                -2.8946283867545e-06,
                1.66169330210897e-11,
                1.27995638473689e-14,
                2.88097687020633e-06,
                -5.1076735491602e-12,
                4.00539373548377e-16,
                2.50273224837601e-11,
                9.38427293471106e-16,
                -1.1174065984756e-15,
            ),
            sip_b=(
                -2.8811433607635e-06,
                4.06599817677014e-11,
                -2.19132265003e-14,
                2.82933641443307e-06,
                -4.0592584819946e-12,
                -5.1649283694224e-15,
                -8.5296382052784e-10,
                9.76389218216109e-13,
                -6.541032706967e-15,
                1.0933767977814e-11,
                -3.2278772092761e-15,
                -2.3237441451792e-15,
            ),
            idc_v2v3=(30.642796, 25.242006),
            idc_linear=(0.0001285237231059, 0.03954129666090012, 0.03936995193362236, 0.002580430591478944),
        ),
    ),
    idcscale=0.03962000086903572,
    idctheta=45.0,
    vafactor=1.000028770785,
    references={
        "IDCTAB": "iref$2731450pi_idc.fits",
        "NPOLFILE": "iref$y7b1516qi_npl.fits",
        "D2IMFILE": "iref$y7b1516hi_d2i.fits",
        "MDRIZTAB": "iref$2ck18260i_mdz.fits",
    },
    filters=("F336W", "F275W"),
    exptimes=((178.0, 700.0), (720.0, 462.0)),
    sky_rates=(0.004, 0.002),
    psf_sigma_pix=(0.78, 0.74),
    flux_ratios=((1.0, 0.0), (0.15, 0.3)),
    gain=1.56,
    read_noise=(3.03, 3.13, 3.08, 3.18),
    background=14.0,
    full_well=65000.0,
)

IR = Detector(
    instrument="WFC3",
    detector="IR",
    prefix="i",
    suffix="flt",
    shape=(1014, 1014),
    chips=(
        ChipFigures(
            ccdchip=1,
            crpix=(507.0, 507.0),
            v2v3_arcsec=(1.019, -0.507),
            cd=(-2.668057024191e-05, 2.3605155901604e-05, 2.6515022534234e-05, 2.3910019650622e-05),
            sip_a=(
                5.36543879655039e-08,
                3.57608124801564e-11,
                -2.0298654411109e-13,
                2.44567998516218e-05,
                5.99977055536005e-11,
                6.20421897334776e-13,
                -1.9767903795896e-07,
                1.12426213281082e-10,
                -2.0999805662514e-14,
                -1.4547443693903e-10,
                5.61137882880728e-13,
                -3.350311477329e-13,
            ),
            sip_b=(
                3.00207750656021e-05,
                -1.6773547445182e-10,
                7.74735188487937e-13,
                -1.7469718445787e-07,
                4.26550075268506e-11,
                -9.0688431239891e-14,
                6.98027411532913e-06,
                -2.6338747532099e-10,
                -6.9630146722556e-14,
                5.31541345421763e-11,
                1.00135300774332e-13,
                -6.1398288616439e-13,
            ),
            idc_v2v3=(1.019, -0.507),
            idc_linear=(0.000776120403315872, 0.1354107111692429, 0.1209510564804077, -0.00042132250382564),
        ),
    ),
    idcscale=0.1282500028610229,
    idctheta=45.0,
    vafactor=1.000023189142,
    references={
        "IDCTAB": "iref$w3m18525i_idc.fits",
        "NPOLFILE": "N/A",
        "D2IMFILE": "N/A",
        "MDRIZTAB": "iref$3562021pi_mdz.fits",
    },
    filters=("F110W", "F160W"),
    exptimes=((402.937, 699.233), (602.938, 1002.94)),
    sky_rates=(0.9, 0.7),
    psf_sigma_pix=(0.48, 0.55),
    flux_ratios=((1.0, 0.0), (0.8, 0.1)),
    gain=2.34,
    read_noise=(20.2, 19.8, 19.9, 20.1),
    background=30.0,
    full_well=7.5e4,
    has_tables=False,
    counts_per_second=True,
)

WFC = Detector(
    instrument="ACS",
    detector="WFC",
    prefix="j",
    suffix="flc",
    shape=(2048, 4096),
    chips=(
        ChipFigures(
            ccdchip=2,
            crpix=(2048.0, 1024.0),
            v2v3_arcsec=(256.622222900391, 302.226409912109),
            cd=(1.3842134247644e-05, 5.4479533907228e-07, -4.1419793943914e-07, -1.396541461787e-05),
            sip_a=(
                2.16615952976212e-06,
                1.08193519820265e-11,
                1.49356171166049e-14,
                -5.1974576466834e-06,
                -5.234870743692412e-10,
                -2.456997553774615e-14,
                8.551277582556502e-06,
                -3.9771547747287e-11,
                3.46791267104378e-14,
                -4.7304448292227e-10,
                1.971022971660309e-15,
                2.37430106240231e-14,
            ),
            sip_b=(
                -7.2168814507744e-06,
                -4.1754720492749e-10,
                -9.9570490655478e-15,
                6.18443235774478e-06,
                -6.169265268681388e-11,
                1.21743011568848e-14,
                -1.7464918770586e-06,
                -5.085716167386211e-10,
                -3.6614325928657e-14,
                8.56763542781631e-11,
                -3.7795068054874e-15,
                -1.7687653826004e-14,
            ),
            idc_v2v3=(256.6222229003906, 302.2264099121094),
            idc_linear=(0.001961771095643072, 0.0498307741748614, 0.05027452911198226, 0.001490550115269471),
        ),
        ChipFigures(
            ccdchip=1,
            crpix=(2048.0, 1024.0),
            v2v3_arcsec=(260.892098985712, 198.328605101411),
            cd=(1.3673648627261e-05, 6.296094720753e-07, -5.9239126732648e-07, -1.3495489818882e-05),
            sip_a=(
                2.261941311576225e-06,
                6.51050888731965e-11,
                1.3519145063782e-13,
                -7.5302899956868e-06,
                -5.253920848284526e-10,
                -1.4269338934146e-14,
                8.518868718265025e-06,
                -1.0714005144979e-10,
                9.70199525902786e-14,
                -4.693635321207041e-10,
                3.800597894287968e-14,
                1.836278740012908e-14,
            ),
            sip_b=(
                -9.798580190744584e-06,
                -4.14215027648948e-10,
                -1.5248976030166e-13,
                6.42569978230108e-06,
                -3.0354268445463e-11,
                2.75911359120267e-14,
                -2.965892204849563e-06,
                -4.4034920544682e-10,
                -1.0403608182763e-13,
                9.00334226345491e-11,
                -3.8363936250847e-14,
                -1.6913942401142e-14,
            ),
            idc_v2v3=(260.8870544433594, 198.3322296142578),
            idc_linear=(0.002267080585457191, 0.0492242502262243, 0.04858284026784934, 0.002132039303452174),
        ),
    ),
    idcscale=0.05,
    idctheta=0.0,
    vafactor=1.000018683511,
    references={
        "IDCTAB": "jref$qbu1641sj_idc.fits",
        "NPOLFILE": "jref$02c14514j_npl.fits",
        "D2IMFILE": "jref$02c1450oj_d2i.fits",
        "MDRIZTAB": "jref$37g1550cj_mdz.fits",
    },
    filters=("F606W", "F814W"),
    exptimes=((350.0, 507.0), (507.0, 720.0)),
    sky_rates=(0.08, 0.06),
    psf_sigma_pix=(0.80, 0.86),
    flux_ratios=((1.0, 0.0), (0.8, 0.1)),
    gain=2.02,
    read_noise=(4.35, 3.75, 4.05, 5.05),
    background=20.0,
    full_well=80000.0,
)

DETECTORS = {"UVIS": UVIS, "IR": IR, "ACS/WFC": WFC}


def detector_named(name: str) -> Detector:
    """The figures of ``UVIS``, ``IR`` or ``ACS/WFC``.

    Raises
    ------
    UsageError
        For another name.
    """
    try:
        return DETECTORS[name]
    except KeyError:
        raise UsageError(f"no detector {name!r}", todo=f"use one of {', '.join(DETECTORS)}") from None
