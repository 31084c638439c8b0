"""Segmentation without labels, by information (inpainting error maximisation)."""

from iem import presets
from iem.interfaces import Solution, Status
from iem.maximise import maximise
from iem.segmentation import segment

__version__ = "0.1.0"
__all__ = ["Solution", "Status", "maximise", "presets", "segment"]
