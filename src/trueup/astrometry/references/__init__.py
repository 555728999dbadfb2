"""Reference stars: catalogues at the epoch of an exposure, drizzled images as a frame."""
