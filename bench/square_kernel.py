"""Input Mpix/s per thread of trueup's square kernel, its mapping included, no file access."""

from __future__ import annotations

import argparse
import time

import numpy as np

from trueup.drizzle.canvas import empty_canvas
from trueup.drizzle.grid import output_frame
from trueup.drizzle.resample import Drop, Pixels, add_chip
from trueup.fits.visit import open_visit

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("files", nargs="+")
parser.add_argument("--threads", type=int, default=1)
options = parser.parse_args()

exposures = open_visit(options.files).exposures
chips = [exposure.wcs(chip.id) for exposure in exposures for chip in exposure.chips]
canvas = empty_canvas(output_frame(exposures), chips=len(chips))
drop = Drop(threads=options.threads)
pixels, seconds = 0, 0.0
for index, wcs in enumerate(chips):
    data = np.ones(wcs.shape, np.float32)
    start = time.perf_counter()
    add_chip(canvas, Pixels(data, data), wcs=wcs, index=index, drop=drop)
    seconds += time.perf_counter() - start
    pixels += data.size
print(pixels / seconds / 1e6 / options.threads)
