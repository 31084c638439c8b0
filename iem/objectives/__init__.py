"""Objectives: ``(image, mask) -> score[b]``, larger is better."""

from iem.objectives.agreement import Agreement
from iem.objectives.contrast import Contrast
from iem.objectives.diversity import Diversity
from iem.objectives.inpainting_error import InpaintingError
from iem.objectives.mutual_information import MutualInformation
from iem.objectives.weighted_sum import WeightedSum

__all__ = ["Agreement", "Contrast", "Diversity", "InpaintingError", "MutualInformation", "WeightedSum"]
