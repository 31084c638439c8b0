"""Means over windows."""

from dataclasses import dataclass
from typing import final

import torch
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
    """The mean over the window around each pixel; its cost does not depend on the radius.

    Sums over rectangles are differences of running sums (Crow, "Summed-area tables", SIGGRAPH 1984), here in float64:
    large sums would leave little of small differences.

    >>> window_mean(torch.tensor([[[[0.0, 3.0, 3.0]]]]), 1)
    tensor([[[[1.5000, 2.0000, 3.0000]]]])
    """
    sums = F.pad(values.double().cumsum(-1).cumsum(-2), (1, 0, 1, 0))
    top, bottom = _reach(values, -2, radius)
    left, right = _reach(values, -1, radius)
    rows = sums[..., bottom, :] - sums[..., top, :]
    area = (bottom - top)[:, None] * (right - left)
    return ((rows[..., right] - rows[..., left]) / area).to(values.dtype)


def _reach(values: Tensor, axis: int, radius: int) -> tuple[Tensor, Tensor]:
    """First pixel of each window, and the one after its last."""
    size = values.shape[axis]
    here = torch.arange(size, device=values.device)
    return (here - radius).clamp_min(0), (here + radius + 1).clamp_max(size)
