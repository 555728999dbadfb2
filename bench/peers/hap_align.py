"""Align exposures as the archive's pipeline does (drizzlepac.align), with a catalogue that is at hand.

The pipeline asks a server for the stars; here they are read from a table with the columns that it returns.

usage: hap_align.py CATALOG.ecsv EXPOSURE...
"""

import sys
import warnings

warnings.simplefilter("ignore")

from astropy.table import Table  # noqa: E402
from drizzlepac import align  # noqa: E402

stars = Table.read(sys.argv[1])
stars.meta["catalog"] = "GAIAeDR3"
align.generate_astrometric_catalog = lambda *_, **__: stars
align.perform_align(sys.argv[2:], catalog_list=["GAIAeDR3"], num_sources=250, update_hdr_wcs=True)
