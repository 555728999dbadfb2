"""Align exposures with TweakReg, as its tutorials do for single exposures; with a catalogue if one is given.

usage: tweakreg.py EXPOSURE... [--catalog RA_DEC.txt]
"""

import sys
import warnings

warnings.simplefilter("ignore")

from drizzlepac import tweakreg  # noqa: E402

files = [name for name in sys.argv[1:] if name.endswith(".fits")]
catalog = sys.argv[-1] if "--catalog" in sys.argv else ""
tweakreg.TweakReg(
    files,
    # at 200 sigma it finds 45 000 cosmic rays and asks for 17 GB, since all pairs of sources are made
    imagefindcfg={"conv_width": 3.5, "threshold": 500.0, "use_sharp_round": True},
    refcat=catalog,
    refxcol=1,
    refycol=2,
    refxyunits="degrees",
    searchrad=1.0,
    searchunits="arcseconds",
    minobj=5,
    fitgeometry="rscale",
    nclip=5,
    sigma=2.5,
    see2dplot=False,
    residplot="No plot",
    interactive=False,
    updatehdr=True,
    wcsname="TWEAK",
    reusename=True,
)
