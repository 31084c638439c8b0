"""A first partition into k regions."""

from dataclasses import dataclass
from typing import final

import torch

from iem.checks import check_image, check_number
from iem.interfaces import Image, Regions


@final
@dataclass(frozen=True)
class Strips:
    """``count`` upright strips of equal width, ``[b, count, h, w]``: the plainest partition.

    >>> Strips(3)(torch.zeros(1, 3, 1, 6)).argmax(1)
    tensor([[[0, 0, 1, 1, 2, 2]]])
    """

    count: int

    def __post_init__(self) -> None:
        check_number(self.count, "count", low=2, integer=True)

    def __call__(self, image: Image) -> Regions:
        """The strips, for every picture alike."""
        check_image(image)
        batch, _, height, width = image.shape
        if width < self.count:
            raise ValueError(f"image: expected at least {self.count} columns for {self.count} strips, got {width}")
        label = torch.arange(width, device=image.device) * self.count // width
        strips = torch.nn.functional.one_hot(label, self.count).mT.to(image.dtype)
        return strips[None, :, None].expand(batch, self.count, height, width).clone()
