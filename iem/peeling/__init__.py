"""Peeling: a scene taken apart, region by region."""
