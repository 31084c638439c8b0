"""Refiners: ``(image, mask) -> mask``."""

from iem.refiners.bilateral_solver import BilateralSolver
from iem.refiners.chain import Chain
from iem.refiners.components import Cleaned, LargestComponent
from iem.refiners.grow import Grow
from iem.refiners.guided_filter import GuidedFilter

__all__ = ["BilateralSolver", "Chain", "Cleaned", "Grow", "GuidedFilter", "LargestComponent"]
