"""Colour spaces."""

from dataclasses import dataclass
from typing import final

import torch
from kornia.color import rgb_to_lab

from iem.checks import check_image, check_number
from iem.interfaces import FeatureMap, Image


@final
@dataclass(frozen=True)
class RGB:
    """The image itself, as an affine map to [low, high]; the paper's program works in [-1, 1].

    >>> RGB(-1.0, 1.0)(torch.ones(1, 3, 1, 1)).flatten()
    tensor([1., 1., 1.])
    """

    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        check_number(self.low, "low")
        check_number(self.high, "high", low=self.low)

    def __call__(self, image: Image) -> FeatureMap:
        """``[b, 3, h, w]``."""
        check_image(image)
        return image * (self.high - self.low) + self.low


@final
@dataclass(frozen=True)
class Lab:
    """CIE Lab (D65), where distances are about as large as they look: ``(L / 50 - 1, a / 50, b / 50)``.

    Args:
        lightness: factor on the first channel; below 1, shadows count for less than colours.

    >>> red = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1)
    >>> Lab()(red).flatten()
    tensor([0.0648, 1.6018, 1.3441])
    """

    lightness: float = 1.0

    def __post_init__(self) -> None:
        check_number(self.lightness, "lightness", low=0)

    def __call__(self, image: Image) -> FeatureMap:
        """``[b, 3, h, w]``, about [-1, 1]; a and b reach beyond for saturated colours."""
        check_image(image)
        lab = rgb_to_lab(image) / 50
        return torch.cat([(lab[:, :1] - 1) * self.lightness, lab[:, 1:]], dim=1)
