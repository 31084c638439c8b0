"""Features: ``(image) -> float[b, c, h, w]``."""

from iem.features.colour import RGB, Lab

__all__ = ["RGB", "Lab"]
