"""Squares in places that chance decides."""

import hashlib
from dataclasses import dataclass
from typing import final

import torch

from iem.checks import check_image, check_number
from iem.interfaces import Image, Mask


@final
@dataclass(frozen=True)
class RandomSquares:
    """Small squares, anywhere in the picture, which may overlap: a start that favours no place.

    Chance is seeded by ``seed`` and the picture's own values, so that a picture gets the same squares whichever
    pictures come before or with it, and other pictures get others.

    Args:
        number: of squares, at least 1. One that would leave no background is left out.
        side: of each square as a part of the picture's shorter side, above 0, at most 0.9; at least one pixel.
        seed: for other squares.

    >>> mask = RandomSquares(number=1, side=0.25)(torch.rand(1, 3, 40, 60))
    >>> mask.sum().item()
    100.0
    """

    number: int = 5
    side: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        check_number(self.number, "number", low=1, integer=True)
        check_number(self.side, "side", low=1e-3, high=0.9)
        check_number(self.seed, "seed", low=0, integer=True)

    def __call__(self, image: Image) -> Mask:
        """Each picture by itself."""
        check_image(image)
        height, width = image.shape[-2:]
        side = min(max(1, round(self.side * min(height, width))), max(1, min(height, width) - 1))
        mask = image.new_zeros(len(image), 1, height, width)
        for i, one in enumerate(image.detach()):
            generator = self._generator(one)
            for _ in range(self.number):
                top, left = (
                    int(torch.randint(length - side + 1, (), generator=generator)) for length in (height, width)
                )
                more = mask[i, 0].clone()
                more[top : top + side, left : left + side] = 1
                if not bool((more == 1).all()):
                    mask[i, 0] = more
        return mask

    def _generator(self, one: torch.Tensor) -> torch.Generator:
        values = one.cpu().float().contiguous().numpy().tobytes()
        digest = hashlib.sha256(f"{self.seed} {tuple(one.shape)} ".encode() + values).digest()
        return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
