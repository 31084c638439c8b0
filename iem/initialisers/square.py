"""The paper's first mask."""

from dataclasses import dataclass
from typing import final

from iem.checks import check_image, check_number
from iem.interfaces import Image, Mask


@final
@dataclass(frozen=True)
class Square:
    """A centred rectangle with the picture's proportions: ``size // inset`` pixels from every side, at least one.

    At 128 x 128 and the default, rows and columns 25 to 102, 37 % of the picture (Savarese et al., CVPR 2021).

    Args:
        inset: the part of each side that is left free is one ``inset``-th; at least 3.

    >>> import torch
    >>> Square()(torch.zeros(1, 3, 128, 128)).sum().item() == 78 * 78
    True
    """

    inset: int = 5

    def __post_init__(self) -> None:
        check_number(self.inset, "inset", low=3, integer=True)

    def __call__(self, image: Image) -> Mask:
        """The rectangle, for every picture alike."""
        check_image(image)
        height, width = image.shape[-2:]
        # A picture smaller than inset x inset would be all foreground.
        top, left = (max(side // self.inset, int(side > 2)) for side in (height, width))
        mask = image.new_zeros(len(image), 1, height, width)
        mask[..., top : height - top, left : width - left] = 1
        return mask
