"""Optimisers: ``init(mask) -> state``, ``step(objective, image, state) -> state``."""

from iem.optimisers.alternating import AlternatingPainting
from iem.optimisers.boundary_ascent import BoundaryAscent
from iem.optimisers.constrained import Constrained
from iem.optimisers.gradient_ascent import GradientAscent
from iem.optimisers.region_ascent import RegionAscent

__all__ = ["AlternatingPainting", "BoundaryAscent", "Constrained", "GradientAscent", "RegionAscent"]
