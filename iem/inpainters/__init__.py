"""Inpainters: ``(image, hole) -> image``."""

from iem.inpainters.gaussian import GaussianInpainter

__all__ = ["GaussianInpainter"]
