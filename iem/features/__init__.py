"""Features: ``(image) -> float[b, c, h, w]``."""

from iem.features.colour import RGB, Lab
from iem.features.palette import Palette
from iem.features.stack import Stack
from iem.features.texture import Texture
from iem.features.whitening import Whitening

__all__ = ["RGB", "Lab", "Palette", "Stack", "Texture", "Whitening"]
