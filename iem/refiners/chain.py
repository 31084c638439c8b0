"""Several refiners one after the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from jaxtyping import Float
from torch import Tensor

from iem.interfaces import Image, Mask, Refiner


@final
@dataclass(frozen=True)
class Chain:
    """Each refiner is given the picture and what the one before it made of the mask.

    >>> import torch
    >>> from iem.refiners import Grow, LargestComponent
    >>> mask = torch.tensor([[1.0, 0, 0, 0, 1, 1]])[None, None]
    >>> Chain([LargestComponent(), Grow(1, unit="pixels")])(torch.zeros(1, 3, 1, 6), mask)
    tensor([[[[0., 0., 0., 1., 1., 1.]]]])
    """

    refiners: Sequence[Refiner]

    def __post_init__(self) -> None:
        if not self.refiners:
            raise ValueError("refiners: expected at least one refiner, got none")

    def __call__(self, image: Image, mask: Float[Tensor, "b 1 mask_h mask_w"]) -> Mask:
        """``[b, 1, h, w]``, of the image's size."""
        for refiner in self.refiners:
            mask = refiner(image, mask)
        return mask
