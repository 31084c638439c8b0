"""Inpainters: ``(image, hole) -> image``."""

from iem.inpainters.controlnet import ControlNet
from iem.inpainters.deepfill import DeepFill
from iem.inpainters.gaussian import GaussianInpainter
from iem.inpainters.harmonic import Harmonic

__all__ = ["ControlNet", "DeepFill", "GaussianInpainter", "Harmonic"]
