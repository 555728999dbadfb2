"""Resample exposures onto one tangent plane and combine them."""
