"""Masks: their parameterisations and their morphology."""

from iem.masks.morphology import boundary, majority
from iem.masks.parameterisation import CoarseGrid, Hard, Logits

__all__ = ["CoarseGrid", "Hard", "Logits", "boundary", "majority"]
