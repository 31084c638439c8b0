"""Segmentation without labels, by information (inpainting error maximisation)."""

__version__ = "0.1.0"
