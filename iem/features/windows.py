"""Means over windows."""

from dataclasses import dataclass
from typing import final

import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor

from iem.checks import check_number
from iem.interfaces import FeatureMap, Features, Image


@final
@dataclass(frozen=True)
class Mean:
    """The features' mean over a square window; at the frame only what lies inside the picture counts.

    Args:
        features: what to average.
        radius: half the window's side, in pixels.

    >>> import torch
    >>> from iem.features import RGB
    >>> Mean(RGB(), radius=1)(torch.arange(3.0).expand(1, 3, 1, 3) / 2)[0, 0]
    tensor([[0.2500, 0.5000, 0.7500]])
    """

    features: Features
    radius: int = 5

    def __post_init__(self) -> None:
        check_number(self.radius, "radius", low=1, integer=True)

    def __call__(self, image: Image) -> FeatureMap:
        """Of the features' shape."""
        return window_mean(self.features(image), self.radius)


def window_mean(values: Tensor, radius: int) -> Tensor:
    """The mean over the window around each pixel, along one axis and then the other: the window is a rectangle.

    >>> import torch
    >>> window_mean(torch.tensor([[[[0.0, 3.0, 3.0]]]]), 1)
    tensor([[[[1.5000, 2.0000, 3.0000]]]])
    """
    side = 2 * radius + 1
    rows = F.avg_pool2d(values, (side, 1), 1, (radius, 0), count_include_pad=False)
    mean: Tensor = F.avg_pool2d(rows, (1, side), 1, (0, radius), count_include_pad=False)
    return mean
