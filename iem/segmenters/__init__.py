"""Segmenters: prompts in, scored proposals out: ``(image, prompts) -> list[Proposal]``."""

from iem.segmenters.everything import Everything
from iem.segmenters.prompted_iem import PromptedIEM
from iem.segmenters.sam import SAM, SAMHQ

__all__ = ["SAM", "SAMHQ", "Everything", "PromptedIEM"]
