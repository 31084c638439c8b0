"""A picture in the square that Segment Anything sees, and the way back."""

import math
from dataclasses import dataclass
from typing import final

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from jaxtyping import Float
from torch import Tensor

from iem.interfaces import Image, Mask
from iem.segmenters.networks import seen

Logits = Float[Tensor, "n low low"]


@final
@dataclass(frozen=True)
class PaddedSquare:
    """The picture's long side is brought to the square's, and the rest is padded at the right and at the bottom.

    A place (x, y) of the picture, in pixels of which the first reaches from 0 to 1, lies at

        (x, y) * (inner width / width, inner height / height)

    of the square, whose pixels are counted alike. The network counts from the first pixel's centre, hence the half
    pixel in ``to_network``.

    Args:
        height: of the picture.
        width: of the picture.
        side: of the square.

    >>> square = PaddedSquare(300, 400, 64)
    >>> square.inner, square.to_network(torch.tensor([400.0, 300.0]))
    ((48, 64), tensor([63.5000, 47.5000]))
    """

    height: int
    width: int
    side: int

    @property
    def inner(self) -> tuple[int, int]:
        """Height and width of the picture in the square."""
        longest = max(self.height, self.width)
        return _rounded(self.height * self.side / longest), _rounded(self.width * self.side / longest)

    def to_network(self, xy: Float[Tensor, "*n 2"]) -> Float[Tensor, "*n 2"]:
        """Places of the picture as the network counts."""
        height, width = self.inner
        return xy * xy.new_tensor([width / self.width, height / self.height]) - 0.5

    def pixels(self, image: Image, device: torch.device) -> Float[Tensor, "1 3 side side"]:
        """What the network sees: normalised, then padded with zeros."""
        height, width = self.inner
        return F.pad(seen(image, self.inner, device), (0, self.side - width, 0, self.side - height))

    def prompt(self, mask: Mask, low: int, sure: float) -> Float[Tensor, "1 1 low low"]:
        """A rough mask as the network takes it: ``sure`` where it is 1, ``-sure`` where it is 0 and in the padding."""
        height, width = self.inner
        inner = F.interpolate(mask.float(), size=self.inner, mode="bilinear", antialias=True)
        square = F.pad(inner, (0, self.side - width, 0, self.side - height))
        return (2 * F.interpolate(square, size=(low, low), mode="area") - 1) * sure

    def unpadded(self, logits: Logits) -> Float[Tensor, "n low_h low_w"]:
        """The part of low-resolution maps that is not padding, of which none is cut."""
        height, width = (math.ceil(each * logits.shape[-1] / self.side) for each in self.inner)
        return logits[:, :height, :width]

    def back(self, logits: Logits) -> Float[Tensor, "n h w"]:
        """Maps of the square, however coarse, at the picture's size."""
        height, width = self.inner
        fine = F.interpolate(logits[:, None], size=(self.side, self.side), mode="bilinear", align_corners=False)
        size = (self.height, self.width)
        return F.interpolate(fine[..., :height, :width], size=size, mode="bilinear", align_corners=False)[:, 0]


def _rounded(value: float) -> int:
    return max(1, int(value + 0.5))
