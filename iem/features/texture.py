"""Local contrast."""

from dataclasses import dataclass
from typing import final

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)

from iem.checks import check_image, check_number
from iem.features.colour import Lab
from iem.interfaces import FeatureMap, Image


@final
@dataclass(frozen=True)
class Texture:
    """Local standard deviation of the lightness: 0 on a smooth surface, large on a rough one and at edges.

    Args:
        radius: half the window's side, in pixels; at the frame only what lies inside the picture counts.

    >>> Texture()(torch.ones(1, 3, 8, 8)).max().item()
    0.0
    """

    radius: int = 3

    def __post_init__(self) -> None:
        check_number(self.radius, "radius", low=1, integer=True)

    def __call__(self, image: Image) -> FeatureMap:
        """``[b, 1, h, w]`` in [0, 1]."""
        check_image(image)
        lightness = Lab()(image)[:, :1]
        moments = torch.cat([lightness, lightness.square()], dim=1)
        mean, square = F.avg_pool2d(
            moments, 2 * self.radius + 1, stride=1, padding=self.radius, count_include_pad=False
        ).split(1, dim=1)
        deviation: FeatureMap = (square - mean.square()).clamp_min(0).sqrt()
        return deviation
