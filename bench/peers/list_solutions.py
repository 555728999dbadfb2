"""The notebook's listing with stwcs: the active solution and every headerlet of each file."""

import sys

from astropy.io import fits
from stwcs.wcsutil import headerlet

for path in sys.argv[1:]:
    with fits.open(path) as hdus:
        print(path, hdus["SCI", 1].header["WCSNAME"])
        extensions = headerlet.find_headerlet_HDUs(hdus, strict=False)
    print(*zip(extensions, headerlet.get_headerlet_kw_names(path, kw="WCSNAME"), strict=True), sep="\n")
