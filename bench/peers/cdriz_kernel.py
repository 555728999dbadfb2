"""Input Mpix/s of AstroDrizzle's square kernel: its C code and its mapping, no file access."""

import logging
import sys
import time
import warnings

import numpy as np

warnings.simplefilter("ignore")

from drizzlepac import adrizzle  # noqa: E402
from stwcs import distortion, wcsutil  # noqa: E402

logging.disable(logging.CRITICAL)

pixels, seconds = 0, 0.0
chips = [wcsutil.HSTWCS(f"{path}[SCI,{extver}]") for path in sys.argv[1:] for extver in (1, 2)]
output = distortion.utils.output_wcs(chips)
shape = output.pixel_shape[::-1]
sci, wht, ctx = np.zeros(shape, np.float32), np.zeros(shape, np.float32), np.zeros(shape, np.int32)
for number, chip in enumerate(chips, start=1):
    data = np.ones(chip.pixel_shape[::-1], np.float32)
    start = time.perf_counter()
    adrizzle.do_driz(
        data, chip, data, output, sci, wht, ctx, 1.0, "cps", 1.0, wcslin_pscale=chip.idcscale, uniqid=number
    )
    seconds += time.perf_counter() - start
    pixels += data.size
print(pixels / seconds / 1e6)
