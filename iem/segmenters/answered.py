"""A segmenter's best answer to fixed prompts, as a map of the picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from iem.checks import check_image
from iem.interfaces import Image, Mask, Prompt, Segmenter


@final
@dataclass(frozen=True)
class Answered:
    """The mask of a segmenter's best proposal, for whatever asks for a map of a picture: ``(image) -> mask``.

    Such as ``iem.initialisers.Guided``. Each picture is asked about by itself; one without a proposal has an empty
    mask. Prompts that say where the object is suit pictures of one size alone; words suit all.

    Args:
        segmenter: any.
        prompts: about the same object of every picture.

    >>> import torch
    >>> from iem.prompts import Box
    >>> from iem.segmenters import PromptedIEM
    >>> image = torch.full((1, 3, 32, 32), 0.2); image[..., 8:20, 8:20] = 0.9
    >>> Answered(PromptedIEM(), (Box(4, 4, 24, 24),))(image).gt(0.5).sum()
    tensor(144)
    """

    segmenter: Segmenter
    prompts: Sequence[Prompt] = ()

    def __call__(self, image: Image) -> Mask:
        """``[b, 1, h, w]`` in [0, 1]."""
        check_image(image)
        masks = image.new_zeros(len(image), 1, *image.shape[2:])
        for i, one in enumerate(image.split(1)):
            proposals = self.segmenter(one, self.prompts)
            if proposals:
                masks[i] = proposals[0].mask[0].to(masks)
        return masks
