"""Puts Hubble exposures on the right sky."""

__version__ = "0.1.0"
