"""Refiners: ``(image, mask) -> mask``."""

from iem.refiners.guided_filter import GuidedFilter

__all__ = ["GuidedFilter"]
