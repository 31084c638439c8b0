"""Segmenters: prompts in, scored proposals out: ``(image, prompts) -> list[Proposal]``."""

from iem.segmenters.prompted_iem import PromptedIEM

__all__ = ["PromptedIEM"]
