"""Segmenters: prompts in, scored proposals out: ``(image, prompts) -> list[Proposal]``."""

from iem.segmenters.answered import Answered
from iem.segmenters.clip_ranker import CLIPRanker
from iem.segmenters.clipseg import CLIPSeg, TextMask
from iem.segmenters.diffedit import DiffEdit
from iem.segmenters.everything import Everything
from iem.segmenters.grounded_sam import GroundedSAM
from iem.segmenters.mask2former import Mask2Former
from iem.segmenters.prompted_iem import PromptedIEM
from iem.segmenters.regions_of import RegionsOf
from iem.segmenters.sam import SAM, SAMHQ
from iem.segmenters.segclip import SegCLIP

__all__ = [
    "SAM",
    "SAMHQ",
    "Answered",
    "CLIPRanker",
    "CLIPSeg",
    "DiffEdit",
    "Everything",
    "GroundedSAM",
    "Mask2Former",
    "PromptedIEM",
    "RegionsOf",
    "SegCLIP",
    "TextMask",
]
